//! The parameters that trees and forests share.

use model_format::onnx::op::tree_ensemble::DEPTH_MAX;

use super::grow::TreeLimits;
use crate::parameter::{Checked, Form, Parameter, Preset};

/// Number of trees.
pub(crate) const N_ESTIMATORS: Parameter = Parameter {
    name: "n_estimators",
    doc: "Number of trees. More trees answer more steadily and take more time and space.",
    accepts: &[Form::Integer { min: 1, max: 10_000 }],
    default: Preset::Integer(100),
};

/// Longest path.
pub(crate) const MAX_DEPTH: Parameter = Parameter {
    name: "max_depth",
    doc: "Longest path from root to leaf, in splits. null: as long as needed, up to the format's \
          limit of 64.",
    accepts: &[Form::Integer { min: 1, max: DEPTH_MAX as i64 }, Form::Null],
    default: Preset::Null,
};

/// Rows that a node needs to be split.
pub(crate) const MIN_SAMPLES_SPLIT: Parameter = Parameter {
    name: "min_samples_split",
    doc: "A node with fewer different rows is not split.",
    accepts: &[Form::Integer { min: 2, max: 1_000_000_000 }],
    default: Preset::Integer(2),
};

/// Rows that a leaf needs.
pub(crate) const MIN_SAMPLES_LEAF: Parameter = Parameter {
    name: "min_samples_leaf",
    doc: "No leaf has fewer different rows. Larger values smooth the answers and make smaller \
          trees.",
    accepts: &[Form::Integer { min: 1, max: 1_000_000_000 }],
    default: Preset::Integer(1),
};

/// Whether rows are drawn, with the default of the estimator.
pub(crate) const fn bootstrap(default: bool) -> Parameter {
    Parameter {
        name: "bootstrap",
        doc: "Whether each tree sees as many rows as there are, drawn with replacement, or all rows.",
        accepts: &[Form::Flag],
        default: Preset::Flag(default),
    }
}

/// Features looked at in each node, with the default of the task.
pub(crate) const fn max_features(default: Preset) -> Parameter {
    Parameter {
        name: "max_features",
        doc: "Features looked at in each node: the square root or the binary logarithm of their \
              number, or a share of them. Unlike in scikit-learn a number is always a share, \
              because JSON does not tell 1 from 1.0.",
        accepts: &[Form::Choice(&["sqrt", "log2"]), Form::Number { min: 0.0001, max: 1.0 }],
        default,
    }
}

impl TreeLimits {
    /// The limits that the parameters set for `width` features.
    pub(crate) fn new(parameters: &Checked, width: usize) -> TreeLimits {
        let count = match parameters.word("max_features") {
            Some("sqrt") => width.isqrt(),
            Some(_) => width.ilog2() as usize,
            None => (parameters.number("max_features") * width as f64) as usize,
        };
        let depth = parameters.optional_integer("max_depth");
        TreeLimits {
            max_depth: depth.map_or(DEPTH_MAX, |depth| depth as usize),
            min_samples_split: parameters.integer("min_samples_split") as usize,
            min_samples_leaf: parameters.integer("min_samples_leaf") as usize,
            max_features: count.max(1),
        }
    }
}
