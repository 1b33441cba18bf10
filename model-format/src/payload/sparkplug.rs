//! Sparkplug B (3.0): topics, payloads, and what births and deaths say about them.
//!
//! | module | what |
//! |---|---|
//! | [`topic`] | `spBv1.0/GROUP/KIND/NODE[/DEVICE]` |
//! | [`proto`] | the protobuf messages |
//! | [`nodes`] | the state of all nodes: names behind aliases, sequences, deaths, requests for rebirth |
//!
//! Each metric is a named value of the channel called like it, at its own time or else the
//! payload's. Numbers and booleans (1 and 0) are values; texts, dates, data sets, templates and
//! bytes are none. `bdSeq`, `Node Control/…` and `Device Control/…` are left out.

pub mod nodes;
pub mod proto;
pub mod topic;

mod definitions;
mod value;

pub use nodes::{Counts, Event, Nodes, Rebirth, Taken};
pub use topic::{Kind, Topic, TopicError};

use super::message::NAME_BYTES_MAX;

/// Largest payload, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;
/// Most metrics in a payload.
pub const METRICS_MAX: usize = 10_000;
/// Most nodes that are followed.
pub const NODES_MAX: usize = 256;
/// Most devices that are followed, of all nodes together.
pub const DEVICES_MAX: usize = 1024;
/// Most memory that births may take, of all nodes together: names, and 64 bytes for each metric.
pub const DEFINED_BYTES_MAX: usize = 16 << 20;
/// A node is asked for a rebirth at most once in this time.
pub const REBIRTH_EVERY_NS: i64 = 60_000_000_000;

/// Why a payload was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SparkplugError {
    /// Larger than [`PAYLOAD_BYTES_MAX`].
    #[error("the payload has {0} bytes; at most {PAYLOAD_BYTES_MAX} are accepted")]
    TooLarge(usize),
    /// No protobuf message of Sparkplug B.
    #[error("the payload is not Sparkplug B: {0}")]
    Unreadable(String),
    /// A birth that contradicts itself.
    #[error("the birth cannot be used: {0}")]
    Birth(String),
    /// More than a bound allows.
    #[error("there are too many {what}; at most {limit} are followed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most that are followed.
        limit: usize,
    },
    /// A name longer than [`NAME_BYTES_MAX`].
    #[error("a metric's name has {0} bytes; at most {NAME_BYTES_MAX} are accepted")]
    LongName(usize),
}

impl SparkplugError {
    /// Every reason that [`SparkplugError::reason`] gives.
    pub const REASONS: [&'static str; 5] =
        ["too_large", "not_sparkplug", "bad_birth", "too_many", "long_name"];

    /// One word for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            SparkplugError::TooLarge(_) => "too_large",
            SparkplugError::Unreadable(_) => "not_sparkplug",
            SparkplugError::Birth(_) => "bad_birth",
            SparkplugError::TooMany { .. } => "too_many",
            SparkplugError::LongName(_) => "long_name",
        }
    }
}
