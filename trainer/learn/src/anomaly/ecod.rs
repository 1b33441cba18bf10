//! ECOD: how far out the features of a row lie in the tails of their own distributions.

use model_format::manifest::Task;
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::op::tree_ensemble::Forest;
use model_format::onnx::proto::DataType;
use serde_json::{Map, json};

use super::alarm_line::FALSE_ALARM_RATE;
use super::detector::{Detecting, Detector};
use super::steps::{Steps, forest, sorted};
use crate::catalogue::Entry;
use crate::estimator::{FitContext, FitError};
use crate::parameter::Checked;
use crate::table::Table;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "ECOD",
    task: Task::Anomaly,
    doc: "For each feature the share of the normal rows that lie at least as far out; the score adds \
          up how rare that is. Nothing to tune, very fast, and each feature's part can be read; \
          beyond the outermost normal value all values count alike.",
    parameters: &[FALSE_ALARM_RATE],
    supports_weights: false,
    needs_calibration: true,
    build: |parameters| Box::new(Detecting { name: NAME, parameters, learn }),
};

const NAME: &str = "ecod";

/// A step is left out where it changes the share of the tail by less than one part in so many; the
/// score of a feature is then off by at most half of that. The outer rows, as many, keep all steps.
const STEPS_PER_TAIL: usize = 64;

fn learn(
    _: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Detector>, FitError> {
    let width = train.columns.len();
    let mut functions = Vec::new();
    for column in 0..width {
        context.check_cancel()?;
        functions.extend(steps(&sorted(train, column), column));
    }
    let used = functions.len();
    Ok(Box::new(Ecod { forest: forest(width, &functions), used }))
}

/// The score of a feature as a function of its value; none for a constant column.
///
/// With n training values, of which c are at most x and d at least x, the shares of a tail that ends
/// in a new row x are (c + 1) / (n + 1) and (d + 1) / (n + 1), and its score is the larger −ln of
/// the two: what PyOD says of one row at a time. (PyOD looks at the skewness as well, but the tail
/// that it picks is one of the two, and the larger score counts anyway; only where a feature is
/// exactly symmetric it would add both up.)
///
/// Values equal to a training value have a step of their own: they count to both tails.
fn steps(values: &[f32], column: usize) -> Option<Steps> {
    let rows = values.len();
    if values.first()? == values.last()? {
        return None;
    }
    let score = |at_most: usize, at_least: usize| {
        let rarer = at_most.min(at_least) + 1;
        -libm::log(rarer as f64 / (rows + 1) as f64)
    };
    let mut steps = Steps { column, edges: Vec::new(), values: Vec::new() };
    // Values at most so large are in the steps; `from` are smaller than the value, `to` at most it.
    let (mut done, mut from) = (0, 0);
    while from < rows {
        let value = values[from];
        let to = from + values[from..].partition_point(|&other| other == value);
        if (to - done) * STEPS_PER_TAIL > from.min(rows - to) {
            let below = value.next_down();
            if steps.edges.last() != Some(&below) {
                // Steps that were left out are answered by their middle.
                let middle = done.midpoint(from);
                steps.edges.push(below);
                steps.values.push(score(middle, rows - middle));
            }
            steps.edges.push(value);
            steps.values.push(score(to, rows - from));
            done = to;
        }
        from = to;
    }
    steps.values.push(score(rows, 0));
    Some(steps)
}

struct Ecod {
    forest: Forest,
    used: usize,
}

impl Detector for Ecod {
    fn width(&self) -> usize {
        self.forest.width
    }

    /// The step functions of the features, added up by a forest of one tree for each.
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> Value {
        graph.scoped("ecod", |graph| {
            let sum = graph.tree_ensemble_regressor(features, &self.forest);
            graph.cast(&sum, DataType::Double)
        })
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        Map::from_iter([("features_used".to_owned(), json!(self.used))])
    }
}
