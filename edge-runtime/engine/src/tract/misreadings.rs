//! What a model must not contain when tract is to run it, looked for before tract sees it.
//!
//! tract looks operators up by name alone and ignores the domain. So what it would run wrongly is
//! found here and refused by name.

use std::collections::BTreeSet;

use tract_onnx::Onnx;
use tract_onnx::pb;

use super::kernels::{CLASSIFIER, ML_DOMAIN};
use super::scaler;

/// How deep graphs inside attributes (`If`, `Loop`, `Scan`) may nest.
const NESTING_MAX: usize = 8;
/// The operator sets that tract is tested with; later ones are accepted but for the operators below.
const OPSET_TESTED_MAX: i64 = 18;
/// Later ones than this are refused.
const OPSET_MAX: i64 = 22;
/// Operators of the default set that mean something else, or more, after [`OPSET_TESTED_MAX`].
const CHANGED: [&str; 5] = ["AveragePool", "GridSample", "GroupNormalization", "Pad", "Resize"];
/// Operators of `ai.onnx.ml` that the reader has: ours for trees and scalers, tract's for the rest.
const ML: [&str; 7] = [
    CLASSIFIER,
    scaler::NAME,
    "TreeEnsembleRegressor",
    "LinearClassifier",
    "LinearRegressor",
    "Normalizer",
    "CategoryMapper",
];

/// Refuses what tract would misread. The text says what was found and what to change.
pub(super) fn check(model: &pb::ModelProto, reader: &Onnx) -> Result<(), String> {
    let graph = model.graph.as_ref().ok_or("the file holds no graph")?;
    let opset = opset(model);
    if !(9..=OPSET_MAX).contains(&opset) {
        return Err(format!(
            "it uses version {opset} of the ONNX operator set; 9 to {OPSET_MAX} are accepted, 17 \
             is the safest to export with"
        ));
    }
    let mut problems = BTreeSet::new();
    check_graph(graph, reader, opset, 0, &mut problems)?;
    if problems.is_empty() {
        return Ok(());
    }
    let count = problems.len();
    let mut text = problems.into_iter().take(5).collect::<Vec<_>>().join("; ");
    if count > 5 {
        text.push_str(&format!("; and {} more", count - 5));
    }
    Err(text)
}

fn opset(model: &pb::ModelProto) -> i64 {
    let default = |set: &&pb::OperatorSetIdProto| is_default(&set.domain);
    model.opset_import.iter().find(default).map_or(0, |set| set.version)
}

fn is_default(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

fn check_graph(
    graph: &pb::GraphProto,
    reader: &Onnx,
    opset: i64,
    depth: usize,
    problems: &mut BTreeSet<String>,
) -> Result<(), String> {
    if depth > NESTING_MAX {
        return Err(format!("graphs nest deeper than {NESTING_MAX} in it"));
    }
    if !graph.sparse_initializer.is_empty() {
        problems.insert("it has sparse constants; store them dense".to_owned());
    }
    for node in &graph.node {
        if let Some(problem) = operator_problem(node, reader, opset) {
            problems.insert(problem);
        }
        if reads_class_names(graph, node) {
            problems
                .insert("it computes with class names; export with whole-numbered labels".into());
        }
        for attribute in &node.attribute {
            for inner in attribute.g.iter().chain(&attribute.graphs) {
                check_graph(inner, reader, opset, depth + 1, problems)?;
            }
        }
    }
    Ok(())
}

fn operator_problem(node: &pb::NodeProto, reader: &Onnx, opset: i64) -> Option<String> {
    let name = node.op_type.chars().take(80).collect::<String>();
    let domain = node.domain.chars().take(80).collect::<String>();
    if !is_default(&domain) {
        if domain == ML_DOMAIN && ML.contains(&name.as_str()) {
            return None;
        }
        let advice = match name.as_str() {
            "ZipMap" => "export without it (skl2onnx: the option zipmap=False)",
            _ => "export with standard operators or use the engine ort",
        };
        return Some(format!(
            "the operator {name} of the domain {domain:?} is not known; {advice}"
        ));
    }
    let known = reader.op_register.0.contains_key(&node.op_type);
    if !known || ML.contains(&name.as_str()) {
        return Some(format!(
            "the operator {name} is not known to tract; the engine ort may have it"
        ));
    }
    if opset > OPSET_TESTED_MAX && CHANGED.contains(&name.as_str()) {
        return Some(format!(
            "the operator {name} changed after operator set {OPSET_TESTED_MAX}; export with 17 or \
             use the engine ort"
        ));
    }
    None
}

/// A classifier with class names gives class indices here: nothing may read them as names.
fn reads_class_names(graph: &pb::GraphProto, node: &pb::NodeProto) -> bool {
    let named = |attribute: &pb::AttributeProto| attribute.name == "classlabels_strings";
    let label = node.output.first().filter(|label| !label.is_empty());
    node.op_type == CLASSIFIER
        && node.attribute.iter().any(named)
        && label.is_some_and(|label| graph.node.iter().any(|node| node.input.contains(label)))
}
