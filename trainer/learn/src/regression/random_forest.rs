//! Random forest for numbers: the mean of the leaves of many trees.

use model_format::manifest::Task;

use super::forest;
use crate::catalogue::Entry;
use crate::parameter::Preset;
use crate::supervised::Supervised;
use crate::tree::{Kind, parameters};

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Random forest",
    task: Task::Regression,
    doc: "Many decision trees, each grown on rows drawn with replacement; the answer is the mean of \
          their leaves. Follows curves and steps without scaling, and never answers beyond the \
          range of the training targets.",
    parameters: &[
        parameters::N_ESTIMATORS,
        parameters::MAX_DEPTH,
        parameters::MIN_SAMPLES_SPLIT,
        parameters::MIN_SAMPLES_LEAF,
        parameters::max_features(Preset::Number(1.0)),
        parameters::bootstrap(true),
    ],
    supports_weights: true,
    needs_calibration: false,
    build: |parameters| {
        Box::new(Supervised {
            name: NAME,
            task: Task::Regression,
            parameters,
            learn: |parameters, train, context| {
                forest::fit(Kind::Forest, NAME, parameters, train, context)
            },
        })
    },
};

const NAME: &str = "random_forest_regressor";
