//! What the tree classifiers share: growing by Gini impurity, and the mean of the leaves as a graph.

use model_format::artifact::{Head, HeadOutputs};
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::op::tree_ensemble::Forest;
use serde_json::{Map, json};

use super::class_weight::class_weights;
use crate::estimator::{FitContext, FitError, Fitted};
use crate::parameter::Checked;
use crate::table::Table;
use crate::tree::{Features, ForestPlan, Gini, Kind, grow_forest};

/// Grows a forest, or a tree, of the given kind.
pub(super) fn fit(
    kind: Kind,
    name: &'static str,
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Fitted>, FitError> {
    let (index, names) = train.classes(name)?;
    let features = Features::new(kind, train);
    let weights = class_weights(train, index, names.len(), parameters);
    let plan = ForestPlan::new(kind, parameters, &features, index, &weights);
    let forest = grow_forest(&plan, || Gini::new(names.len(), plan.trees), context)?;
    Ok(Box::new(FittedForest { forest }))
}

struct FittedForest {
    forest: Forest,
}

impl Head for FittedForest {
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let classes = self.forest.outputs;
        let probabilities = graph.scoped("forest", |graph| {
            graph.tree_ensemble_classifier(features, &self.forest, classes)
        });
        HeadOutputs::Classification { probabilities }
    }
}

impl Fitted for FittedForest {
    fn features(&self) -> usize {
        self.forest.width
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        let nodes = self.forest.node_count();
        Map::from_iter([
            ("trees".to_owned(), json!(self.forest.trees.len())),
            ("nodes".to_owned(), json!(nodes)),
        ])
    }
}
