//! The frame of an anomaly detector: raw scores from its graph, the alarm line from held-back rows.

use model_format::artifact::{Head, HeadOutputs};
use model_format::manifest::{Task, Threshold};
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::proto::DataType;
use serde_json::Map;

use super::alarm_line::AlarmLine;
use crate::estimator::{Estimator, FitContext, FitError, Fitted};
use crate::parameter::Checked;
use crate::prediction::predict;
use crate::table::{Table, Target};

/// The score is cut here, so that it stays finite in 32-bit floats.
pub(super) const SCORE_MAX: f64 = 1e30;

/// What a detector has learned, without an alarm line.
pub(super) trait Detector: Send + Sync {
    /// Number of features.
    fn width(&self) -> usize;

    /// Adds the raw score (float64 `[N]`, not negative, larger where a row is less usual) of
    /// `features` (float32 `[N, F]`).
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> Value;

    /// The smallest raw score that may become the line: what is below is rounding.
    fn line_min(&self) -> f64 {
        0.0
    }

    /// What the fit found.
    fn facts(&self) -> Map<String, serde_json::Value>;
}

/// Learns from checked normal rows, of which at least two differ.
pub(super) type Learn =
    fn(&Checked, &Table, &FitContext<'_>) -> Result<Box<dyn Detector>, FitError>;

/// A detector that is its parameters and a function.
pub(super) struct Detecting {
    /// Name in the catalogue.
    pub(super) name: &'static str,
    /// Complete parameters, `false_alarm_rate` among them.
    pub(super) parameters: Checked,
    /// Learns.
    pub(super) learn: Learn,
}

impl Estimator for Detecting {
    fn name(&self) -> &'static str {
        self.name
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
        let missing = FitError::CalibrationMissing { estimator: self.name };
        let calibration = calibration.ok_or(missing)?;
        check_normal(self.name, train)?;
        check_normal(self.name, calibration)?;
        if calibration.columns != train.columns {
            return Err(FitError::CalibrationColumns);
        }
        check_varied(train)?;
        let rate = self.parameters.number("false_alarm_rate");
        let mut line = AlarmLine::new(self.name, rate, calibration.rows)?;
        context.check_cancel()?;
        let detector = (self.learn)(&self.parameters, train, context)?;
        context.check_cancel()?;
        let mut scores = raw_scores(self.name, detector.as_ref(), calibration)?;
        // The line is one of the scores: so none may be below what a line may be.
        scores.iter_mut().for_each(|score| *score = score.max(detector.line_min()));
        line.set(scores);
        (context.progress)(1.0);
        Ok(Box::new(FittedDetector { detector, line }))
    }
}

/// Refuses rows that a detector cannot learn what is normal from.
pub(super) fn check_normal(estimator: &'static str, table: &Table) -> Result<(), FitError> {
    table.check()?;
    if table.weights.is_some() {
        return Err(FitError::Weights { estimator });
    }
    match &table.target {
        Target::None => Ok(()),
        target => Err(FitError::Target {
            estimator,
            expected: "normal rows without a target",
            found: target.kind(),
        }),
    }
}

fn check_varied(train: &Table) -> Result<(), FitError> {
    let width = train.columns.len();
    let first = train.values.get(..width).unwrap_or_default();
    if train.values.chunks_exact(width).any(|row| row != first) {
        return Ok(());
    }
    Err(FitError::TooFewRows {
        kind: "different training",
        rows: train.rows.min(1),
        needed: 2,
        reason: "every feature is constant, so nothing shows what is usual".to_owned(),
    })
}

/// The raw scores of the rows, by the graph that the device runs.
fn raw_scores(
    estimator: &'static str,
    detector: &dyn Detector,
    table: &Table,
) -> Result<Vec<f64>, FitError> {
    let raw = Raw(detector);
    let answers = predict(&raw, table);
    let answers =
        answers.map_err(|error| FitError::Graph { estimator, reason: error.to_string() })?;
    Ok(answers.numbers().iter().map(|&score| f64::from(score)).collect())
}

/// A detector whose line is 1.
struct Raw<'a>(&'a dyn Detector);

impl Head for Raw<'_> {
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let score = self.0.emit(graph, features);
        HeadOutputs::Anomaly { score: bounded(graph, &score) }
    }
}

impl Fitted for Raw<'_> {
    fn features(&self) -> usize {
        self.0.width()
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        Map::new()
    }
}

struct FittedDetector {
    detector: Box<dyn Detector>,
    line: AlarmLine,
}

impl Head for FittedDetector {
    /// `score [N] = min(raw / line, 1e30)`, cast to float32 last.
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let raw = self.detector.emit(graph, features);
        let score = graph.scoped("alarm_line", |graph| {
            let line = graph.scalar_f64(self.line.raw());
            let score = graph.div(&raw, &line);
            bounded(graph, &score)
        });
        HeadOutputs::Anomaly { score }
    }
}

fn bounded(graph: &mut GraphBuilder, score: &Value) -> Value {
    let highest = graph.scalar_f64(SCORE_MAX);
    let score = graph.min(score, &highest);
    graph.cast(&score, DataType::Float)
}

impl Fitted for FittedDetector {
    fn features(&self) -> usize {
        self.detector.width()
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        self.detector.facts()
    }

    fn threshold(&self) -> Option<Threshold> {
        Some(self.line.threshold())
    }
}
