//! k nearest neighbours for classes: the shares of the classes among the nearest training rows.

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
    task: Task::Classification,
    doc: "Keeps training rows and answers with the shares of the classes among those nearest in the \
          scaled features. Learns at once and follows any border; the file holds the rows, and each \
          answer looks at all of them.",
    parameters: &[n_neighbors(5), WEIGHTS, MAX_SAMPLES, CORESET, SCALING, CLIP_MARGIN],
    supports_weights: false,
    needs_calibration: false,
    build: |parameters| {
        Box::new(Supervised { name: NAME, task: Task::Classification, parameters, learn })
    },
};

const NAME: &str = "k_neighbors_classifier";

fn learn(
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Fitted>, FitError> {
    let (index, names) = train.classes(NAME)?;
    if train.weights.is_some() {
        return Err(FitError::Weights { estimator: NAME });
    }
    let scaler = Scaler::fit(train, parameters)?;
    let kept = Kept::choose(&scaler, train, Some(index), parameters, context)?;
    let neighbours = parameters.integer("n_neighbors") as usize;
    kept.check_neighbours(neighbours, 0)?;
    let classes = kept.rows.iter().map(|&row| index[row] as usize).collect();
    let by_distance = parameters.word("weights") == Some("distance");
    Ok(Box::new(FittedNeighbours {
        scaler,
        kept,
        classes,
        class_count: names.len(),
        neighbours,
        by_distance,
        rows: train.rows,
    }))
}

struct FittedNeighbours {
    scaler: Scaler,
    kept: Kept,
    classes: Vec<usize>,
    class_count: usize,
    neighbours: usize,
    by_distance: bool,
    rows: usize,
}

impl Head for FittedNeighbours {
    /// ```text
    /// positions [N,k] of the nearest rows → their classes as rows of 0 and 1 [N,k,K]
    /// probabilities [N,K] = Σ share [N,k,1] · classes
    /// ```
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let scaled = self.scaler.emit(graph, features);
        let probabilities = graph.scoped("neighbours", |graph| {
            let (distances, positions) = self.kept.emit_nearest(graph, &scaled, self.neighbours);
            let shares = emit_shares(graph, &distances, self.neighbours, self.by_distance);
            let shares = graph.unsqueeze(&shares, 2);
            let mut table = vec![0.0; self.classes.len() * self.class_count];
            for (row, &class) in self.classes.iter().enumerate() {
                table[row * self.class_count + class] = 1.0;
            }
            let table = Tensor::f64([self.classes.len(), self.class_count], table);
            let table = graph.constant(table);
            let classes = graph.gather_at(&table, &positions, 0);
            let weighted = graph.mul(&classes, &shares);
            let sums = graph.reduce_sum(&weighted, 1, false);
            graph.cast(&sums, DataType::Float)
        });
        HeadOutputs::Classification { probabilities }
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
