//! Hostile files: whatever the bytes, reading ends in an error or in a valid artifact, never in a
//! panic, and within a stated amount of memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use model_format::artifact::{Artifact, ArtifactError, Batch};
use model_format::manifest::Task;
use model_format::onnx::graph::{
    attribute_floats, attribute_int, attribute_ints, attribute_strings, tensor_proto,
};
use model_format::onnx::proto::{
    AttributeProto, AttributeType, Dimension, GraphProto, ModelProto, NodeProto, TensorProto,
};
use model_format::onnx::tensor::Tensor;
use prost::Message as _;
use rand::RngExt as _;

#[path = "artifact/draft.rs"]
mod draft;

/// Memory that reading a file and running one window may take: this much, and
/// [`PEAK_PER_BYTE`] bytes for each byte of the file.
const PEAK_BYTES: usize = 8 << 20;
/// The shortest nodes, of six bytes, grow most when decoded.
const PEAK_PER_BYTE: usize = 100;

/// Counts what is allocated: the tests of this file run one after another for that.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator cannot be written without; it only counts")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `action` needs beyond what is live before it.
fn peak_bytes<T>(action: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let result = action();
    (result, PEAK.load(Ordering::Relaxed).saturating_sub(before))
}

fn peak_bytes_max(file_bytes: usize) -> usize {
    PEAK_BYTES + file_bytes * PEAK_PER_BYTE
}

/// Reads the bytes and runs a window if they are accepted; true where they are.
fn read_and_run(bytes: &[u8]) -> bool {
    let Ok(artifact) = Artifact::read(bytes) else { return false };
    let Some(own) = artifact.own() else { return true };
    let golden = &artifact.golden()[0];
    // A changed constant may well lead to another answer; it must be an answer.
    let _ = own.program().run(&[Tensor::f32([1, 32, 2], golden.window.clone())]);
    true
}

fn check(bytes: &[u8], what: &dyn std::fmt::Display) -> bool {
    let (accepted, peak) = peak_bytes(|| read_and_run(bytes));
    assert!(peak <= peak_bytes_max(bytes.len()), "{what}: {peak} bytes");
    accepted
}

/// One test function, because the allocator counts for the whole process.
#[test]
fn no_file_makes_the_reader_panic_or_take_unbounded_memory() {
    let originals = [Task::Classification, Task::Regression, Task::Anomaly]
        .map(|task| draft::artifact(task, Batch::Symbolic));
    for original in &originals {
        assert!(check(original, &"the file itself"));
    }
    truncated_files(&originals);
    changed_bytes(&originals);
    // Graphs of other programs, which are not evaluated here.
    let adopted = ["flax_cnn", "sklearn_forest"].map(released_adopted);
    truncated_files(&adopted);
    changed_bytes(&adopted);
    changed_models(&originals);
    random_bytes();
    empty_messages();
    absurd_by_hand(&originals[0]);
}

fn released_adopted(name: &str) -> Vec<u8> {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/v2");
    std::fs::read(corpus.join(name).with_extension("onnx")).unwrap()
}

fn truncated_files(originals: &[Vec<u8>]) {
    let mut random = draft::random(1);
    for original in originals {
        for at in 0..500 {
            let len = random.random_range(0..original.len());
            assert!(!check(&original[..len], &format!("cut {at} to {len}")), "cut to {len}");
        }
    }
}

/// Bit flips, overwritten, removed, inserted and doubled stretches.
fn changed_bytes(originals: &[Vec<u8>]) {
    let mut random = draft::random(2);
    let mut accepted = 0;
    for (at, original) in originals.iter().cycle().enumerate().take(5000) {
        let mut bytes = original.clone();
        for _ in 0..random.random_range(1..4) {
            let start = random.random_range(0..bytes.len());
            let end = (start + random.random_range(1..16)).min(bytes.len());
            match random.random_range(0..6) {
                0 | 1 => bytes[start] ^= 1 << random.random_range(0..8),
                2 => bytes[start..end].iter_mut().for_each(|byte| *byte = random.random()),
                3 => drop(bytes.drain(start..end)),
                4 => {
                    let copy = bytes[start..end].to_vec();
                    bytes.splice(start..start, copy);
                }
                _ => bytes[start..end].fill(0xff),
            }
        }
        accepted += usize::from(check(&bytes, &format!("change {at}")));
    }
    println!("{accepted} of 5000 changed files are still artifacts");
}

