//! `TreeEnsembleRegressor` (`ai.onnx.ml` 3): sums of leaf weights.

use super::forest::FlatForest;
use super::tree_ensemble::{self, Forest, WeightNames, layout, only_text};
use super::{Attributes, Kernel, OpError, Operator};
use crate::onnx::graph::{GraphBuilder, Value, attribute_int, attribute_string};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator {
    domain: "ai.onnx.ml",
    ..Operator::new("TreeEnsembleRegressor", (3, 3), (1, 1), prepare)
};

const NAMES: WeightNames = WeightNames {
    tree: "target_treeids",
    node: "target_nodeids",
    output: "target_ids",
    weight: "target_weights",
};

impl GraphBuilder {
    /// The sums `[N]` of a forest over `features` `[N, width]`.
    ///
    /// # Panics
    /// Where the forest has more than one output or a leaf has no weights: callers have passed
    /// [`Forest::check`].
    pub fn tree_ensemble_regressor(&mut self, features: &Value, forest: &Forest) -> Value {
        assert_eq!(forest.outputs, 1, "a regression has one sum");
        let mut attributes = tree_ensemble::attributes(forest, NAMES);
        attributes.push(attribute_int("n_targets", 1));
        attributes.push(attribute_string("aggregate_function", "SUM"));
        attributes.push(attribute_string("post_transform", "NONE"));
        let sums = self.node(OPERATOR.domain, OPERATOR.name, &[features], attributes);
        self.squeeze(&sums, 1)
    }
}

/// The forest in the attributes of a node.
pub(super) fn parse(attributes: &mut Attributes<'_>) -> Result<Forest, OpError> {
    only_text(attributes, "aggregate_function", "SUM")?;
    only_text(attributes, "post_transform", "NONE")?;
    let targets = attributes.int("n_targets", 1)?;
    if targets != 1 {
        return Err(layout("n_targets", format!("{targets}; 1 is accepted")));
    }
    tree_ensemble::parse(attributes, NAMES, 1)
}

fn prepare(attributes: &mut Attributes<'_>) -> Result<Kernel, OpError> {
    let mut forest = FlatForest::new(&parse(attributes)?)?;
    Ok(Box::new(move |inputs, outputs| {
        tree_ensemble::evaluate(&mut forest, inputs, &mut outputs[0])
    }))
}
