//! The feature catalogue: one file per feature with its definition, its kernel and its subgraph.
//!
//! A feature has one definition and two renderings: a kernel that a device runs, and the ONNX nodes
//! that any other runtime runs. Both read the same shared parts (`basis`), under the same names, so
//! that a formula is written the same way twice. What all definitions have in common:
//!
//! * Windows hold finite 32-bit floats; everything is computed in 64 bits and rounded once, last.
//! * Whatever describes deviations is computed from `x - x[0]`, which is exact, so that a large
//!   offset costs no digits.
//! * A window has no variance exactly where all its samples are equal. Then spread is exactly 0
//!   and every ratio whose denominator would vanish is 0.
//! * No value hangs on how a tie rounds: comparisons against computed levels carry a margin
//!   that is part of the definition.

use crate::onnx::graph::Value;
use crate::pipeline::{Pipeline, WINDOW_SAMPLES_MAX};

pub mod basis;
mod difference;
mod function;
mod lag;
mod name;
mod needs;
mod plan;

use basis::{Basis, BasisGraph};

pub use function::{FUNCTION_DOMAIN, FUNCTION_NAME, window_features_function};
pub use name::{FeatureError, check_machine_is_read, feature_named, instead_of};
pub use needs::{Defect, Needs};
pub use plan::FeaturePlan;

/// One feature: one definition, two renderings.
pub struct Feature {
    /// Name in the catalogue; a pipeline names a feature `channel.name`. A K at its end stands for
    /// a number of samples, see [`LOOKING_BACK`].
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
    /// The values that it can have.
    pub range: Range,
    /// The shortest window that has this feature, in samples; with the smallest K where it has one.
    pub window_min_samples: u32,
    /// What it needs of the pipeline besides.
    pub needs: Needs,
    /// The value for one channel of one window.
    pub kernel: fn(&mut Basis) -> f64,
    /// The same for all channels: `[N, C, 1]`, 64-bit.
    pub emit: fn(&mut BasisGraph<'_>) -> Value,
}

/// Families of features, as the catalogue lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Bands: the share of power in each sixteenth of the spectrum.
    Bands,
    /// Runs: how long and how often something happens.
    Runs,
    /// Cepstrum: lines at equal distances in the spectrum.
    Cepstrum,
    /// Pairs: what two channels have to do with each other.
    Pairs,
    /// Velocity: how severe a vibration is, by the standard for machines.
    Velocity,
    /// Envelope: what an impact leaves behind, in a band that the pipeline names.
    Envelope,
    /// Bearing: the envelope at the frequencies of a bearing's parts.
    Bearing,
    /// Energy in bands that the pipeline names.
    BandEnergy,
    /// Orders: the spectrum at multiples of the speed of a shaft.
    Orders,
    /// Rows: the newest sample beside those some samples before it.
    Rows,
}

impl Family {
    /// All families, in the order of listings.
    pub const ALL: [Family; 15] = [
        Family::Level,
        Family::Spread,
        Family::Shape,
        Family::Change,
        Family::Order,
        Family::Spectrum,
        Family::Bands,
        Family::Runs,
        Family::Cepstrum,
        Family::Pairs,
        Family::Velocity,
        Family::Envelope,
        Family::Bearing,
        Family::BandEnergy,
        Family::Orders,
    ];

    /// True where somebody who asks for all features gets those of this family. The others say much
    /// about few machines, need to be told something, or grow with the square of the channels: they
    /// are asked for by name.
    pub fn is_in_all(self) -> bool {
        matches!(
            self,
            Family::Level
                | Family::Spread
                | Family::Shape
                | Family::Change
                | Family::Order
                | Family::Spectrum
                | Family::Bands
        )
    }

    /// The family's name in listings.
    pub fn name(self) -> &'static str {
        match self {
            Family::Level => "level",
            Family::Spread => "spread",
            Family::Shape => "shape",
            Family::Change => "change",
            Family::Order => "order",
            Family::Spectrum => "spectrum",
            Family::Bands => "bands",
            Family::Runs => "runs",
            Family::Cepstrum => "cepstrum",
            Family::Pairs => "pairs",
            Family::Velocity => "velocity",
            Family::Envelope => "envelope",
            Family::Bearing => "bearing",
            Family::BandEnergy => "band_energy",
            Family::Orders => "orders",
            Family::Rows => "rows",
        }
    }
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
    /// Seconds.
    Seconds,
    /// Millimetres per second.
    MillimetrePerSecond,
    /// None.
    One,
}

impl Unit {
    /// The unit as text for a channel measured in `channel` units.
    pub fn describe(self, channel: &str) -> String {
        match self {
            Unit::Channel => channel.to_owned(),
            Unit::ChannelPerSample => format!("{channel}/sample"),
            Unit::ChannelPerSampleSquared => format!("{channel}/sample²"),
            Unit::Hertz => "Hz".to_owned(),
            Unit::Samples => "samples".to_owned(),
            Unit::Nats => "nats".to_owned(),
            Unit::Seconds => "s".to_owned(),
            Unit::MillimetrePerSecond => "mm/s".to_owned(),
            Unit::One => "1".to_owned(),
        }
    }
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
    /// The duration of the window.
    Duration,
    /// The velocity that the window's span is at the lowest frequency of the pipeline's band.
    Velocity,
}

