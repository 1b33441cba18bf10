//! PCA reconstruction: how far a row lies off the directions in which normal rows move.

use model_format::manifest::Task;
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::proto::DataType;
use model_format::onnx::tensor::Tensor;
use serde_json::{Map, json};

use super::alarm_line::FALSE_ALARM_RATE;
use super::components::{Components, N_COMPONENTS, RESIDUAL_MIN};
use super::detector::{Detecting, Detector};
use crate::catalogue::Entry;
use crate::estimator::{FitContext, FitError};
use crate::parameter::Checked;
use crate::scaler::{SCALING, Scaler};
use crate::table::Table;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "PCA reconstruction",
    task: Task::Anomaly,
    doc: "Learns from normal rows in which directions the scaled features usually move together; the \
          score is the distance between a row and what those directions can say of it. For features \
          whose relation matters more than their size; t2q watches both.",
    parameters: &[N_COMPONENTS, SCALING, FALSE_ALARM_RATE],
    supports_weights: false,
    needs_calibration: true,
    build: |parameters| Box::new(Detecting { name: NAME, parameters, learn }),
};

const NAME: &str = "pca";

fn learn(
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Detector>, FitError> {
    let scaler = Scaler::fit(train, parameters)?;
    let components = Components::fit(&scaler, train, parameters, context)?;
    let moving = scaler.width() - scaler.constant().count();
    if components.count() >= moving && moving > 1 {
        return Err(FitError::Parameter {
            parameter: "n_components",
            found: parameters.map()["n_components"].to_string(),
            reason: format!(
                "{} components say all of the {moving} features that vary, so that nothing is left to \
                 score; ask for fewer",
                components.count()
            ),
        });
    }
    Ok(Box::new(Pca { scaler: scaler.open(), components }))
}

struct Pca {
    scaler: Scaler,
    components: Components,
}

impl Detector for Pca {
    fn width(&self) -> usize {
        self.scaler.width()
    }

    /// ```text
    /// z [N,F] = scaled − centre      score = √ Σ (z − z · directions · directionsᵀ)²
    /// ```
    /// With one feature there is nothing beside its own direction: then the score is |z|.
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> Value {
        let scaled = self.scaler.emit(graph, features);
        graph.scoped("pca", |graph| {
            let (width, count) = (self.scaler.width(), self.components.count());
            let centre = Tensor::f64([width], self.components.centre.clone());
            let centre = graph.constant(centre);
            let z = graph.cast(&scaled, DataType::Double);
            let z = graph.sub(&z, &centre);
            let directions = &self.components.directions;
            let mut off = z.clone();
            if self.scaler.width() - self.scaler.constant().count() > 1 {
                let turned =
                    (0..count).flat_map(|c| (0..width).map(move |row| directions[row * count + c]));
                let back = graph.constant(Tensor::f64([count, width], turned.collect()));
                let directions = Tensor::f64([width, count], directions.clone());
                let directions = graph.constant(directions);
                let along = graph.mat_mul(&z, &directions);
                let usual = graph.mat_mul(&along, &back);
                off = graph.sub(&z, &usual);
            }
            let square = graph.mul(&off, &off);
            let sum = graph.reduce_sum(&square, 1, false);
            graph.sqrt(&sum)
        })
    }

    fn line_min(&self) -> f64 {
        (self.scaler.width() as f64).sqrt() * RESIDUAL_MIN
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        let explained: f64 = self.components.variances.iter().sum();
        let mut facts = Map::from_iter([
            ("components".to_owned(), json!(self.components.count())),
            ("explained_variance".to_owned(), json!(explained / self.components.variance)),
        ]);
        facts.extend(self.scaler.facts());
        facts
    }
}
