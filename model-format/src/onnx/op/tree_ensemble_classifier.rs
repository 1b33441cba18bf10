//! `TreeEnsembleClassifier` (`ai.onnx.ml` 3): sums of leaf weights per class.

use super::tree_ensemble::Forest;
use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// The class probabilities `[N, classes]` of a forest over `features` `[N, width]`.
    ///
    /// The operator's own label output is left unused: the label is the ArgMax of the
    /// probabilities, so that every runtime breaks ties alike.
    pub fn tree_ensemble_classifier(
        &mut self,
        features: &Value,
        forest: &Forest,
        classes: usize,
    ) -> Value {
        unimplemented!()
    }
}
