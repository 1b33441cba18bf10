//! What the training data looked like: ranges of channels, distributions of features.

use learn::table::Table;
use model_format::manifest::{Baseline, ChannelBaseline};

use super::extract::Extracted;

/// The baseline of the windows that the table `train` holds.
pub(super) fn baseline(
    extracted: &Extracted,
    windows: &[usize],
    train: &Table,
    channels: usize,
) -> Baseline {
    let channels = channel_ranges(extracted, windows, channels);
    Baseline { channels, features: learn::baseline::features(train) }
}

/// The range of each channel in these windows.
pub(super) fn channel_ranges(
    extracted: &Extracted,
    windows: &[usize],
    channels: usize,
) -> Vec<ChannelBaseline> {
    let of_channel = |channel: usize| {
        let ranges = windows.iter().map(|&window| extracted.ranges[window * channels + channel]);
        let empty = (f32::INFINITY, f32::NEG_INFINITY);
        let (min, max) =
            ranges.fold(empty, |(min, max), (low, high)| (min.min(low), max.max(high)));
        ChannelBaseline { min, max }
    };
    (0..channels).map(of_channel).collect()
}
