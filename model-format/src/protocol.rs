//! What a device and its trainer say to each other: enrolment, heartbeats, signatures, topics.
//!
//! A device only ever asks; the trainer never connects to it. Four requests are all there is:
//!
//! | request | signed | body → answer |
//! |---|---|---|
//! | `POST /api/devices/enrol` | no, carries a token | [`EnrolmentRequest`] → [`Enrolment`] |
//! | `POST /api/devices/{id}/heartbeat` | yes | [`Heartbeat`] → [`DesiredState`] |
//! | `GET /api/devices/{id}/artifacts/{sha256}` | yes | the artifact's bytes; ranges for resuming |
//! | `GET /api/health` | no | is the trainer there, what time does it have |

mod broker_url;
mod enrolment;
mod heartbeat;
mod signature;
mod topic;

pub use broker_url::{BROKER_PORT, BrokerUrl, BrokerUrlError};
pub use enrolment::{BrokerAccess, Enrolment, EnrolmentRequest, PublicKey, PublicKeyError};
pub use heartbeat::{
    Deployed, DeploymentReport, DeploymentState, DesiredModel, DesiredState, Heartbeat,
    StreamReport, StreamState,
};
pub use signature::{CLOCK_SKEW_MS_MAX, DEVICE_HEADER, SIGNATURE_HEADER, TIME_HEADER, message};
pub use topic::{
    TOPIC_PREFIX, check_topic_level, check_topic_prefix, results_topic, samples_topic, status_topic,
};

/// Version of this protocol. A trainer answers devices of this version and of the one before.
pub const PROTOCOL_VERSION: u32 = 1;
