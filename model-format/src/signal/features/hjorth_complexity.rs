//! `hjorth_complexity`: Mobility of the steps over mobility of the samples: 1 for a pure sine,
//! more for anything broader.
//!
//! 0 where all samples or all steps are equal.

use super::basis::ratio;
use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "hjorth_complexity",
    version: 1,
    family: Family::Change,
    doc: "Mobility of the steps over mobility of the samples: 1 for a pure sine, more for \
          anything broader.",
    source: "B. Hjorth, EEG analysis based on time domain properties, 1970",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::AtLeast(0.0),
    window_min_samples: 4,
    needs: Needs::Nothing,
    kernel: |basis| {
        let changes = basis.changes().variance;
        let mobility = ratio(changes, basis.variance()).sqrt();
        ratio(ratio(basis.second_changes().variance, changes).sqrt(), mobility)
    },
    emit: |body| {
        let (second, changes, samples) =
            (body.second_change_variance(), body.change_variance(), body.variance());
        let quotient = body.ratio(&changes, &samples);
        let mobility = body.graph.sqrt(&quotient);
        let quotient = body.ratio(&second, &changes);
        let mobility_of_changes = body.graph.sqrt(&quotient);
        body.ratio(&mobility_of_changes, &mobility)
    },
};
