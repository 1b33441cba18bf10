//! k-NN distance: how far away the nearest normal rows are.

use model_format::manifest::Task;
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::tensor::Tensor;
use serde_json::{Map, json};

use super::alarm_line::FALSE_ALARM_RATE;
use super::detector::{Detecting, Detector};
use crate::catalogue::Entry;
use crate::estimator::{FitContext, FitError};
use crate::neighbours::{CORESET, Kept, MAX_SAMPLES, n_neighbors};
use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::scaler::{SCALING, Scaler};
use crate::table::Table;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "k-NN distance",
    task: Task::Anomaly,
    doc: "Keeps normal rows; the score is the distance to the k-th nearest of them in the scaled \
          features, or the mean of the k. Finds normal rows of any shape; the file holds the rows, and \
          each answer looks at all of them.",
    parameters: &[n_neighbors(5), METHOD, MAX_SAMPLES, CORESET, SCALING, FALSE_ALARM_RATE],
    supports_weights: false,
    needs_calibration: true,
    build: |parameters| Box::new(Detecting { name: NAME, parameters, learn }),
};

const NAME: &str = "k_neighbors_detector";

const METHOD: Parameter = Parameter {
    name: "method",
    doc: "Which distance is the score: the largest of those to the n_neighbors nearest rows, or their \
          mean.",
    accepts: &[Form::Choice(&["largest", "mean"])],
    default: Preset::Word("largest"),
};

fn learn(
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Detector>, FitError> {
    let scaler = Scaler::fit(train, parameters)?.open();
    let kept = Kept::choose(&scaler, train, None, parameters, context)?;
    let neighbours = parameters.integer("n_neighbors") as usize;
    kept.check_neighbours(neighbours, 0)?;
    let mean = parameters.word("method") == Some("mean");
    Ok(Box::new(Distance { scaler, kept, neighbours, mean, rows: train.rows }))
}

struct Distance {
    scaler: Scaler,
    kept: Kept,
    neighbours: usize,
    mean: bool,
    rows: usize,
}

impl Detector for Distance {
    fn width(&self) -> usize {
        self.scaler.width()
    }

    /// `score [N] = distances [N,k] · counts [k,1]`: the last one alone, or each by 1/k.
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> Value {
        let scaled = self.scaler.emit(graph, features);
        graph.scoped("neighbours", |graph| {
            let (distances, _) = self.kept.emit_nearest(graph, &scaled, self.neighbours);
            let counts = (1..=self.neighbours).map(|at| match (self.mean, at == self.neighbours) {
                (true, _) => 1.0 / self.neighbours as f64,
                (false, last) => f64::from(u8::from(last)),
            });
            let counts = graph.constant(Tensor::f64([self.neighbours, 1], counts.collect()));
            let score = graph.mat_mul(&distances, &counts);
            graph.squeeze(&score, 1)
        })
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
