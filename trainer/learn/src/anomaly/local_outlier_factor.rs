//! Local outlier factor: how much thinner rows lie around a row than around its neighbours.

use model_format::manifest::Task;
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::tensor::Tensor;
use serde_json::{Map, json};

use super::alarm_line::FALSE_ALARM_RATE;
use super::detector::{Detecting, Detector};
use crate::catalogue::Entry;
use crate::estimator::{FitContext, FitError};
use crate::neighbours::{CORESET, Kept, MAX_SAMPLES, n_neighbors};
use crate::parameter::Checked;
use crate::scaler::{SCALING, Scaler};
use crate::table::Table;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Local outlier factor",
    task: Task::Anomaly,
    doc: "Keeps normal rows and how densely each lies among the others; the score compares the density \
          around a row with that around its neighbours. For normal rows that lie densely in some places \
          and thinly in others; the file holds the rows, and each answer looks at all of them.",
    parameters: &[n_neighbors(20), MAX_SAMPLES, CORESET, SCALING, FALSE_ALARM_RATE],
    supports_weights: false,
    needs_calibration: true,
    build: |parameters| Box::new(Detecting { name: NAME, parameters, learn }),
};

const NAME: &str = "local_outlier_factor";

/// Keeps densities finite; the value of scikit-learn.
const REACH_MIN: f64 = 1e-10;

/// Learns k-distances and local reachability densities of the kept rows (Breunig, Kriegel, Ng, Sander:
/// LOF, 2000).
fn learn(
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Detector>, FitError> {
    let scaler = Scaler::fit(train, parameters)?.open();
    let kept = Kept::choose(&scaler, train, None, parameters, context)?;
    let neighbours = parameters.integer("n_neighbors") as usize;
    kept.check_neighbours(neighbours, 1)?;
    let nearest = kept.nearest_others(neighbours, context)?;
    let reach: Vec<f64> = nearest.iter().map(|found| found[neighbours - 1].0).collect();
    let density = |found: &Vec<(f64, usize)>| {
        let sum: f64 = found.iter().map(|&(distance, other)| distance.max(reach[other])).sum();
        1.0 / (sum / neighbours as f64 + REACH_MIN)
    };
    let densities = nearest.iter().map(density).collect();
    Ok(Box::new(Lof { scaler, kept, reach, densities, neighbours, rows: train.rows }))
}

struct Lof {
    scaler: Scaler,
    kept: Kept,
    /// Distance of each kept row to its k-th neighbour.
    reach: Vec<f64>,
    densities: Vec<f64>,
    neighbours: usize,
    rows: usize,
}

impl Detector for Lof {
    fn width(&self) -> usize {
        self.scaler.width()
    }

    /// ```text
    /// distances, positions [N,k] of the nearest rows
    /// density [N] = 1 / (mean max(distances, reach[positions]) + 1e-10)
    /// score [N]   = mean densities[positions] / density
    /// ```
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> Value {
        let scaled = self.scaler.emit(graph, features);
        graph.scoped("lof", |graph| {
            let (distances, positions) = self.kept.emit_nearest(graph, &scaled, self.neighbours);
            let kept = self.reach.len();
            let reach = graph.constant(Tensor::f64([kept], self.reach.clone()));
            let densities = graph.constant(Tensor::f64([kept], self.densities.clone()));
            let reach = graph.gather_at(&reach, &positions, 0);
            let reach = graph.max(&distances, &reach);
            let share = graph.scalar_f64(1.0 / self.neighbours as f64);
            let sum = graph.reduce_sum(&reach, 1, false);
            let mean = graph.mul(&sum, &share);
            let least = graph.scalar_f64(REACH_MIN);
            let away = graph.add(&mean, &least);
            let densities = graph.gather_at(&densities, &positions, 0);
            let sum = graph.reduce_sum(&densities, 1, false);
            let density = graph.mul(&sum, &share);
            graph.mul(&density, &away)
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
