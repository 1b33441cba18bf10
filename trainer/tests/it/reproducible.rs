//! Equal inputs give equal bytes.

use serde_json::Value;

use crate::program::Program;

fn train(threads: u32, order: &[&str], train: &str) -> Value {
    let program = Program::new();
    for classes in order {
        program.run(&format!(
            "simulate vibration --seconds 3 --per-class 3 --classes {classes} --into pump"
        ));
    }
    program.run(&format!("train pump --threads {threads} --name m {train}"))
}

#[test]
fn the_same_data_and_settings_give_the_same_bytes_in_another_folder_with_other_threads() {
    for settings in [
        "-e random_forest_classifier -p n_estimators=30 --seed 7",
        "-e logistic_regression --features spread,shape",
        "-e gradient_boosting_classifier -p max_iter=20 --features spread,shape",
        "-e t2q --normal normal --features rms,crest_factor --window-samples 64 --stride-samples 16",
        "-e isolation_forest --normal normal --features rms,crest_factor --window-samples 64 --stride-samples 16",
    ] {
        let one = train(1, &["normal", "bearing"], settings);
        // Datasets that grew in another order hold the same recordings.
        let two = train(3, &["bearing", "normal"], settings);
        for field in ["dataset_version", "lineage_id", "artifact_sha256", "evaluation"] {
            assert_eq!(one["report"][field], two["report"][field], "{field} of {settings}");
        }
    }
}

#[test]
fn another_seed_gives_another_lineage_and_training_again_gives_no_new_version() {
    let program = Program::new();
    program.run("simulate vibration --seconds 3 --per-class 3 --classes off,bearing --into pump");
    let train = "train pump --name m -e random_forest_classifier -p n_estimators=10";
    let first = program.run(train);
    let again = program.run(train);
    assert_eq!((&first["model"]["number"], &again["model"]["number"]), (&1.into(), &1.into()));
    let other = program.run(&format!("{train} --seed 1"));
    assert_eq!(other["model"]["number"], 2);
    assert_ne!(other["report"]["lineage_id"], first["report"]["lineage_id"]);
    let runs = program.run("runs list");
    assert_eq!(runs.as_array().unwrap().len(), 3);
    let id = first["run_id"].as_str().unwrap();
    assert_eq!(program.run(&format!("runs show {id}"))["status"], "succeeded");
    assert_eq!(program.run("models show m")["versions"].as_array().unwrap().len(), 2);
}

#[test]
fn a_model_trained_once_more_has_the_same_bytes_at_any_number_of_threads() {
    let program = Program::new();
    program.run("simulate vibration --seconds 3 --per-class 3 --classes off,bearing --into pump");
    for settings in [
        "-e extra_trees_classifier -p n_estimators=12",
        "-e k_neighbors_classifier -p max_samples=20 -p coreset=k_center",
    ] {
        let trained = program.run(&format!("train pump --name m --seed 5 --threads 2 {settings}"));
        for threads in [1, 3] {
            let again = program.run(&format!("retrain --check m --threads {threads}"));
            assert_eq!(again["same"], true, "{settings}: {again}");
            assert_eq!(again["trained_sha256"], trained["report"]["artifact_sha256"], "{settings}");
        }
    }
    assert_eq!(program.run("models show m")["versions"].as_array().unwrap().len(), 2);
    let refusal = program.refusal("retrain m");
    assert!(refusal.contains("--check"), "{refusal}");
}
