//! The pipeline: the recipe channels → segments → windows → features, as data.
//!
//! A pipeline arrives as JSON, is checked once by [`Pipeline::check`], and then drives both the
//! trainer's replay of recordings and the device's live streams (`signal::stream`).

use serde::{Deserialize, Serialize};

pub(crate) mod check;
pub mod machine;
mod window;

use machine::Machine;

/// Channels in a pipeline.
pub const CHANNELS_MAX: usize = 256;
/// Bytes in the name or the unit of a channel.
pub const NAME_BYTES_MAX: usize = 128;
/// Samples per second.
pub const RATE_HZ_MAX: f64 = 1e6;
/// Accepted relative deviation of a rate.
pub const TOLERANCE_MAX: f64 = 0.5;
/// Samples in a window.
pub const WINDOW_SAMPLES_MAX: u32 = 65_536;
/// Samples times channels in a window.
pub const WINDOW_VALUES_MAX: usize = 65_536;
/// Stride of the windows, in window lengths.
pub const STRIDE_LENGTHS_MAX: u32 = 16;
/// Features in a pipeline.
pub const FEATURES_MAX: usize = 4096;
/// The longest wait for late samples.
pub const LATENESS_MS_MAX: u32 = 600_000;
/// The longest time for which the value of a slower channel counts.
pub const AGE_MS_MAX: u32 = 3_600_000;
/// The longest time between two rows of a segment without a rate: a year.
pub const INTERVAL_MS_MAX: u64 = 365 * 24 * 3_600_000;
/// Rows that one stage of a stream holds back while it waits for others.
pub const HELD_ROWS_MAX: usize = 65_536;
/// Values that one stage of a stream holds back: 16 MiB.
pub const HELD_VALUES_MAX: usize = 4 << 20;

/// A field of a pipeline that cannot stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pipeline field `{field}`: found {found}; {change}")]
pub struct PipelineError {
    /// Path of the field in the pipeline's JSON, such as `channels[2].name`.
    pub field: String,
    /// What stands there.
    pub found: String,
    /// What to change.
    pub change: String,
}

/// The recipe from samples to features. Everything that decides a window stands in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// The input channels, in the order in which they lie in a window.
    pub channels: Vec<Channel>,
    /// Which clock orders the samples.
    #[serde(default)]
    pub time: TimeSource,
    /// Under the time `event`, samples may arrive out of order by this much; later ones are dropped
    /// and counted. Under `arrival`, delivery may stall by this much without being a gap.
    #[serde(default)]
    pub lateness_ms: u32,
    /// The sampling rate, and what happens when a stream does not keep it.
    pub rate: Rate,
    /// What happens where samples are missing.
    #[serde(default)]
    pub gap: Gap,
    /// Length and stride of the windows.
    pub window: Window,
    /// What is known of the machine, where a feature needs it.
    #[serde(default, skip_serializing_if = "Machine::is_empty")]
    pub machine: Machine,
    /// The features, as `channel.name`, in the order in which estimators see them.
    pub features: Vec<String>,
}

/// One input channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Name, as it stands in payloads and feature names.
    pub name: String,
    /// Unit, as UCUM or plain text, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// For a channel slower than the pipeline's clock: how its values are carried to the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub align: Option<Align>,
}

/// How a slower channel's values are carried to the pipeline's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Align {
    /// Hold the last value, or interpolate between the last two known values.
    pub method: AlignMethod,
    /// A value older than this counts as missing.
    pub age_max_ms: u32,
}

/// Hold or interpolate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlignMethod {
    /// The last value that has arrived.
    Hold,
    /// A straight line between the values on both sides; rows wait until the later one is there.
    Linear,
}

/// Which clock orders the samples of a stream. The two are never mixed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// The time in the payload.
    #[default]
    Event,
    /// The time at which the payload arrived. Samples that arrive together are kept in their
    /// order.
    Arrival,
}

/// The sampling rate of a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rate {
    /// No rate: rows are cycles or irregular readings. Spectral features are refused.
    None,
    /// A fixed rate.
    Fixed {
        /// Samples per second.
        hz: f64,
        /// Accepted relative deviation of a stream's measured rate.
        #[serde(default = "default_tolerance")]
        tolerance: f64,
        /// What happens outside the tolerance.
        #[serde(default)]
        mismatch: Mismatch,
    },
}

/// What happens to a stream whose rate lies outside the tolerance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mismatch {
    /// Its samples are dropped and counted.
    #[default]
    Refuse,
    /// It is resampled: streaming, causal, anti-aliased.
    Resample,
}

/// What happens where samples are missing. A longer gap ends the segment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The longest gap that is filled, in samples; 0 fills none.
    #[serde(default)]
    pub max_samples: u32,
    /// With what it is filled.
    #[serde(default)]
    pub fill: Fill,
    /// Without a rate: rows further apart in time than this belong to different segments. With a
    /// rate, an interval that is half as long again as the usual one is a gap anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_max_ms: Option<u64>,
}

/// With what a short gap is filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// Nothing: every gap ends the segment.
    #[default]
    None,
    /// The last value before the gap.
    Hold,
    /// A straight line across the gap.
    Linear,
}

/// Length and stride of the windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Samples in a window.
    pub length_samples: u32,
    /// Samples from one window's start to the next one's.
    pub stride_samples: u32,
}

fn default_tolerance() -> f64 {
    0.05
}

impl Rate {
    /// Samples per second, if there is a rate.
    pub fn hz(&self) -> Option<f64> {
        match self {
            Rate::None => None,
            Rate::Fixed { hz, .. } => Some(*hz),
        }
    }
}
