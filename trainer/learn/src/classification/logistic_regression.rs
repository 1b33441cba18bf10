//! Logistic regression: probabilities from weighted sums of the scaled features.

use model_format::artifact::{Head, HeadOutputs};
use model_format::manifest::Task;
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::proto::DataType;
use model_format::onnx::tensor::Tensor;
use serde_json::{Map, json};

use super::class_weight::{CLASS_WEIGHT, class_weights};
use crate::catalogue::Entry;
use crate::estimator::{Estimator, FitContext, FitError, Fitted};
use crate::minimise::{Minimum, minimise};
use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::scaler::{CLIP_MARGIN, SCALING, Scaler};
use crate::table::Table;
use crate::workers::Workers;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Logistic regression",
    task: Task::Classification,
    doc: "A weighted sum of the scaled features per class, turned into probabilities. Small, fast \
          and easy to explain; enough where classes can be told apart by straight lines.",
    parameters: &[C, MAX_ITER, TOL, CLASS_WEIGHT, SCALING, CLIP_MARGIN],
    supports_weights: true,
    needs_calibration: false,
    build: |parameters| Box::new(LogisticRegression { parameters }),
};

const NAME: &str = "logistic_regression";

const C: Parameter = Parameter {
    name: "C",
    doc: "Inverse strength of the penalty on the squared weights: smaller values hold them closer \
          to 0.",
    accepts: &[Form::Number { min: 1e-6, max: 1e6 }],
    default: Preset::Number(1.0),
};

const MAX_ITER: Parameter = Parameter {
    name: "max_iter",
    doc: "The most steps of the search. Where they do not suffice the facts of the fit say so.",
    accepts: &[Form::Integer { min: 1, max: 100_000 }],
    default: Preset::Integer(1000),
};

const TOL: Parameter = Parameter {
    name: "tol",
    doc: "The search ends where no entry of the gradient of the mean loss is larger.",
    accepts: &[Form::Number { min: 1e-10, max: 0.1 }],
    default: Preset::Number(1e-6),
};

/// The most numbers to fit, features × classes.
const SIZE_MAX: usize = 1 << 20;
/// More weights than this are not repeated among the facts of the fit.
const WEIGHTS_IN_FACTS_MAX: usize = 1 << 14;
/// Rows whose sums are formed in one piece; fixed, so that the order of summation is.
const BLOCK_ROWS: usize = 512;

struct LogisticRegression {
    parameters: Checked,
}

impl Estimator for LogisticRegression {
    fn name(&self) -> &'static str {
        NAME
    }

    fn task(&self) -> Task {
        Task::Classification
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
        let (index, names) = train.classes(NAME)?;
        if calibration.is_some() {
            return Err(FitError::CalibrationUnused { estimator: NAME });
        }
        let scaler = Scaler::fit(train, &self.parameters)?;
        // Two classes need one sum: that the other class has its negative is the penalised optimum.
        let sums = if names.len() == 2 { 1 } else { names.len() };
        let size = (scaler.width() + 1) * sums;
        if size > SIZE_MAX {
            return Err(FitError::TooLarge {
                what: "features × classes",
                found: size as u64,
                limit: SIZE_MAX as u64,
                advice: "choose fewer features",
            });
        }
        let loss = Loss {
            z: &scaler.apply_all(train),
            classes: index,
            weights: &class_weights(train, index, names.len(), &self.parameters),
            width: scaler.width(),
            sums,
            strength: self.parameters.number("C"),
        };
        let minimum = loss.minimise(&self.parameters, context)?;
        Ok(Box::new(FittedLogistic::new(scaler, names.len(), minimum)))
    }
}

/// The penalised mean loss: (Σ wᵢ lossᵢ + |w|² / 2C) / Σ wᵢ, which has its minimum where
/// scikit-learn's C Σ wᵢ lossᵢ + |w|² / 2 has. The constants of the sums are not penalised.
///
/// Parameters are stored by feature, `sums` numbers each, then the constants.
struct Loss<'a> {
    z: &'a [f64],
    classes: &'a [u32],
    weights: &'a [f64],
    width: usize,
    sums: usize,
    strength: f64,
}

