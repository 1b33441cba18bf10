//! `inspect` and `prove`.

use model_format::id::Digest;
use serde_json::Value;

use super::{MODELS, edge, model};

#[test]
fn inspect_shows_what_a_model_expects_and_what_made_it() {
    for (name, parts) in [
        ("classification", ["classification into idle, running, fault", "accX (-3 to 3 m/s2)"]),
        ("regression", ["regression of load in kW", "100 Hz within 5 %, else refuse"]),
        ("anomaly", ["an alarm from 1.0 on", "score 1.0 (raw 2.5; from 100 calibration"]),
    ] {
        let path = model(name);
        let done = edge(&["inspect", path.to_str().unwrap()], "");
        assert!(done.is_success, "{}", done.errors);
        let digest = Digest::of(&std::fs::read(path).unwrap()).to_string();
        let more = ["32 samples (0.32 s)", "accX.spectral_centroid", "seed 42", &digest];
        for part in parts.into_iter().chain(more) {
            assert!(done.output.contains(part), "{part:?} is not in: {}", done.output);
        }
    }
}

#[test]
fn inspect_gives_the_whole_manifest_as_json() {
    let path = model("classification");
    let done = edge(&["inspect", path.to_str().unwrap(), "--json"], "");
    let document: Value = serde_json::from_str(&done.output).unwrap();
    assert_eq!(document["manifest"]["classes"][1], "running");
    assert_eq!(document["manifest"]["pipeline"]["window"]["length_samples"], 32);
    assert_eq!(document["size_bytes"], std::fs::metadata(path).unwrap().len());
}

#[test]
fn released_models_prove_here() {
    for (name, _) in MODELS {
        let path = model(name);
        let path = path.to_str().unwrap();
        let done = edge(&["prove", path], "");
        assert!(done.is_success, "{}", done.errors);
        assert!(done.output.contains("native") && done.output.contains("passed"));
        let done = edge(&["prove", path, "--engine", "native", "--json"], "");
        let proof: Value = serde_json::from_str(&done.output).unwrap();
        assert_eq!(proof["passed"], true);
        assert_eq!(proof["judges"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_model_with_other_answers_than_it_carries_fails_to_prove() {
    let mut bytes = std::fs::read(model("classification")).unwrap();
    let text = b"\"label\":0";
    let golden = find(&bytes, b"cirame.golden");
    // Another class as the first answer: the file stays well formed.
    let at = golden + find(&bytes[golden..], text) + text.len() - 1;
    bytes[at] = b'1';
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.onnx");
    std::fs::write(&path, bytes).unwrap();
    let done = edge(&["prove", path.to_str().unwrap(), "--engine", "native"], "");
    assert!(done.output.contains("FAILED"), "{}", done.output);
    assert!(done.refusal().contains("does not give here the answers"), "{}", done.errors);
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|part| part == wanted).unwrap()
}

#[test]
fn help_teaches_every_command() {
    for words in [&["--help"][..], &["inspect", "--help"], &["prove", "--help"], &["run", "--help"]]
    {
        let done = edge(words, "");
        assert!(done.is_success && done.output.contains("Usage: cirame-edge"), "{words:?}");
    }
    assert!(edge(&["run", "--help"], "").output.contains("Examples:"));
    assert!(!edge(&[], "").is_success);
}

#[test]
fn adopted_models_are_inspected_and_proved_by_the_engines_that_run_them() {
    let path = model("../v2/sklearn_forest");
    let path = path.to_str().unwrap();
    let done = edge(&["inspect", path], "");
    for part in ["skl2onnx 1.20.0", "input flat_time_major", "format version 2"] {
        assert!(done.output.contains(part), "{part:?} is not in: {}", done.output);
    }
    let done = edge(&["prove", path, "--json"], "");
    assert!(done.is_success, "{}", done.errors);
    let proof: Value = serde_json::from_str(&done.output).unwrap();
    let judges = proof["judges"].as_array().unwrap();
    assert!(!judges.is_empty() && judges.iter().all(|judge| judge["engine"] != "native"));
    let done = edge(&["prove", path, "--engine", "native"], "");
    assert!(done.refusal().contains("use the engine tract or ort"), "{}", done.errors);
}
