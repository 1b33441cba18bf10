//! Graphs of other programs: what is taken in, what is refused, and what comes out.

use model_format::artifact::{
    AdoptedAnswer, Artifact, ArtifactError, Batch, Foreign, Golden, ScoreSteps, Wrapping, seal,
};
use model_format::id::Digest;
use model_format::manifest::{
    Adopted, InputReading, Manifest, Producer, ScoreScale, SecondClass, Task,
};
use model_format::onnx::proto::{
    AttributeProto, AttributeType, DataType, Dimension, DimensionProto, GraphProto, ModelProto,
    NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};
use prost::Message as _;
use rand::RngExt as _;

use crate::draft::{manifest, windows};

fn value(name: &str, element: DataType, dims: &[Option<i64>]) -> ValueInfoProto {
    let dim = |size: &Option<i64>| DimensionProto { value: size.map(Dimension::Value) };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor_type = Some(TensorTypeProto { elem_type: element as i32, shape });
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type }),
        ..Default::default()
    }
}

fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: operator.to_owned(),
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

/// A file whose one input has this shape, with the names that our own files have.
fn foreign(input: &[Option<i64>], output: &[Option<i64>]) -> ModelProto {
    let weights = TensorProto {
        name: "label".to_owned(),
        dims: vec![64, 3],
        data_type: DataType::Float as i32,
        raw_data: vec![0; 64 * 3 * 4],
        ..TensorProto::default()
    };
    ModelProto {
        ir_version: 4,
        producer_name: "elsewhere".to_owned(),
        producer_version: "2.0".to_owned(),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 11 }],
        graph: Some(GraphProto {
            node: vec![node("MatMul", &["windows", "label"], "probabilities")],
            initializer: vec![weights],
            input: vec![value("windows", DataType::Float, input)],
            output: vec![value("probabilities", DataType::Float, output)],
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    }
}

fn flat() -> ModelProto {
    foreign(&[None, Some(64)], &[None, Some(3)])
}

fn refusal(model: &ModelProto) -> String {
    Foreign::read(&model.encode_to_vec()).unwrap_err().to_string()
}

fn adopted_manifest(task: Task, reading: InputReading) -> Manifest {
    let mut made = manifest(task);
    made.pipeline.features.clear();
    made.features.clear();
    made.baseline.features.clear();
    made.adopted = Some(Adopted {
        file_sha256: Digest::of(b"a file"),
        producer: Producer::of("elsewhere", "2.0"),
        input: reading,
        output: "probabilities".to_owned(),
        softmax: false,
        second_class: None,
        score: (task == Task::Anomaly)
            .then_some(ScoreScale { lower_is_unusual: true, centre: 0.25 }),
    });
    made
}

fn wrapped(model: &ModelProto, manifest: &Manifest, batch: Batch) -> Vec<u8> {
    let answer = match manifest.task {
        Task::Classification => AdoptedAnswer::Classification { softmax: true },
        Task::Regression => AdoptedAnswer::Regression,
        Task::Anomaly => {
            AdoptedAnswer::Anomaly(ScoreSteps { sign: -1.0, centre: 0.25, factor: 2.0 })
        }
    };
    let reading = manifest.adopted.as_ref().unwrap().input;
    let wrapping = Wrapping { manifest, reading, output: "probabilities", answer, batch };
    Foreign::read(&model.encode_to_vec()).unwrap().wrap(&wrapping).unwrap()
}

fn golden(task: Task) -> Vec<Golden> {
    let floats = if task == Task::Classification { vec![0.5, 0.25, 0.25] } else { vec![0.5] };
    let label = (task != Task::Regression).then_some(0);
    windows(3).into_iter().map(|window| Golden { window, floats: floats.clone(), label }).collect()
}

fn sealed(task: Task, batch: Batch) -> Vec<u8> {
    let manifest = adopted_manifest(task, InputReading::FlatTimeMajor);
    seal(&wrapped(&flat(), &manifest, batch), manifest, &golden(task)).unwrap()
}

