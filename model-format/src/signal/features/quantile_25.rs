//! `quantile_25`: The value below which 25 % of the samples lie, interpolated linearly at
//! position 0.25 (n - 1) of the sorted samples.
//!
//! A window of one sample has that sample as every quantile.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "quantile_25",
    version: 1,
    family: Family::Level,
    doc: "The value below which 25 % of the samples lie, interpolated linearly at position 0.25 \
          (n - 1) of the sorted samples.",
    source: "R. Hyndman and Y. Fan, Sample quantiles in statistical packages, 1996, type 7",
    unit: Unit::Channel,
    scale: Scale::Magnitude,
    range: Range::Any,
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| basis.quantile(25),
    emit: |body| body.quantile(25),
};
