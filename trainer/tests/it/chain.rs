//! The whole chain on simulated data, for each task: simulate, import, train, evaluate, export, and
//! the same answers from every engine.

use engine::EngineKind;
use serde_json::Value;

use crate::program::{Program, read_csv};

/// Fails where ONNX Runtime is missing: the chain is not tested without the second judge.
fn require_ort() {
    assert!(
        engine::available().contains(&EngineKind::Ort),
        "ONNX Runtime is not found: run `make setup`, then the tests by `make test`, which sets \
         ORT_DYLIB_PATH"
    );
}

/// Trains with `train`, and checks that evaluation on what was tested gives the run's figures, from
/// every engine, and that the exported file holds the same artifact.
fn check(program: &Program, dataset: &str, train: &str, only: &str) -> Value {
    require_ort();
    let trained = program.run(&format!("train {dataset} --name m {train}"));
    let report = &trained["report"];
    assert_eq!(report["proof"]["judges"].as_array().unwrap().len(), 3);
    assert_eq!(report["proof"]["passed"], true);

    let mut answers = Vec::new();
    for engine in EngineKind::ALL {
        let file = format!("{engine}.csv");
        let evaluated =
            program.run(&format!("evaluate m {dataset} {only} --engine {engine} --results {file}"));
        assert_eq!(evaluated["evaluation"], report["evaluation"], "{engine}");
        assert_eq!(evaluated["windows"], report["windows"]["test"]);
        answers.push(read_csv(&program.path(&file)));
    }
    for (native, other) in answers[1..].iter().flat_map(|other| answers[0].iter().zip(other)) {
        for (column, value) in native {
            let (a, b) = (value.parse::<f64>(), other[column].parse::<f64>());
            match (a, b) {
                (Ok(a), Ok(b)) => assert!((a - b).abs() <= 1e-6 * a.abs().max(1.0), "{column}"),
                _ => assert_eq!(value, &other[column], "{column}"),
            }
        }
    }

    let exported = program.run("export m -o out/../m.onnx");
    assert_eq!(exported["artifact_sha256"], report["artifact_sha256"]);
    let proof: Value =
        serde_json::from_slice(&std::fs::read(program.path("m.proof.json")).unwrap()).unwrap();
    assert_eq!(proof, report["proof"]);
    assert_eq!(program.run("prove m.onnx")["passed"], true);
    let one = program.run("export m -o one.onnx --batch-one");
    assert_ne!(one["artifact_sha256"], exported["artifact_sha256"]);
    assert_eq!(program.run("prove one.onnx")["passed"], true);
    trained
}