#[test]
fn one_number_is_for_two_classes_only() {
    let mut made = adopted_manifest(Task::Classification, InputReading::FlatTimeMajor);
    made.format_version = 2;
    made.adopted.as_mut().unwrap().second_class = Some(SecondClass::Logit);
    let error = made.check().unwrap_err().to_string();
    assert!(error.contains("adopted.second_class") && error.contains("two classes"), "{error}");
    made.classes.truncate(2);
    made.check().unwrap();
    made.adopted.as_mut().unwrap().softmax = true;
    made.check().unwrap_err();
}

#[test]
fn an_adopted_file_is_read_with_every_field_and_without_a_program() {
    for task in [Task::Classification, Task::Regression, Task::Anomaly] {
        for batch in [Batch::Symbolic, Batch::One] {
            let bytes = sealed(task, batch);
            assert_eq!(bytes, sealed(task, batch), "equal inputs give equal bytes");
            let artifact = Artifact::read(&bytes).unwrap();
            assert_eq!(artifact.manifest().format_version, 2);
            assert_eq!(artifact.batch(), batch);
            assert_eq!(artifact.sha256(), Digest::of(&bytes));
            assert_eq!(artifact.golden(), golden(task));
            assert!(artifact.own().is_none());
            assert_eq!(artifact.to_bytes(), bytes);
            match batch {
                Batch::One => assert_eq!(artifact.with_batch(Batch::One).unwrap(), bytes),
                Batch::Symbolic => {
                    let error = artifact.with_batch(Batch::One).unwrap_err();
                    assert!(matches!(error, ArtifactError::AdoptedBatch), "{error}");
                }
            }
        }
    }
}

#[test]
fn names_of_the_foreign_graph_cannot_be_taken_for_ours() {
    let mut model = flat();
    let inner = GraphProto {
        node: vec![node("Neg", &["windows"], "score")],
        output: vec![value("score", DataType::Float, &[])],
        ..GraphProto::default()
    };
    let branch = AttributeProto {
        name: "then_branch".to_owned(),
        r#type: AttributeType::Graph as i32,
        g: Some(inner),
        ..AttributeProto::default()
    };
    let graph = model.graph.as_mut().unwrap();
    graph.node.push(NodeProto { attribute: vec![branch], ..node("If", &["label", ""], "extra") });
    let manifest = adopted_manifest(Task::Classification, InputReading::FlatTimeMajor);
    let bytes = wrapped(&model, &manifest, Batch::Symbolic);
    let found = ModelProto::decode(&*bytes).unwrap();
    assert_eq!(found.opset_import, model.opset_import);
    assert_eq!(found.producer_name, "elsewhere");
    let graph = found.graph.unwrap();
    let made_twice = graph.node.iter().flat_map(|node| &node.output);
    let mut names: Vec<&String> =
        made_twice.chain(graph.initializer.iter().map(|c| &c.name)).collect();
    names.push(&graph.input[0].name);
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "a value has two makers: {names:?}");
    let conditional = graph.node.iter().find(|node| node.op_type == "If").unwrap();
    assert_eq!(conditional.input, ["foreign/label", ""]);
    let inner = conditional.attribute[0].g.as_ref().unwrap();
    assert_eq!(inner.node[0].input, ["foreign/windows"]);
    assert_eq!(inner.output[0].name, "foreign/score");
}

