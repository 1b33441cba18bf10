//! `median`: Middle value: half of the samples lie below, half above; the mean of the two middle
//! ones for even n.
//!
//! Of two middle samples it is the one below plus half the step to the one above.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "median",
    version: 1,
    family: Family::Level,
    doc: "Middle value: half of the samples lie below, half above; the mean of the two middle \
          ones for even n.",
    source: "R. Hyndman and Y. Fan, Sample quantiles in statistical packages, 1996, type 7",
    unit: Unit::Channel,
    scale: Scale::Magnitude,
    range: Range::Any,
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| basis.quantile(50),
    emit: |body| body.quantile(50),
};
