//! What `run` refuses, and with which words.

use super::{csv, edge, model, rows, run};

fn refuse(input: &str, options: &str, parts: &[&str]) {
    let done = run("anomaly", input, options);
    for part in parts {
        assert!(done.refusal().contains(part), "{part:?} is not in: {}", done.errors);
    }
    assert!(done.output.is_empty(), "{}", done.output);
}

#[test]
fn a_missing_channel_is_named_with_the_nearest() {
    let options = "--format csv --rate-hz 100";
    let parts = ["the model expects a channel", "no column `accX`; did you mean \"accx\""];
    refuse("accx,accY\n1,2\n", options, &parts);
    let options = "--format jsonl --rate-hz 100";
    let parts = ["the model expects the channel `accY`", "has accX, accy", "\"accy\"?"];
    refuse("{\"accX\":1,\"accy\":2}\n", options, &parts);
    let acquisition = r#"{"protected":{"alg":"none"},"payload":{"interval_ms":10,
        "sensors":[{"name":"accX"},{"name":"y"}],"values":[]}}"#;
    refuse(acquisition, "--format edge-impulse", &["expects the channel `accY`", "accX, y"]);
}

#[test]
fn times_are_never_guessed() {
    let parts = ["no time column is named", "add `--time COLUMN`, or `--rate-hz 100`"];
    refuse(&csv(&rows(9)), "--format csv", &parts);
    refuse("{\"accX\":1,\"accY\":2}\n", "--format jsonl", &parts);
    let unit = "add `--time-unit s`, `ms`, `us` or `ns`";
    refuse("t,accX,accY\n5,1,2\n", "--format csv --time t", &["numbers (5 is the first)", unit]);
    let line = "{\"t\":5,\"accX\":1,\"accY\":2}\n";
    refuse(line, "--format jsonl --time t", &["numbers (5 is the first)", unit]);
    let parts = ["\"noon\", which is neither a number nor"];
    refuse("t,accX,accY\nnoon,1,2\n", "--format csv --time t", &parts);
    refuse("t,accX,accY\n5,1,2\n", "--format csv --time T", &["no column `T`", "\"t\""]);
}

#[test]
fn a_rate_that_the_model_does_not_expect_is_refused() {
    let parts = ["come at 90 Hz, the model expects 100 Hz within 5 %"];
    refuse(&csv(&rows(9)), "--format csv --rate-hz 90", &parts);
    refuse(&csv(&rows(9)), "--format csv --rate-hz 0", &["a number of hertz above 0"]);
    let acquisition = r#"{"protected":{"alg":"none"},"payload":{"interval_ms":16,
        "sensors":[{"name":"accX"},{"name":"accY"}],"values":[]}}"#;
    refuse(acquisition, "--format edge-impulse", &["come at 62.5 Hz"]);
    refuse(acquisition, "--format edge-impulse --rate-hz 62.5", &["leave --time, --rate-hz"]);
}

#[test]
fn a_format_that_is_not_said_is_asked_for() {
    refuse("accX,accY\n", "--rate-hz 100", &["standard input is not said", "`--format csv`"]);
    let path = model("anomaly");
    let words = ["run", path.to_str().unwrap(), "--input", "data.bin", "--rate-hz", "100"];
    let done = edge(&words, "");
    assert!(done.refusal().contains("data.bin does not say the format"), "{}", done.errors);
}

#[test]
fn bad_lines_are_named() {
    let first = "{\"t\":0,\"accX\":1,\"accY\":2}\n";
    let options = "--format jsonl --time t --time-unit s";
    for (line, part) in [
        ("oops", "line 2 is not one JSON object"),
        ("{\"t\":1,\"accX\":\"1\",\"accY\":2}", "line 2 has \"1\" as `accX`: a number is expected"),
        ("{\"t\":1,\"accX\":1e39,\"accY\":2}", "as `accX`: it is beyond 32 bits"),
        ("{\"t\":1,\"accX\":1,\"accX\":2}", "line 2 has `accX` twice"),
        ("{\"accX\":1,\"accY\":2}", "line 2 has no time"),
        ("{\"t\":true,\"accX\":1}", "as `t`: it is not a number of seconds"),
    ] {
        refuse(&format!("{first}{line}\n"), options, &[part, "--skip-bad-rows"]);
    }
    refuse("t_ms,accX,accY\n0,1\n", "--format csv --time t_ms", &["line 2 has 2 cells"]);
}

#[test]
fn too_little_input_is_a_failure_that_says_why() {
    let parts = ["no window was completed: 31 samples came, a window needs 32 in a row"];
    refuse(&csv(&rows(31)), "--format csv --time t_ms", &parts);
    let nothing = "accX,accY\n";
    refuse(nothing, "--format csv --rate-hz 100", &["0 samples came"]);
    let slow = csv(&rows(200)).replace("0,", "00,");
    refuse(
        &slow,
        "--format csv --time t_ms",
        &[
            "no window was completed",
            "dropped: 200 rate",
            "the samples come at 10.000 Hz, the model expects 100",
        ],
    );
}

#[test]
fn files_that_are_no_models_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.onnx");
    let path = path.to_str().unwrap();
    std::fs::write(path, "not a model").unwrap();
    for command in ["inspect", "prove"] {
        let done = edge(&[command, path], "");
        assert!(done.refusal().contains("x.onnx is not a model"), "{}", done.errors);
        let done = edge(&[command, "absent.onnx"], "");
        assert!(done.refusal().contains("absent.onnx: No such file"), "{}", done.errors);
    }
    let done = edge(&["run", path, "--input", "-", "--format", "csv"], "");
    assert!(done.refusal().contains("x.onnx is not a model"), "{}", done.errors);
    let path = model("anomaly");
    let done = edge(&["run", path.to_str().unwrap(), "--input", "absent.csv"], "");
    assert!(done.refusal().contains("absent.csv: No such file"), "{}", done.errors);
}

#[test]
fn an_unknown_engine_is_refused_with_the_nearest() {
    let path = model("anomaly");
    let done = edge(&["prove", path.to_str().unwrap(), "--engine", "nativ"], "");
    assert!(!done.is_success && done.errors.contains("did you mean native"), "{}", done.errors);
}
