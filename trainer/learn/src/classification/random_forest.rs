//! Random forest for classes: the mean of the class shares in the leaves of many trees.

use model_format::artifact::{Head, HeadOutputs};
use model_format::manifest::Task;
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::op::tree_ensemble::Forest;
use serde_json::{Map, json};

use crate::catalogue::Entry;
use crate::estimator::{Estimator, FitContext, FitError, Fitted};
use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::table::Table;
use crate::tree::{Columns, ForestPlan, Gini, TreeLimits, grow_forest, parameters};

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Random forest",
    task: Task::Classification,
    doc: "Many decision trees, each grown on rows drawn with replacement and looking at few \
          features in each node; the answer is the mean of their class shares. A strong first \
          choice that needs no scaling and no tuning.",
    parameters: &[
        parameters::N_ESTIMATORS,
        parameters::MAX_DEPTH,
        parameters::MIN_SAMPLES_SPLIT,
        parameters::MIN_SAMPLES_LEAF,
        parameters::max_features(Preset::Word("sqrt")),
        parameters::BOOTSTRAP,
        CLASS_WEIGHT,
    ],
    supports_weights: true,
    needs_calibration: false,
    build: |parameters| Box::new(RandomForestClassifier { parameters }),
};

const NAME: &str = "random_forest_classifier";

/// How much classes count, for every classifier.
pub(super) const CLASS_WEIGHT: Parameter = Parameter {
    name: "class_weight",
    doc: "balanced: the weights of each class are scaled to the same sum, so that rare classes \
          count as much as frequent ones. null: rows count as they are.",
    accepts: &[Form::Choice(&["balanced"]), Form::Null],
    default: Preset::Null,
};

struct RandomForestClassifier {
    parameters: Checked,
}

impl Estimator for RandomForestClassifier {
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
        let columns = Columns::new(train);
        let weights = class_weights(train, index, names.len(), &self.parameters);
        let trees = self.parameters.integer("n_estimators") as usize;
        let plan = ForestPlan {
            columns: &columns,
            limits: TreeLimits::new(&self.parameters, columns.width()),
            trees,
            bootstrap: self.parameters.flag("bootstrap"),
            targets: index,
            weights: &weights,
        };
        let forest = grow_forest(&plan, || Gini::new(names.len(), trees), context)?;
        Ok(Box::new(FittedForest { forest }))
    }
}

/// The weight of each row: its own, times that of its class where `class_weight` asks for it.
pub(super) fn class_weights(
    table: &Table,
    index: &[u32],
    classes: usize,
    parameters: &Checked,
) -> Vec<f64> {
    let mut weights = table.row_weights();
    if parameters.word("class_weight") == Some("balanced") {
        let mut sums = vec![0.0; classes];
        for (weight, &class) in weights.iter().zip(index) {
            sums[class as usize] += weight;
        }
        let even = weights.iter().sum::<f64>() / classes as f64;
        for (weight, &class) in weights.iter_mut().zip(index) {
            *weight *= even / sums[class as usize];
        }
    }
    weights
}

struct FittedForest {
    forest: Forest,
}

impl Head for FittedForest {
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let classes = self.forest.outputs;
        let probabilities = graph.scoped("forest", |graph| {
            graph.tree_ensemble_classifier(features, &self.forest, classes)
        });
        HeadOutputs::Classification { probabilities }
    }
}

impl Fitted for FittedForest {
    fn features(&self) -> usize {
        self.forest.width
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        let nodes = self.forest.node_count();
        Map::from_iter([
            ("trees".to_owned(), json!(self.forest.trees.len())),
            ("nodes".to_owned(), json!(nodes)),
        ])
    }
}
