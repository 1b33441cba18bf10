//! What cannot be done is refused, with what was found and what to change.

use crate::program::Program;

fn pump() -> Program {
    let program = Program::new();
    program
        .run("simulate vibration --classes normal,imbalance --seconds 2 --per-class 3 --into pump");
    program
}

#[test]
fn unknown_names_are_refused_with_the_nearest_ones() {
    let program = pump();
    for (arguments, parts) in [
        ("train pmp -e ridge", &["pmp", "pump"][..]),
        ("train pump -e random_forest_clasifier", &["random_forest_classifier"]),
        ("train pump -e random_forest_classifier -p n_estimator=5", &["n_estimators"]),
        ("train pump -e random_forest_classifier -p n_estimators=0", &["n_estimators", "0"]),
        ("train pump -e random_forest_classifier --features kurtosys", &["kurtosys", "kurtosis"]),
        ("train pump -e random_forest_classifier --features accQ.rms", &["accQ", "accX"]),
        ("train pump -e random_forest_classifier --features accX.rmms", &["rmms", "rms"]),
        ("train pump -e random_forest_classifier --features variance", &["use std"]),
        ("train pump -e random_forest_classifier --channels accQ", &["accQ", "accX"]),
        ("train pump@7 -e random_forest_classifier", &["pump@7", "pump@1"]),
        ("evaluate nothing pump", &["nothing"]),
        ("features kurtosys", &["kurtosis"]),
        ("estimators rigde", &["ridge"]),
        ("simulate vibration --classes imbalence out", &["imbalence", "imbalance"]),
    ] {
        let refusal = program.refusal(arguments);
        for part in parts {
            assert!(refusal.contains(part), "{arguments}: {part} is missing in {refusal}");
        }
    }
}

#[test]
fn windows_and_splits_that_cannot_be_are_refused() {
    let program = pump();
    let train = "train pump -e random_forest_classifier";
    for (arguments, parts) in [
        ("--window-s 3", &["3000 samples", "longest has 2000"][..]),
        ("--test recording:normal*", &["normal", "no"]),
        ("--test tag:load=999", &["--test"]),
        ("--only recording:zzz", &["--only"]),
        ("--split window", &["never by single windows"]),
        ("--split tag:machine", &["machine"]),
        ("--test 0.25 --test tag:load=40", &["--test"]),
        ("--features spectrum --rate none --window-samples 64", &["rate"]),
        ("--rate none --window-s 1", &["--window-samples"]),
        ("--name a/b", &["a/b"]),
        ("--target accX --channels accX", &["accX"]),
    ] {
        let refusal = program.refusal(&format!("{train} {arguments}"));
        for part in parts {
            assert!(refusal.contains(part), "{arguments}: {part} is missing in {refusal}");
        }
    }
}

#[test]
fn a_classifier_without_labels_says_how_to_get_some() {
    let program = Program::new();
    std::fs::write(program.path("a.csv"), "x,y\n".to_owned() + &"1,2\n".repeat(40)).unwrap();
    program.run("import bare a.csv --rate-hz 10 --label-from none");
    let refusal = program.refusal("train bare -e random_forest_classifier --window-samples 8");
    assert!(refusal.contains("--label-from"), "{refusal}");
}

#[test]
fn a_refused_file_adds_nothing_and_says_each_thing_once() {
    let program = Program::new();
    std::fs::create_dir(program.path("in")).unwrap();
    std::fs::write(program.path("in/a.csv"), "x\n1\n2\n").unwrap();
    std::fs::write(program.path("in/b.csv"), "x\n1\nzwei\n").unwrap();
    let refusal = program.refusal("import two in --rate-hz 10 --label-from none");
    assert_eq!(refusal.matches("zwei").count(), 1, "{refusal}");
    assert!(refusal.contains("b.csv"), "{refusal}");
    assert!(program.refusal("datasets show two").contains("two"));
}

#[test]
fn a_failed_run_is_kept_with_its_reason() {
    let program = pump();
    program.refusal("train pump -e random_forest_classifier --test tag:load=999");
    let runs = program.run("runs list");
    assert_eq!(runs[0]["status"], "failed");
    assert!(runs[0]["error"].as_str().unwrap().contains("--test"));
}

#[test]
fn a_refusal_is_json_where_json_was_asked_for() {
    let program = pump();
    let output = program.command("--json evaluate nothing pump").output().unwrap();
    assert!(!output.status.success());
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(json["error"].as_str().unwrap().contains("nothing"));
}
