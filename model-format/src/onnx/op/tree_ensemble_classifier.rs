//! `TreeEnsembleClassifier` (`ai.onnx.ml` 3): sums of leaf weights per class.

use super::forest::FlatForest;
use super::tree_ensemble::{self, Forest, WeightNames, layout, only_text};
use super::{Attributes, Kernel, OpError, Operator};
use crate::onnx::graph::{GraphBuilder, Value, attribute_ints, attribute_string};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator {
    domain: "ai.onnx.ml",
    outputs: 2,
    unread: 1,
    ..Operator::new("TreeEnsembleClassifier", (3, 3), (1, 1), prepare)
};

const NAMES: WeightNames = WeightNames {
    tree: "class_treeids",
    node: "class_nodeids",
    output: "class_ids",
    weight: "class_weights",
};

impl GraphBuilder {
    /// The class probabilities `[N, classes]` of a forest over `features` `[N, width]`.
    ///
    /// The operator's own label output is left unread: for two classes runtimes disagree about it
    /// (ONNX Runtime says 1 for any positive score). The label is the ArgMax of the probabilities.
    ///
    /// # Panics
    /// Where `classes` is not the number of the forest's outputs, or a leaf has no weights:
    /// callers have passed [`Forest::check`].
    pub fn tree_ensemble_classifier(
        &mut self,
        features: &Value,
        forest: &Forest,
        classes: usize,
    ) -> Value {
        assert_eq!(forest.outputs, classes, "one sum for every class");
        let mut attributes = tree_ensemble::attributes(forest, NAMES);
        let labels = (0..classes as i64).collect();
        attributes.push(attribute_ints("classlabels_int64s", labels));
        attributes.push(attribute_string("post_transform", "NONE"));
        let (domain, name) = (OPERATOR.domain, OPERATOR.name);
        self.node_with_outputs(domain, name, &[features], attributes, 2).remove(1)
    }
}

/// The forest in the attributes of a node.
pub(super) fn parse(attributes: &mut Attributes<'_>) -> Result<Forest, OpError> {
    only_text(attributes, "post_transform", "NONE")?;
    let labels = attributes.ints("classlabels_int64s")?.unwrap_or_default();
    if labels.len() < 2 || labels.iter().enumerate().any(|(at, &label)| label != at as i64) {
        let problem = format!("{} labels that are not 0, 1, …", labels.len());
        return Err(layout("classlabels_int64s", problem));
    }
    tree_ensemble::parse(attributes, NAMES, labels.len())
}

fn prepare(attributes: &mut Attributes<'_>) -> Result<Kernel, OpError> {
    let mut forest = FlatForest::new(&parse(attributes)?)?;
    Ok(Box::new(move |inputs, outputs| {
        tree_ensemble::evaluate(&mut forest, inputs, &mut outputs[1])
    }))
}
