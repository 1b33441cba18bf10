//! Every operator against ONNX Runtime's answers (`reference/operators.py`).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use model_format::onnx::graph::{
    attribute_floats, attribute_int, attribute_ints, attribute_string, attribute_strings,
};
use model_format::onnx::op::OPERATORS;
use model_format::onnx::program::Program;
use model_format::onnx::proto::{
    AttributeProto, GraphProto, NodeProto, OperatorSetIdProto, TensorTypeProto, TypeProto,
    ValueInfoProto,
};
use model_format::onnx::tensor::{Data, Element, Tensor};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    operator: String,
    domain: String,
    attributes: BTreeMap<String, Attribute>,
    inputs: Vec<Option<Stored>>,
    /// `None` for one that no graph may read.
    outputs: Vec<Option<Stored>>,
    tolerance: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Attribute {
    Int(i64),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    Text(String),
    Texts(Vec<String>),
}

#[derive(Deserialize)]
struct Stored {
    r#type: String,
    shape: Vec<usize>,
    /// Base64 of little-endian elements.
    #[serde(default)]
    data: String,
    /// Elements of an output that may differ in the last digits.
    values: Option<Vec<f64>>,
}

impl Stored {
    fn tensor(&self) -> Tensor {
        if let Some(values) = &self.values {
            let data = match self.r#type.as_str() {
                "float32" => Data::F32(values.iter().map(|&x| x as f32).collect()),
                _ => Data::F64(values.clone()),
            };
            return Tensor::new(self.shape.clone(), data);
        }
        let bytes = base64::engine::general_purpose::STANDARD.decode(&self.data).unwrap();
        let data = match self.r#type.as_str() {
            "float32" => {
                Data::F32(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect())
            }
            "float64" => {
                Data::F64(bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect())
            }
            "int64" => {
                Data::I64(bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect())
            }
            "bool" => Data::Bool(bytes.iter().map(|&b| b != 0).collect()),
            other => panic!("{other}"),
        };
        Tensor::new(self.shape.clone(), data)
    }
}

fn attribute((name, value): (&String, &Attribute)) -> AttributeProto {
    match value {
        Attribute::Int(value) => attribute_int(name, *value),
        Attribute::Ints(values) => attribute_ints(name, values.clone()),
        Attribute::Floats(values) => attribute_floats(name, values.clone()),
        Attribute::Text(value) => attribute_string(name, value),
        Attribute::Texts(values) => {
            attribute_strings(name, &values.iter().map(String::as_str).collect::<Vec<_>>())
        }
    }
}

fn declared(name: &str, element: Element) -> ValueInfoProto {
    let tensor_type = TensorTypeProto { elem_type: element.data_type() as i32, shape: None };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(tensor_type) }),
        ..ValueInfoProto::default()
    }
}

/// The graph of one node.
fn graph(case: &Case) -> (GraphProto, Vec<Tensor>) {
    let inputs: Vec<Option<Tensor>> =
        case.inputs.iter().map(|input| input.as_ref().map(Stored::tensor)).collect();
    let name = |at: usize, input: &Option<Tensor>| match input {
        Some(_) => format!("x{at}"),
        None => String::new(),
    };
    let names: Vec<String> = inputs.iter().enumerate().map(|(at, x)| name(at, x)).collect();
    let element = |output: &Option<Stored>| output.as_ref().map(|x| x.tensor().element());
    let outputs: Vec<Option<Element>> = case.outputs.iter().map(element).collect();
    let node = NodeProto {
        input: names.clone(),
        output: (0..outputs.len()).map(|at| format!("y{at}")).collect(),
        op_type: case.operator.clone(),
        domain: case.domain.clone(),
        attribute: case.attributes.iter().map(attribute).collect(),
        ..NodeProto::default()
    };
    let given = names.iter().zip(&inputs);
    let input = given.filter_map(|(name, x)| x.as_ref().map(|x| declared(name, x.element())));
    let output = outputs
        .iter()
        .enumerate()
        .filter_map(|(at, element)| element.map(|element| declared(&format!("y{at}"), element)));
    let graph = GraphProto {
        node: vec![node],
        input: input.collect(),
        output: output.collect(),
        ..GraphProto::default()
    };
    (graph, inputs.into_iter().flatten().collect())
}

