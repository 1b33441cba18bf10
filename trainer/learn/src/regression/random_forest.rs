//! Random forest for numbers: the mean of the leaves of many trees.

use model_format::artifact::{Head, HeadOutputs};
use model_format::manifest::Task;
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::op::tree_ensemble::Forest;
use serde_json::{Map, json};

use crate::catalogue::Entry;
use crate::estimator::{Estimator, FitContext, FitError, Fitted};
use crate::parameter::{Checked, Preset};
use crate::table::Table;
use crate::tree::{Columns, ForestPlan, TreeLimits, Variance, grow_forest, parameters};

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Random forest",
    task: Task::Regression,
    doc: "Many decision trees, each grown on rows drawn with replacement; the answer is the mean of \
          their leaves. Follows curves and steps without scaling, and never answers beyond the \
          range of the training targets.",
    parameters: &[
        parameters::N_ESTIMATORS,
        parameters::MAX_DEPTH,
        parameters::MIN_SAMPLES_SPLIT,
        parameters::MIN_SAMPLES_LEAF,
        parameters::max_features(Preset::Number(1.0)),
        parameters::BOOTSTRAP,
    ],
    supports_weights: true,
    needs_calibration: false,
    build: |parameters| Box::new(RandomForestRegressor { parameters }),
};

const NAME: &str = "random_forest_regressor";

struct RandomForestRegressor {
    parameters: Checked,
}

impl Estimator for RandomForestRegressor {
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
        // Trees learn and sum the distance from the mean: sums of small 32-bit floats lose less
        // than sums of large ones.
        let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
        let offset = (sum / values.len() as f64) as f32;
        let targets: Vec<f64> =
            values.iter().map(|&value| f64::from(value) - f64::from(offset)).collect();
        let columns = Columns::new(train);
        let trees = self.parameters.integer("n_estimators") as usize;
        let plan = ForestPlan {
            columns: &columns,
            limits: TreeLimits::new(&self.parameters, columns.width()),
            trees,
            bootstrap: self.parameters.flag("bootstrap"),
            targets: &targets,
            weights: &train.row_weights(),
        };
        let forest = grow_forest(&plan, || Variance::new(trees), context)?;
        Ok(Box::new(FittedForest { forest, offset }))
    }
}

struct FittedForest {
    forest: Forest,
    offset: f32,
}

impl Head for FittedForest {
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let value = graph.scoped("forest", |graph| {
            let distance = graph.tree_ensemble_regressor(features, &self.forest);
            let offset = graph.scalar_f32(self.offset);
            graph.add(&distance, &offset)
        });
        HeadOutputs::Regression { value }
    }
}

impl Fitted for FittedForest {
    fn features(&self) -> usize {
        self.forest.width
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        Map::from_iter([
            ("trees".to_owned(), json!(self.forest.trees.len())),
            ("nodes".to_owned(), json!(self.forest.node_count())),
        ])
    }
}
