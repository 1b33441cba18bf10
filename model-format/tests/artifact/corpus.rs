//! Released artifacts load for ever and answer as on the day of their release.
//!
//! `CIRAME_WRITE_CORPUS=1 cargo test -p model-format --test artifact` writes the folder of the
//! current format version anew; released folders are never changed. `pump.onnx` holds every feature
//! and comes from the trainer (`simulate vibration --seconds 4`, `train -e random_forest_classifier -p
//! n_estimators=5 --window-samples 64`); its golden windows are what it is asked. The files of `v2` come
//! from `cirame-trainer adopt` of the files in `trainer/tests/foreign`, as `trainer/tests/it/adopt.rs` asks
//! for them; engines run them, here their golden answers are read.

use std::fs;
use std::path::{Path, PathBuf};

use model_format::artifact::{Artifact, Batch};
use model_format::manifest::Task;
use model_format::onnx::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::draft;

/// The expected answers beside each artifact.
#[derive(Serialize, Deserialize)]
struct Expected {
    sha256: String,
    lineage_id: String,
    windows: Vec<Vec<f32>>,
    floats: Vec<Vec<f32>>,
    labels: Vec<Option<i64>>,
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn answers(artifact: &Artifact, windows: Vec<Vec<f32>>) -> Expected {
    let sha256 = artifact.sha256().to_string();
    let lineage_id = artifact.manifest().lineage_id.to_string();
    let Some(own) = artifact.own() else {
        let golden = artifact.golden().iter();
        let (floats, labels) = golden.map(|golden| (golden.floats.clone(), golden.label)).unzip();
        return Expected { sha256, lineage_id, windows, floats, labels };
    };
    let mut program = own.program();
    let pipeline = &artifact.manifest().pipeline;
    let shape = [1, pipeline.window.length_samples as usize, pipeline.channels.len()];
    let (mut floats, mut labels) = (Vec::new(), Vec::new());
    for window in &windows {
        let outputs = program.run(&[Tensor::f32(shape, window.clone())]).unwrap();
        floats.push(outputs[0].as_f32().unwrap().to_vec());
        labels.push(outputs.get(1).map(|labels| labels.as_i64().unwrap()[0]));
    }
    Expected { sha256, lineage_id, windows, floats, labels }
}

#[test]
fn released_artifacts_load_and_answer_as_they_did() {
    if std::env::var_os("CIRAME_WRITE_CORPUS").is_some() {
        write_current();
    }
    let mut count = 0;
    for version in fs::read_dir(corpus()).expect("the corpus is in the repository") {
        for file in fs::read_dir(version.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "onnx") {
                check(&file);
                count += 1;
            }
        }
    }
    assert!(count >= 7, "only {count} artifacts in the corpus");
}

fn check(file: &Path) {
    let artifact = Artifact::read(&fs::read(file).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let text = fs::read_to_string(file.with_extension("json")).unwrap();
    let expected: Expected = serde_json::from_str(&text).unwrap();
    let found = answers(&artifact, expected.windows.clone());
    assert_eq!(found.sha256, expected.sha256);
    assert_eq!(found.lineage_id, expected.lineage_id);
    assert_eq!(found.labels, expected.labels, "{}", file.display());
    let pairs = found.floats.iter().flatten().zip(expected.floats.iter().flatten());
    for (a, b) in pairs {
        assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{}: {a} and {b}", file.display());
    }
}

fn write_current() {
    let folder = corpus().join("v1");
    fs::create_dir_all(&folder).unwrap();
    for (name, task, batch) in [
        ("classification", Task::Classification, Batch::Symbolic),
        ("regression", Task::Regression, Batch::Symbolic),
        ("anomaly", Task::Anomaly, Batch::Symbolic),
        ("classification_one_window", Task::Classification, Batch::One),
    ] {
        let bytes = draft::artifact(task, batch);
        let file = folder.join(name).with_extension("onnx");
        write_expected(&file, &Artifact::read(&bytes).unwrap(), draft::windows(8));
        fs::write(file, bytes).unwrap();
    }
    let file = folder.join("pump.onnx");
    let artifact = Artifact::read(&fs::read(&file).unwrap()).unwrap();
    let golden = artifact.golden().iter().map(|golden| golden.window.clone()).collect();
    write_expected(&file, &artifact, golden);
    for name in ["flax_cnn", "sklearn_forest"] {
        let file = corpus().join("v2").join(name).with_extension("onnx");
        write_expected(&file, &Artifact::read(&fs::read(&file).unwrap()).unwrap(), Vec::new());
    }
}

fn write_expected(file: &Path, artifact: &Artifact, windows: Vec<Vec<f32>>) {
    let text = serde_json::to_string_pretty(&answers(artifact, windows)).unwrap();
    fs::write(file.with_extension("json"), text + "\n").unwrap();
}
