//! The ONNX file: schema, tensors, graph building, the closed operator set, evaluation.

pub mod graph;
pub mod op;
pub mod proto;
pub mod tensor;
