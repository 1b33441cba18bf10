//! `install`, `slots` and `rollback`: with the service running, and without.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use engine::EngineKind;
use model_format::artifact::Artifact;
use model_format::bundle::Bundle;
use model_format::id::Digest;
use serde_json::Value;

use super::{edge, model, program};

/// Writes a bundle of a released artifact, as version `version` of `pump`.
fn bundle(path: &Path, artifact: &str, version: u32) -> String {
    let bytes = std::fs::read(model(artifact)).unwrap();
    let artifact = Artifact::read(&bytes).unwrap();
    let proof = engine::proof::prove(&artifact, &[], &[EngineKind::Native], &|| 0).unwrap();
    let proof = serde_json::to_value(proof).unwrap();
    let bundle = Bundle::new(("pump", version), bytes, proof, None);
    std::fs::write(path, bundle.write().unwrap()).unwrap();
    path.display().to_string()
}

fn slots(state: &str) -> Value {
    let done = edge(&["slots", "--json", "--state", state], "");
    assert!(done.is_success, "{}", done.errors);
    serde_json::from_str(&done.output).unwrap()
}

#[test]
fn bundles_are_installed_before_a_service_starts_and_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    let first = bundle(&folder.path().join("first.bundle"), "regression", 7);
    let done = edge(&["install", &first, "--state", &state], "");
    assert!(done.is_success && done.output.contains("pump 7 passed its proof"), "{}", done.errors);
    let told = slots(&state);
    assert_eq!(
        (&told["is_running"], &told["models"][0]["candidate"]["version"]),
        (&false.into(), &7.into())
    );

    let mut service = program();
    let words = ["serve", "--state", &state, "--listen", "127.0.0.1:0", "--end-with-input"];
    let mut service = service.args(words).args(["--name", "device"]).spawn().unwrap();
    let mut lines = BufReader::new(service.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("listening"));
    let began = Instant::now();
    while slots(&state)["is_running"] == false {
        assert!(began.elapsed() < Duration::from_secs(60), "the service does not start");
    }
    let second = bundle(&folder.path().join("second.bundle"), "anomaly", 8);
    let done = edge(&["install", &second, "--state", &state], "");
    assert!(done.is_success, "{}", done.errors);
    assert_eq!(done.output, "pump 8 is in service\n");
    let told = slots(&state);
    let digest = Digest::of(&std::fs::read(model("anomaly")).unwrap()).to_string();
    assert_eq!(told["models"][0]["candidate"]["artifact_sha256"], digest);
    let text = edge(&["slots", "--state", &state], "").output;
    assert!(text.contains("the service runs") && text.contains("version 8"), "{text}");
    let refusal = edge(&["rollback", "fan", "--state", &state], "");
    assert!(refusal.refusal().contains("but pump"), "{}", refusal.errors);
    let refusal = edge(&["rollback", "--state", &state], "");
    assert!(refusal.refusal().contains("there is none before it"), "{}", refusal.errors);
    drop(service.stdin.take());
    assert!(service.wait().unwrap().success());
    assert_eq!(slots(&state)["is_running"], false);
}

#[test]
fn what_is_no_bundle_and_no_state_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    let path = model("regression").display().to_string();
    let refusal = edge(&["install", &path, "--state", &state], "");
    assert!(refusal.refusal().contains("cirame-trainer bundle"), "{}", refusal.errors);
    let nowhere = folder.path().join("nowhere").display().to_string();
    for words in [vec!["slots"], vec!["rollback"]] {
        let words: Vec<&str> = words.into_iter().chain(["--state", &nowhere]).collect();
        assert!(edge(&words, "").refusal().contains("--state"));
    }
}
