//! The parameters that both boosted estimators share, named as in scikit-learn's histogram-based ones.

use model_format::onnx::op::tree_ensemble::DEPTH_MAX;

use crate::parameter::{Checked, Form, Parameter, Preset};

/// `learning_rate`.
pub(crate) const LEARNING_RATE: Parameter = Parameter {
    name: "learning_rate",
    doc: "Share of its correction that each tree is allowed to make. Smaller values need more trees \
          and often end at a better model.",
    accepts: &[Form::Number { min: 1e-4, max: 1.0 }],
    default: Preset::Number(0.1),
};

/// `max_iter`.
pub(crate) const MAX_ITER: Parameter = Parameter {
    name: "max_iter",
    doc: "The most rounds. Each adds a tree, or one for each class where there are more than two.",
    accepts: &[Form::Integer { min: 1, max: 10_000 }],
    default: Preset::Integer(100),
};

/// `max_leaf_nodes`.
pub(crate) const MAX_LEAF_NODES: Parameter = Parameter {
    name: "max_leaf_nodes",
    doc: "The most leaves of a tree; the leaf that gains most is split first.",
    accepts: &[Form::Integer { min: 2, max: 4096 }],
    default: Preset::Integer(31),
};

/// `max_depth`.
pub(crate) const MAX_DEPTH: Parameter = Parameter {
    name: "max_depth",
    doc: "Longest path from root to leaf, in splits. null: as long as needed, up to the format's \
          limit of 64.",
    accepts: &[Form::Integer { min: 1, max: DEPTH_MAX as i64 }, Form::Null],
    default: Preset::Null,
};

/// `min_samples_leaf`.
pub(crate) const MIN_SAMPLES_LEAF: Parameter = Parameter {
    name: "min_samples_leaf",
    doc: "No leaf has fewer training rows. Lower it for fewer than some hundred rows.",
    accepts: &[Form::Integer { min: 1, max: 1_000_000_000 }],
    default: Preset::Integer(20),
};

/// `l2_regularization`.
pub(crate) const L2_REGULARIZATION: Parameter = Parameter {
    name: "l2_regularization",
    doc: "Penalty on large corrections; 0 is none.",
    accepts: &[Form::Number { min: 0.0, max: 1e9 }],
    default: Preset::Number(0.0),
};

/// `max_bins`.
pub(crate) const MAX_BINS: Parameter = Parameter {
    name: "max_bins",
    doc: "Bins that the values of each feature are sorted into; splits lie between bins.",
    accepts: &[Form::Integer { min: 2, max: 255 }],
    default: Preset::Integer(255),
};

/// `early_stopping`.
pub(crate) const EARLY_STOPPING: Parameter = Parameter {
    name: "early_stopping",
    doc: "Whether whole recordings are held back from the training rows to notice when more trees do \
          not help. auto: where there are at least 10 recordings and 1000 rows.",
    accepts: &[Form::Choice(&["auto"]), Form::Flag],
    default: Preset::Word("auto"),
};

/// `validation_fraction`.
pub(crate) const VALIDATION_FRACTION: Parameter = Parameter {
    name: "validation_fraction",
    doc: "Share of the training recordings that early stopping holds back.",
    accepts: &[Form::Number { min: 0.01, max: 0.5 }],
    default: Preset::Number(0.1),
};

/// `n_iter_no_change`.
pub(crate) const N_ITER_NO_CHANGE: Parameter = Parameter {
    name: "n_iter_no_change",
    doc: "Early stopping ends the fit after so many rounds without a better loss on what is held \
          back, and keeps the trees up to the best round.",
    accepts: &[Form::Integer { min: 1, max: 10_000 }],
    default: Preset::Integer(10),
};

/// `tol`.
pub(crate) const TOL: Parameter = Parameter {
    name: "tol",
    doc: "A loss on what is held back is better only where it falls by more than this.",
    accepts: &[Form::Number { min: 0.0, max: 1.0 }],
    default: Preset::Number(1e-7),
};

/// Where a tree ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) leaves: usize,
    pub(super) depth: usize,
    pub(super) leaf_rows: u32,
    pub(super) l2: f64,
    pub(super) learning_rate: f64,
}

impl Limits {
    /// The limits that the parameters set.
    pub(super) fn new(parameters: &Checked) -> Limits {
        let depth = parameters.optional_integer("max_depth");
        Limits {
            leaves: parameters.integer("max_leaf_nodes") as usize,
            depth: depth.map_or(DEPTH_MAX, |depth| depth as usize),
            leaf_rows: parameters.integer("min_samples_leaf").min(i64::from(u32::MAX)) as u32,
            l2: parameters.number("l2_regularization"),
            learning_rate: parameters.number("learning_rate"),
        }
    }
}
