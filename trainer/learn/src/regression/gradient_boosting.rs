//! Gradient boosting for numbers: small trees whose corrections add up to the answer.

use model_format::manifest::Task;
use model_format::onnx::op::tree_ensemble::Forest;

use super::forest::FittedTrees;
use crate::boost::{SquaredError, boost, parameters};
use crate::catalogue::Entry;
use crate::estimator::{FitContext, FitError, Fitted};
use crate::parameter::Checked;
use crate::supervised::Supervised;
use crate::table::Table;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Gradient boosting",
    task: Task::Regression,
    doc: "Small trees one after the other, each fitted to what those before it still get wrong. Often \
          the most accurate choice where there are some thousand rows, and its files are smaller than \
          a forest's. With enough recordings it ends by itself when more trees do not help.",
    parameters: &[
        parameters::LEARNING_RATE,
        parameters::MAX_ITER,
        parameters::MAX_LEAF_NODES,
        parameters::MAX_DEPTH,
        parameters::MIN_SAMPLES_LEAF,
        parameters::L2_REGULARIZATION,
        parameters::MAX_BINS,
        parameters::EARLY_STOPPING,
        parameters::VALIDATION_FRACTION,
        parameters::N_ITER_NO_CHANGE,
        parameters::TOL,
    ],
    supports_weights: true,
    needs_calibration: false,
    build: |parameters| {
        Box::new(Supervised { name: NAME, task: Task::Regression, parameters, learn })
    },
};

const NAME: &str = "gradient_boosting_regressor";

fn learn(
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Fitted>, FitError> {
    let targets: Vec<f64> = train.numbers(NAME)?.iter().map(|&value| f64::from(value)).collect();
    let weights = if train.weights.is_some() { train.row_weights() } else { Vec::new() };
    let loss = SquaredError { targets: &targets, weights: &weights };
    let boosted = boost(parameters, train, &loss, context)?;
    let trees = boosted.rounds.into_iter().flatten().collect();
    let forest = Forest { width: train.columns.len(), outputs: 1, trees };
    Ok(Box::new(FittedTrees { forest, offset: boosted.start[0] as f32, facts: boosted.facts }))
}
