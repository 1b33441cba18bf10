//! Extremely randomised trees for classes: thresholds are drawn, not searched.

use model_format::manifest::Task;

use super::class_weight::CLASS_WEIGHT;
use super::forest;
use crate::catalogue::Entry;
use crate::parameter::Preset;
use crate::supervised::Supervised;
use crate::tree::{Kind, parameters};

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Extra trees",
    task: Task::Classification,
    doc: "Many decision trees that draw one threshold for each feature they look at and keep the \
          best of those; the answer is the mean of their class shares. Learns faster than a random \
          forest and smooths more; the files are larger.",
    parameters: &[
        parameters::N_ESTIMATORS,
        parameters::MAX_DEPTH,
        parameters::MIN_SAMPLES_SPLIT,
        parameters::MIN_SAMPLES_LEAF,
        parameters::max_features(Preset::Word("sqrt")),
        parameters::bootstrap(false),
        CLASS_WEIGHT,
    ],
    supports_weights: true,
    needs_calibration: false,
    build: |parameters| {
        Box::new(Supervised {
            name: NAME,
            task: Task::Classification,
            parameters,
            learn: |parameters, train, context| {
                forest::fit(Kind::ExtraTrees, NAME, parameters, train, context)
            },
        })
    },
};

const NAME: &str = "extra_trees_classifier";
