//! Models of other programs (`tools/foreign_models.py` makes them): taken in, they answer as Python's
//! onnxruntime does for the original files.

use std::path::Path;

use engine::EngineKind;
use model_format::artifact::{AdoptedAnswer, Artifact, Batch, Foreign, Wrapping};
use model_format::manifest::InputReading;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::program::{Program, read_csv};

const PUMP: &str = "simulate vibration --classes normal,imbalance,cavitation --seconds 4 files";
const IMPORT: &str = "import pump files --time t_ns --label-from column:label \
                      --tags-from {kind}_load{load}_{number}";
const CLASSES: &str = "cavitation,imbalance,normal";

/// What Python's onnxruntime answers on the original file for time-major windows.
#[derive(Deserialize)]
struct Expected {
    windows: Vec<Vec<f32>>,
    floats: Vec<Vec<f32>>,
}

fn foreign(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign");
    folder.join(name).display().to_string()
}

fn expected(name: &str) -> Expected {
    let path = foreign(&format!("{name}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn pump() -> Program {
    let program = Program::new();
    program.run(PUMP);
    program.run(IMPORT);
    program
}

/// The largest difference of an artifact's answers from these, by engine.
fn distances(
    bytes: &[u8],
    engines: &[EngineKind],
    windows: &[Vec<f32>],
    floats: &[Vec<f32>],
) -> f32 {
    let mut largest = 0.0_f32;
    for &kind in engines {
        let mut engine = engine::load(kind, bytes).unwrap_or_else(|error| panic!("{error}"));
        for (window, expected) in windows.iter().zip(floats) {
            let found = engine.run(window, 1).unwrap().floats;
            assert_eq!(found.len(), expected.len(), "{kind}");
            for (found, expected) in found.iter().zip(expected) {
                largest = largest.max((found - expected).abs());
            }
        }
    }
    largest
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let sum: f32 = logits.iter().map(|logit| logit.exp()).sum();
    logits.iter().map(|logit| logit.exp() / sum).collect()
}

fn judges(adopted: &Value) -> Vec<&str> {
    let judges = adopted["report"]["proof"]["judges"].as_array().unwrap();
    judges.iter().map(|judge| judge["engine"].as_str().unwrap()).collect()
}

const BOTH: [EngineKind; 2] = [EngineKind::Tract, EngineKind::Ort];

#[test]
fn a_network_of_another_framework_answers_as_the_original() {
    let program = pump();
    let file = foreign("flax_cnn.onnx");
    let options =
        format!("--dataset pump --name cnn --logits --classes {CLASSES} --test tag:load=60");
    let adopted = program.run(&format!("adopt {file} {options}"));
    assert_eq!(judges(&adopted), ["tract", "ort"]);
    assert_eq!(adopted["report"]["proof"]["passed"], true);
    assert!(adopted["report"]["evaluation"]["model"]["accuracy"].as_f64().unwrap() > 0.95);
    program.run("export cnn -o cnn.onnx");
    let bytes = std::fs::read(program.path("cnn.onnx")).unwrap();
    let Expected { windows, floats } = expected("flax_cnn");
    let floats: Vec<Vec<f32>> = floats.iter().map(|logits| softmax(logits)).collect();
    let distance = distances(&bytes, &BOTH, &windows, &floats);
    assert!(distance < 1e-6, "{distance}");

    // What the registry has is what an evaluation and a proof use.
    let evaluated = program.run("evaluate cnn pump --only tag:load=60 --results answers.csv");
    assert_eq!(evaluated["engine"], "ort");
    assert_eq!(evaluated["evaluation"], adopted["report"]["evaluation"]);
    assert_eq!(read_csv(&program.path("answers.csv")).len(), 183);
    let by_tract = program.run("evaluate cnn pump --only tag:load=60 --engine tract");
    let accuracy = |evaluated: &Value| evaluated["evaluation"]["model"]["accuracy"].clone();
    assert_eq!(accuracy(&by_tract), accuracy(&evaluated));
    assert_eq!(program.run("prove cnn.onnx")["passed"], true);

    let manifest = Artifact::read(&bytes).unwrap().manifest().clone();
    assert_eq!(manifest.lineage.estimator, "adopted");
    assert_eq!(manifest.adopted.unwrap().input, InputReading::ChannelsFirst);
    let again = program.run(&format!("adopt {file} {options}"));
    assert_eq!(again["model"]["artifact_sha256"], adopted["model"]["artifact_sha256"]);
    for (command, told) in [
        ("evaluate cnn pump --engine native", "another program's; use the engine tract or ort"),
        ("export cnn -o one.onnx --batch-one", "with a batch of 1"),
        ("prove cnn --engine native", "another program's"),
    ] {
        let refusal = program.refusal(command);
        assert!(refusal.contains(told), "{command}: {refusal}");
    }
}

#[test]
fn pipelines_of_scikit_learn_answer_as_the_originals() {
    let program = pump();
    let file = foreign("sklearn_forest.onnx");
    let adopted = program.run(&format!("adopt {file} --dataset pump --name forest"));
    assert_eq!(adopted["report"]["classes"], json!(CLASSES.split(',').collect::<Vec<_>>()));
    assert_eq!(judges(&adopted), ["tract", "ort"]);
    program.run("export forest -o forest.onnx");
    let bytes = std::fs::read(program.path("forest.onnx")).unwrap();
    let Expected { windows, floats } = expected("sklearn_forest");
    let distance = distances(&bytes, &BOTH, &windows, &floats);
    assert!(distance < 1e-6, "{distance}");

    program.run("simulate process --classes normal --per-class 2 --seconds 300 --into plant");
    let file = foreign("sklearn_regressor.onnx");
    let channels = "speed,valve,inlet_pressure,outlet_pressure,flow,current";
    let adopted = program.run(&format!(
        "adopt {file} --dataset plant --name power --target power --channels {channels}"
    ));
    assert_eq!(adopted["report"]["pipeline"]["window"]["length_samples"], 1);
    assert!(adopted["report"]["evaluation"]["model"]["r2"].as_f64().unwrap() > 0.99);
    program.run("export power -o power.onnx");
    let bytes = std::fs::read(program.path("power.onnx")).unwrap();
    let Expected { windows, floats } = expected("sklearn_regressor");
    let distance = distances(&bytes, &BOTH, &windows, &floats);
    assert!(distance < 1e-5, "{distance}");
}

#[test]
fn one_number_for_two_classes_becomes_their_probabilities() {
    let program = pump();
    let file = foreign("one_unit.onnx");
    program.run("simulate vibration --classes normal,imbalance --seconds 4 two");
    program.run("import two two --time t_ns --label-from column:label --tags-from {kind}_load{load}_{number}");
    let Expected { windows, floats } = expected("one_unit");
    let floats: Vec<Vec<f32>> = floats
        .iter()
        .map(|logit| {
            let fault = 1.0 / (1.0 + (-logit[0]).exp());
            vec![1.0 - fault, fault]
        })
        .collect();
    for (name, output) in [("by-logit", "logit --logits"), ("by-probability", "probability")] {
        let options = "--dataset two --classes normal,imbalance --test tag:load=60";
        let adopted =
            program.run(&format!("adopt {file} --name {name} --output {output} {options}"));
        assert_eq!(judges(&adopted), ["tract", "ort"]);
        assert!(adopted["report"]["evaluation"]["model"]["accuracy"].as_f64().unwrap() > 0.95);
        program.run(&format!("export {name} -o {name}.onnx"));
        let bytes = std::fs::read(program.path(&format!("{name}.onnx"))).unwrap();
        let distance = distances(&bytes, &BOTH, &windows, &floats);
        assert!(distance < 1e-6, "{output}: {distance}");
    }
    for (arguments, told) in [
        ("--output logit --classes normal,imbalance", "add --logits"),
        (
            "--output probability --classes a,b,c",
            "one number a window, and the classes are a, b, c",
        ),
        ("--output probability", "both classes with --classes"),
    ] {
        let refusal = program.refusal(&format!("adopt {file} {arguments} --dataset two --name m"));
        assert!(refusal.contains(told), "{arguments}: {refusal}");
    }
}

#[test]
fn an_isolation_forest_gets_its_alarm_line_and_tract_is_not_forced_on_it() {
    let program = pump();
    let file = foreign("sklearn_isolation.onnx");
    let adopted = program.run(&format!(
        "adopt {file} --dataset pump --name watch --normal normal --lower-is-unusual \
         --false-alarm-rate 0.05"
    ));
    let report = &adopted["report"];
    assert_eq!(judges(&adopted), ["ort"]);
    let notes = report["notes"].as_array().unwrap();
    let told = |part: &str| notes.iter().any(|note| note.as_str().unwrap().contains(part));
    assert!(told("LabelEncoder") && told("ONNX Runtime (ort)"), "{notes:?}");
    assert_eq!(report["windows"]["calibration"], 183);
    assert!(report["evaluation"]["model"]["recall"].as_f64().unwrap() > 0.9);

    program.run("export watch -o watch.onnx");
    let bytes = std::fs::read(program.path("watch.onnx")).unwrap();
    let manifest = Artifact::read(&bytes).unwrap().manifest().clone();
    let (line, scale) = (manifest.threshold.unwrap(), manifest.adopted.unwrap().score.unwrap());
    assert!(scale.lower_is_unusual);
    let Expected { windows, floats } = expected("sklearn_isolation");
    let scored = |output: f32| (-f64::from(output) - scale.centre) / (line.raw - scale.centre);
    let scores: Vec<Vec<f32>> = floats.iter().map(|row| vec![scored(row[0]) as f32]).collect();
    let distance = distances(&bytes, &[EngineKind::Ort], &windows, &scores);
    assert!(distance < 1e-4, "{distance}");
    let refusal = program.refusal("prove watch --engine tract");
    assert!(refusal.contains("LabelEncoder"), "{refusal}");
}

#[test]
fn a_wrong_reading_of_the_input_is_seen() {
    let bytes = std::fs::read(foreign("flax_cnn.onnx")).unwrap();
    let file = Foreign::read(&bytes).unwrap();
    let program = pump();
    let options = format!("--dataset pump --name cnn --logits --classes {CLASSES}");
    program.run(&format!("adopt {} {options}", foreign("flax_cnn.onnx")));
    program.run("export cnn -o cnn.onnx");
    let artifact = Artifact::read(&std::fs::read(program.path("cnn.onnx")).unwrap()).unwrap();
    let Expected { windows, floats } = expected("flax_cnn");
    let floats: Vec<Vec<f32>> = floats.iter().map(|logits| softmax(logits)).collect();
    // Read as one row after the other, the same numbers stand in other places: shapes still fit.
    let mut manifest = artifact.manifest().clone();
    manifest.pipeline.window.length_samples = 3;
    manifest.pipeline.channels = (0..128)
        .map(|number| serde_json::from_value(json!({ "name": format!("c{number}") })).unwrap())
        .collect();
    let wrapping = Wrapping {
        manifest: &manifest,
        reading: InputReading::TimeMajor,
        output: "out_0",
        answer: AdoptedAnswer::Classification { softmax: true },
        batch: Batch::Symbolic,
    };
    let wrong = file.wrap(&wrapping).unwrap();
    let distance = distances(&wrong, &BOTH, &windows, &floats);
    assert!(distance > 1e-2, "a window that is read wrongly gives the same answers: {distance}");
}

#[test]
fn what_cannot_be_adopted_is_refused_with_what_to_do() {
    let program = pump();
    let cnn = foreign("flax_cnn.onnx");
    let forest = foreign("sklearn_forest.onnx");
    let isolation = foreign("sklearn_isolation.onnx");
    let zipmap = foreign("sklearn_zipmap.onnx");
    let double = foreign("sklearn_double.onnx");
    for (arguments, told) in [
        (format!("{cnn} --logits"), "--classes in the order of the output"),
        (format!("{cnn} --classes {CLASSES}"), "add --logits"),
        (format!("{cnn} --logits --classes a,b"), "3 numbers a window, and the classes are a, b"),
        (format!("{cnn} --logits --classes {CLASSES} --channels accX"), "choose --channels"),
        (format!("{cnn} --logits --classes {CLASSES} --window-samples 64"), "with 64 samples"),
        (format!("{cnn} --logits --classes a,b,c"), "does not know the class"),
        (format!("{cnn} --logits --classes {CLASSES} --input time_major"), "channels_first would"),
        (
            format!("{cnn} --logits --classes {CLASSES} --normal normal --task classification"),
            "--normal is no option of a classification",
        ),
        (format!("{forest} --output nothing"), "there are probabilities"),
        (isolation.clone(), "--target, or the normal class with --normal"),
        (format!("{isolation} --normal normal --false-alarm-rate 0.001"), "false_alarm_rate 0.001"),
        (zipmap, "{\"zipmap\": False}"),
        (double, "FloatTensorType"),
        ("files/normal_load40_0.csv".to_owned(), "no ONNX file"),
    ] {
        let refusal = program.refusal(&format!("adopt {arguments} --dataset pump --name m"));
        assert!(refusal.contains(told), "{arguments}: {refusal}");
    }
    let models = program.run("models list");
    assert!(!models.to_string().contains("\"m\""), "{models}");
}