/// Well-formed protobuf with changed content: the checks behind the decoder.
fn changed_models(originals: &[Vec<u8>]) {
    let mut random = draft::random(3);
    let mut accepted = 0;
    for (at, original) in originals.iter().cycle().enumerate().take(2500) {
        let mut model = ModelProto::decode(&original[..]).unwrap();
        let in_body = random.random_range(0..3) == 0;
        let graph = model.graph.as_mut().unwrap();
        let nodes = if in_body { &mut model.functions[0].node } else { &mut graph.node };
        let node = random.random_range(0..nodes.len());
        let other = random.random_range(0..nodes.len());
        match random.random_range(0..8) {
            0 => nodes.swap(node, other),
            1 => drop(nodes.remove(node)),
            2 => nodes[node].op_type = nodes[other].op_type.clone(),
            3 => nodes[node].input = nodes[other].input.clone(),
            4 => nodes[node].output = nodes[other].output.clone(),
            5 => {
                if let Some(tensor) = graph.initializer.first_mut() {
                    change_tensor(tensor, &mut random);
                }
            }
            _ => {
                for attribute in &mut nodes[node].attribute {
                    change_attribute(attribute, &mut random);
                }
            }
        }
        accepted += usize::from(check(&model.encode_to_vec(), &format!("model {at}")));
    }
    println!("{accepted} of 2500 changed models are still artifacts");
}

fn change_tensor(tensor: &mut TensorProto, random: &mut impl rand::Rng) {
    match random.random_range(0..4) {
        0 => tensor.dims.push(random.random_range(-2..1 << 40)),
        1 => tensor.dims.iter_mut().for_each(|dim| *dim = random.random_range(0..4)),
        2 => tensor.data_type = random.random_range(0..20),
        _ => tensor.raw_data.truncate(random.random_range(0..8)),
    }
}

fn change_attribute(attribute: &mut AttributeProto, random: &mut impl rand::Rng) {
    let extreme = [i64::MIN, -1, 0, 1, 2, 7, 1 << 31, i64::MAX][random.random_range(0..8)];
    attribute.i = extreme;
    if let Some(tensor) = &mut attribute.t {
        change_tensor(tensor, random);
    }
    if !attribute.ints.is_empty() {
        let at = random.random_range(0..attribute.ints.len());
        attribute.ints[at] = [extreme, at as i64, attribute.ints[0]][random.random_range(0..3)];
    }
    if !attribute.floats.is_empty() {
        let at = random.random_range(0..attribute.floats.len());
        attribute.floats[at] = [f32::NAN, f32::INFINITY, -0.0][random.random_range(0..3)];
    }
    if !attribute.strings.is_empty() {
        let at = random.random_range(0..attribute.strings.len());
        attribute.strings[at] = b"BRANCH_GT".to_vec();
    }
}

fn random_bytes() {
    let mut random = draft::random(4);
    for at in 0..2000 {
        let len = random.random_range(0..300);
        let bytes: Vec<u8> = (0..len).map(|_| random.random()).collect();
        assert!(!check(&bytes, &format!("noise {at}")));
    }
}

