//! What a run finds out beside its model: cross-validation and importances.

use serde_json::Value;

use crate::program::Program;

const CLASSES: &str = "normal,imbalance,bearing";

fn pump() -> Program {
    let program = Program::new();
    program.run(&format!(
        "simulate vibration --seconds 3 --per-class 6 --classes {CLASSES} --into pump"
    ));
    program
}

const TRAIN: &str = "train pump --name m -e random_forest_classifier -p n_estimators=20 \
                     --features rms,kurtosis --window-samples 256 --stride-samples 256";

fn list<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name].as_array().unwrap_or_else(|| panic!("no {name} in {value}"))
}

#[test]
fn folds_test_each_recording_once_and_change_nothing_of_the_model() {
    let program = pump();
    let plain = program.run(TRAIN);
    let asked = program.run(&format!("{TRAIN} --folds 3 --importance 2"));
    assert_eq!(asked["report"]["artifact_sha256"], plain["report"]["artifact_sha256"]);
    assert!(plain["report"].get("cross_validation").is_none());

    let found = &asked["report"]["cross_validation"];
    assert_eq!(found["by"], "recording");
    let folds = list(found, "folds");
    let mut tested: Vec<&str> =
        folds.iter().flat_map(|fold| list(fold, "recordings")).filter_map(Value::as_str).collect();
    let count = tested.len();
    tested.sort_unstable();
    tested.dedup();
    assert_eq!((folds.len(), tested.len()), (3, count), "{found}");
    let windows = |part: &str| folds.iter().map(|fold| fold[part].as_u64().unwrap()).sum::<u64>();
    assert_eq!(windows("test"), asked["report"]["windows"]["train"].as_u64().unwrap());
    assert_eq!(windows("train"), 2 * windows("test"));
    let figure = &found["figures"][0];
    let values: Vec<f64> =
        folds.iter().map(|fold| fold["figures"][0]["value"].as_f64().unwrap()).collect();
    let mean = values.iter().sum::<f64>() / 3.0;
    let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
    assert_eq!(figure["name"], "Macro F1");
    assert!((figure["mean"].as_f64().unwrap() - mean).abs() < 1e-12, "{found}");
    assert!((figure["deviation"].as_f64().unwrap() - deviation).abs() < 1e-12, "{found}");

    let found = &asked["report"]["importance"];
    assert_eq!((&found["figure"], &found["repeats"]), (&"Balanced accuracy".into(), &2.into()));
    let (channels, features) = (list(found, "channels"), list(found, "features"));
    assert_eq!(2 * channels.len(), features.len());
    let sorted = |list: &[Value]| list.is_sorted_by_key(|one| -one["mean"].as_f64().unwrap());
    assert!(sorted(channels) && sorted(features), "{found}");
    assert!(channels[0]["mean"].as_f64().unwrap() > 0.1, "{found}");

    // What is found out does not stand in the way of training once more.
    assert_eq!(program.run("retrain --check m")["same"], true);
}

#[test]
fn the_same_is_found_at_any_number_of_threads() {
    let program = pump();
    let train = |threads: u32| {
        let run = program.run(&format!("{TRAIN} --folds 2 --importance --threads {threads}"));
        let report = &run["report"];
        assert_eq!(report["importance"]["repeats"], 5);
        (report["cross_validation"].clone(), report["importance"].clone())
    };
    assert_eq!(train(1), train(3));
}

#[test]
fn what_cannot_be_found_out_is_refused_or_told() {
    let program = pump();
    let refusal = program.refusal(&format!("{TRAIN} --folds 20"));
    assert!(refusal.contains("20 folds need 20 recordings"), "{refusal}");
    let refusal = program.refusal(&format!("{TRAIN} --folds 1"));
    assert!(refusal.contains("2..=20"), "{refusal}");
    let detector = "train pump --name d -e t2q --normal normal --features rms,kurtosis \
                    --window-samples 64 --stride-samples 16";
    let refusal = program.refusal(&format!("{detector} --folds 3"));
    assert!(refusal.contains("leave folds out"), "{refusal}");
    let run = program.run(&format!("{detector} --importance 3"));
    assert_eq!(run["report"]["importance"]["figure"], "Area under the ROC curve");
    let alone = program.run(
        "train pump --name n -e t2q --train-rows 0..1500 --features rms,kurtosis --importance 3 \
         --window-samples 64 --stride-samples 16",
    );
    assert!(alone["report"].get("importance").is_none());
    let notes = alone["report"]["notes"].to_string();
    assert!(notes.contains("importance: nobody said"), "{notes}");
}
