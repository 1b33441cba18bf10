//! Gaussian naive Bayes: each feature of each class is normally distributed, independent of the others.

use model_format::manifest::Task;

use super::class_weight::{CLASS_WEIGHT, class_weights};
use super::moments::Moments;
use super::scores::FittedScores;
use crate::catalogue::Entry;
use crate::estimator::{FitContext, FitError, Fitted};
use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::scaler::{CLIP_MARGIN, SCALING, Scaler};
use crate::supervised::Supervised;
use crate::table::Table;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Gaussian naive Bayes",
    task: Task::Classification,
    doc: "Mean and variance of each feature in each class, taken as independent; the answer is how \
          well a row fits each class. Learns in one pass from few rows; its probabilities are too \
          sure of themselves where features say the same.",
    parameters: &[VAR_SMOOTHING, CLASS_WEIGHT, SCALING, CLIP_MARGIN],
    supports_weights: true,
    needs_calibration: false,
    build: |parameters| {
        Box::new(Supervised { name: NAME, task: Task::Classification, parameters, learn })
    },
};

const NAME: &str = "gaussian_nb";

const VAR_SMOOTHING: Parameter = Parameter {
    name: "var_smoothing",
    doc: "Added to each variance of the scaled features, whose variance over all rows is 1. Larger \
          values make classes broader and the answers less sure.",
    accepts: &[Form::Number { min: 1e-12, max: 1.0 }],
    default: Preset::Number(1e-9),
};

fn learn(
    parameters: &Checked,
    train: &Table,
    _: &FitContext<'_>,
) -> Result<Box<dyn Fitted>, FitError> {
    let (index, names) = train.classes(NAME)?;
    let (classes, scaler) = (names.len(), Scaler::fit(train, parameters)?);
    let (z, width) = (scaler.apply_all(train), scaler.width());
    let weights = class_weights(train, index, classes, parameters);
    let moments = Moments::new(&z, width, classes, index, &weights);
    let mut variances = vec![0.0; classes * width];
    for (row, (&class, weight)) in z.chunks_exact(width).zip(index.iter().zip(&weights)) {
        let class = class as usize;
        let means = &moments.means[class * width..][..width];
        let own = variances[class * width..][..width].iter_mut().zip(row.iter().zip(means));
        let share = weight / moments.weights[class];
        own.for_each(|(variance, (z, mean))| *variance += share * (z - mean) * (z - mean));
    }
    let smoothing = parameters.number("var_smoothing");
    variances.iter_mut().for_each(|variance| *variance += smoothing);

    // −½ ln(2πσ²) − (z − μ)² / 2σ², multiplied out by powers of z.
    let mut quadratic = vec![0.0; width * classes];
    let mut linear = vec![0.0; width * classes];
    let mut constants = moments.log_priors();
    for class in 0..classes {
        for column in 0..width {
            let (mean, variance) =
                (moments.means[class * width + column], variances[class * width + column]);
            quadratic[column * classes + class] = -0.5 / variance;
            linear[column * classes + class] = mean / variance;
            let spread = libm::log(2.0 * std::f64::consts::PI * variance);
            constants[class] -= 0.5 * (spread + mean * mean / variance);
        }
    }
    let fitted = FittedScores { scaler, quadratic: Some(quadratic), linear, constants };
    Ok(Box::new(fitted))
}