#[test]
fn fields_that_this_schema_lacks_stay_in_the_graph() {
    // Field 15 of a graph: sparse constants, which our own files never have.
    let mut graph = flat().graph.unwrap().encode_to_vec();
    let values =
        TensorProto { name: "sparse".to_owned(), ..TensorProto::default() }.encode_to_vec();
    let sparse = [&[0x0a, values.len() as u8][..], &values].concat();
    graph.extend([&[0x7a, sparse.len() as u8][..], &sparse].concat());
    let mut model = ModelProto { graph: None, ..flat() }.encode_to_vec();
    let mut length = graph.len();
    model.push(0x3a);
    while length >= 0x80 {
        model.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    model.push(length as u8);
    model.extend(graph);
    let manifest = adopted_manifest(Task::Regression, InputReading::FlatTimeMajor);
    let wrapping = Wrapping {
        manifest: &manifest,
        reading: InputReading::FlatTimeMajor,
        output: "probabilities",
        answer: AdoptedAnswer::Regression,
        batch: Batch::Symbolic,
    };
    let bytes = Foreign::read(&model).unwrap().wrap(&wrapping).unwrap();
    let contains = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    assert!(contains(b"foreign/sparse") && !contains(b"\x0asparse"));
}

#[test]
fn what_cannot_be_adopted_is_refused_with_what_to_do() {
    let mut double = flat();
    double.graph.as_mut().unwrap().input = vec![value("x", DataType::Double, &[None, Some(64)])];
    assert!(refusal(&double).contains("FloatTensorType"));
    let mut two = flat();
    two.graph.as_mut().unwrap().input.push(value("state", DataType::Float, &[None, Some(2)]));
    assert!(refusal(&two).contains("2 inputs (windows, state)"));
    let mut old = flat();
    old.opset_import[0].version = 6;
    assert!(refusal(&old).contains("version 6") && refusal(&old).contains("opset 17"));
    let mut names_only = flat();
    names_only.graph.as_mut().unwrap().output =
        vec![value("probabilities", DataType::Int64, &[None])];
    assert!(refusal(&names_only).contains("found probabilities: Int64"));
    let mut maps = flat();
    let graph = maps.graph.as_mut().unwrap();
    graph.node.push(NodeProto {
        domain: "ai.onnx.ml".into(),
        ..node("ZipMap", &["probabilities"], "maps")
    });
    graph.output.push(ValueInfoProto { name: "maps".to_owned(), ..ValueInfoProto::default() });
    assert!(refusal(&maps).contains("{id(clf): {\"zipmap\": False}}"), "{}", refusal(&maps));
    assert!(refusal(&foreign(&[Some(2), Some(64)], &[None, Some(3)])).contains("fixed at 2"));
    let mut elsewhere = flat();
    elsewhere.graph.as_mut().unwrap().initializer[0].data_location = 1;
    assert!(refusal(&elsewhere).contains("lies in another file"));
    let mut ours = flat();
    let entry = StringStringEntryProto { key: "cirame.manifest".into(), value: "{}".into() };
    ours.metadata_props.push(entry);
    assert!(refusal(&ours).contains("already"));
    assert!(Foreign::read(b"\x3a\xff\xff").is_err());
    // A second graph, empty: readers would put the two together.
    let twice = [&*flat().encode_to_vec(), b"\x3a\x00"].concat();
    assert!(Foreign::read(&twice).unwrap_err().to_string().contains("2 graphs"));
}

#[test]
fn class_names_are_read_from_a_classifier() {
    let mut model = flat();
    let labels = |name: &str, ints: &[i64], strings: &[&str]| AttributeProto {
        name: name.to_owned(),
        ints: ints.to_vec(),
        strings: strings.iter().map(|text| text.as_bytes().to_vec()).collect(),
        ..AttributeProto::default()
    };
    let classifier = |attribute| NodeProto {
        domain: "ai.onnx.ml".to_owned(),
        attribute: vec![attribute],
        ..node("LinearClassifier", &["windows"], "name")
    };
    let read = |model: &ModelProto| {
        let foreign = Foreign::read(&model.encode_to_vec()).unwrap();
        foreign.class_names().map(<[String]>::to_vec)
    };
    assert_eq!(read(&model), None);
    let names = classifier(labels("classlabels_strings", &[], &["b", "a"]));
    model.graph.as_mut().unwrap().node.push(names);
    assert_eq!(read(&model).unwrap(), ["b", "a"]);
    let numbers = classifier(labels("classlabels_ints", &[4, 7], &[]));
    model.graph.as_mut().unwrap().node[1] = numbers;
    assert_eq!(read(&model).unwrap(), ["4", "7"]);
}

/// The file with another text under `cirame.manifest`.
fn with_manifest(bytes: &[u8], change: impl Fn(&mut Manifest)) -> Vec<u8> {
    let mut model = ModelProto::decode(bytes).unwrap();
    let mut manifest = Artifact::read(bytes).unwrap().manifest().clone();
    change(&mut manifest);
    model.metadata_props[0].value = manifest.to_canonical_json().unwrap();
    model.encode_to_vec()
}

#[test]
fn a_file_that_says_something_else_than_it_is_is_refused() {
    let bytes = sealed(Task::Classification, Batch::Symbolic);
    let refused = |change: &dyn Fn(&mut Manifest)| {
        Artifact::read(&with_manifest(&bytes, change)).unwrap_err().to_string()
    };
    let later = refused(&|manifest| manifest.format_version = 3);
    assert!(later.contains("format version 3") && later.contains("update it"), "{later}");
    // As its own graph it is no artifact at all.
    refused(&|manifest| manifest.format_version = 1);
    let without = refused(&|manifest| manifest.adopted = None);
    assert!(without.contains("adopted"), "{without}");
    let classes = refused(&|manifest| {
        manifest.classes.pop();
    });
    assert!(classes.contains("the inputs and outputs"), "{classes}");
    let lineage = refused(&|manifest| manifest.lineage.seed = 43);
    assert!(lineage.contains("lineage id"), "{lineage}");
    let score = refused(&|manifest| {
        let adopted = manifest.adopted.as_mut().unwrap();
        adopted.score = Some(ScoreScale { lower_is_unusual: false, centre: 0.0 });
    });
    assert!(score.contains("adopted.score"), "{score}");
    let features = refused(&|manifest| manifest.pipeline.features.push("accX.mean".to_owned()));
    assert!(features.contains("reads windows"), "{features}");

    let mut elsewhere = ModelProto::decode(&*bytes).unwrap();
    elsewhere.graph.as_mut().unwrap().initializer[0].data_location = 1;
    let error = Artifact::read(&elsewhere.encode_to_vec()).unwrap_err();
    assert!(matches!(error, ArtifactError::External), "{error}");
}

#[test]
fn changed_files_of_other_programs_are_refused_or_can_be_wrapped() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../trainer/tests/foreign");
    let names = ["flax_cnn", "sklearn_forest", "sklearn_regressor", "sklearn_zipmap"];
    let files = names.map(|name| std::fs::read(folder.join(name).with_extension("onnx")).unwrap());
    let manifest = adopted_manifest(Task::Regression, InputReading::ChannelsFirst);
    let mut random = crate::draft::random(11);
    let mut taken = 0;
    for original in files.iter().cycle().take(4000) {
        let mut bytes = original.clone();
        for _ in 0..random.random_range(1..4) {
            let start = random.random_range(0..bytes.len());
            let end = (start + random.random_range(1..16)).min(bytes.len());
            match random.random_range(0..4) {
                0 => bytes[start] ^= 1 << random.random_range(0..8),
                1 => bytes[start..end].iter_mut().for_each(|byte| *byte = random.random()),
                2 => drop(bytes.drain(start..end)),
                _ => bytes.truncate(start.max(1)),
            }
        }
        let Ok(foreign) = Foreign::read(&bytes) else { continue };
        taken += 1;
        let wrapping = Wrapping {
            manifest: &manifest,
            reading: InputReading::ChannelsFirst,
            output: &foreign.outputs()[0].name,
            answer: AdoptedAnswer::Regression,
            batch: Batch::Symbolic,
        };
        let wrapped = foreign.wrap(&wrapping).expect("what was read can be wrapped");
        let again = Foreign::read(&wrapped).expect("what is wrapped has our input and outputs");
        assert_eq!((&*again.input().name, &*again.outputs()[0].name), ("windows", "value"));
    }
    assert!(taken > 400, "only {taken} changed files are taken in");
}