/// The values that a feature can have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// All numbers.
    Any,
    /// This one and larger ones.
    AtLeast(f64),
    /// 0 to 1.
    Share,
    /// -1 to 1.
    SignedShare,
    /// 0 to half the sampling rate, in hertz.
    Nyquist,
    /// 0 to the number of samples in a window.
    WindowLength,
    /// 0 to the half of a window, in seconds.
    HalfWindow,
}

impl Range {
    /// The range as text.
    pub fn describe(self) -> String {
        match self {
            Range::Any => "any number".to_owned(),
            Range::AtLeast(least) => format!("{least} or more"),
            Range::Share => "0 to 1".to_owned(),
            Range::SignedShare => "-1 to 1".to_owned(),
            Range::Nyquist => "0 to half the rate".to_owned(),
            Range::WindowLength => "0 to the window's samples".to_owned(),
            Range::HalfWindow => "0 to half the window's seconds".to_owned(),
        }
    }
}

/// Declares the module of each feature and lists them all, so that no file can be forgotten. A
/// module in brackets holds as many features of one definition as there are numbers.
macro_rules! catalogue {
    ($($feature:ident),* ; $([$module:ident $($place:literal)*])* ; $($late:ident),* ;
        $([$late_module:ident $($late_place:literal)*])*) => {
        $(mod $feature;)*
        $(mod $module;)*
        $(mod $late;)*
        $(mod $late_module;)*

        /// All features, by family, in the order of listings.
        pub static CATALOGUE: &[&Feature] = &[
            $(&$feature::FEATURE,)*
            $($(&$module::FEATURES[$place],)*)*
            $(&$late::FEATURE,)*
            $($(&$late_module::FEATURES[$late_place],)*)*
        ];
    };
}

catalogue! {
    mean,
    median,
    min,
    max,
    quantile_05,
    quantile_25,
    quantile_75,
    quantile_95,
    rms,
    std,
    mean_abs_deviation,
    median_abs_deviation,
    interquartile_range,
    peak_to_peak,
    skewness,
    kurtosis,
    crest_factor,
    shape_factor,
    impulse_factor,
    margin_factor,
    binned_entropy,
    mean_abs_change,
    mean_change,
    mean_second_derivative,
    slope,
    hjorth_mobility,
    hjorth_complexity,
    zero_crossing_rate,
    autocorr_lag1,
    autocorr_lag5,
    count_above_mean,
    first_location_of_maximum,
    last_location_of_maximum,
    first_location_of_minimum,
    last_location_of_minimum,
    spectral_centroid,
    spectral_bandwidth,
    spectral_rolloff,
    spectral_flatness,
    spectral_entropy,
    peak_frequency,
    spectral_skewness,
    spectral_kurtosis,
    band_power_low,
    band_power_mid,
    band_power_high;
    [band_power_sixteenths 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15];
    longest_strike_above_mean,
    peak_count,
    cepstral_peak,
    cepstral_peak_quefrency,
    correlation,
    velocity_rms,
    envelope_rms,
    envelope_peak,
    envelope_peak_frequency;
    [bearing_power 0 1 2 3]
    [band_rms 0 1 2 3 4 5 6 7]
    [order_power 0 1 2 3 4 5 6 7]
}

/// Features that look back from the newest sample by a number of samples K, which stands in their
/// names: `lag_3`. The user chooses K, so that they belong to no selection by family.
pub static LOOKING_BACK: &[&Feature] = &[&lag::FEATURE, &difference::FEATURE];

/// The feature of that name.
pub fn find(name: &str) -> Option<&'static Feature> {
    let named = CATALOGUE.iter().copied().find(|feature| feature.name == name);
    named.or_else(|| look_back(name).map(|(feature, _)| feature))
}

/// The feature of a name such as `lag_3`, and the K in it: how many samples it looks back. Such a
/// feature needs windows of K + 1 samples.
pub fn look_back(name: &str) -> Option<(&'static Feature, u32)> {
    let (_, digits) = name.rsplit_once('_')?;
    // Each number has one spelling: no sign, no leading zero.
    let steps = digits.parse::<u32>().ok().filter(|steps| steps.to_string() == digits)?;
    let stem = &name[..name.len() - digits.len()];
    let of_stem = |feature: &&&Feature| feature.name.strip_suffix('K') == Some(stem);
    let feature = LOOKING_BACK.iter().find(of_stem)?;
    let possible = feature.window_min_samples - 1..WINDOW_SAMPLES_MAX;
    possible.contains(&steps).then_some((*feature, steps))
}

impl Feature {
    /// Checks that a pipeline which is sound itself has what the feature of that channel needs, with
    /// the smallest K where it has one.
    ///
    /// # Errors
    /// What is missing, under the name `channel.feature`.
    pub fn check(&self, channel: usize, pipeline: &Pipeline) -> Result<(), FeatureError> {
        let name = format!("{}.{}", pipeline.channels[channel].name, self.name);
        name::check_selected(&name, channel, self, 0, pipeline)
    }
}