/// Two bytes of file that decode into hundreds of bytes of memory, as often as a file can hold.
fn empty_messages() {
    // Model → graph → node → attribute, each of no length.
    let mut attributes = vec![];
    (0..2_000_000).for_each(|_| attributes.extend([0x2a, 0x00]));
    let wrap = |field: u8, inner: &[u8]| {
        let mut bytes = vec![field << 3 | 2];
        prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
        bytes.extend_from_slice(inner);
        bytes
    };
    let file = wrap(7, &wrap(1, &attributes));
    let (read, peak) = peak_bytes(|| Artifact::read(&file));
    assert!(matches!(read, Err(ArtifactError::Count { .. })), "{read:?}");
    assert!(peak < 1 << 20, "{peak} bytes");
}

/// Changes the decoded classification sample and expects a refusal that contains `word`.
fn refused(original: &[u8], word: &str, change: impl FnOnce(&mut ModelProto)) {
    let mut model = ModelProto::decode(original).unwrap();
    change(&mut model);
    let bytes = model.encode_to_vec();
    drop(model);
    let (read, peak) = peak_bytes(|| Artifact::read(&bytes));
    let error = read.err().unwrap_or_else(|| panic!("{word}: the file is accepted"));
    let text = error.to_string();
    assert!(text.contains(word), "expected {word:?} in: {text}");
    assert!(text.len() < 1000, "a message as long as the file wants: {} bytes", text.len());
    assert!(peak <= peak_bytes_max(bytes.len()), "{word}: {peak} bytes for {}", bytes.len());
}

fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().unwrap()
}

fn tree_attribute<'a>(model: &'a mut ModelProto, name: &str) -> &'a mut AttributeProto {
    let nodes = &mut graph(model).node;
    let node = nodes.iter_mut().find(|node| node.domain == "ai.onnx.ml").unwrap();
    node.attribute.iter_mut().find(|attribute| attribute.name == name).unwrap()
}

fn edit_metadata(model: &mut ModelProto, key: &str, from: &str, to: &str) {
    let entry = model.metadata_props.iter_mut().find(|entry| entry.key == key).unwrap();
    assert!(entry.value.contains(from), "{from} in {}", entry.value);
    entry.value = entry.value.replacen(from, to, 1);
}

fn absurd_by_hand(original: &[u8]) {
    header_and_metadata(original);
    graphs(original);
    trees(original);
    let (large, peak) = peak_bytes(|| Artifact::read(&vec![0; (64 << 20) + 1]));
    assert!(matches!(large, Err(ArtifactError::FileSize(_))));
    assert!(peak < (64 << 20) + 4096, "{peak}");
}

fn header_and_metadata(original: &[u8]) {
    const MANIFEST: &str = "cirame.manifest";
    let manifest = |word: &str, from: &str, to: &str| {
        refused(original, word, |model| edit_metadata(model, MANIFEST, from, to));
    };
    manifest("update", "\"format_version\":1", "\"format_version\":3");
    manifest("where its graph comes from", "\"format_version\":1", "\"format_version\":2");
    manifest("update", "\"format_version\":1", "\"format_version\":4294967297");
    manifest("begin at 1", "\"format_version\":1", "\"format_version\":0");
    manifest("lineage id", "\"seed\":42", "\"seed\":43");
    manifest("canonical", "\"seed\":42", "\"seed\": 42");
    manifest("surprise", "\"task\":", "\"surprise\":1,\"task\":");
    manifest("inputs and outputs", "\"idle\",", "");
    manifest("classes", "\"idle\"", "\"fault\"");
    manifest("length_samples", "\"length_samples\":32", "\"length_samples\":0");
    manifest("baseline.channels", "{\"max\":3,\"min\":-3},", "");
    manifest(
        "update",
        "{\"name\":\"accX.mean\",\"version\":1}",
        "{\"name\":\"accX.mean\",\"version\":9}",
    );
    refused(original, "length_samples", |model| {
        edit_metadata(model, MANIFEST, "\"length_samples\":32", "\"length_samples\":4294967295");
    });
    refused(original, "there twice", |model| {
        model.metadata_props.push(model.metadata_props[0].clone());
    });
    refused(original, "no artifact", |model| drop(model.metadata_props.remove(0)));
    refused(original, "cirame.golden", |model| drop(model.metadata_props.remove(1)));
    refused(original, "unknown", |model| model.metadata_props[1].key = "other".to_owned());
    refused(original, "metadata has", |model| {
        model.metadata_props[0].value.push_str(&" ".repeat(600 << 10));
    });
    refused(original, "cannot be read", |model| {
        model.metadata_props[0].value = "[".repeat(100_000);
    });
    refused(original, "golden window 0", |model| {
        edit_metadata(model, "cirame.golden", "\"values\":\"", "\"values\":\"AAAA");
    });
    refused(original, "golden window 0", |model| {
        edit_metadata(model, "cirame.golden", "\"label\":", "\"label\":1");
    });
    refused(original, "IR version", |model| model.ir_version = 9);
    refused(original, "producer", |model| model.producer_name = "x".repeat(5000));
    refused(original, "operator sets", |model| model.opset_import[0].version = 18);
    refused(original, "operator sets", |model| drop(model.opset_import.pop()));
    refused(original, "functions", |model| model.functions.clear());
    refused(original, "functions", |model| model.functions.push(model.functions[0].clone()));
    refused(original, "functions", |model| model.functions[0].name = "Other".to_owned());
    // A field that the schema has not: another reader might obey it.
    let mut extra = original.to_vec();
    extra.extend([0xa2, 0x01, 0x00]);
    assert!(matches!(Artifact::read(&extra), Err(ArtifactError::Form)));
}

