//! One decision tree for numbers.

use model_format::manifest::Task;

use super::forest;
use crate::catalogue::Entry;
use crate::parameter::Preset;
use crate::supervised::Supervised;
use crate::tree::{Kind, parameters};

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Decision tree",
    task: Task::Regression,
    doc: "One tree of yes-or-no questions about single features; the answer is the mean of the \
          training targets in the leaf that a row ends in, so it goes in steps. The smallest file and \
          the fastest answer; a forest is nearly always more accurate. Bound it with max_depth or \
          min_samples_leaf.",
    parameters: &[
        parameters::MAX_DEPTH,
        parameters::MIN_SAMPLES_SPLIT,
        parameters::MIN_SAMPLES_LEAF,
        parameters::max_features(Preset::Number(1.0)),
    ],
    supports_weights: true,
    needs_calibration: false,
    build: |parameters| {
        Box::new(Supervised {
            name: NAME,
            task: Task::Regression,
            parameters,
            learn: |parameters, train, context| {
                forest::fit(Kind::Tree, NAME, parameters, train, context)
            },
        })
    },
};

const NAME: &str = "decision_tree_regressor";
