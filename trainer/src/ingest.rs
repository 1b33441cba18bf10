//! Ingest: how recordings come into the data folder and back. The only polars of the trainer.

pub(crate) mod parquet;
