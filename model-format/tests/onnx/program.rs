//! Programs: what a graph must be, and that buffers used again change nothing.

use model_format::onnx::graph::{GraphBuilder, Scope, Value};
use model_format::onnx::program::{Program, ProgramError};
use model_format::onnx::proto::{
    DataType, Dimension, DimensionProto, GraphProto, OperatorSetIdProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};
use model_format::onnx::tensor::Tensor;

fn value(name: &str, dims: &[Option<i64>]) -> ValueInfoProto {
    let dim = |dim: &Option<i64>| DimensionProto {
        value: Some(match dim {
            Some(size) => Dimension::Value(*size),
            None => Dimension::Param("N".to_owned()),
        }),
    };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor_type = TensorTypeProto { elem_type: DataType::Float as i32, shape };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(tensor_type) }),
        ..ValueInfoProto::default()
    }
}

fn opsets() -> Vec<OperatorSetIdProto> {
    vec![OperatorSetIdProto { domain: String::new(), version: 17 }]
}

/// A graph `x` `[N, 3]` → `y` `[N, 3]`.
fn graph(build: impl FnOnce(&mut GraphBuilder, &Value) -> Value) -> GraphProto {
    let mut builder = GraphBuilder::new(Scope::Graph);
    let x = builder.input("x");
    let y = build(&mut builder, &x);
    builder.rename(&y, "y");
    let shape = [None, Some(3)];
    builder.into_graph("test", vec![value("x", &shape)], vec![value("y", &shape)])
}

fn compile(graph: &GraphProto) -> Result<Program, ProgramError> {
    Program::compile(graph, &[], &opsets(), vec![])
}

#[test]
fn runs_of_all_sizes_in_any_order_give_the_same_rows() {
    let graph = graph(|g, x| {
        let weights = g.constant(Tensor::f32([3, 3], (0..9).map(|i| i as f32 - 4.0).collect()));
        let product = g.mat_mul(x, &weights);
        let largest = g.reduce_max(&product, 1, true);
        let shifted = g.sub(&product, &largest);
        g.exp(&shifted)
    });
    let mut program = compile(&graph).unwrap();
    let row =
        |at: usize| -> Vec<f32> { (0..3).map(|i| ((at * 7 + i) % 11) as f32 / 5.0).collect() };
    let alone: Vec<Vec<f32>> = (0..40_000)
        .map(|at| {
            program.run_f32(&[1, 3], &row(at)).unwrap();
            program.output(0).as_f32().unwrap().to_vec()
        })
        .collect();
    // Large enough that buffers are freed between uses.
    for count in [2, 40_000, 1, 0, 40_000, 5] {
        let rows: Vec<f32> = (0..count).flat_map(row).collect();
        let outputs = program.run(&[Tensor::f32([count, 3], rows)]).unwrap();
        assert_eq!(outputs[0].as_f32().unwrap(), alone[..count].concat());
    }
}

#[test]
fn a_wrong_input_is_named_with_what_is_declared() {
    let mut program = compile(&graph(|g, x| g.abs(x))).unwrap();
    let error = program.run(&[Tensor::f32([2, 4], vec![0.0; 8])]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "x is float32 of shape [2, 4]; the graph declares float32 [2, 3]"
    );
    let error = program.run(&[Tensor::f64([2, 3], vec![0.0; 6])]).unwrap_err();
    assert!(error.to_string().contains("float64"), "{error}");
    let error = program.run(&[]).unwrap_err();
    assert!(matches!(error, ProgramError::InputCount { found: 0, expected: 1 }));
}

#[test]
fn an_output_that_is_not_what_is_declared_is_an_error() {
    let mut program = compile(&graph(|g, x| g.reduce_sum(x, 0, true))).unwrap();
    assert!(program.run(&[Tensor::f32([1, 3], vec![0.0; 3])]).is_ok());
    let error = program.run(&[Tensor::f32([2, 3], vec![0.0; 6])]).unwrap_err();
    assert!(error.to_string().starts_with("y is float32 of shape [1, 3]"), "{error}");
}

#[test]
fn nodes_must_stand_in_order_and_names_be_unique() {
    let good = graph(|g, x| {
        let a = g.abs(x);
        g.sqrt(&a)
    });
    let mut reversed = good.clone();
    reversed.node.reverse();
    assert!(matches!(compile(&reversed), Err(ProgramError::Unset { .. })));
    let mut cyclic = good.clone();
    cyclic.node[0].input[0] = cyclic.node[1].output[0].clone();
    assert!(matches!(compile(&cyclic), Err(ProgramError::Unset { .. })));
    let mut twice = good.clone();
    twice.node.push(good.node[0].clone());
    assert!(matches!(compile(&twice), Err(ProgramError::Twice(_))));
    let mut missing = good.clone();
    missing.output[0].name = "z".to_owned();
    assert!(matches!(compile(&missing), Err(ProgramError::Unset { .. })));
    let mut untyped = good.clone();
    untyped.input[0].r#type = None;
    assert!(matches!(compile(&untyped), Err(ProgramError::Declaration(_))));
    let mut arity = good;
    arity.node[0].input.push("x".to_owned());
    assert!(matches!(compile(&arity), Err(ProgramError::Arity { found: 2, max: 1, .. })));
}

#[test]
fn absurd_sizes_are_refused_before_they_are_allocated() {
    // Each product of a column and a row squares the size.
    let outer = graph(|g, x| {
        let mut square = g.abs(x);
        for _ in 0..3 {
            let flat = g.flatten(&square, 0);
            let column = g.transpose(&flat, &[1, 0]);
            square = g.mul(&column, &flat);
        }
        g.abs(&square)
    });
    let mut program = compile(&outer).unwrap();
    let error = program.run(&[Tensor::f32([1000, 3], vec![1.0; 3000])]).unwrap_err();
    assert!(error.to_string().contains("too many elements"), "{error}");
}
