//! Random forest for classes: the mean of the class shares in the leaves of many trees.

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
    title: "Random forest",
    task: Task::Classification,
    doc: "Many decision trees, each grown on rows drawn with replacement and looking at few \
          features in each node; the answer is the mean of their class shares. A strong first \
          choice that needs no scaling and no tuning.",
    parameters: &[
        parameters::N_ESTIMATORS,
        parameters::MAX_DEPTH,
        parameters::MIN_SAMPLES_SPLIT,
        parameters::MIN_SAMPLES_LEAF,
        parameters::max_features(Preset::Word("sqrt")),
        parameters::bootstrap(true),
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
                forest::fit(Kind::Forest, NAME, parameters, train, context)
            },
        })
    },
};

const NAME: &str = "random_forest_classifier";