#[test]
fn a_classifier_goes_from_csv_files_to_the_same_answers_everywhere() {
    let program = Program::new();
    std::fs::create_dir(program.path("out")).unwrap();
    program.run("simulate vibration --classes normal,imbalance,cavitation --seconds 4 files");
    let import = "import pump files --time t_ns --label-from column:label \
                  --tags-from {kind}_load{load}_{number}";
    let imported = program.run(import);
    assert_eq!((&imported["version"], &imported["changed"]), (&1.into(), &true.into()));
    let again = program.run(import);
    assert_eq!((&again["version"], &again["changed"]), (&1.into(), &false.into()));

    let train = "-e random_forest_classifier -p n_estimators=20 --window-s 0.25 --features \
                 spread,spectrum --test tag:load=60";
    let trained = check(&program, "pump", train, "--only tag:load=60");
    let evaluation = &trained["report"]["evaluation"];
    assert_eq!(evaluation["model"]["accuracy"], 1.0);
    assert!(evaluation["naive"]["accuracy"].as_f64().unwrap() < 0.5);
    assert_eq!(
        trained["report"]["classes"],
        serde_json::json!(["cavitation", "imbalance", "normal"])
    );

    let text = program.text("train pump --name again -e logistic_regression --test tag:load=60");
    for part in [
        "the largest power of two within a quarter of the shortest recording",
        "half a window",
        "always the commonest",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[test]
fn a_regression_predicts_a_target_channel_that_is_no_input() {
    let program = Program::new();
    std::fs::create_dir(program.path("out")).unwrap();
    program.run("simulate process --classes normal --per-class 4 --seconds 1200 --into plant");
    let refusal = program.refusal("train plant -e ridge");
    assert!(refusal.contains("--target") && refusal.contains("power"), "{refusal}");

    let train = "-e ridge --target power --window-samples 8 --features mean,slope \
                 --test recording:normal_3";
    let trained = check(&program, "plant", train, "--only recording:normal_3");
    let evaluation = &trained["report"]["evaluation"];
    assert!(evaluation["model"]["r2"].as_f64().unwrap() > 0.9, "{evaluation}");
    assert!(evaluation["naive"]["r2"].as_f64().unwrap() < 0.1, "{evaluation}");
    let features = trained["report"]["pipeline"]["features"].as_array().unwrap();
    assert_eq!(features.len(), 16);
    assert!(!features.iter().any(|name| name.as_str().unwrap().starts_with("power")));
}

#[test]
fn a_process_monitor_learns_the_normal_state_and_scores_at_its_alarm_line() {
    let program = Program::new();
    std::fs::create_dir(program.path("out")).unwrap();
    program.run("simulate process --per-class 2 --seconds 2400 --into plant");
    let refusal = program.refusal("train plant -e t2q");
    assert!(refusal.contains("--normal") && refusal.contains("leak"), "{refusal}");

    let train = "-e t2q --normal normal --window-samples 4 --features mean --label-rule last \
                 --without power --test recording:normal_1 --test recording:*0";
    let train =
        train.replace("--test recording:*0", "--test recording:leak_* --test recording:block*");
    let only = "--only recording:normal_1 --only recording:leak_* --only recording:block*";
    let trained = check(&program, "plant", &train, only);
    let report = &trained["report"];
    let evaluation = &report["evaluation"]["model"];
    assert!(evaluation["f1"].as_f64().unwrap() > 0.6, "{evaluation}");
    assert!(report["threshold"]["calibration_windows"].as_u64().unwrap() >= 99);
    assert!(report["windows"]["calibration"].as_u64().unwrap() >= 99);
}

#[test]
fn each_row_is_answered_by_what_was_before_it_and_never_over_a_gap() {
    let program = Program::new();
    std::fs::create_dir(program.path("out")).unwrap();
    std::fs::create_dir(program.path("files")).unwrap();
    for file in 0..4_u64 {
        let x = |row: u64| ((row * row * 7 + row * (file + 3)) % 97) as f64 / 97.0;
        let mut text = "t_s,x,y,state\n".to_owned();
        for row in 0..400_u64 {
            // After 250 rows the process stands still for a quarter of an hour.
            let time_s = if row < 250 { row } else { row + 900 };
            let y = 3.0 * x(row.saturating_sub(3)) + x(row) - x(row.saturating_sub(1));
            let state = if x(row.saturating_sub(1)) > 0.5 { "high" } else { "low" };
            text += &format!("{time_s},{},{y},{state}\n", x(row));
        }
        std::fs::write(program.path("files").join(format!("r{file}.csv")), text).unwrap();
    }
    program.run("import plant files --time t_s --label-from column:state --target-column y");

    let rows = "--rows --rate none --gap-s 2 --test recording:*r3.csv";
    let train = "-e ridge -p alpha=0 --target y --features all,lag_3,difference_1";
    let only = "--only recording:*r3.csv";
    let trained = check(&program, "plant", &format!("{train} {rows}"), only);
    let report = &trained["report"];
    assert_eq!(
        report["pipeline"]["features"],
        serde_json::json!(["x.lag_0", "x.lag_3", "x.difference_1"])
    );
    assert_eq!(report["pipeline"]["window"]["length_samples"], 4);
    // Each file has two segments, and the first three rows of a segment have no full window.
    assert_eq!(
        (&report["windows"]["train"], &report["windows"]["test"]),
        (&1182.into(), &394.into())
    );
    assert!(report["evaluation"]["model"]["r2"].as_f64().unwrap() > 0.9999, "{report}");

    let text =
        program.text(&format!("train plant -e logistic_regression --features all,lag_1 {rows}"));
    assert!(text.contains("label rule last") && text.contains("window 2 samples"), "{text}");
    let alone = program.run(&format!("train plant -e ridge --target y --features all {rows}"));
    assert_eq!(alone["report"]["pipeline"]["features"], serde_json::json!(["x.mean"]));
    assert!(alone["report"]["evaluation"]["model"]["r2"].as_f64().unwrap() < 0.5);
    let refusal = program.refusal("train plant -e ridge --target y --rows --window-samples 3");
    assert!(refusal.contains("--rows") && refusal.contains("--window-samples"), "{refusal}");
}