fn graphs(original: &[u8]) {
    refused(original, "inputs and outputs", |model| {
        let shape = graph(model).input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
        shape.shape.as_mut().unwrap().dim[1].value = Some(Dimension::Value(33));
    });
    refused(original, "inputs and outputs", |model| drop(graph(model).output.pop()));
    refused(original, "inputs and outputs", |model| {
        let input = graph(model).input[0].clone();
        graph(model).input.push(input);
    });
    refused(original, "nothing before it sets", |model| graph(model).node.reverse());
    refused(original, "Erf", |model| graph(model).node[0].op_type = "Erf".to_owned());
    refused(original, "com.example", |model| {
        graph(model).node[0].domain = "com.example".to_owned();
    });
    refused(original, "holds a graph", |model| {
        let mut attribute = attribute_int("body", 0);
        (attribute.r#type, attribute.g) =
            (AttributeType::Graph as i32, Some(GraphProto::default()));
        graph(model).node[0].attribute.push(attribute);
    });
    refused(original, "another file", |model| {
        let mut tensor = tensor_proto(&Tensor::f32([1], vec![0.0]));
        (tensor.name, tensor.data_location) = ("weights".to_owned(), 1);
        graph(model).initializer.push(tensor);
    });
    refused(original, "too many elements", |model| {
        let dims = vec![1 << 20, 1 << 20, 1 << 20];
        let name = "weights".to_owned();
        graph(model).initializer.push(TensorProto {
            dims,
            data_type: 1,
            name,
            ..TensorProto::default()
        });
    });
    refused(original, "more than 200000 nodes", |model| {
        let node = NodeProto { op_type: "Abs".to_owned(), ..NodeProto::default() };
        graph(model).node.extend(std::iter::repeat_n(node, 200_001));
    });
    refused(original, "set twice", |model| {
        let node = graph(model).node[1].clone();
        graph(model).node.push(node);
    });
    // A body that calls itself, and one that is not the emitted one and does not fit.
    refused(original, "nest deeper", |model| {
        let function = &mut model.functions[0];
        function.node = vec![NodeProto {
            op_type: function.name.clone(),
            domain: function.domain.clone(),
            input: function.input.clone(),
            output: function.output.clone(),
            ..NodeProto::default()
        }];
    });
}

fn trees(original: &[u8]) {
    refused(original, "more than one split, or of itself", |model| {
        tree_attribute(model, "nodes_truenodeids").ints[0] = 0;
    });
    refused(original, "does not exist", |model| {
        tree_attribute(model, "nodes_falsenodeids").ints[0] = 1 << 30;
    });
    refused(original, "nodes_truenodeids", |model| {
        tree_attribute(model, "nodes_truenodeids").ints[0] = -1;
    });
    refused(original, "a feature at position", |model| {
        tree_attribute(model, "nodes_featureids").ints[0] = 5;
    });
    refused(original, "must be finite", |model| {
        tree_attribute(model, "nodes_values").floats[0] = f32::NAN;
    });
    refused(original, "must be finite", |model| {
        tree_attribute(model, "class_weights").floats[0] = f32::INFINITY;
    });
    refused(original, "BRANCH_GTE", |model| {
        tree_attribute(model, "nodes_modes").strings[0] = b"BRANCH_GTE".to_vec();
    });
    refused(original, "missing values", |model| {
        tree_attribute(model, "nodes_missing_value_tracks_true").ints[0] = 1;
    });
    refused(original, "nodes_treeids", |model| {
        tree_attribute(model, "nodes_treeids").ints[0] = 7;
    });
    refused(original, "entries", |model| {
        tree_attribute(model, "class_ids").ints.pop();
    });
    refused(original, "labels", |model| {
        tree_attribute(model, "classlabels_int64s").ints = vec![1, 2, 3];
    });
    refused(original, "class_nodeids", |model| {
        tree_attribute(model, "classlabels_int64s").ints = vec![0, 1];
    });
    refused(original, "post_transform", |model| {
        tree_attribute(model, "post_transform").s = b"SOFTMAX".to_vec();
    });
    refused(original, "base_values", |model| {
        let nodes = &mut graph(model).node;
        let node = nodes.iter_mut().find(|node| node.domain == "ai.onnx.ml").unwrap();
        node.attribute.push(attribute_floats("base_values", vec![1.0]));
    });
    refused(original, "outputs", |model| {
        tree_attribute(model, "classlabels_int64s").ints = (0..100_000).collect();
    });
    // A chain of splits, deeper than any forest.
    refused(original, "deeper than", |model| {
        let depth = 5000_i64;
        let nodes = 2 * depth + 1;
        let inner = |at: i64| at % 2 == 0 && at < nodes - 1;
        let each = |value: &dyn Fn(i64) -> i64| (0..nodes).map(value).collect::<Vec<i64>>();
        let mode = |at| if inner(at) { "BRANCH_LEQ" } else { "LEAF" };
        let child = |ahead: i64| move |at: i64| if inner(at) { at + ahead } else { 0 };
        let modes: Vec<&str> = (0..nodes).map(mode).collect();
        let leaves: Vec<i64> = (0..nodes).filter(|&at| !inner(at)).collect();
        let thrice = |value: &dyn Fn(i64, i64) -> i64| -> Vec<i64> {
            leaves
                .iter()
                .flat_map(|&leaf| (0..3).map(move |class| (leaf, class)))
                .map(|(l, c)| value(l, c))
                .collect()
        };
        for attribute in [
            attribute_ints("nodes_treeids", each(&|_| 0)),
            attribute_ints("nodes_nodeids", each(&|at| at)),
            attribute_ints("nodes_featureids", each(&|_| 0)),
            attribute_floats("nodes_values", vec![0.0; nodes as usize]),
            attribute_strings("nodes_modes", &modes),
            attribute_ints("nodes_truenodeids", each(&child(1))),
            attribute_ints("nodes_falsenodeids", each(&child(2))),
            attribute_ints("nodes_missing_value_tracks_true", each(&|_| 0)),
            attribute_ints("class_treeids", thrice(&|_, _| 0)),
            attribute_ints("class_nodeids", thrice(&|leaf, _| leaf)),
            attribute_ints("class_ids", thrice(&|_, class| class)),
            attribute_floats("class_weights", vec![0.1; leaves.len() * 3]),
        ] {
            let name = attribute.name.clone();
            *tree_attribute(model, &name) = attribute;
        }
    });
}
