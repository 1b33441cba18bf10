//! Which windows are learned from and which test.

use crate::program::{Program, read_csv};

#[test]
fn a_split_by_time_tests_the_end_and_leaves_a_gap_of_one_window() {
    let program = Program::new();
    let simulate = "simulate vibration --seconds 20 --per-class 1 --classes normal,imbalance";
    program.run(&format!("{simulate} --into pump"));
    let train = "train pump --name m -e logistic_regression --features rms --window-samples 64 \
                 --stride-samples 16 --split time --test 0.3";
    let trained = program.run(train);
    let windows = &trained["report"]["windows"];
    let count = |part: &str| windows[part].as_u64().unwrap();
    let all = 2 * ((20_000 - 64) / 16 + 1);
    assert_eq!(count("train") + count("test") + count("unused"), all);
    // Between the last learned and the first tested row lies at least one window.
    assert!(count("unused") >= 2 * (64 / 16), "{windows}");
    let tested = (20_000.0 * 0.3 / 16.0) as u64;
    assert!(count("test") / 2 <= tested && count("test") / 2 >= tested - 8, "{windows}");
}

#[test]
fn the_rows_to_learn_from_are_followed_by_the_rows_to_test() {
    let program = Program::new();
    let mut text = "t_s,a,b,state\n".to_owned();
    for row in 0..1200u64 {
        // A small pattern that never repeats exactly, and a jump near the end.
        let (x, y) = ((row * row % 97) as f64 / 97.0, (row * 31 % 89) as f64 / 89.0);
        let jump = if row >= 1100 { 50.0 } else { 0.0 };
        text += &format!("{row},{x},{},{}\n", y + jump, u8::from(row >= 1100));
    }
    std::fs::write(program.path("valve.csv"), text).unwrap();
    program.run("import valve valve.csv --time t_s --label-from column:state");
    let train = "train valve --name m -e t2q --rate none --train-rows 0..400 --normal 0";
    let trained = program.run(train);
    let windows = &trained["report"]["windows"];
    assert_eq!(windows["test"], 800);
    let evaluation = &trained["report"]["evaluation"]["model"];
    assert_eq!((&evaluation["recall"], &evaluation["true_positives"]), (&1.0.into(), &100.into()));

    program.run("evaluate m valve --rows 400..1200 --results answers.csv");
    let answers = read_csv(&program.path("answers.csv"));
    assert_eq!(answers.len(), 800);
    assert_eq!((&*answers[0]["from_row"], &*answers[799]["from_row"]), ("400", "1199"));
    assert!(
        answers[700..].iter().all(|row| row["anomaly"] == "true" && row["true_anomaly"] == "true")
    );
}

#[test]
fn another_dataset_can_be_the_test() {
    let program = Program::new();
    let simulate = "simulate vibration --seconds 3 --per-class 2 --classes normal,cavitation";
    program.run(&format!("{simulate} --into first"));
    program.run(&format!("{simulate} --seed 9 --into second"));
    let train = "train first --name m -e logistic_regression --features rms,kurtosis";
    let trained = program.run(&format!("{train} --test dataset:second"));
    let evaluated = program.run("evaluate m second");
    assert_eq!(evaluated["evaluation"], trained["report"]["evaluation"]);
    assert_eq!(evaluated["learned_from_dataset"], false);
    assert_eq!(program.run("evaluate m first")["learned_from_dataset"], true);
}

#[test]
fn a_tag_keeps_its_recordings_together() {
    let program = Program::new();
    program
        .run("simulate vibration --seconds 3 --per-class 4 --classes normal,imbalance --into pump");
    let train = "train pump --name m -e logistic_regression --features rms,std --split tag:load";
    let trained = program.run(train);
    let windows = &trained["report"]["windows"];
    let test = windows["test"].as_u64().unwrap();
    let total = test + windows["train"].as_u64().unwrap();
    assert_eq!(total, 4 * test, "one of four loads is tested: {windows}");
}

#[test]
fn files_of_several_folders_may_be_called_alike() {
    let program = Program::new();
    for folder in ["a", "b"] {
        std::fs::create_dir(program.path(folder)).unwrap();
        std::fs::write(program.path(folder).join("0.csv"), "x\n1\n2\n").unwrap();
    }
    program.run("import two a b --rate-hz 10 --label-from folder");
    let recordings = &program.run("datasets show two")["recordings"];
    assert_eq!(
        (&recordings[0]["name"], &recordings[1]["name"]),
        (&"a/0.csv".into(), &"b/0.csv".into())
    );
    assert_eq!(recordings[1]["labels"][0]["class"], "b");
}
