//! Model-local functions replaced by their bodies, for evaluators that know no functions.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
};

/// The most nodes of a graph after its functions are inlined.
pub const NODES_MAX: usize = 200_000;
/// How deep calls of functions may nest.
pub const NESTING_MAX: usize = 4;

/// Why a function cannot be inlined.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InlineError {
    /// The model has no graph.
    #[error("the file holds no graph")]
    NoGraph,
    /// Two functions of one name.
    #[error("the function {0} is defined twice")]
    Twice(String),
    /// Calls nest too deep, or a function calls itself.
    #[error("calls of functions nest deeper than {NESTING_MAX} at {0}")]
    Nesting(String),
    /// Too many nodes.
    #[error("the graph has more than {NODES_MAX} nodes after inlining")]
    Nodes,
    /// A call with more inputs or outputs than the function has.
    #[error("the call {node} gives {given} {what} to a function that has {formal}")]
    Arity {
        /// The calling node.
        node: String,
        /// Inputs or outputs.
        what: &'static str,
        /// How many the call has.
        given: usize,
        /// How many the function has.
        formal: usize,
    },
    /// A body reads or writes a value wrongly.
    #[error("in the function {function} the value {value:.80} {problem}")]
    Value {
        /// The function.
        function: String,
        /// The value.
        value: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A graph inside an attribute.
    #[error("the node {0} carries a graph in an attribute; that is not accepted")]
    Subgraph(String),
    /// The body wants another version of an operator set than the model.
    #[error(
        "the function {function} uses version {body} of the operator set {domain:?}, the model {model}"
    )]
    Opset {
        /// The function.
        function: String,
        /// The operator set.
        domain: String,
        /// Version in the body.
        body: i64,
        /// Version in the model, 0 where it is not imported.
        model: i64,
    },
}

/// The same model without functions: every call is replaced by the body.
///
/// # Errors
/// Where a body is inconsistent, calls nest deeper than [`NESTING_MAX`], or the result has more
/// than [`NODES_MAX`] nodes.
pub fn inline_functions(model: &ModelProto) -> Result<ModelProto, InlineError> {
    let graph = model.graph.as_ref().ok_or(InlineError::NoGraph)?;
    let node: Vec<NodeProto> = expand(graph, &model.functions, &model.opset_import, |_| false)?
        .into_iter()
        .map(Cow::into_owned)
        .collect();
    let used: HashSet<&str> = node.iter().map(|node| node.domain.as_str()).collect();
    let opset_import = (model.opset_import.iter())
        .filter(|set| set.domain.is_empty() || used.contains(set.domain.as_str()))
        .cloned()
        .collect();
    Ok(ModelProto {
        ir_version: model.ir_version,
        opset_import,
        producer_name: model.producer_name.clone(),
        producer_version: model.producer_version.clone(),
        domain: model.domain.clone(),
        model_version: model.model_version,
        doc_string: model.doc_string.clone(),
        graph: Some(GraphProto {
            node,
            name: graph.name.clone(),
            initializer: graph.initializer.clone(),
            doc_string: graph.doc_string.clone(),
            input: graph.input.clone(),
            output: graph.output.clone(),
            value_info: graph.value_info.clone(),
        }),
        metadata_props: model.metadata_props.clone(),
        functions: Vec::new(),
    })
}

/// The nodes of `graph` with all calls replaced but those of functions that `keep` accepts.
pub(super) fn expand<'a>(
    graph: &'a GraphProto,
    functions: &'a [FunctionProto],
    opsets: &'a [OperatorSetIdProto],
    keep: impl Fn(&FunctionProto) -> bool,
) -> Result<Vec<Cow<'a, NodeProto>>, InlineError> {
    let mut by_name = HashMap::new();
    for function in functions {
        let key = (function.domain.as_str(), function.name.as_str());
        if by_name.insert(key, function).is_some() {
            return Err(InlineError::Twice(full_name(function)));
        }
    }
    by_name.retain(|_, function| !keep(function));
    let mut names: HashSet<String> = HashSet::new();
    names.extend(graph.input.iter().chain(&graph.output).map(|value| value.name.clone()));
    names.extend(graph.initializer.iter().map(|tensor| tensor.name.clone()));
    names.extend(graph.node.iter().flat_map(|node| node.output.iter().cloned()));
    let mut inliner = Inliner { functions: by_name, opsets, names, nodes: Vec::new() };
    for node in &graph.node {
        inliner.push(Cow::Borrowed(node), 0)?;
    }
    Ok(inliner.nodes)
}

fn full_name(function: &FunctionProto) -> String {
    format!("{:.40}.{:.80}", function.domain, function.name)
}

