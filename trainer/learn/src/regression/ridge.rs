//! Ridge regression: least squares with a penalty on the size of the coefficients.

use model_format::manifest::Task;
use nalgebra::{DMatrix, DVector};
use serde_json::Map;

use super::linear::{FittedLinear, centre};
use crate::catalogue::Entry;
use crate::estimator::{Estimator, FitContext, FitError, Fitted};
use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::products::gram;
use crate::scaler::{CLIP_MARGIN, SCALING, Scaler};
use crate::table::Table;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Ridge regression",
    task: Task::Regression,
    doc: "A weighted sum of the scaled features plus a constant, fitted by least squares with a \
          penalty on large weights. Small, fast, and it goes on beyond the range of the training \
          targets.",
    parameters: &[ALPHA, SCALING, CLIP_MARGIN],
    supports_weights: true,
    needs_calibration: false,
    build: |parameters| Box::new(Ridge { parameters }),
};

const NAME: &str = "ridge";

const ALPHA: Parameter = Parameter {
    name: "alpha",
    doc: "Strength of the penalty on the squared weights of the scaled features. 0 is plain least \
          squares, which needs more rows than features and no feature that others add up to.",
    accepts: &[Form::Number { min: 0.0, max: 1e12 }],
    default: Preset::Number(1.0),
};

/// The larger of rows and features may be anything, the smaller is the size of the system.
const SYSTEM_MAX: usize = 4096;

struct Ridge {
    parameters: Checked,
}

impl Estimator for Ridge {
    fn name(&self) -> &'static str {
        NAME
    }

    fn task(&self) -> Task {
        Task::Regression
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
        train.check()?;
        let values = train.numbers(NAME)?;
        if calibration.is_some() {
            return Err(FitError::CalibrationUnused { estimator: NAME });
        }
        let scaler = Scaler::fit(train, &self.parameters)?;
        let weights = train.row_weights();
        let width = scaler.width();
        let mut z = scaler.apply_all(train);
        let mut y: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
        let means = centre(&mut z, width, &weights);
        let y_mean = centre(&mut y, 1, &weights)[0];
        for (row, weight) in weights.iter().enumerate() {
            let root = weight.sqrt();
            z[row * width..(row + 1) * width].iter_mut().for_each(|value| *value *= root);
            y[row] *= root;
        }
        let alpha = self.parameters.number("alpha");
        let weights = solve(&z, &y, width, alpha, context)?;
        let shift: f64 = weights.iter().zip(&means).map(|(w, mean)| w * mean).sum();
        (context.progress)(1.0);
        let (intercept, facts) = (y_mean - shift, Map::new());
        Ok(Box::new(FittedLinear { scope: NAME, scaler, weights, intercept, facts }))
    }
}

/// The weights w that minimise |z w − y|² + alpha |w|².
///
/// With few features by (zᵀz + alpha) w = zᵀy; with few rows by w = zᵀ u, (zzᵀ + alpha) u = y,
/// which is the same with the smaller system.
fn solve(
    z: &[f64],
    y: &[f64],
    width: usize,
    alpha: f64,
    context: &FitContext<'_>,
) -> Result<Vec<f64>, FitError> {
    let rows = y.len();
    let size = width.min(rows);
    if size > SYSTEM_MAX {
        return Err(FitError::TooLarge {
            what: "the number of features",
            found: size as u64,
            limit: SYSTEM_MAX as u64,
            advice: "choose fewer features",
        });
    }
    if width <= rows {
        let system = gram(z, width, context)?;
        let mut right = vec![0.0; width];
        for (row, y) in z.chunks_exact(width).zip(y) {
            right.iter_mut().zip(row).for_each(|(sum, z)| *sum += z * y);
        }
        return cholesky(system, right, alpha);
    }
    let transposed: Vec<f64> =
        (0..width).flat_map(|column| (0..rows).map(move |row| z[row * width + column])).collect();
    let system = gram(&transposed, rows, context)?;
    let dual = cholesky(system, y.to_vec(), alpha)?;
    let dot = |column: &[f64]| column.iter().zip(&dual).map(|(z, u)| z * u).sum();
    Ok(transposed.chunks_exact(rows).map(dot).collect())
}

/// Solves (system + alpha) x = right.
fn cholesky(mut system: DMatrix<f64>, right: Vec<f64>, alpha: f64) -> Result<Vec<f64>, FitError> {
    let largest = system.diagonal().max();
    for at in 0..system.nrows() {
        // A feature that never changes has an empty row: any weight fits it, 0 is the smallest.
        let diagonal = &mut system[(at, at)];
        *diagonal = if *diagonal + alpha > 0.0 { *diagonal + alpha } else { 1.0 };
    }
    let factor = system.cholesky();
    // Pivots at the level of rounding are no information.
    let sound = |pivot: f64| pivot * pivot > largest * 1e-13;
    match factor {
        Some(factor) if factor.l_dirty().diagonal().iter().all(|&pivot| sound(pivot)) => {
            Ok(factor.solve(&DVector::from_vec(right)).as_slice().to_vec())
        }
        _ => Err(FitError::Parameter {
            parameter: "alpha",
            found: alpha.to_string(),
            reason:
                "some features add up to others, so that the weights are not determined; raise \
                     alpha (1 is the default) or leave features out"
                    .to_owned(),
        }),
    }
}
