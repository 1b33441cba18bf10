//! Putting a foreign graph between our input and our outputs.

use prost::Message as _;

use super::foreign::Foreign;
use super::wire::{self, GRAPH, Value as Wire, next_field, write_bytes, write_number};
use super::{AdoptedAnswer, Wrapping};
use crate::artifact::read::outputs as declared_outputs;
use crate::artifact::write::{IR_VERSION, WINDOWS, declared_input};
use crate::artifact::{ArtifactError, FILE_BYTES_MAX};
use crate::manifest::{InputReading, SecondClass};
use crate::onnx::graph::{GraphBuilder, Scope, Value, attribute_int};
use crate::onnx::proto::{DataType, GraphProto, OperatorSetIdProto};

/// Stands before every name of the foreign graph, so that none can be one of ours.
const PREFIX: &str = "foreign/";

/// The operator set of our own nodes, where the file names no default one.
const OPSET: i64 = 17;

/// The file with our input and our outputs, still without metadata.
pub(super) fn wrap(foreign: &Foreign, wrapping: &Wrapping<'_>) -> Result<Vec<u8>, ArtifactError> {
    let mut out = Vec::with_capacity(foreign.bytes.len() * 5 / 4);
    let mut rest = &foreign.bytes[..];
    let mut has_version = false;
    while let Some(field) = next_field(&mut rest)? {
        match (field.number, &field.value) {
            (1, Wire::Number(version)) => {
                has_version = true;
                write_number(&mut out, 1, (*version).max(IR_VERSION as u64));
            }
            (7, Wire::Bytes(graph)) => {
                write_bytes(&mut out, 7, &wrapped_graph(graph, foreign, wrapping)?);
            }
            // Its metadata would stand beside ours; its training graph would read names that are
            // gone.
            (14 | 20, _) => {}
            _ => out.extend_from_slice(field.whole),
        }
    }
    if !has_version {
        write_number(&mut out, 1, IR_VERSION as u64);
    }
    if foreign.opset.is_none() {
        let set = OperatorSetIdProto { domain: String::new(), version: OPSET };
        write_bytes(&mut out, 8, &set.encode_to_vec());
    }
    if out.len() > FILE_BYTES_MAX {
        return Err(ArtifactError::FileSize(out.len()));
    }
    Ok(out)
}

/// Our nodes, the foreign ones with prefixed names, and our nodes again.
fn wrapped_graph(
    graph: &[u8],
    foreign: &Foreign,
    wrapping: &Wrapping<'_>,
) -> Result<Vec<u8>, ArtifactError> {
    let before = before(foreign, wrapping);
    let after = after(wrapping);
    let mut out = Vec::with_capacity(graph.len() * 5 / 4);
    before.node.iter().for_each(|node| write_bytes(&mut out, 1, &node.encode_to_vec()));
    let mut rest = graph;
    while let Some(field) = next_field(&mut rest)? {
        // Its own inputs and outputs, and what it declares of values inside, which runtimes infer.
        if !matches!(field.number, 11..=13) {
            wire::write_prefixed(&mut out, &field, &GRAPH, PREFIX)?;
        }
    }
    after.node.iter().for_each(|node| write_bytes(&mut out, 1, &node.encode_to_vec()));
    for constant in before.initializer.iter().chain(&after.initializer) {
        write_bytes(&mut out, 5, &constant.encode_to_vec());
    }
    let (manifest, batch) = (wrapping.manifest, wrapping.batch);
    write_bytes(&mut out, 11, &declared_input(manifest, batch).encode_to_vec());
    for output in declared_outputs(manifest, batch) {
        write_bytes(&mut out, 12, &output.encode_to_vec());
    }
    Ok(out)
}

