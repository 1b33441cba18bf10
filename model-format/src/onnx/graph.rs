//! Building graphs and function bodies: named values, constants, and nodes that are written once.
//!
//! A node with the same operator, inputs and attributes as an earlier one is not written again;
//! its value is returned instead. So each formula is written out in full where it is defined, and
//! what formulas share (a mean, a sort, a spectrum) still stands in the file once.

use std::collections::{HashMap, HashSet};

use prost::Message;

use super::proto::{
    AttributeProto, AttributeType, DataType, GraphProto, NodeProto, TensorProto, ValueInfoProto,
};
use super::tensor::{Data, Tensor};

/// A value inside the graph under construction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Value(String);

impl Value {
    /// The name that the value has in the file.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Where constants go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A graph: constants are initializers.
    Graph,
    /// A function body: constants are `Constant` nodes.
    Function,
}

/// Collects nodes and constants. See the module for what is shared.
#[derive(Debug)]
pub struct GraphBuilder {
    scope: Scope,
    prefix: String,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    names: HashSet<String>,
    written: HashMap<Vec<u8>, Vec<Value>>,
}

impl GraphBuilder {
    /// An empty graph or function body.
    pub fn new(scope: Scope) -> Self {
        GraphBuilder {
            scope,
            prefix: String::new(),
            nodes: Vec::new(),
            initializers: Vec::new(),
            names: HashSet::new(),
            written: HashMap::new(),
        }
    }

    /// An input, by its exact name.
    pub fn input(&mut self, name: &str) -> Value {
        let fresh = self.names.insert(name.to_owned());
        assert!(fresh, "the name {name} is taken");
        Value(name.to_owned())
    }

    /// Names what `build` adds `prefix/…`; nested calls replace the prefix.
    pub fn scoped<T>(&mut self, prefix: &str, build: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.prefix, prefix.to_owned());
        let result = build(self);
        self.prefix = outer;
        result
    }

    /// A constant tensor.
    pub fn constant(&mut self, tensor: Tensor) -> Value {
        let mut proto = tensor_proto(&tensor);
        match self.scope {
            Scope::Function => {
                let attribute = attribute_tensor("value", proto);
                self.node("", "Constant", &[], vec![attribute])
            }
            Scope::Graph => {
                let key = proto.encode_to_vec();
                if let Some(known) = self.written.get(&key) {
                    return known[0].clone();
                }
                let value = self.fresh_value("constant");
                proto.name = value.0.clone();
                self.initializers.push(proto);
                self.written.insert(key, vec![value.clone()]);
                value
            }
        }
    }

    /// A scalar 64-bit float constant.
    pub fn scalar_f64(&mut self, value: f64) -> Value {
        self.constant(Tensor::f64(vec![], vec![value]))
    }

    /// A scalar 32-bit float constant.
    pub fn scalar_f32(&mut self, value: f32) -> Value {
        self.constant(Tensor::f32(vec![], vec![value]))
    }

    /// A one-dimensional integer constant: axes, indices, shapes.
    pub fn integers(&mut self, values: &[i64]) -> Value {
        self.constant(Tensor::i64(vec![values.len()], values.to_vec()))
    }

    /// A node with one output.
    pub fn node(
        &mut self,
        domain: &str,
        op_type: &str,
        inputs: &[&Value],
        attributes: Vec<AttributeProto>,
    ) -> Value {
        let mut outputs = self.node_with_outputs(domain, op_type, inputs, attributes, 1);
        outputs.remove(0)
    }

    /// A node with `outputs` outputs.
    pub fn node_with_outputs(
        &mut self,
        domain: &str,
        op_type: &str,
        inputs: &[&Value],
        attributes: Vec<AttributeProto>,
        outputs: usize,
    ) -> Vec<Value> {
        let mut node = NodeProto {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            op_type: op_type.to_owned(),
            attribute: attributes,
            domain: domain.to_owned(),
            ..NodeProto::default()
        };
        let key = node.encode_to_vec();
        if let Some(known) = self.written.get(&key)
            && known.len() == outputs
        {
            return known.clone();
        }
        let values: Vec<Value> =
            (0..outputs).map(|_| self.fresh_value(&op_type.to_lowercase())).collect();
        node.output = values.iter().map(|value| value.0.clone()).collect();
        node.name = node.output[0].clone();
        self.nodes.push(node);
        self.written.insert(key, values.clone());
        values
    }

    /// Gives `value` the exact name `name`: outputs have the names that users read.
    pub fn rename(&mut self, value: &Value, name: &str) -> Value {
        assert!(self.names.insert(name.to_owned()), "the name {name} is taken");
        let old = &value.0;
        for node in &mut self.nodes {
            for reference in node.input.iter_mut().chain(&mut node.output) {
                if reference == old {
                    *reference = name.to_owned();
                }
            }
        }
        for initializer in &mut self.initializers {
            if &initializer.name == old {
                initializer.name = name.to_owned();
            }
        }
        let renamed = Value(name.to_owned());
        for values in self.written.values_mut() {
            for known in values {
                if known == value {
                    *known = renamed.clone();
                }
            }
        }
        // Keys hold input names: entries that mention the old one can no longer be met.
        self.written.retain(|_, values| !values.is_empty());
        renamed
    }

    /// The nodes of a function body.
    pub fn into_nodes(self) -> Vec<NodeProto> {
        self.nodes
    }

    /// The finished graph.
    pub fn into_graph(
        self,
        name: &str,
        input: Vec<ValueInfoProto>,
        output: Vec<ValueInfoProto>,
    ) -> GraphProto {
        GraphProto {
            node: self.nodes,
            name: name.to_owned(),
            initializer: self.initializers,
            input,
            output,
            ..GraphProto::default()
        }
    }

    fn fresh_value(&mut self, kind: &str) -> Value {
        let stem = if self.prefix.is_empty() {
            kind.to_owned()
        } else {
            format!("{}/{kind}", self.prefix)
        };
        let mut name = stem.clone();
        let mut count = 1;
        while !self.names.insert(name.clone()) {
            count += 1;
            name = format!("{stem}_{count}");
        }
        Value(name)
    }
}

