//! What an estimator puts behind the features: a part of the graph with named outputs.

use crate::manifest::Task;
use crate::onnx::graph::{GraphBuilder, Scope, Value};
use crate::onnx::program::{Program, ProgramError};
use crate::onnx::proto::{
    DataType, Dimension, DimensionProto, OperatorSetIdProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};

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

impl Program {
    /// The program of a head alone: input `features` float32 `[N, width]`, outputs as in an
    /// artifact (`probabilities`, `value` or `score`, then `label`).
    ///
    /// # Errors
    /// Where the head emits something that cannot be evaluated.
    pub fn of_head(head: &dyn Head, width: usize) -> Result<Program, ProgramError> {
        let mut graph = GraphBuilder::new(Scope::Graph);
        let features = graph.input(FEATURES);
        let outputs = head.emit(&mut graph, &features);
        let rows = || Dimension::Param("N".to_owned());
        let declared = declare_outputs(&mut graph, &outputs, rows(), None);
        let width = Dimension::Value(width as i64);
        let input = value_info(FEATURES, DataType::Float, vec![Some(rows()), Some(width)]);
        let graph = graph.into_graph("head", vec![input], declared);
        Program::compile(&graph, &[], &opsets(), Vec::new())
    }
}

/// Name of the value that holds the features.
pub(super) const FEATURES: &str = "features";

/// The operator sets that every artifact imports, and no others.
pub(super) fn opsets() -> Vec<OperatorSetIdProto> {
    [("", 17), ("ai.onnx.ml", 3), ("cirame", 1)]
        .map(|(domain, version)| OperatorSetIdProto { domain: domain.to_owned(), version })
        .to_vec()
}

/// Gives the outputs the names that users read, adds the label, and declares them all. `rows` is
/// the first dimension; `classes` the second one of `probabilities`, where it is known.
pub(super) fn declare_outputs(
    graph: &mut GraphBuilder,
    outputs: &HeadOutputs,
    rows: Dimension,
    classes: Option<usize>,
) -> Vec<ValueInfoProto> {
    let float = |name: &str, mut inner: Vec<Option<Dimension>>| {
        inner.insert(0, Some(rows.clone()));
        value_info(name, DataType::Float, inner)
    };
    let label = || value_info("label", DataType::Int64, vec![Some(rows.clone())]);
    match outputs {
        HeadOutputs::Classification { probabilities } => {
            let probabilities = graph.rename(probabilities, "probabilities");
            let index = graph.arg_max(&probabilities, 1, false, false);
            graph.rename(&index, "label");
            let classes = classes.map(|classes| Dimension::Value(classes as i64));
            vec![float("probabilities", vec![classes]), label()]
        }
        HeadOutputs::Regression { value } => {
            graph.rename(value, "value");
            vec![float("value", vec![])]
        }
        HeadOutputs::Anomaly { score } => {
            let score = graph.rename(score, "score");
            let line = graph.scalar_f32(1.0);
            let above = graph.greater_or_equal(&score, &line);
            let index = graph.cast(&above, DataType::Int64);
            graph.rename(&index, "label");
            vec![float("score", vec![]), label()]
        }
    }
}

/// The declaration of an input or output.
pub(super) fn value_info(
    name: &str,
    element: DataType,
    dims: Vec<Option<Dimension>>,
) -> ValueInfoProto {
    let dim = dims.into_iter().map(|value| DimensionProto { value }).collect();
    let tensor_type =
        TensorTypeProto { elem_type: element as i32, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(tensor_type) }),
        doc_string: String::new(),
    }
}
