//! The feature catalogue: one file per feature with its definition, its kernel and its subgraph.

use crate::onnx::graph::{GraphBuilder, Value};

pub mod basis;

use basis::{Basis, BasisGraph};

/// One feature: one definition, two renderings.
pub struct Feature {
    /// Name in the catalogue; a pipeline names a feature `channel.name`.
    pub name: &'static str,
    /// Raised when the definition changes in any window.
    pub version: u32,
    /// Family, for the catalogue's listing.
    pub family: Family,
    /// One sentence for a person, with the formula.
    pub doc: &'static str,
    /// Where the definition comes from.
    pub source: &'static str,
    /// Unit of the value.
    pub unit: Unit,
    /// What errors are measured against.
    pub scale: Scale,
    /// The shortest window that has this feature, in samples.
    pub window_min_samples: u32,
    /// True where the feature needs a sampling rate.
    pub needs_rate: bool,
    /// The value for one channel of one window.
    pub kernel: fn(&mut Basis) -> f64,
    /// The same for all channels: `[N, C, 1]`, 64-bit.
    pub emit: fn(&mut BasisGraph<'_>) -> Value,
}

/// Families of features, as the catalogue lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Level: where the values lie.
    Level,
    /// Spread: how far they scatter.
    Spread,
    /// Shape: moments and amplitude ratios.
    Shape,
    /// Change: from sample to sample.
    Change,
    /// Order: where in the window something happens.
    Order,
    /// Spectrum: how power lies over frequency.
    Spectrum,
}

/// Unit of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The channel's own unit.
    Channel,
    /// The channel's unit per sample.
    ChannelPerSample,
    /// The channel's unit per sample squared.
    ChannelPerSampleSquared,
    /// Hertz.
    Hertz,
    /// A count of samples.
    Samples,
    /// Nats.
    Nats,
    /// None.
    One,
}

/// What an error of a feature is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// The largest absolute value of the window.
    Magnitude,
    /// The largest minus the smallest value of the window.
    Span,
    /// 1, or the value where that is larger.
    Ratio,
    /// Half the sampling rate.
    Nyquist,
    /// The number of samples.
    Samples,
}

/// Placeholder so that the contract compiles before the catalogue is filled.
#[allow(dead_code)]
fn emission_takes_a_builder(_: &mut GraphBuilder) {}
