//! T²-and-Q process monitor: distance from the usual along and off the main components.

use model_format::artifact::{Head, HeadOutputs};
use model_format::manifest::{Task, Threshold};
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::proto::DataType;
use model_format::onnx::tensor::Tensor;
use nalgebra::{DMatrix, SymmetricEigen};
use serde_json::{Map, json};

use super::alarm_line::{AlarmLine, conformal_quantile};
use crate::catalogue::Entry;
use crate::estimator::{Estimator, FitContext, FitError, Fitted};
use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::products::gram;
use crate::scaler::Scaler;
use crate::table::{Table, Target};

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "T² and Q process monitor",
    task: Task::Anomaly,
    doc: "Learns from normal rows in which directions the features usually move together \
          (principal components). T² measures how far a row lies out along them, Q how far it lies \
          off them; the larger of the two, each by its own limit, is the score. For machines and \
          processes with several correlated signals.",
    parameters: &[N_COMPONENTS, FALSE_ALARM_RATE],
    supports_weights: false,
    needs_calibration: true,
    build: |parameters| Box::new(T2q { parameters }),
};

const NAME: &str = "t2q";

const N_COMPONENTS: Parameter = Parameter {
    name: "n_components",
    doc: "Principal components that count as usual movement: a number of them (from 1 on), or the \
          share of the variance (below 1) that they have to explain together. The default lies in \
          the middle of the usual 0.7 to 0.9.",
    accepts: &[
        Form::Integer { min: 1, max: FEATURES_MAX as i64 },
        Form::Number { min: 0.01, max: 0.9999 },
    ],
    default: Preset::Number(0.8),
};

const FALSE_ALARM_RATE: Parameter = Parameter {
    name: "false_alarm_rate",
    doc: "Share of rows like the calibration rows that may raise an alarm. It takes at least \
          1/rate − 1 calibration rows: 99 for the default.",
    accepts: &[Form::Number { min: 1e-6, max: 0.5 }],
    default: Preset::Number(0.01),
};

/// Eigenvectors cost the cube of this.
const FEATURES_MAX: usize = 1024;
/// Components with a smaller share of the largest variance are rounding.
const VARIANCE_SHARE_MIN: f64 = 1e-10;
/// A residual of this many standard deviations per feature is rounding of 32-bit features; the
/// limit of Q is not set below it.
const RESIDUAL_MIN: f64 = 1e-4;
/// The score is cut here, so that it stays finite in 32-bit floats.
const SCORE_MAX: f64 = 1e30;

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
        check_normal(train)?;
        check_normal(calibration)?;
        if calibration.columns != train.columns {
            return Err(FitError::CalibrationColumns);
        }
        let rate = self.parameters.number("false_alarm_rate");
        let line = AlarmLine::new(NAME, rate, calibration.rows)?;
        let scaler = Scaler::fit(train)?;
        let components = Components::fit(&scaler, train, &self.parameters, context)?;
        (context.progress)(0.8);
        let fitted = FittedT2q::calibrate(scaler, components, calibration, line);
        (context.progress)(1.0);
        Ok(Box::new(fitted))
    }
}

fn check_normal(table: &Table) -> Result<(), FitError> {
    table.check()?;
    if table.weights.is_some() {
        return Err(FitError::Weights { estimator: NAME });
    }
    match &table.target {
        Target::None => Ok(()),
        target => Err(FitError::Target {
            estimator: NAME,
            expected: "normal rows without a target",
            found: target.kind(),
        }),
    }
}

/// The usual directions of movement.
struct Components {
    /// Mean of the scaled features: nearly 0, but for rounding.
    centre: Vec<f64>,
    /// `[F, k]`, row-major: the directions as columns.
    directions: Vec<f64>,
    /// Variance along each direction, largest first.
    variances: Vec<f64>,
    /// Variance in all directions.
    variance: f64,
}

