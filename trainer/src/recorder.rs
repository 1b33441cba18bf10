//! The recorder: what devices publish becomes recordings of a dataset.
//!
//! Every message goes into a journal as it comes, so that a crash costs what came in its last moment.
//! At the end the journal is read from its beginning into recordings, by the same code that counted
//! while it was written; a journal that somebody left behind is read at the next start.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) mod journal;
pub(crate) mod keep;
pub(crate) mod recorders;
pub(crate) mod session;
mod settings;
mod streams;
pub(crate) mod topics;

pub(crate) use settings::RecordSettings;
pub(crate) use settings::{Plan, SettingError, check_class};

use crate::data_folder::FolderError;
use crate::ingest::parquet::ParquetError;
use crate::progress::Cancelled;
use crate::store::StoreError;

/// Why nothing is recorded, or why a journal does not become recordings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The broker.
    #[error("the broker at {address} is not reached: {reason}; check address, user and password")]
    Broker {
        /// Where it was looked for.
        address: String,
        /// What was found.
        reason: String,
    },
    /// A journal that cannot be read at all.
    #[error("{path} is no journal of a recorder: {reason}")]
    Journal {
        /// The file.
        path: String,
        /// What was found.
        reason: String,
    },
    /// A journal that ends before it has begun: nothing had been recorded.
    #[error("the journal {0} is empty")]
    Empty(String),
    /// A recording could not be written.
    #[error(transparent)]
    Recording(#[from] ParquetError),
    /// The data folder refused.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody wished it to end.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The system gives no thread.
    #[error(transparent)]
    Thread(std::io::Error),
}

/// What was counted of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct StreamCounts {
    /// Messages of it.
    pub(crate) messages: u64,
    /// Samples in them.
    pub(crate) samples: u64,
    /// Rows that have come of them up to now.
    pub(crate) rows: u64,
    /// Samples that came after their time had passed: see `lateness_ms`.
    pub(crate) late: u64,
    /// Other samples and values that were left out, by reason.
    pub(crate) dropped: BTreeMap<String, u64>,
}

/// One stream as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RecordedStream {
    /// Its name.
    pub(crate) stream: String,
    /// Its channels.
    pub(crate) channels: Vec<String>,
    /// What was counted.
    #[serde(flatten)]
    pub(crate) counts: StreamCounts,
}
