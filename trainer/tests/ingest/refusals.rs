//! What an import asks for: every message names the option to add and what was found.

use clap::Parser as _;

use super::{Command, Folder};

fn refuse(text: &str, options: &str, parts: &[&str]) {
    let folder = Folder::new(&[("run/pump.3.csv", text)]);
    let message = folder.refusal("run/pump.3.csv", options);
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    assert!(message.contains("pump.3.csv: "), "{message}");
}

#[test]
fn without_time_and_rate_the_columns_and_a_candidate_are_named() {
    refuse(
        "accX,accY\n1,2\n",
        "",
        &[
            "no time column is named and no rate is given; the columns are `accX`, `accY`",
            "add `--time COLUMN`, or `--rate-hz HZ`",
        ],
    );
    refuse("x,t_ms\n1,20\n", "", &["add `--time t_ms` (its first value is 20)"]);
    refuse("x,when it was\n1,2020-02-08 13:30:47\n", "", &["add `--time 'when it was'`"]);
}

#[test]
fn a_number_of_unknown_unit_is_no_time() {
    let label = "--label-from none";
    refuse(
        "time,x\n5,1\n",
        &format!("--time time {label}"),
        &[
            "the time column `time` holds numbers (5 is the first)",
            "add `--time-unit s`, `ms`, `us` or `ns`",
        ],
    );
    refuse(
        "time,x\n24.11.26,1\n",
        &format!("--time time {label}"),
        &["the time column `time` holds \"24.11.26\"", "ISO 8601"],
    );
    refuse(
        "time,x\n5,1\n,2\n",
        &format!("--time time --time-unit s {label}"),
        &["line 3, column `time`: \"\" is not a number of seconds"],
    );
}

#[test]
fn without_a_label_the_sources_are_shown_with_what_they_would_give() {
    refuse(
        "x,mode\n1,idle\n",
        "--rate-hz 10",
        &[
            "it is not said where the label is",
            "`--label-from column:mode` (its first value is idle)",
            "`--label-from filename` (pump)",
            "`--label-from folder` (run)",
            "`--label-from none`",
            "`--target-column COLUMN`",
        ],
    );
}

#[test]
fn a_text_where_a_number_should_be_names_cell_and_ways_out() {
    refuse(
        "x,mode\n1,idle\n",
        "--rate-hz 10 --label-from none",
        &[
            "line 2, column `mode`: \"idle\" is not a number",
            "`--label-from column:mode`",
            "`--ignore-column mode`",
        ],
    );
}

#[test]
fn unknown_columns_are_refused_with_the_nearest() {
    let base = "--rate-hz 10 --label-from none";
    for options in ["--ignore-column Mode", "--target-column Mode", "--recording-column Mode"] {
        refuse(
            "x,mode\n1,2\n",
            &format!("{base} {options}"),
            &["no column `Mode`; did you mean \"mode\""],
        );
    }
    refuse("x,mode\n1,2\n", &format!("{base} --unit y=bar"), &["--unit names `y`"]);
    refuse("x\n1\n", "--rate-hz 10 --target-column x", &["no column is left to be an input"]);
}

#[test]
fn a_rate_that_contradicts_the_times_is_refused() {
    let text = "t_ms,x\n0,1\n16,2\n32,3\n";
    refuse(
        text,
        "--time t_ms --rate-hz 100 --label-from none",
        &["its times say 62.5 Hz, --rate-hz says 100"],
    );
    refuse(
        "t_ms,x\n5,1\n5,2\n",
        "--time t_ms --label-from none",
        &["no two different values", "`--rate-hz none`"],
    );
}

#[test]
fn a_name_that_does_not_fit_the_pattern_is_refused() {
    refuse(
        "x\n1\n",
        "--rate-hz 1 --label-from filename:{load}_{label}",
        &["its name \"pump.3\" does not match the pattern {load}_{label}"],
    );
}

#[test]
fn an_empty_cell_in_the_recording_column_is_refused() {
    let options = "--rate-hz 1 --label-from none --recording-column r";
    refuse("x,r\n1,a\n2,\n", options, &["line 3, column `r`: \"\" is empty, but tells"]);
}

#[test]
fn nothing_to_import_is_refused() {
    let folder = Folder::new(&[("a/readme.md", "-")]);
    let message = folder.refusal("a", "");
    assert!(
        message.contains("readme.md: text whose lines no sign divides alike): nothing to import"),
        "{message}"
    );
    assert!(folder.refusal("absent.csv", "").contains("absent.csv: No such file"));
}

#[test]
fn nothing_of_a_bad_file_is_taken() {
    let folder = Folder::new(&[("1.csv", "x\n1\n"), ("2.csv", "x\n1\nbad\n")]);
    let mut taken = Vec::new();
    let path = folder.path("");
    let looking = trainer::ingest::Looking::new(&path);
    let plan = trainer::ingest::plan(std::slice::from_ref(&path), looking).unwrap();
    let words = ["import", "x", "--rate-hz", "1", "--label-from", "none"];
    let options = Command::parse_from(words).args.options().unwrap();
    let mut sink = |_: &trainer::ingest::PlannedFile, file: trainer::ingest::ImportedFile| {
        taken.push(file.recordings[0].entry.info.name.clone());
        Ok::<(), trainer::ingest::ImportError>(())
    };
    let memory = trainer::ingest::Destination::Memory;
    let done = trainer::ingest::import(&plan, &options, memory, &mut super::Silent, &mut sink);
    assert!(done.unwrap_err().to_string().contains("2.csv: line 3"));
    assert_eq!(taken, ["1.csv"]);
}

#[test]
fn options_that_contradict_each_other_are_refused_before_any_file() {
    let options = |words: &str| {
        let words = ["import", "x"].into_iter().chain(words.split_whitespace());
        Command::try_parse_from(words).map(|command| command.args.options())
    };
    for (words, part) in [
        ("--tag a=1 --tag a=2", "--tag a is given twice"),
        ("--unit a=1 --unit a=2", "--unit a is given twice"),
        ("--time a --ignore-column a", "named by --time and by --ignore-column"),
        ("--target-column a --label-from column:a", "--label-from and by --target-column"),
    ] {
        let message = options(words).unwrap().unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
    for (words, part) in [
        ("--label-from nowhere", "is no source of labels"),
        ("--label-from filename:{a}_{b}", "has no {label} in it"),
        ("--label-from filename:{a", "has a brace"),
        ("--rate-hz -5", "unexpected argument"),
        ("--rate-hz fast", "is no rate"),
        ("--tag a", "is not NAME=VALUE"),
        ("--time-unit ms", "--time <COLUMN>"),
        ("--time t --time-unit m", "is not a time unit"),
        ("--delimiter x", "`|` or `blanks` is expected"),
        ("--format x", "is no format of files"),
        ("--encoding x", "is no encoding"),
        ("--decimal x", "`point` or `comma` is expected"),
    ] {
        let message = options(words).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}