struct Inliner<'a> {
    functions: HashMap<(&'a str, &'a str), &'a FunctionProto>,
    opsets: &'a [OperatorSetIdProto],
    names: HashSet<String>,
    nodes: Vec<Cow<'a, NodeProto>>,
}

impl<'a> Inliner<'a> {
    fn push(&mut self, node: Cow<'a, NodeProto>, depth: usize) -> Result<(), InlineError> {
        if node.attribute.iter().any(|attribute| attribute.g.is_some()) {
            return Err(InlineError::Subgraph(node.name.clone()));
        }
        if let Some(&function) = self.functions.get(&(node.domain.as_str(), &node.op_type)) {
            return self.call(&node, function, depth + 1);
        }
        if self.nodes.len() == NODES_MAX {
            return Err(InlineError::Nodes);
        }
        self.nodes.push(node);
        Ok(())
    }

    fn call(
        &mut self,
        node: &NodeProto,
        function: &'a FunctionProto,
        depth: usize,
    ) -> Result<(), InlineError> {
        if depth > NESTING_MAX {
            return Err(InlineError::Nesting(full_name(function)));
        }
        self.check_call(node, function)?;
        let value_error = |value: &str, problem| InlineError::Value {
            function: full_name(function),
            value: value.to_owned(),
            problem,
        };
        let prefix = if node.name.is_empty() { &function.name } else { &node.name };
        let mut outside: HashMap<&str, String> = HashMap::new();
        for (at, formal) in function.input.iter().enumerate() {
            let actual = node.input.get(at).cloned().unwrap_or_default();
            outside.insert(formal, actual);
        }
        let mut promised: HashMap<&str, String> = HashMap::new();
        for (at, formal) in function.output.iter().enumerate() {
            let actual = node.output.get(at).filter(|name| !name.is_empty()).cloned();
            let actual = actual.unwrap_or_else(|| self.fresh(prefix, formal));
            promised.insert(formal, actual);
        }
        for inner in &function.node {
            let mut copy = inner.clone();
            for name in copy.input.iter_mut().filter(|name| !name.is_empty()) {
                let known = outside.get(name.as_str());
                *name = known.ok_or_else(|| value_error(name, "is read before it is set"))?.clone();
            }
            for (name, original) in copy.output.iter_mut().zip(&inner.output) {
                if name.is_empty() {
                    continue;
                }
                let promised = promised.remove(original.as_str());
                *name = promised.unwrap_or_else(|| self.fresh(prefix, original));
                if outside.insert(original, name.clone()).is_some() {
                    return Err(value_error(original, "is set twice"));
                }
            }
            copy.name = format!("{prefix}/{}", inner.name);
            copy.attribute = resolve(&inner.attribute, &node.attribute);
            self.push(Cow::Owned(copy), depth)?;
        }
        match promised.keys().next() {
            Some(name) => Err(value_error(name, "is promised and never set")),
            None => Ok(()),
        }
    }

    fn check_call(&self, node: &NodeProto, function: &FunctionProto) -> Result<(), InlineError> {
        for (what, given, formal) in [
            ("inputs", node.input.len(), function.input.len()),
            ("outputs", node.output.len(), function.output.len()),
        ] {
            if given > formal {
                return Err(InlineError::Arity { node: node.name.clone(), what, given, formal });
            }
        }
        for set in &function.opset_import {
            let same = |known: &&OperatorSetIdProto| known.domain == set.domain;
            let model = self.opsets.iter().find(same).map_or(0, |known| known.version);
            if model != set.version {
                return Err(InlineError::Opset {
                    function: full_name(function),
                    domain: set.domain.clone(),
                    body: set.version,
                    model,
                });
            }
        }
        Ok(())
    }

    fn fresh(&mut self, prefix: &str, name: &str) -> String {
        let stem = format!("{prefix}/{name}");
        let mut fresh = stem.clone();
        let mut count = 1;
        while !self.names.insert(fresh.clone()) {
            count += 1;
            fresh = format!("{stem}_{count}");
        }
        fresh
    }
}

/// The attributes of a body's node, with references replaced by what the call gives; an attribute
/// whose reference the call leaves out is left out too.
fn resolve(inner: &[AttributeProto], call: &[AttributeProto]) -> Vec<AttributeProto> {
    let resolved = inner.iter().filter_map(|attribute| {
        if attribute.ref_attr_name.is_empty() {
            return Some(attribute.clone());
        }
        let given = call.iter().find(|given| given.name == attribute.ref_attr_name)?;
        Some(AttributeProto { name: attribute.name.clone(), ..given.clone() })
    });
    resolved.collect()
}
