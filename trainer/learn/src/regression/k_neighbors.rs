//! k nearest neighbours for numbers: the mean target of the nearest training rows.

use model_format::artifact::{Head, HeadOutputs};
use model_format::manifest::Task;
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::proto::DataType;
use model_format::onnx::tensor::Tensor;
use serde_json::{Map, json};

use crate::catalogue::Entry;
use crate::estimator::{FitContext, FitError, Fitted};
use crate::neighbours::{CORESET, Kept, MAX_SAMPLES, WEIGHTS, emit_shares, n_neighbors};
use crate::parameter::Checked;
use crate::scaler::{CLIP_MARGIN, SCALING, Scaler};
use crate::supervised::Supervised;
use crate::table::Table;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "k nearest neighbours",
    task: Task::Regression,
    doc: "Keeps training rows and answers with the mean target of those nearest in the scaled \
          features. Learns at once and follows any curve; the file holds the rows, and each answer \
          looks at all of them.",
    parameters: &[n_neighbors(5), WEIGHTS, MAX_SAMPLES, CORESET, SCALING, CLIP_MARGIN],
    supports_weights: false,
    needs_calibration: false,
    build: |parameters| {
        Box::new(Supervised { name: NAME, task: Task::Regression, parameters, learn })
    },
};

const NAME: &str = "k_neighbors_regressor";

fn learn(
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Fitted>, FitError> {
    let values = train.numbers(NAME)?;
    if train.weights.is_some() {
        return Err(FitError::Weights { estimator: NAME });
    }
    let scaler = Scaler::fit(train, parameters)?;
    let kept = Kept::choose(&scaler, train, None, parameters, context)?;
    let neighbours = parameters.integer("n_neighbors") as usize;
    kept.check_neighbours(neighbours, 0)?;
    let targets = kept.rows.iter().map(|&row| f64::from(values[row])).collect();
    let by_distance = parameters.word("weights") == Some("distance");
    let rows = train.rows;
    Ok(Box::new(FittedNeighbours { scaler, kept, targets, neighbours, by_distance, rows }))
}

struct FittedNeighbours {
    scaler: Scaler,
    kept: Kept,
    targets: Vec<f64>,
    neighbours: usize,
    by_distance: bool,
    rows: usize,
}

impl Head for FittedNeighbours {
    /// `value [N] = Σ share [N,k] · target of the nearest rows [N,k]`
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let scaled = self.scaler.emit(graph, features);
        let value = graph.scoped("neighbours", |graph| {
            let (distances, positions) = self.kept.emit_nearest(graph, &scaled, self.neighbours);
            let shares = emit_shares(graph, &distances, self.neighbours, self.by_distance);
            let targets = Tensor::f64([self.targets.len()], self.targets.clone());
            let targets = graph.constant(targets);
            let targets = graph.gather_at(&targets, &positions, 0);
            let weighted = graph.mul(&targets, &shares);
            let sum = graph.reduce_sum(&weighted, 1, false);
            graph.cast(&sum, DataType::Float)
        });
        HeadOutputs::Regression { value }
    }
}

impl Fitted for FittedNeighbours {
    fn features(&self) -> usize {
        self.scaler.width()
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        let mut facts = Map::from_iter([
            ("training_rows".to_owned(), json!(self.rows)),
            ("kept_rows".to_owned(), json!(self.kept.rows.len())),
        ]);
        facts.extend(self.scaler.facts());
        facts
    }
}
