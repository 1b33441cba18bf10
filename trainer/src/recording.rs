//! A recording in memory: one continuous multi-channel time series with its labels.

use std::collections::BTreeMap;

/// One continuous multi-channel time series.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Unique in its dataset; by default the file's path below the imported folder.
    pub name: String,
    /// The channels, each as long as `time_ns`.
    pub channels: Vec<RecordedChannel>,
    /// Time of each row: nanoseconds since 1970 UTC, or since the recording's start where the
    /// source has no absolute time (`absolute_time` says which).
    pub time_ns: Vec<i64>,
    /// True where `time_ns` counts from 1970.
    pub absolute_time: bool,
    /// Sampling rate in hertz; none for rows without one (cycles, irregular readings).
    pub rate_hz: Option<f64>,
    /// Labelled spans, sorted, not overlapping.
    pub labels: Vec<LabelSpan>,
    /// Facts about the recording: machine, load, operator, session.
    pub tags: BTreeMap<String, String>,
}

/// One channel of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedChannel {
    /// Name.
    pub name: String,
    /// Unit, if known.
    pub unit: Option<String>,
    /// What the channel is for.
    pub role: Role,
    /// The values; NaN where there is none.
    pub values: Vec<f32>,
}

/// What a channel is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A model input.
    Input,
    /// What a regression predicts; never an input.
    Target,
}

/// A class over a span of rows.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LabelSpan {
    /// First row of the span.
    pub from_row: u64,
    /// First row after the span.
    pub to_row: u64,
    /// The class.
    pub class: String,
}
