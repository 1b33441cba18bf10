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
mod model_signature;
mod signature;
mod source;
mod template;
mod topic;

pub use broker_url::{BROKER_PORT, BROKER_TLS_PORT, BrokerAddress, BrokerUrl, BrokerUrlError};
pub use enrolment::{
    AUTHORITIES_BYTES_MAX, BrokerAccess, BrokerTls, Enrolment, EnrolmentRequest, PublicKey,
    PublicKeyError,
};
pub use heartbeat::{
    Deployed, DeploymentReport, DeploymentState, DesiredModel, DesiredState, Heartbeat, INSTALLED,
    Limits, MODELS_MAX, ModelReport, StreamReport, StreamState,
};
pub use model_signature::{ModelSignature, ModelSignatureError, signed_text};
pub use signature::{CLOCK_SKEW_MS_MAX, DEVICE_HEADER, SIGNATURE_HEADER, TIME_HEADER, message};
pub use source::{Router, SourceError, SourceSettings, TopicSource};
pub use template::{NameTemplate, TemplateError, TopicTemplate};
pub use topic::{
    TOPIC_PREFIX, alarms_topic, check_topic_level, check_topic_prefix, command_topic,
    results_topic, samples_topic, status_topic,
};

/// Version of this protocol. A trainer answers devices of this version and of the one before, and a
/// device follows a trainer of this version and of the one before.
///
/// 1: one model per device. 2: several, told apart by name; limits; signatures of models.
pub const PROTOCOL_VERSION: u32 = 2;

/// The oldest version that is still spoken.
pub const PROTOCOL_VERSION_MIN: u32 = PROTOCOL_VERSION - 1;

/// Whether a trainer of this version understands a device that speaks version `device`.
///
/// # Errors
/// Says which side to upgrade, and how.
pub fn check_device_version(device: u32) -> Result<(), String> {
    let spoken = format!("versions {PROTOCOL_VERSION_MIN} and {PROTOCOL_VERSION}");
    if device < PROTOCOL_VERSION_MIN {
        return Err(format!(
            "the device speaks version {device} of the device protocol, and this trainer {spoken}: \
             upgrade the device. Put a newer cirame-edge in the place of the old one (`cirame-edge \
             --version` says which it is) and restart it: `systemctl restart cirame-edge`. It keeps \
             its key and its models"
        ));
    }
    if device > PROTOCOL_VERSION {
        return Err(format!(
            "the device speaks version {device} of the device protocol, and this trainer {spoken}: \
             upgrade the trainer. Put a newer cirame-trainer in the place of the old one \
             (`cirame-trainer --version` says which it is) and start `cirame-trainer serve` again. It \
             keeps its data"
        ));
    }
    Ok(())
}

/// The version that a device of this version speaks with a trainer that speaks version `trainer`.
///
/// # Errors
/// Says which side to upgrade, and how.
pub fn version_to_speak(trainer: u32) -> Result<u32, String> {
    let spoken = format!("versions {PROTOCOL_VERSION_MIN} and {PROTOCOL_VERSION}");
    if trainer < PROTOCOL_VERSION_MIN {
        return Err(format!(
            "the trainer speaks version {trainer} of the device protocol, and this device {spoken}: \
             upgrade the trainer. Put a newer cirame-trainer in the place of the old one \
             (`cirame-trainer --version` says which it is) and start `cirame-trainer serve` again"
        ));
    }
    // A trainer that is one version ahead answers this device; one that is further ahead does not.
    if trainer > PROTOCOL_VERSION + 1 {
        return Err(format!(
            "the trainer speaks version {trainer} of the device protocol, and this device {spoken}: \
             upgrade the device. Put a newer cirame-edge in the place of the old one and restart it: \
             `systemctl restart cirame-edge`. It keeps its key and its models"
        ));
    }
    Ok(trainer.min(PROTOCOL_VERSION))
}

#[cfg(test)]
mod tests;
