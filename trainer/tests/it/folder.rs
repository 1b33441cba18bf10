//! The data folder under a second process and under a killed one.

use std::process::Stdio;

use trainer::data_folder::DataFolder;

use crate::program::Program;

#[test]
fn a_second_process_is_refused_with_the_holder() {
    let program = Program::new();
    let held = DataFolder::open(&program.data()).unwrap();
    let refusal = program.refusal("datasets list");
    let holder = format!("in use by process {}", std::process::id());
    assert!(refusal.contains(&holder) && refusal.contains("--data"), "{refusal}");
    drop(held);
    program.run("datasets list");
}

#[test]
fn commands_that_need_no_data_leave_no_folder() {
    let program = Program::new();
    assert!(program.text("features kurtosis").contains("Source"));
    assert!(program.text("estimators ridge").contains("alpha"));
    assert!(!program.data().exists());
}

#[test]
fn a_killed_import_leaves_nothing_half_written() {
    let program = Program::new();
    let simulate = "simulate vibration --seconds 20 --per-class 6 --seed 3 --into pump";
    let mut child = program.command(simulate).stdout(Stdio::null()).spawn().unwrap();
    let datasets = program.data().join("datasets");
    let files = || std::fs::read_dir(&datasets).map_or(0, Iterator::count);
    // Until it is in the middle of its files, or done with them.
    while files() < 3 && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let _ = child.kill();
    child.wait().unwrap();
    program.run(simulate);
    let left = std::fs::read_dir(&datasets).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        !name.to_string_lossy().ends_with(".parquet")
    });
    assert_eq!(left.count(), 0);
    // Every recording is read, and checked against its digest, whoever wrote it.
    let train = "train pump -e logistic_regression --features rms,crest_factor -p max_iter=20";
    assert_eq!(program.run(train)["report"]["windows"]["unlabelled"], 0);
}
