//! Mahalanobis distance: how far a row lies out, measured by how the normal rows spread.

use model_format::manifest::Task;
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::proto::DataType;
use model_format::onnx::tensor::Tensor;
use nalgebra::DMatrix;
use serde_json::{Map, json};

use super::alarm_line::FALSE_ALARM_RATE;
use super::detector::{Detecting, Detector};
use crate::catalogue::Entry;
use crate::covariance::{check_width, shrunk, whitening};
use crate::estimator::{FitContext, FitError};
use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::products::gram;
use crate::scaler::{SCALING, Scaler};
use crate::table::Table;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Mahalanobis distance",
    task: Task::Anomaly,
    doc: "Middle and covariance of the scaled features of normal rows; the score is the distance from \
          the middle in the units of that spread, so that features that move together are not counted \
          twice. For one cloud of normal rows.",
    parameters: &[SHRINKAGE, SCALING, FALSE_ALARM_RATE],
    supports_weights: false,
    needs_calibration: true,
    build: |parameters| Box::new(Detecting { name: NAME, parameters, learn }),
};

const NAME: &str = "mahalanobis";

const SHRINKAGE: Parameter = Parameter {
    name: "shrinkage",
    doc: "Share of an even spread in the covariance, which steadies it where rows are few. auto: the \
          share of Ledoit and Wolf. 0: none, and directions in which rows do not vary are left out.",
    accepts: &[Form::Choice(&["auto"]), Form::Number { min: 0.0, max: 1.0 }],
    default: Preset::Word("auto"),
};

/// Directions with a smaller share of the largest variance are rounding.
const VARIANCE_SHARE_MIN: f64 = 1e-10;

fn learn(
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Detector>, FitError> {
    let scaler = Scaler::fit(train, parameters)?;
    let (width, rows) = (scaler.width(), train.rows as f64);
    check_width(width)?;
    let mut z = scaler.apply_all(train);
    let mut centre = vec![0.0; width];
    for row in z.chunks_exact(width) {
        centre.iter_mut().zip(row).for_each(|(sum, z)| *sum += z / rows);
    }
    for row in z.chunks_exact_mut(width) {
        row.iter_mut().zip(&centre).for_each(|(z, mean)| *z -= mean);
    }
    let covariance = gram(&z, width, context)? / rows;
    let shrinkage = match parameters.optional_number("shrinkage") {
        Some(share) => share,
        None => ledoit_wolf(&z, width, &covariance),
    };
    let covariance = shrunk(covariance, shrinkage);
    let smallest = covariance.diagonal().max() * VARIANCE_SHARE_MIN;
    let (white, directions) = whitening(covariance, smallest);
    Ok(Box::new(Mahalanobis { scaler: scaler.open(), centre, white, directions, shrinkage }))
}

/// The share that minimises the expected error of the covariance (Ledoit, Wolf: A well-conditioned
/// estimator for large-dimensional covariance matrices, 2004).
fn ledoit_wolf(z: &[f64], width: usize, covariance: &DMatrix<f64>) -> f64 {
    let (rows, features) = ((z.len() / width) as f64, width as f64);
    let even = covariance.trace() / features;
    let squares: f64 = covariance.iter().map(|value| value * value).sum();
    let length = |row: &[f64]| row.iter().map(|z| z * z).sum::<f64>();
    let fourth: f64 = z.chunks_exact(width).map(length).map(|length| length * length).sum();
    let noise = (fourth / rows - squares) / (features * rows);
    let spread = (squares - features * even * even) / features;
    if noise <= 0.0 || spread <= 0.0 { 0.0 } else { (noise / spread).min(1.0) }
}

struct Mahalanobis {
    scaler: Scaler,
    centre: Vec<f64>,
    /// `[F, k]`, row-major.
    white: Vec<f64>,
    directions: usize,
    shrinkage: f64,
}

impl Detector for Mahalanobis {
    fn width(&self) -> usize {
        self.scaler.width()
    }

    /// `score [N] = √ Σ ((scaled − centre) · whitening)²`, in 64-bit floats.
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> Value {
        let scaled = self.scaler.emit(graph, features);
        graph.scoped("mahalanobis", |graph| {
            let width = self.scaler.width();
            let centre = graph.constant(Tensor::f64([width], self.centre.clone()));
            let white = Tensor::f64([width, self.directions], self.white.clone());
            let white = graph.constant(white);
            let z = graph.cast(&scaled, DataType::Double);
            let z = graph.sub(&z, &centre);
            let along = graph.mat_mul(&z, &white);
            let square = graph.mul(&along, &along);
            let sum = graph.reduce_sum(&square, 1, false);
            graph.sqrt(&sum)
        })
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        let mut facts = Map::from_iter([
            ("shrinkage".to_owned(), json!(self.shrinkage)),
            ("directions".to_owned(), json!(self.directions)),
        ]);
        facts.extend(self.scaler.facts());
        facts
    }
}