impl Components {
    fn fit(
        scaler: &Scaler,
        train: &Table,
        parameters: &Checked,
        context: &FitContext<'_>,
    ) -> Result<Components, FitError> {
        let (rows, width) = (train.rows, scaler.width());
        if width > FEATURES_MAX {
            return Err(FitError::TooLarge {
                what: "the number of features",
                found: width as u64,
                limit: FEATURES_MAX as u64,
                advice: "choose fewer features",
            });
        }
        if rows < 3 {
            let reason = "directions of movement take several rows".to_owned();
            return Err(FitError::TooFewRows { kind: "training", rows, needed: 3, reason });
        }
        let mut z = scaler.apply_all(train);
        let mut centre = vec![0.0; width];
        for row in z.chunks_exact(width) {
            centre.iter_mut().zip(row).for_each(|(sum, z)| *sum += z / rows as f64);
        }
        for row in z.chunks_exact_mut(width) {
            row.iter_mut().zip(&centre).for_each(|(z, mean)| *z -= mean);
        }
        let covariance = gram(&z, width, context)? / (rows as f64 - 1.0);
        let variance = covariance.trace();
        if variance <= 0.0 {
            return Err(FitError::TooFewRows {
                kind: "different training",
                rows: 1,
                needed: 3,
                reason: "every feature is constant, so nothing shows what is usual".to_owned(),
            });
        }
        let (directions, variances) = principal(covariance, variance, parameters)?;
        Ok(Components { centre, directions, variances, variance })
    }

    fn count(&self) -> usize {
        self.variances.len()
    }

    /// T² and Q of a row of scaled features.
    fn distances(&self, scaled: &[f32]) -> (f64, f64) {
        let k = self.count();
        let centred: Vec<f64> =
            scaled.iter().zip(&self.centre).map(|(&z, mean)| f64::from(z) - mean).collect();
        let mut along = vec![0.0; k];
        for (z, direction) in centred.iter().zip(self.directions.chunks_exact(k)) {
            along.iter_mut().zip(direction).for_each(|(sum, d)| *sum += z * d);
        }
        let t2 = along.iter().zip(&self.variances).map(|(t, variance)| t * t / variance).sum();
        let off = |(z, direction): (&f64, &[f64])| {
            let usual: f64 = direction.iter().zip(&along).map(|(d, t)| d * t).sum();
            (z - usual) * (z - usual)
        };
        (t2, centred.iter().zip(self.directions.chunks_exact(k)).map(off).sum())
    }
}

/// Directions (`[F, k]`, row-major) and variances of the components that `n_components` asks for.
fn principal(
    covariance: DMatrix<f64>,
    variance: f64,
    parameters: &Checked,
) -> Result<(Vec<f64>, Vec<f64>), FitError> {
    let width = covariance.nrows();
    let eigen = SymmetricEigen::new(covariance);
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]).then(a.cmp(&b)));
    let smallest = eigen.eigenvalues[order[0]] * VARIANCE_SHARE_MIN;
    order.retain(|&at| eigen.eigenvalues[at] > smallest);
    let asked = parameters.number("n_components");
    let count = if asked < 1.0 {
        let mut explained = 0.0;
        let enough = order.iter().position(|&at| {
            explained += eigen.eigenvalues[at];
            explained >= asked * variance
        });
        enough.map_or(order.len(), |last| last + 1)
    } else {
        asked as usize
    };
    if count > order.len() {
        return Err(FitError::Parameter {
            parameter: "n_components",
            found: count.to_string(),
            reason: format!("the training rows vary in {} directions only", order.len()),
        });
    }
    order.truncate(count);
    // Eigenvectors have no sign of their own: the largest entry is made positive.
    let sign = |at: usize| {
        let column = eigen.eigenvectors.column(at);
        if column[column.iamax()] < 0.0 { -1.0 } else { 1.0 }
    };
    let signs: Vec<f64> = order.iter().map(|&at| sign(at)).collect();
    let directions = (0..width).flat_map(|row| {
        let columns = order.iter().zip(&signs);
        columns.map(move |(&at, sign)| (row, at, *sign)).collect::<Vec<_>>()
    });
    let directions =
        directions.map(|(row, at, sign)| eigen.eigenvectors[(row, at)] * sign).collect();
    Ok((directions, order.iter().map(|&at| eigen.eigenvalues[at]).collect()))
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
        Map::from_iter([
            ("components".to_owned(), json!(self.components.count())),
            ("explained_variance".to_owned(), json!(explained / self.components.variance)),
            ("t2_limit".to_owned(), json!(self.limits.0)),
            ("q_limit".to_owned(), json!(self.limits.1)),
            ("constant_features".to_owned(), json!(self.scaler.constant().collect::<Vec<_>>())),
        ])
    }

    fn threshold(&self) -> Option<Threshold> {
        Some(self.line.threshold())
    }
}
