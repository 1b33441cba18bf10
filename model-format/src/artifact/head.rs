//! What an estimator puts behind the features: a part of the graph with named outputs.

use crate::manifest::Task;
use crate::onnx::graph::{GraphBuilder, Value};

/// An estimator that can write itself into a graph.
pub trait Head {
    /// Adds the estimator to `graph`. `features` is float32 `[N, F]`.
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs;
}

/// What an estimator answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadOutputs {
    /// Which class.
    Classification {
        /// float32 `[N, K]`; the label is the position of the first largest value.
        probabilities: Value,
    },
    /// How much.
    Regression {
        /// float32 `[N]`.
        value: Value,
    },
    /// How unusual.
    Anomaly {
        /// float32 `[N]`; from 1.0 on it is an anomaly.
        score: Value,
    },
}

impl HeadOutputs {
    /// The task that these outputs belong to.
    pub fn task(&self) -> Task {
        match self {
            HeadOutputs::Classification { .. } => Task::Classification,
            HeadOutputs::Regression { .. } => Task::Regression,
            HeadOutputs::Anomaly { .. } => Task::Anomaly,
        }
    }
}
