//! What an estimator adds to the graph of an artifact.

use model_format::onnx::graph::{GraphBuilder, Value};

/// What is left of an estimator after fitting: the part of the graph behind the features.
pub trait Head {
    /// Adds the nodes that turn `features` (float32 `[N, F]`) into the outputs.
    fn emit(&self, g: &mut GraphBuilder, features: &Value) -> HeadOutputs;
}

/// The float outputs of a head; labels are added by whoever builds the artifact.
pub enum HeadOutputs {
    /// A probability per class.
    Classification {
        /// float32 `[N, K]`.
        probabilities: Value,
    },
    /// A number.
    Regression {
        /// float32 `[N]`.
        value: Value,
    },
    /// How unusual; 1.0 is the alarm line.
    Anomaly {
        /// float32 `[N]`.
        score: Value,
    },
}
