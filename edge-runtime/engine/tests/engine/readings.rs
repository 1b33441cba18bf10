//! Every way in which a foreign graph may take a window: each value of a window reaches the place that
//! its reading says, in every engine.

use engine::EngineKind;
use model_format::artifact::{AdoptedAnswer, Batch, Foreign, Wrapping};
use model_format::id::Digest;
use model_format::manifest::{
    ADOPTED_FORMAT_VERSION, Baseline, InputReading, Lineage, Manifest, Target, Task,
};
use model_format::onnx::proto::{
    DataType, Dimension, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use prost::Message as _;

const SAMPLES: usize = 5;
const CHANNELS: usize = 3;

/// Where the value of a sample and a channel lies, of so many samples.
type Place = fn(usize, usize, usize) -> usize;

/// The shape behind the number of windows, and where a value of the window lies in it.
fn place(reading: InputReading) -> (Vec<usize>, Place) {
    fn by_time(sample: usize, channel: usize, _: usize) -> usize {
        sample * CHANNELS + channel
    }
    fn by_channel(sample: usize, channel: usize, samples: usize) -> usize {
        channel * samples + sample
    }
    match reading {
        InputReading::TimeMajor => (vec![SAMPLES, CHANNELS], by_time),
        InputReading::ChannelsFirst => (vec![CHANNELS, SAMPLES], by_channel),
        InputReading::PlaneTimeMajor => (vec![1, SAMPLES, CHANNELS], by_time),
        InputReading::PlaneChannelsFirst => (vec![1, CHANNELS, SAMPLES], by_channel),
        InputReading::FlatTimeMajor => (vec![SAMPLES * CHANNELS], by_time),
        InputReading::FlatChannelsFirst => (vec![SAMPLES * CHANNELS], by_channel),
        InputReading::Row => (vec![CHANNELS], by_time),
    }
}

/// The weight of a place in the foreign input.
fn weight(place: usize) -> f32 {
    (place * place) as f32 + 0.5
}

fn declared(name: &str, inner: &[usize], rows: Option<i64>) -> ValueInfoProto {
    let inner = inner.iter().map(|&size| Some(Dimension::Value(size as i64)));
    let dims = std::iter::once(rows.map(Dimension::Value)).chain(inner);
    let dim = dims.map(|value| DimensionProto { value }).collect();
    let shape = Some(TensorShapeProto { dim });
    let tensor_type = Some(TensorTypeProto { elem_type: DataType::Float as i32, shape });
    let r#type = Some(TypeProto { tensor_type });
    ValueInfoProto { name: name.to_owned(), r#type, ..ValueInfoProto::default() }
}

/// A file that adds up all values of its input, each with the weight of its place.
fn foreign(inner: &[usize], opset: i64, rows: Option<i64>) -> Foreign {
    let width: usize = inner.iter().product();
    let node = |operator: &str, inputs: &[&str], output: &str| NodeProto {
        op_type: operator.to_owned(),
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        ..NodeProto::default()
    };
    let weights = TensorProto {
        name: "weights".to_owned(),
        dims: vec![width as i64, 1],
        data_type: DataType::Float as i32,
        raw_data: (0..width).flat_map(|at| weight(at).to_le_bytes()).collect(),
        ..TensorProto::default()
    };
    let model = ModelProto {
        ir_version: 5,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: opset }],
        graph: Some(GraphProto {
            name: "sum".to_owned(),
            node: vec![
                node("Flatten", &["windows"], "flat"),
                node("MatMul", &["flat", "weights"], "value"),
            ],
            initializer: vec![weights],
            input: vec![declared("windows", inner, rows)],
            output: vec![declared("value", &[1], rows)],
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    };
    Foreign::read(&model.encode_to_vec()).unwrap()
}

fn manifest(samples: usize) -> Manifest {
    let pipeline = serde_json::from_value(serde_json::json!({
        "channels": [{"name": "x"}, {"name": "y"}, {"name": "z"}],
        "rate": "none",
        "window": {"length_samples": samples, "stride_samples": 1},
        "features": [],
    }));
    Manifest {
        format_version: ADOPTED_FORMAT_VERSION,
        task: Task::Regression,
        pipeline: pipeline.unwrap(),
        features: Vec::new(),
        classes: Vec::new(),
        target: Some(Target { name: "sum".to_owned(), unit: None }),
        threshold: None,
        baseline: Baseline::default(),
        adopted: None,
        lineage: Lineage {
            dataset_version: Digest::of(b""),
            estimator: "adopted".to_owned(),
            parameters: serde_json::Map::new(),
            split: serde_json::Value::Null,
            seed: 0,
            training_version: "1".to_owned(),
        },
        lineage_id: Digest::of(b""),
    }
}

#[test]
fn every_value_of_a_window_reaches_the_place_that_the_reading_says() {
    for reading in InputReading::ALL {
        let samples = if reading == InputReading::Row { 1 } else { SAMPLES };
        let (shape, place) = place(reading);
        let manifest = manifest(samples);
        for (opset, batch) in [(9, Batch::Symbolic), (17, Batch::Symbolic), (17, Batch::One)] {
            let rows = (batch == Batch::One).then_some(1);
            let wrapping = Wrapping {
                manifest: &manifest,
                reading,
                output: "value",
                answer: AdoptedAnswer::Regression,
                batch,
            };
            let wrapped = foreign(&shape, opset, rows).wrap(&wrapping).unwrap();
            for kind in crate::engines().into_iter().filter(|&kind| kind != EngineKind::Native) {
                let mut engine = crate::load(kind, &wrapped);
                for sample in 0..samples {
                    for channel in 0..CHANNELS {
                        let mut windows = vec![0.0; 2 * samples * CHANNELS];
                        windows[samples * CHANNELS + sample * CHANNELS + channel] = 1.0;
                        let found = engine.run(&windows, 2).unwrap().floats;
                        let expected = weight(place(sample, channel, samples));
                        let at = format!("{reading}, {kind}, opset {opset}, {sample}, {channel}");
                        assert_eq!(found, [0.0, expected], "{at}");
                    }
                }
            }
        }
    }
}