/// The protobuf form of a tensor, unnamed, elements as little-endian bytes.
pub fn tensor_proto(tensor: &Tensor) -> TensorProto {
    let (data_type, raw_data) = match tensor.data() {
        Data::F32(v) => (DataType::Float, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Data::F64(v) => (DataType::Double, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Data::I64(v) => (DataType::Int64, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Data::Bool(v) => (DataType::Bool, v.iter().map(|&x| u8::from(x)).collect()),
    };
    TensorProto {
        dims: tensor.shape().iter().map(|&d| d as i64).collect(),
        data_type: data_type as i32,
        raw_data,
        ..TensorProto::default()
    }
}

/// An integer attribute.
pub fn attribute_int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: value, ..attribute(name, AttributeType::Int) }
}

/// A list-of-integers attribute.
pub fn attribute_ints(name: &str, values: Vec<i64>) -> AttributeProto {
    AttributeProto { ints: values, ..attribute(name, AttributeType::Ints) }
}

/// A list-of-floats attribute.
pub fn attribute_floats(name: &str, values: Vec<f32>) -> AttributeProto {
    AttributeProto { floats: values, ..attribute(name, AttributeType::Floats) }
}

/// A text attribute.
pub fn attribute_string(name: &str, value: &str) -> AttributeProto {
    AttributeProto { s: value.as_bytes().to_vec(), ..attribute(name, AttributeType::String) }
}

/// A list-of-texts attribute.
pub fn attribute_strings(name: &str, values: &[&str]) -> AttributeProto {
    let strings = values.iter().map(|value| value.as_bytes().to_vec()).collect();
    AttributeProto { strings, ..attribute(name, AttributeType::Strings) }
}

/// A tensor attribute.
pub fn attribute_tensor(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto { t: Some(value), ..attribute(name, AttributeType::Tensor) }
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: kind as i32, ..AttributeProto::default() }
}