/// From `windows` `[N, W, C]` to what the foreign graph takes. Only operators whose form is the same
/// in every operator set from 7 on; in a `Reshape`, 0 keeps a dimension.
fn before(foreign: &Foreign, wrapping: &Wrapping<'_>) -> GraphProto {
    use InputReading::{
        ChannelsFirst, FlatChannelsFirst, FlatTimeMajor, PlaneChannelsFirst, PlaneTimeMajor, Row,
        TimeMajor,
    };
    let pipeline = &wrapping.manifest.pipeline;
    let (samples, channels) =
        (i64::from(pipeline.window.length_samples), pipeline.channels.len() as i64);
    let mut graph = GraphBuilder::new(Scope::Graph);
    let windows = graph.input(WINDOWS);
    let taken = graph.scoped("input", |graph| {
        let turned = match wrapping.reading {
            ChannelsFirst | PlaneChannelsFirst | FlatChannelsFirst => {
                graph.transpose(&windows, &[0, 2, 1])
            }
            TimeMajor | PlaneTimeMajor | FlatTimeMajor | Row => windows.clone(),
        };
        let shape: &[i64] = match wrapping.reading {
            ChannelsFirst => return turned,
            TimeMajor => return graph.node("", "Identity", &[&turned], Vec::new()),
            PlaneTimeMajor => &[0, 1, samples, channels],
            PlaneChannelsFirst => &[0, 1, channels, samples],
            FlatTimeMajor | FlatChannelsFirst => &[0, samples * channels],
            Row => &[0, channels],
        };
        reshape(graph, &turned, shape)
    });
    graph.rename(&taken, &format!("{PREFIX}{}", foreign.input().name));
    part(graph)
}

/// From the foreign output to the outputs of our task.
fn after(wrapping: &Wrapping<'_>) -> GraphProto {
    let mut graph = GraphBuilder::new(Scope::Graph);
    let given = graph.input(&format!("{PREFIX}{}", wrapping.output));
    match wrapping.answer {
        AdoptedAnswer::Classification { softmax } => {
            let classes = wrapping.manifest.classes.len() as i64;
            let rows = graph.scoped("output", |graph| {
                let rows = reshape(graph, &given, &[-1, classes]);
                // On two dimensions the axis 1 means the same in every operator set.
                if softmax { graph.softmax(&rows, 1) } else { rows }
            });
            classify(&mut graph, &rows);
        }
        AdoptedAnswer::SecondClass(number) => {
            let rows = graph.scoped("output", |graph| {
                let rows = reshape(graph, &given, &[-1, 1]);
                let second = match number {
                    SecondClass::Probability => rows,
                    SecondClass::Logit => graph.sigmoid(&rows),
                };
                let one = graph.scalar_f32(1.0);
                let first = graph.sub(&one, &second);
                graph.concat(&[&first, &second], 1)
            });
            classify(&mut graph, &rows);
        }
        AdoptedAnswer::Regression => {
            let value = graph.scoped("output", |graph| reshape(graph, &given, &[-1]));
            graph.rename(&value, "value");
        }
        AdoptedAnswer::Anomaly(steps) => {
            let score = graph.scoped("output", |graph| {
                let [sign, centre, factor] =
                    [steps.sign, steps.centre, steps.factor].map(|step| graph.scalar_f32(step));
                let rows = reshape(graph, &given, &[-1]);
                let signed = graph.mul(&rows, &sign);
                let moved = graph.sub(&signed, &centre);
                graph.mul(&moved, &factor)
            });
            let score = graph.rename(&score, "score");
            let label = graph.scoped("output", |graph| {
                let line = graph.scalar_f32(1.0);
                // GreaterOrEqual came with operator set 12.
                let below = graph.less(&score, &line);
                let above = graph.logical_not(&below);
                graph.cast(&above, DataType::Int64)
            });
            graph.rename(&label, "label");
        }
    }
    part(graph)
}

/// Probabilities `[N, classes]` and the class of the first largest one.
fn classify(graph: &mut GraphBuilder, rows: &Value) {
    let probabilities = graph.rename(rows, "probabilities");
    // Without `select_last_index`, which came with operator set 12; the first one wins.
    let attributes = vec![attribute_int("axis", 1), attribute_int("keepdims", 0)];
    let label = graph.node("", "ArgMax", &[&probabilities], attributes);
    graph.rename(&label, "label");
}

/// Nodes and constants; without names of nodes, which a foreign node may have.
fn part(graph: GraphBuilder) -> GraphProto {
    let mut part = graph.into_graph("", Vec::new(), Vec::new());
    part.node.iter_mut().for_each(|node| node.name.clear());
    part
}

fn reshape(graph: &mut GraphBuilder, value: &Value, shape: &[i64]) -> Value {
    let shape = graph.integers(shape);
    graph.node("", "Reshape", &[value, &shape], Vec::new())
}