fn opsets() -> Vec<OperatorSetIdProto> {
    let set =
        |(domain, version): (&str, i64)| OperatorSetIdProto { domain: domain.to_owned(), version };
    [("", 17), ("ai.onnx.ml", 3)].map(set).to_vec()
}

/// The largest difference, relative where values exceed 1; infinite where the kind differs.
fn difference(found: &Tensor, expected: &Tensor) -> f64 {
    let floats = |a: f64, b: f64| match () {
        () if a == b || (a.is_nan() && b.is_nan()) => 0.0,
        () if a.is_finite() && b.is_finite() => (a - b).abs() / b.abs().max(1.0),
        () => f64::INFINITY,
    };
    match (found.data(), expected.data()) {
        (Data::F32(a), Data::F32(b)) => {
            a.iter().zip(b).map(|(&a, &b)| floats(a.into(), b.into())).fold(0.0, f64::max)
        }
        (Data::F64(a), Data::F64(b)) => {
            a.iter().zip(b).map(|(&a, &b)| floats(a, b)).fold(0.0, f64::max)
        }
        (a, b) if a == b => 0.0,
        _ => f64::INFINITY,
    }
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../reference/operators.json")).expect("valid JSON")
}

#[test]
fn every_operator_answers_as_onnx_runtime_does() {
    let mut failed = Vec::new();
    let mut largest: BTreeMap<String, f64> = BTreeMap::new();
    for (at, case) in cases().iter().enumerate() {
        let (graph, inputs) = graph(case);
        let what = format!("case {at}, {} {:?}", case.operator, case.attributes.keys());
        let mut program = Program::compile(&graph, &[], &opsets(), vec![])
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let found = program.run(&inputs).unwrap_or_else(|error| panic!("{what}: {error}"));
        for (found, expected) in found.iter().zip(case.outputs.iter().flatten()) {
            let expected = expected.tensor();
            let difference = if found.shape() == expected.shape() {
                difference(found, &expected)
            } else {
                f64::INFINITY
            };
            let known = largest.entry(case.operator.clone()).or_default();
            *known = known.max(difference);
            if difference > case.tolerance {
                failed.push(format!("{what}: {difference:e}\n{found:?}\n{expected:?}"));
            }
        }
    }
    println!("{largest:?}");
    assert!(failed.is_empty(), "{} cases differ:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn every_operator_has_a_reference() {
    let tested: BTreeSet<String> = cases().into_iter().map(|case| case.operator).collect();
    let mut all: BTreeSet<String> = OPERATORS.iter().map(|op| op.name.to_owned()).collect();
    // A constant has no input and no arithmetic; programs test it.
    all.remove("Constant");
    assert_eq!(tested, all);
}

#[test]
fn an_operator_outside_the_set_is_refused_by_name() {
    let mut cases = cases();
    let case = &mut cases[0];
    for (operator, domain) in [("Erf", ""), ("Abs", "com.example"), ("Add", "ai.onnx.ml")] {
        (case.operator, case.domain) = (operator.to_owned(), domain.to_owned());
        let error = Program::compile(&graph(case).0, &[], &opsets(), vec![]).err().unwrap();
        let text = error.to_string();
        assert!(text.contains(operator) && text.contains(domain), "{text}");
    }
}

#[test]
fn the_labels_of_a_forest_cannot_be_read() {
    let mut cases = cases();
    let case = cases.iter_mut().find(|case| case.operator == "TreeEnsembleClassifier").unwrap();
    case.outputs[0] = case.outputs.pop().unwrap();
    let error = Program::compile(&graph(case).0, &[], &opsets(), vec![]).err().unwrap();
    assert!(error.to_string().contains("y0"), "{error}");
}

#[test]
fn an_attribute_that_nobody_reads_is_refused() {
    let mut cases = cases();
    let case = &mut cases[0];
    case.attributes.insert("surprise".to_owned(), Attribute::Int(1));
    let error = Program::compile(&graph(case).0, &[], &opsets(), vec![]).err().unwrap();
    assert!(error.to_string().contains("surprise"), "{error}");
}

#[test]
fn an_operator_set_of_another_version_is_refused() {
    let case = &cases()[0];
    let mut opsets = opsets();
    for version in [1, 6, 18, 24] {
        opsets[0].version = version;
        let error = Program::compile(&graph(case).0, &[], &opsets, vec![]).err().unwrap();
        assert!(error.to_string().contains(&version.to_string()), "{error}");
    }
}
