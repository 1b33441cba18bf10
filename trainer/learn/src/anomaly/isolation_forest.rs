//! Isolation forest: how few random cuts it takes to set a row apart.

use std::sync::atomic::{AtomicUsize, Ordering};

use model_format::manifest::Task;
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::op::tree_ensemble::{Forest, Node, Tree};
use model_format::onnx::proto::DataType;
use serde_json::{Map, json};

use super::alarm_line::FALSE_ALARM_RATE;
use super::detector::{Detecting, Detector};
use crate::catalogue::Entry;
use crate::estimator::{FitContext, FitError};
use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::random::Random;
use crate::table::Table;
use crate::tree::{Criterion, Drawn, Grower, Sample, TreeLimits, parameters};
use crate::workers::Workers;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Isolation forest",
    task: Task::Anomaly,
    doc: "Trees that cut a few normal rows apart at random; a row that is soon alone is unusual. Needs \
          no scaling and finds several clouds of normal rows; answers coarsely, and beyond the \
          outermost rows all values count alike.",
    parameters: &[parameters::N_ESTIMATORS, MAX_SAMPLES, FALSE_ALARM_RATE],
    supports_weights: false,
    needs_calibration: true,
    build: |parameters| Box::new(Detecting { name: NAME, parameters, learn }),
};

const NAME: &str = "isolation_forest";

const MAX_SAMPLES: Parameter = Parameter {
    name: "max_samples",
    doc: "Rows that each tree cuts apart, drawn without replacement; all rows where there are fewer. \
          Trees are as deep as the binary logarithm of it.",
    accepts: &[Form::Integer { min: 2, max: 1 << 20 }],
    default: Preset::Integer(256),
};

fn learn(
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Detector>, FitError> {
    let trees = parameters.integer("n_estimators") as usize;
    let rows = (parameters.integer("max_samples") as usize).min(train.rows);
    let limits = TreeLimits {
        max_depth: rows.next_power_of_two().ilog2().max(1) as usize,
        min_samples_split: 2,
        min_samples_leaf: 1,
        max_features: 1,
    };
    let grown = AtomicUsize::new(0);
    let grow = |stream: usize| {
        let mut random = Random::new(context.seed, stream as u64);
        let mut order: Vec<u32> = (0..train.rows as u32).collect();
        for at in 0..rows {
            let pick = at + random.below((order.len() - at) as u32) as usize;
            order.swap(at, pick);
        }
        let sample = |&row: &u32| Sample { row, target: (), weight: 1.0 };
        let mut samples: Vec<Sample<()>> = order[..rows].iter().map(sample).collect();
        let mut grower = Grower::new(Drawn::new(train), limits, Count(0));
        let mut tree = grower.grow(&mut samples, &mut random, context.cancel)?;
        set_path_lengths(&mut tree, trees);
        let done = grown.fetch_add(1, Ordering::Relaxed) + 1;
        (context.progress)(0.99 * done as f64 / trees as f64);
        Ok(tree)
    };
    let trees = Workers::new(context)?.map(trees, grow)?;
    let forest = Forest { width: train.columns.len(), outputs: 1, trees };
    Ok(Box::new(IsolationForest { forest, usual: path_length(rows) }))
}

/// A criterion without preferences: the one cut that is drawn is taken, and a leaf says how many rows
/// it holds.
struct Count(usize);

impl Criterion for Count {
    type Target = ();

    fn outputs(&self) -> usize {
        1
    }

    fn enter(&mut self, samples: &[Sample<()>]) -> bool {
        self.0 = samples.len();
        samples.len() < 2
    }

    fn restart(&mut self) {}

    fn shift(&mut self, _: &Sample<()>) {}

    fn score(&self) -> f64 {
        0.0
    }

    fn leaf(&self, out: &mut Vec<f32>) {
        out.push(self.0 as f32);
    }
}

/// Puts into each leaf its depth plus the cuts that its rows would still take, divided by the number
/// of trees; before, it holds the number of its rows.
fn set_path_lengths(tree: &mut Tree, trees: usize) {
    let mut open = vec![(0_usize, 0_usize)];
    while let Some((at, depth)) = open.pop() {
        match tree.nodes[at] {
            Node::Split { left, right, .. } => {
                open.extend([(left as usize, depth + 1), (right as usize, depth + 1)]);
            }
            Node::Leaf { leaf } => {
                let weight = &mut tree.weights[leaf as usize];
                let length = depth as f64 + path_length(*weight as usize);
                *weight = (length / trees as f64) as f32;
            }
        }
    }
}

/// Mean number of cuts that set one of so many rows apart (Liu, Ting, Zhou: Isolation forest, 2008).
fn path_length(rows: usize) -> f64 {
    const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        rows => {
            let others = (rows - 1) as f64;
            2.0 * (libm::log(others) + EULER_GAMMA) - 2.0 * others / rows as f64
        }
    }
}

struct IsolationForest {
    forest: Forest,
    /// Mean path length of the rows that a tree has seen.
    usual: f64,
}

impl Detector for IsolationForest {
    fn width(&self) -> usize {
        self.forest.width
    }

    /// `score [N] = 2^(−mean path / usual path)`: 1 where a row is alone at once, ½ where it is as hard
    /// to set apart as the training rows.
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> Value {
        graph.scoped("isolation_forest", |graph| {
            let path = graph.tree_ensemble_regressor(features, &self.forest);
            let path = graph.cast(&path, DataType::Double);
            let by = graph.scalar_f64(-std::f64::consts::LN_2 / self.usual);
            let power = graph.mul(&path, &by);
            graph.exp(&power)
        })
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        Map::from_iter([
            ("trees".to_owned(), json!(self.forest.trees.len())),
            ("nodes".to_owned(), json!(self.forest.node_count())),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of scikit-learn's `_average_path_length`.
    #[test]
    fn path_lengths_are_those_of_scikit_learn() {
        for (rows, expected) in
            [(1, 0.0), (2, 1.0), (5, 2.327020052042847), (256, 10.244770920119917)]
        {
            assert!((path_length(rows) - expected).abs() < 1e-12, "{rows}");
        }
    }
}
