//! Looking at data before anybody trains on it: spectra, tables of classes, what is in it twice.

pub(crate) mod likeness;
pub(crate) mod overview;
pub(crate) mod spectrum;

use crate::ingest::parquet::ParquetError;
use crate::store::StoreError;

/// Why something cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookError {
    /// Something was asked for that cannot be.
    #[error("{field}: {change}")]
    Asked {
        /// Which parameter.
        field: &'static str,
        /// What was found, and what to change.
        change: String,
    },
    /// The recording cannot be read.
    #[error(transparent)]
    Recording(#[from] ParquetError),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody wished it to end.
    #[error(transparent)]
    Cancelled(#[from] crate::progress::Cancelled),
}

impl LookError {
    fn asked(field: &'static str, change: impl Into<String>) -> Self {
        LookError::Asked { field, change: change.into() }
    }
}
