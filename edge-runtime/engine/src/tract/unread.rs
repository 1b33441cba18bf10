//! Nodes that no answer reads: not run, and so no reason to refuse a model.
//!
//! Exports of classifiers end in nodes that turn labels into names or lists of maps, which tract does
//! not have and nobody here asks for.

use std::collections::HashSet;

use tract_onnx::pb;

/// Removes what the outputs of the graph do not depend on.
pub(super) fn remove(model: &mut pb::ModelProto) {
    let Some(graph) = &mut model.graph else { return };
    let mut read: HashSet<String> = graph.output.iter().map(|output| output.name.clone()).collect();
    let mut kept = Vec::new();
    // Nodes stand in topological order: whoever reads a value comes after its maker.
    while let Some(node) = graph.node.pop() {
        if node.output.iter().any(|output| read.contains(output)) {
            note_reads(&node, &mut read, 0);
            kept.push(node);
        }
    }
    kept.reverse();
    graph.node = kept;
}

/// How deep graphs nest at most; deeper ones are refused before they run.
const NESTING_MAX: usize = 32;

/// Notes what a node reads; graphs in its attributes may read anything outside by its name.
fn note_reads(node: &pb::NodeProto, read: &mut HashSet<String>, depth: usize) {
    read.extend(node.input.iter().filter(|name| !name.is_empty()).cloned());
    if depth == NESTING_MAX {
        return;
    }
    for attribute in &node.attribute {
        for inner in attribute.g.iter().chain(&attribute.graphs) {
            read.extend(inner.output.iter().map(|output| output.name.clone()));
            inner.node.iter().for_each(|node| note_reads(node, read, depth + 1));
        }
    }
}
