//! What the tree regressors share: growing by variance, and the mean of the leaves as a graph.

use model_format::artifact::{Head, HeadOutputs};
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::op::tree_ensemble::Forest;
use serde_json::{Map, json};

use crate::estimator::{FitContext, FitError, Fitted};
use crate::parameter::Checked;
use crate::table::Table;
use crate::tree::{Features, ForestPlan, Kind, Variance, grow_forest};

/// Grows a forest, or a tree, of the given kind.
pub(super) fn fit(
    kind: Kind,
    name: &'static str,
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Fitted>, FitError> {
    let values = train.numbers(name)?;
    // Trees learn and sum the distance from the mean: sums of small 32-bit floats lose less
    // than sums of large ones.
    let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
    let offset = (sum / values.len() as f64) as f32;
    let targets: Vec<f64> =
        values.iter().map(|&value| f64::from(value) - f64::from(offset)).collect();
    let features = Features::new(kind, train);
    let weights = train.row_weights();
    let plan = ForestPlan::new(kind, parameters, &features, &targets, &weights);
    let forest = grow_forest(&plan, || Variance::new(plan.trees), context)?;
    Ok(Box::new(FittedTrees { forest, offset, facts: Map::new() }))
}

/// Trees whose leaves add up to the distance from a constant.
pub(super) struct FittedTrees {
    /// The trees.
    pub(super) forest: Forest,
    /// The constant.
    pub(super) offset: f32,
    /// What the fit found besides the number of trees and nodes.
    pub(super) facts: Map<String, serde_json::Value>,
}

impl Head for FittedTrees {
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let value = graph.scoped("forest", |graph| {
            let distance = graph.tree_ensemble_regressor(features, &self.forest);
            let offset = graph.scalar_f32(self.offset);
            graph.add(&distance, &offset)
        });
        HeadOutputs::Regression { value }
    }
}

impl Fitted for FittedTrees {
    fn features(&self) -> usize {
        self.forest.width
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        let mut facts = Map::from_iter([
            ("trees".to_owned(), json!(self.forest.trees.len())),
            ("nodes".to_owned(), json!(self.forest.node_count())),
        ]);
        facts.extend(self.facts.clone());
        facts
    }
}
