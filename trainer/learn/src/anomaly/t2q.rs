//! T²-and-Q process monitor: distance from the usual along and off the main components.

use model_format::artifact::{Head, HeadOutputs};
use model_format::manifest::{Task, Threshold};
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::proto::DataType;
use model_format::onnx::tensor::Tensor;
use serde_json::{Map, json};

use super::alarm_line::{AlarmLine, FALSE_ALARM_RATE, conformal_quantile};
use super::components::{Components, N_COMPONENTS, RESIDUAL_MIN};
use super::detector::{SCORE_MAX, check_normal};
use crate::catalogue::Entry;
use crate::estimator::{Estimator, FitContext, FitError, Fitted};
use crate::parameter::Checked;
use crate::scaler::{SCALING, Scaler};
use crate::table::Table;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "T² and Q process monitor",
    task: Task::Anomaly,
    doc: "Learns from normal rows in which directions the features usually move together \
          (principal components). T² measures how far a row lies out along them, Q how far it lies \
          off them; the larger of the two, each by its own limit, is the score. For machines and \
          processes with several correlated signals.",
    parameters: &[N_COMPONENTS, SCALING, FALSE_ALARM_RATE],
    supports_weights: false,
    needs_calibration: true,
    build: |parameters| Box::new(T2q { parameters }),
};

const NAME: &str = "t2q";

struct T2q {
    parameters: Checked,
}

impl Estimator for T2q {
    fn name(&self) -> &'static str {
        NAME
    }

    fn task(&self) -> Task {
        Task::Anomaly
    }

    fn parameters(&self) -> &Map<String, serde_json::Value> {
        self.parameters.map()
    }

    fn fit(
        &self,
        train: &Table,
        calibration: Option<&Table>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        let calibration = calibration.ok_or(FitError::CalibrationMissing { estimator: NAME })?;
        check_normal(NAME, train)?;
        check_normal(NAME, calibration)?;
        if calibration.columns != train.columns {
            return Err(FitError::CalibrationColumns);
        }
        let rate = self.parameters.number("false_alarm_rate");
        let line = AlarmLine::new(NAME, rate, calibration.rows)?;
        let scaler = Scaler::fit(train, &self.parameters)?;
        let components = Components::fit(&scaler, train, &self.parameters, context)?;
        (context.progress)(0.8);
        let fitted = FittedT2q::calibrate(scaler.open(), components, calibration, line);
        (context.progress)(1.0);
        Ok(Box::new(fitted))
    }
}

struct FittedT2q {
    scaler: Scaler,
    components: Components,
    /// Limits of T² and, where there is a direction off the components, of Q.
    limits: (f64, Option<f64>),
    line: AlarmLine,
}

impl FittedT2q {
    /// Sets the limits of T² and Q, and the alarm line where the larger of the two ratios crosses
    /// it in no more than the tolerated share of rows.
    fn calibrate(
        scaler: Scaler,
        components: Components,
        calibration: &Table,
        mut line: AlarmLine,
    ) -> FittedT2q {
        let mut scaled = Vec::new();
        let distances: Vec<(f64, f64)> = (0..calibration.rows)
            .map(|row| {
                scaler.apply(calibration.row(row), &mut scaled);
                components.distances(&scaled)
            })
            .collect();
        let (t2, q): (Vec<f64>, Vec<f64>) = distances.iter().copied().unzip();
        let width = scaler.width();
        let t2_limit = conformal_quantile(t2, line.rate()).max(f64::MIN_POSITIVE.sqrt());
        let q_floor = width as f64 * RESIDUAL_MIN * RESIDUAL_MIN;
        let q_limit =
            (components.count() < width).then(|| conformal_quantile(q, line.rate()).max(q_floor));
        let score = |&(t2, q): &(f64, f64)| {
            let off = q_limit.map_or(0.0, |limit| q / limit);
            (t2 / t2_limit).max(off)
        };
        line.set(distances.iter().map(score).collect());
        FittedT2q { scaler, components, limits: (t2_limit, q_limit), line }
    }
}

impl Head for FittedT2q {
    /// ```text
    /// z [N,F] = scaled − centre        t [N,k] = z · directions
    /// T² [N]  = Σ t² / variance        Q [N]   = Σ (z − t · directionsᵀ)²
    /// score   = max(T² / limit, Q / limit) / raw threshold
    /// ```
    /// in 64-bit floats; the score is cast to float32 last.
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let scaled = self.scaler.emit(graph, features);
        let score = graph.scoped("t2q", |graph| self.emit_score(graph, &scaled));
        HeadOutputs::Anomaly { score }
    }
}

impl FittedT2q {
    fn emit_score(&self, graph: &mut GraphBuilder, scaled: &Value) -> Value {
        let (width, count) = (self.scaler.width(), self.components.count());
        let raw = self.line.raw();
        let directions = &self.components.directions;
        let transposed =
            (0..count).flat_map(|c| (0..width).map(move |row| directions[row * count + c]));
        let back = graph.constant(Tensor::f64([count, width], transposed.collect()));
        let centre = graph.constant(Tensor::f64([width], self.components.centre.clone()));
        let directions = graph.constant(Tensor::f64([width, count], directions.clone()));
        let by = |variance: &f64| 1.0 / (variance * self.limits.0 * raw);
        let by_variance = self.components.variances.iter().map(by).collect();
        let by_variance = graph.constant(Tensor::f64([count], by_variance));

        let scaled = graph.cast(scaled, DataType::Double);
        let z = graph.sub(&scaled, &centre);
        let along = graph.mat_mul(&z, &directions);
        let square = graph.mul(&along, &along);
        let weighted = graph.mul(&square, &by_variance);
        let mut score = graph.reduce_sum(&weighted, 1, false);
        if let Some(limit) = self.limits.1 {
            let usual = graph.mat_mul(&along, &back);
            let off = graph.sub(&z, &usual);
            let square = graph.mul(&off, &off);
            let q = graph.reduce_sum(&square, 1, false);
            let by_limit = graph.scalar_f64(1.0 / (limit * raw));
            let q = graph.mul(&q, &by_limit);
            score = graph.max(&score, &q);
        }
        let highest = graph.scalar_f64(SCORE_MAX);
        let score = graph.min(&score, &highest);
        graph.cast(&score, DataType::Float)
    }
}

impl Fitted for FittedT2q {
    fn features(&self) -> usize {
        self.scaler.width()
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        let explained: f64 = self.components.variances.iter().sum();
        let mut facts = Map::from_iter([
            ("components".to_owned(), json!(self.components.count())),
            ("explained_variance".to_owned(), json!(explained / self.components.variance)),
            ("t2_limit".to_owned(), json!(self.limits.0)),
            ("q_limit".to_owned(), json!(self.limits.1)),
        ]);
        facts.extend(self.scaler.facts());
        facts
    }

    fn threshold(&self) -> Option<Threshold> {
        Some(self.line.threshold())
    }
}