impl Loss<'_> {
    fn minimise(
        &self,
        parameters: &Checked,
        context: &FitContext<'_>,
    ) -> Result<Minimum, FitError> {
        let workers = Workers::new(context)?;
        let iterations_max = parameters.integer("max_iter") as usize;
        minimise(
            vec![0.0; (self.width + 1) * self.sums],
            parameters.number("tol"),
            iterations_max,
            |at, gradient| self.value(at, gradient, &workers),
            |iterations, _| (context.progress)(iterations as f64 / iterations_max as f64),
        )
    }

    fn value(
        &self,
        at: &[f64],
        gradient: &mut [f64],
        workers: &Workers<'_>,
    ) -> Result<f64, FitError> {
        let rows = self.classes.len();
        let parts = workers.map(rows.div_ceil(BLOCK_ROWS), |block| {
            Ok(self.block(at, block * BLOCK_ROWS..rows.min((block + 1) * BLOCK_ROWS)))
        })?;
        let total: f64 = self.weights.iter().sum();
        let mut value = 0.0;
        gradient.fill(0.0);
        for (part_value, part_gradient) in parts {
            value += part_value;
            gradient.iter_mut().zip(part_gradient).for_each(|(sum, part)| *sum += part);
        }
        let penalised = self.width * self.sums;
        for (slope, w) in gradient[..penalised].iter_mut().zip(at) {
            *slope += w / self.strength;
            value += w * w / (2.0 * self.strength);
        }
        gradient.iter_mut().for_each(|slope| *slope /= total);
        Ok(value / total)
    }

    /// Loss and gradient of some rows, without penalty.
    fn block(&self, at: &[f64], rows: std::ops::Range<usize>) -> (f64, Vec<f64>) {
        let (weights, constants) = at.split_at(self.width * self.sums);
        let mut gradient = vec![0.0; at.len()];
        let mut value = 0.0;
        let mut sums = vec![0.0; self.sums];
        for row in rows {
            let z = &self.z[row * self.width..(row + 1) * self.width];
            sums.copy_from_slice(constants);
            for (z, weights) in z.iter().zip(weights.chunks_exact(self.sums)) {
                sums.iter_mut().zip(weights).for_each(|(sum, w)| *sum += z * w);
            }
            let class = self.classes[row] as usize;
            let weight = self.weights[row];
            value += weight * slopes(&mut sums, class);
            sums.iter_mut().for_each(|slope| *slope *= weight);
            let (by_feature, by_constant) = gradient.split_at_mut(self.width * self.sums);
            for (z, target) in z.iter().zip(by_feature.chunks_exact_mut(self.sums)) {
                target.iter_mut().zip(&sums).for_each(|(sum, slope)| *sum += z * slope);
            }
            by_constant.iter_mut().zip(&sums).for_each(|(sum, slope)| *sum += slope);
        }
        (value, gradient)
    }
}

/// The loss of a row with these sums, which become its derivatives by them.
fn slopes(sums: &mut [f64], class: usize) -> f64 {
    if let [sum] = sums {
        // One sum s stands for the probability 1 / (1 + exp(−s)) of the second class.
        let away = if class == 1 { -*sum } else { *sum };
        let wrong = 1.0 / (1.0 + libm::exp(-away));
        *sum = if class == 1 { -wrong } else { wrong };
        return away.max(0.0) + libm::log1p(libm::exp(-away.abs()));
    }
    let largest = sums.iter().fold(f64::NEG_INFINITY, |largest, &sum| sum.max(largest));
    let own = sums[class] - largest;
    let mut total = 0.0;
    for sum in sums.iter_mut() {
        *sum = libm::exp(*sum - largest);
        total += *sum;
    }
    sums.iter_mut().for_each(|sum| *sum /= total);
    sums[class] -= 1.0;
    libm::log(total) - own
}

struct FittedLogistic {
    scaler: Scaler,
    classes: usize,
    /// By feature, `classes` numbers each.
    weights: Vec<f64>,
    constants: Vec<f64>,
    facts: Map<String, serde_json::Value>,
}

impl FittedLogistic {
    fn new(scaler: Scaler, classes: usize, minimum: Minimum) -> Self {
        let mut facts = Map::from_iter([
            ("iterations".to_owned(), json!(minimum.iterations)),
            ("converged".to_owned(), json!(minimum.converged)),
            ("gradient_max".to_owned(), json!(minimum.gradient_max)),
            ("loss".to_owned(), json!(minimum.value)),
        ]);
        facts.extend(scaler.facts());
        let mut weights = minimum.at;
        if classes == 2 {
            // Softmax of −s/2 and s/2 is 1 − p and p; halving is exact.
            weights = weights.iter().flat_map(|w| [-w / 2.0, w / 2.0]).collect();
        }
        let constants = weights.split_off(scaler.width() * classes);
        if weights.len() <= WEIGHTS_IN_FACTS_MAX {
            let by_feature: Vec<&[f64]> = weights.chunks_exact(classes).collect();
            facts.insert("weights".to_owned(), json!(by_feature));
            facts.insert("constants".to_owned(), json!(constants));
        }
        FittedLogistic { scaler, classes, weights, constants, facts }
    }
}

impl Head for FittedLogistic {
    /// `[N, F]` scaled → `[N, F]`·`[F, K]` + constants in 64-bit floats → Softmax in float32.
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let scaled = self.scaler.emit(graph, features);
        let probabilities = graph.scoped("logistic", |graph| {
            let shape = [self.scaler.width(), self.classes];
            let weights = graph.constant(Tensor::f64(shape, self.weights.clone()));
            let constants = Tensor::f64([self.classes], self.constants.clone());
            let constants = graph.constant(constants);
            let scaled = graph.cast(&scaled, DataType::Double);
            let sums = graph.mat_mul(&scaled, &weights);
            let sums = graph.add(&sums, &constants);
            let sums = graph.cast(&sums, DataType::Float);
            graph.softmax(&sums, 1)
        });
        HeadOutputs::Classification { probabilities }
    }
}

impl Fitted for FittedLogistic {
    fn features(&self) -> usize {
        self.scaler.width()
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        self.facts.clone()
    }
}
