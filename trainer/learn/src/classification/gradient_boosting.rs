//! Gradient boosting for classes: small trees whose corrections add up to the logarithms of the odds.

use model_format::artifact::{Head, HeadOutputs};
use model_format::manifest::Task;
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::op::tree_ensemble::{Forest, Tree};
use model_format::onnx::tensor::Tensor;
use serde_json::{Map, json};

use super::class_weight::{CLASS_WEIGHT, class_weights};
use crate::boost::{Boosted, LogLoss, boost, parameters};
use crate::catalogue::Entry;
use crate::estimator::{FitContext, FitError, Fitted};
use crate::parameter::Checked;
use crate::supervised::Supervised;
use crate::table::Table;
use crate::tree::{WEIGHTS_MAX, check_size};

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Gradient boosting",
    task: Task::Classification,
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
        CLASS_WEIGHT,
    ],
    supports_weights: true,
    needs_calibration: false,
    build: |parameters| {
        Box::new(Supervised { name: NAME, task: Task::Classification, parameters, learn })
    },
};

const NAME: &str = "gradient_boosting_classifier";

fn learn(
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Fitted>, FitError> {
    let (index, names) = train.classes(NAME)?;
    let classes = names.len();
    let even = train.weights.is_none() && parameters.word("class_weight").is_none();
    let weights = if even { Vec::new() } else { class_weights(train, index, classes, parameters) };
    let loss = LogLoss { index, classes, weights: &weights };
    let boosted = boost(parameters, train, &loss, context)?;
    Ok(Box::new(FittedBoosting::new(boosted, classes, train.columns.len())?))
}

struct FittedBoosting {
    forest: Forest,
    /// By class.
    start: Vec<f32>,
    facts: Map<String, serde_json::Value>,
}

impl FittedBoosting {
    fn new(boosted: Boosted, classes: usize, width: usize) -> Result<Self, FitError> {
        let Boosted { start, rounds, mut facts } = boosted;
        // Softmax of −s/2 and s/2 is 1 − p and p: so one number decides between two classes.
        let counts = |output: usize| match classes {
            2 => vec![-0.5, 0.5],
            _ => (0..classes).map(|class| if class == output { 1.0 } else { 0.0 }).collect(),
        };
        let mut trees = Vec::new();
        let mut size = 0;
        for (output, tree) in rounds.into_iter().flat_map(|round| round.into_iter().enumerate()) {
            size += tree.weights.len() * classes;
            check_size("leaf weights of the trees", size, WEIGHTS_MAX)?;
            let counts = counts(output);
            let weights = tree
                .weights
                .iter()
                .flat_map(|weight| counts.iter().map(move |count| weight * count));
            trees.push(Tree { weights: weights.collect(), nodes: tree.nodes });
        }
        let start = match start[..] {
            [one] => vec![(-0.5 * one) as f32, (0.5 * one) as f32],
            _ => start.iter().map(|&start| start as f32).collect(),
        };
        let forest = Forest { width, outputs: classes, trees };
        facts.insert("trees".to_owned(), json!(forest.trees.len()));
        facts.insert("nodes".to_owned(), json!(forest.node_count()));
        Ok(FittedBoosting { forest, start, facts })
    }
}

impl Head for FittedBoosting {
    /// `probabilities [N,K] = Softmax(start + corrections of all trees)`, in 32-bit floats.
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let probabilities = graph.scoped("boosting", |graph| {
            let classes = self.forest.outputs;
            let sums = graph.tree_ensemble_classifier(features, &self.forest, classes);
            let start = graph.constant(Tensor::f32([classes], self.start.clone()));
            let sums = graph.add(&sums, &start);
            graph.softmax(&sums, 1)
        });
        HeadOutputs::Classification { probabilities }
    }
}

impl Fitted for FittedBoosting {
    fn features(&self) -> usize {
        self.forest.width
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        self.facts.clone()
    }
}
