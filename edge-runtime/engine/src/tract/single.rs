//! Graphs that tract runs with one window at a time only.

use tract_onnx::pb;

/// Operators whose reader in tract needs to know the number of windows; for an open one it panics.
const OPERATORS: [&str; 5] = ["GRU", "LSTM", "Loop", "RNN", "Scan"];

/// True where the graph has such an operator.
pub(super) fn needs_one(model: &pb::ModelProto) -> bool {
    let nodes = model.graph.iter().flat_map(|graph| &graph.node);
    nodes.into_iter().any(|node| OPERATORS.contains(&node.op_type.as_str()))
}
