//! The ONNX file: schema, tensors, graph building, the closed operator set, evaluation.

pub mod graph;
pub mod inline;
pub mod op;
pub mod program;
pub mod proto;
pub mod tensor;
