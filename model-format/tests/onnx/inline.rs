//! Functions replaced by their bodies.

use model_format::onnx::inline::{InlineError, inline_functions};
use model_format::onnx::program::Program;
use model_format::onnx::proto::{
    AttributeProto, AttributeType, FunctionProto, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use model_format::onnx::tensor::{Element, Tensor};

fn node(domain: &str, op_type: &str, input: &[&str], output: &[&str]) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    NodeProto {
        name: format!("{op_type} of {}", output[0]),
        domain: domain.to_owned(),
        op_type: op_type.to_owned(),
        input: owned(input),
        output: owned(output),
        ..NodeProto::default()
    }
}

fn value(name: &str) -> ValueInfoProto {
    let tensor_type = TensorTypeProto { elem_type: Element::F32.data_type() as i32, shape: None };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(tensor_type) }),
        ..ValueInfoProto::default()
    }
}

fn opsets() -> Vec<OperatorSetIdProto> {
    let set =
        |(domain, version): (&str, i64)| OperatorSetIdProto { domain: domain.to_owned(), version };
    [("", 17), ("ours", 1)].map(set).to_vec()
}

fn function(name: &str, input: &[&str], output: &[&str], node: Vec<NodeProto>) -> FunctionProto {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    FunctionProto {
        name: name.to_owned(),
        domain: "ours".to_owned(),
        input: owned(input),
        output: owned(output),
        node,
        opset_import: opsets(),
        ..FunctionProto::default()
    }
}

fn model(nodes: Vec<NodeProto>, functions: Vec<FunctionProto>) -> ModelProto {
    let graph = GraphProto {
        node: nodes,
        input: vec![value("x")],
        output: vec![value("y")],
        ..GraphProto::default()
    };
    ModelProto { opset_import: opsets(), graph: Some(graph), functions, ..ModelProto::default() }
}

fn run(model: &ModelProto, x: &[f32]) -> Vec<f32> {
    let graph = model.graph.as_ref().unwrap();
    let compiled = Program::compile(graph, &model.functions, &model.opset_import, vec![]);
    let mut program = compiled.unwrap_or_else(|error| panic!("{error}"));
    let outputs = program.run(&[Tensor::f32([x.len()], x.to_vec())]).unwrap();
    outputs[0].as_f32().unwrap().to_vec()
}

#[test]
fn calls_nest_and_inner_names_never_meet() {
    let square = function("Square", &["a"], &["b"], vec![node("", "Mul", &["a", "a"], &["b"])]);
    // The inner value is named as one outside, and the function is called twice.
    let fourth = function(
        "Fourth",
        &["a"],
        &["b"],
        vec![node("ours", "Square", &["a"], &["x"]), node("ours", "Square", &["x"], &["b"])],
    );
    let nodes = vec![
        node("ours", "Fourth", &["x"], &["p"]),
        node("ours", "Fourth", &["x"], &["q"]),
        node("", "Add", &["p", "q"], &["y"]),
    ];
    let model = model(nodes, vec![square, fourth]);
    assert_eq!(run(&model, &[1.0, 2.0]), [2.0, 32.0]);
    let inlined = inline_functions(&model).unwrap();
    assert!(inlined.functions.is_empty());
    assert!(inlined.opset_import.iter().all(|set| set.domain.is_empty()));
    assert_eq!(inlined.graph.as_ref().unwrap().node.len(), 5);
    assert_eq!(run(&inlined, &[1.0, 2.0]), [2.0, 32.0]);
}

#[test]
fn attribute_references_take_what_the_call_gives() {
    let mut cast = node("", "ReduceSum", &["a"], &["b"]);
    cast.attribute.push(AttributeProto {
        name: "keepdims".to_owned(),
        ref_attr_name: "keep".to_owned(),
        r#type: AttributeType::Int as i32,
        ..AttributeProto::default()
    });
    let mut total = function("Total", &["a"], &["b"], vec![cast]);
    total.attribute.push("keep".to_owned());
    for (keep, shape) in [(Some(0), vec![]), (Some(1), vec![1]), (None, vec![1])] {
        let mut call = node("ours", "Total", &["x"], &["y"]);
        if let Some(keep) = keep {
            call.attribute.push(model_format::onnx::graph::attribute_int("keep", keep));
        }
        let model = model(vec![call], vec![total.clone()]);
        let graph = model.graph.as_ref().unwrap();
        let mut program =
            Program::compile(graph, &model.functions, &model.opset_import, vec![]).unwrap();
        let outputs = program.run(&[Tensor::f32([2], vec![1.0, 2.0])]).unwrap();
        assert_eq!(outputs[0].shape(), shape);
    }
}

#[test]
fn endless_and_exploding_calls_are_refused() {
    let endless = function("Loop", &["a"], &["b"], vec![node("ours", "Loop", &["a"], &["b"])]);
    let call = |name| vec![node("ours", name, &["x"], &["y"])];
    let error = inline_functions(&model(call("Loop"), vec![endless])).unwrap_err();
    assert!(matches!(error, InlineError::Nesting(_)), "{error}");

    // Four levels of a hundred calls each would be a hundred million nodes.
    let level = |name: &str, inner: &str, domain: &str| {
        let values: Vec<String> = (0..100).map(|at| format!("v{at}")).collect();
        let mut nodes: Vec<NodeProto> =
            values.iter().map(|value| node(domain, inner, &["a"], &[value])).collect();
        nodes.push(node("", "Abs", &["a"], &["b"]));
        function(name, &["a"], &["b"], nodes)
    };
    let functions = vec![
        level("A", "B", "ours"),
        level("B", "C", "ours"),
        level("C", "D", "ours"),
        level("D", "Abs", ""),
    ];
    let error = inline_functions(&model(call("A"), functions)).unwrap_err();
    assert_eq!(error, InlineError::Nodes);
}

#[test]
fn inconsistent_bodies_are_refused() {
    let call = || vec![node("ours", "F", &["x"], &["y"])];
    let refused = |nodes: Vec<NodeProto>, body: Vec<NodeProto>| {
        inline_functions(&model(nodes, vec![function("F", &["a"], &["b"], body)])).unwrap_err()
    };
    let unset = refused(call(), vec![node("", "Abs", &["x"], &["b"])]);
    assert!(unset.to_string().contains("before it is set"), "{unset}");
    let never = refused(call(), vec![node("", "Abs", &["a"], &["c"])]);
    assert!(never.to_string().contains("never set"), "{never}");
    let abs = || node("", "Abs", &["a"], &["b"]);
    let twice = refused(call(), vec![abs(), abs()]);
    assert!(twice.to_string().contains("set twice"), "{twice}");
    let many = refused(vec![node("ours", "F", &["x", "x"], &["y"])], vec![abs()]);
    assert!(matches!(many, InlineError::Arity { given: 2, formal: 1, .. }));
    let mut other = function("F", &["a"], &["b"], vec![abs()]);
    other.opset_import[0].version = 18;
    let error = inline_functions(&model(call(), vec![other])).unwrap_err();
    assert!(matches!(error, InlineError::Opset { body: 18, model: 17, .. }));
}
