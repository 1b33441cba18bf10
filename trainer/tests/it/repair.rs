//! Repairs by the command line, and their replay.

use serde_json::{Value, json};

use crate::program::Program;

fn content(program: &Program, dataset: &str) -> String {
    let shown = program.run(&format!("datasets show {dataset}"));
    shown["recordings"][0]["content"].as_str().unwrap().to_owned()
}

#[test]
fn a_chain_of_repairs_is_replayed_to_the_same_bytes_and_a_lost_file_comes_back() {
    let program = Program::new();
    program.run("simulate vibration --seconds 2 --per-class 1 --seed 3 --into pump");
    let output = program
        .command("--json repair pump --into slow --step")
        .args(["resample rate_hz=300 method=linear"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let put = program
        .command("--json repair slow --into slow --name whole --step")
        .args([r#"{"step":"concatenate","pause_s":5}"#])
        .output()
        .unwrap();
    assert!(put.status.success(), "{}", String::from_utf8_lossy(&put.stderr));
    let shown: Value = serde_json::from_slice(&put.stdout).unwrap();
    assert_eq!((&shown["version"], &shown["recordings"]), (&json!(2), &json!(["whole"])));

    let replayed = program.run("replay slow");
    let replayed = replayed.as_array().unwrap();
    let listed = program.run("datasets show slow")["recordings"].as_array().unwrap().len();
    assert_eq!(replayed.len(), listed);
    for found in replayed {
        assert_eq!((&found["same"], &found["restored"]), (&json!(true), &json!(false)), "{found}");
        assert_eq!(found["made"], found["listed"]);
    }

    let path = program.data().join(format!("datasets/{}.parquet", content(&program, "slow")));
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(program.text("replay slow").contains("is there again"));
    assert!(std::fs::read(&path).unwrap() == bytes, "the file has other bytes");

    // Labels have a history of their own: who changes them later changes no samples.
    program.run("labels rename slow normal healthy");
    let replayed = program.run("replay slow");
    let replayed = replayed.as_array().unwrap();
    assert!(replayed.iter().all(|found| found["same"] == true), "{replayed:?}");
    assert!(replayed.iter().any(|found| found["same_labels"] == false), "{replayed:?}");

    // An input that was damaged is found by its digest, by name.
    let input = program.data().join(format!("datasets/{}.parquet", content(&program, "pump")));
    std::fs::copy(&path, &input).unwrap();
    let refusal = program.refusal("replay slow");
    assert!(refusal.contains("damaged"), "{refusal}");
    let refusal = program.refusal("replay pump");
    assert!(refusal.contains("no result of a repair"), "{refusal}");
}

#[test]
fn a_recording_that_does_not_come_out_again_is_told_and_fails_the_command() {
    let program = Program::new();
    program.run("simulate vibration --seconds 2 --per-class 1 --seed 3 --into pump");
    let mut command = program.command("repair pump --into slow --step");
    assert!(command.args(["cut to_row=100"]).status().unwrap().success());
    assert!(program.text("replay slow").contains("the same"));
    // As if another recording had been made of the input.
    let database = rusqlite::Connection::open(program.data().join("cirame.db")).unwrap();
    let changed = database.execute(
        "UPDATE dataset_version_entries SET lineage =
             (SELECT lineage FROM dataset_version_entries WHERE lineage IS NOT NULL LIMIT 1)
         WHERE lineage IS NOT NULL",
        [],
    );
    assert!(changed.unwrap() > 1);
    let output = program.command("replay slow").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success() && text.contains("DIFFERENT"), "{text}");
}

#[test]
fn a_step_that_is_not_understood_is_refused_with_where_to_look() {
    let program = Program::new();
    program.run("simulate vibration --seconds 2 --per-class 1 --seed 3 --into pump");
    for (step, part) in [
        ("resample", "rate_hz"),
        ("resample rate_hz=fast method=linear", "fast"),
        ("resample rate_hz", "FIELD=VALUE"),
        ("cut to_row=5 to_row=6", "twice"),
        ("blend", "blend"),
    ] {
        let output = program.command("repair pump --into x --step").arg(step).output().unwrap();
        let refusal = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && refusal.contains(part), "{step}: {refusal}");
        assert!(refusal.contains("repair --help"), "{refusal}");
    }
}
