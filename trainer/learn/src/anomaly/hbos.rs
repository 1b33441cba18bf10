//! HBOS: how empty the bins are that the features of a row lie in.

use model_format::manifest::Task;
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::op::tree_ensemble::Forest;
use model_format::onnx::proto::DataType;
use serde_json::{Map, json};

use super::alarm_line::FALSE_ALARM_RATE;
use super::detector::{Detecting, Detector};
use super::steps::{Steps, forest, rounded_down, sorted};
use crate::catalogue::Entry;
use crate::estimator::{FitContext, FitError};
use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::table::Table;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Histogram-based outlier score",
    task: Task::Anomaly,
    doc: "A histogram of each feature of the normal rows; the score adds up how rare the bins are \
          that a row falls into. Very fast and easy to explain; blind to features that are unusual \
          only together.",
    parameters: &[N_BINS, ALPHA, TOL, FALSE_ALARM_RATE],
    supports_weights: false,
    needs_calibration: true,
    build: |parameters| Box::new(Detecting { name: NAME, parameters, learn }),
};

const NAME: &str = "hbos";

const N_BINS: Parameter = Parameter {
    name: "n_bins",
    doc: "Bins of equal width for each feature, from its smallest to its largest value.",
    accepts: &[Form::Integer { min: 2, max: 1000 }],
    default: Preset::Integer(10),
};

const ALPHA: Parameter = Parameter {
    name: "alpha",
    doc: "Added to the density of each bin, per standard deviation of the feature: larger values let \
          empty bins count less.",
    accepts: &[Form::Number { min: 1e-6, max: 1.0 }],
    default: Preset::Number(0.1),
};

const TOL: Parameter = Parameter {
    name: "tol",
    doc: "How far beyond the outer bins, in widths of a bin, a value still counts to them; further \
          out it counts to the emptiest bin of the feature.",
    accepts: &[Form::Number { min: 0.0, max: 1.0 }],
    default: Preset::Number(0.5),
};

fn learn(
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Detector>, FitError> {
    let width = train.columns.len();
    let mut functions = Vec::new();
    for column in 0..width {
        context.check_cancel()?;
        functions.extend(steps(&sorted(train, column), column, parameters));
    }
    let used = functions.len();
    Ok(Box::new(Hbos { forest: forest(width, &functions), used }))
}

/// −log₂(density + alpha) by bin, less the smallest of them; none for a constant column.
///
/// As in PyOD, whose score this is but for the constant that makes the smallest score 0: bin i holds
/// `edge i < x ≤ edge i + 1`, and the density is that of the feature in units of its standard
/// deviation, so that `alpha` means the same for all of them. A value on an edge counts to the bin that
/// it is scored by; in PyOD to the next one, which spoils features of few values.
fn steps(values: &[f32], column: usize, parameters: &Checked) -> Option<Steps> {
    let (low, high) = (f64::from(*values.first()?), f64::from(*values.last()?));
    if low == high {
        return None;
    }
    let (bins, rows) = (parameters.integer("n_bins") as usize, values.len() as f64);
    let (alpha, tol) = (parameters.number("alpha"), parameters.number("tol"));
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / rows;
    let square = |&x: &f32| (f64::from(x) - mean) * (f64::from(x) - mean);
    let deviation = (values.iter().map(square).sum::<f64>() / rows).sqrt();
    let bin_width = (high - low) / bins as f64;
    let edge = |at: usize| if at == bins { high } else { low + bin_width * at as f64 };
    let below = |at: usize| match at {
        0 => 0,
        at if at == bins => values.len(),
        at => values.partition_point(|&x| f64::from(x) <= edge(at)),
    };
    let score = |at: usize| {
        let share = (below(at + 1) - below(at)) as f64 / rows;
        -libm::log2(share / bin_width * deviation + alpha)
    };
    let scores: Vec<f64> = (0..bins).map(score).collect();
    let usual = scores.iter().fold(f64::INFINITY, |least, &score| score.min(least));
    let rarest = scores.iter().fold(f64::NEG_INFINITY, |most, &score| score.max(most));
    let outer = rounded_down(low - tol * bin_width);
    let exact = f64::from(outer) == low - tol * bin_width;
    let mut edges = vec![if exact { outer.next_down() } else { outer }];
    let mut steps = vec![rarest - usual];
    for (bin, score) in scores.iter().enumerate() {
        edges.push(match bin + 1 == bins {
            true => rounded_down(high + tol * bin_width),
            false => rounded_down(edge(bin + 1)),
        });
        steps.push(score - usual);
    }
    steps.push(rarest - usual);
    Some(Steps { column, edges, values: steps })
}

struct Hbos {
    forest: Forest,
    used: usize,
}

impl Detector for Hbos {
    fn width(&self) -> usize {
        self.forest.width
    }

    /// The step functions of the features, added up by a forest of one tree for each.
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> Value {
        graph.scoped("hbos", |graph| {
            let sum = graph.tree_ensemble_regressor(features, &self.forest);
            graph.cast(&sum, DataType::Double)
        })
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        Map::from_iter([("features_used".to_owned(), json!(self.used))])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_on_an_edge_is_scored_by_the_bin_that_counts_it() {
        let given = Map::from_iter([("n_bins".to_owned(), json!(3))]);
        let parameters = Checked::read(NAME, ENTRY.parameters, &given).unwrap();
        // Edges at 0, 1, 2, 3; ten rows at 1, which is the common bin.
        let mut values = vec![0.0, 2.0, 3.0];
        values.extend([1.0; 10]);
        values.sort_unstable_by(f32::total_cmp);
        let steps = steps(&values, 0, &parameters).unwrap();
        let score = |x: f32| steps.values[steps.edges.partition_point(|&edge| edge < x)];
        assert_eq!(score(1.0), 0.0);
        assert!(score(2.0) > 1.0 && score(3.0) == score(2.0), "{steps:?}", steps = steps.values);
        assert!(score(4.0) == score(3.0) && score(-1.0) == score(4.0));
        assert_eq!(score(-0.4), score(1.0), "within tol of the first bin");
    }
}
