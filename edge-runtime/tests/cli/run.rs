//! `run`: results that are right, whatever the way in.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use engine::EngineKind;
use model_format::artifact::Artifact;
use model_format::id::{Digest, result_id};
use model_format::manifest::Task;
use model_format::signal::stream::{Sample, Stream};
use serde_json::{Value, json};

use super::{MODELS, csv, edge, model, program, rows, run};

/// What the library itself answers for these rows.
fn direct(name: &str, task: Task, rows: &[[f32; 2]], stream_name: &str) -> Vec<Value> {
    let bytes = std::fs::read(model(name)).unwrap();
    let artifact = Artifact::read(&bytes).unwrap();
    let manifest = artifact.manifest();
    let mut engine = engine::load(EngineKind::Native, &bytes).unwrap();
    let mut stream = Stream::new(&manifest.pipeline).unwrap();
    let mut results = Vec::new();
    let mut emit = |window: model_format::signal::stream::WindowRef<'_>| {
        let outputs = engine.run(window.values, 1).unwrap();
        let digest = Digest::of(&bytes);
        let id = result_id("local", &digest, stream_name, window.segment_start_ns, window.index);
        let mut result = json!({
            "id": id.to_string(),
            "start_s": window.start_ns as f64 / 1e9,
            "end_s": window.end_ns as f64 / 1e9,
            "segment_start_s": window.segment_start_ns as f64 / 1e9,
            "index": window.index,
        });
        let label = outputs.labels.as_ref().map(|labels| labels[0]);
        // Numbers are compared as text: each must come back to the bit.
        let number = |value: f32| json!(value.to_string().parse::<f64>().unwrap());
        match task {
            Task::Classification => {
                result["class"] = json!(manifest.classes[label.unwrap() as usize]);
                for (class, value) in manifest.classes.iter().zip(&outputs.floats) {
                    result["probabilities"][class] = number(*value);
                }
            }
            Task::Regression => result["value"] = number(outputs.floats[0]),
            Task::Anomaly => {
                result["score"] = number(outputs.floats[0]);
                result["anomaly"] = json!(label == Some(1));
            }
        }
        results.push(result);
    };
    for (row, values) in rows.iter().enumerate() {
        let time_ns = 10_000_000 * row as i64;
        let sample = Sample { event_ns: Some(time_ns), arrival_ns: time_ns, values };
        stream.push(sample, &mut emit);
    }
    stream.finish(&mut emit);
    results
}

/// Numbers as 64-bit floats, so that `1` and `1.0` are equal.
fn plain(values: Vec<Value>) -> Vec<Value> {
    fn float(value: Value) -> Value {
        match value {
            Value::Number(number) => json!(number.as_f64()),
            Value::Object(parts) => {
                parts.into_iter().map(|(name, value)| (name, float(value))).collect()
            }
            other => other,
        }
    }
    values.into_iter().map(float).collect()
}

#[test]
fn results_are_those_of_a_direct_replay() {
    let rows = rows(400);
    for (name, task) in MODELS {
        let done = run(name, &csv(&rows), "--format csv --time t_ms");
        let expected = direct(name, task, &rows, "input");
        assert!(expected.len() > 20);
        assert_eq!(plain(done.results()), plain(expected), "{name}");
        assert!(done.errors.contains("400 samples"), "{}", done.errors);
    }
}

#[test]
fn every_way_in_gives_the_same_results() {
    let rows = rows(200);
    let table = csv(&rows);
    let expected = run("anomaly", &table, "--format csv --time t_ms").results();
    let same = |input: &str, options: &str| {
        assert_eq!(run("anomaly", input, options).results(), expected, "{options}");
    };
    let bare: String = rows.iter().map(|[x, y]| format!("{x},{y}\n")).collect();
    same(&format!("accX,accY\n{bare}"), "--format csv --rate-hz 100");
    let turned: String = rows.iter().map(|[x, y]| format!("{y};0;{x}\n")).collect();
    same(&format!("accY;more;accX\n{turned}"), "--format csv --rate-hz 100 --decimal point");
    let comma = format!("accY;more;accX\n{turned}").replace('.', ",");
    same(&comma, "--format csv --rate-hz 100");
    let object = |row: usize, [x, y]: [f32; 2]| {
        format!("{{\"time\":{},\"accX\":{x},\"note\":\"-\",\"accY\":{y}}}\n", row as f64 / 100.0)
    };
    let objects: String = rows.iter().enumerate().map(|(row, xy)| object(row, *xy)).collect();
    same(&objects, "--format jsonl --time time --time-unit s");
    let values: Vec<String> = rows.iter().map(|[x, y]| format!("[{x},{y}]")).collect();
    let acquisition = format!(
        r#"{{"protected":{{"alg":"none"}},"payload":{{"interval_ms":10,
        "sensors":[{{"name":"accX"}},{{"name":"accY"}}],"values":[{}]}}}}"#,
        values.join(",")
    );
    same(&acquisition, "--format edge-impulse");
    same(&table, "--format csv --time t_ms --engine native --json");
    let folder = tempfile::tempdir().unwrap();
    for (name, text, options) in [
        ("a.csv", &table, &["--time", "t_ms"][..]),
        ("a.jsonl", &objects, &["--time", "time", "--time-unit", "s"]),
        ("a.json", &acquisition, &[]),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let model = model("anomaly");
        let mut words = vec!["run", model.to_str().unwrap(), "--input", path.to_str().unwrap()];
        words.extend(options);
        assert_eq!(edge(&words, "").results(), expected, "{name}");
    }
}

#[test]
fn csv_results_say_the_same_as_json_lines() {
    let table = csv(&rows(120));
    for (name, _) in MODELS {
        let expected = run(name, &table, "--format csv --time t_ms").results();
        let done = run(name, &table, "--format csv --time t_ms --output csv");
        let mut lines = done.output.lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        let mut count = 0;
        for (line, result) in lines.zip(&expected) {
            for (name, cell) in header.iter().zip(line.split(',')) {
                let value = match name.split_once('.') {
                    Some((object, part)) => &result[object][part],
                    None => &result[*name],
                };
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let is_same = text == cell || text.parse::<f64>() == cell.parse::<f64>();
                assert!(is_same, "{name}: {text} {cell}");
            }
            count += 1;
        }
        assert_eq!(count, expected.len());
    }
}

#[test]
fn date_times_come_back_as_rfc_3339() {
    let lines: String = rows(40)
        .iter()
        .enumerate()
        .map(|(row, [x, y])| format!("2026-11-24 09:30:{:06.3},{x},{y}\n", row as f64 / 100.0))
        .collect();
    let input = format!("when,accX,accY\n{lines}");
    let results = run("regression", &input, "--format csv --time when").results();
    assert_eq!(results[0]["start"], "2026-11-24T09:30:00Z");
    assert_eq!(results[0]["end"], "2026-11-24T09:30:00.31Z");
}

#[test]
fn each_recording_is_a_stream_of_its_own() {
    let (one, two) = (rows(100), rows(180).split_off(80));
    let mut mixed = "accX,machine,accY\n".to_owned();
    for ([a, b], [c, d]) in one.iter().zip(&two) {
        mixed += &format!("{a},one,{b}\n{c},two,{d}\n");
    }
    let options = "--format csv --rate-hz 100 --recording-column machine";
    let results = run("classification", &mixed, options).results();
    for (name, rows) in [("one", &one), ("two", &two)] {
        let mut of_it: Vec<Value> =
            results.iter().filter(|result| result["recording"] == name).cloned().collect();
        for result in &mut of_it {
            result.as_object_mut().unwrap().remove("recording");
        }
        let expected = direct("classification", Task::Classification, rows, name);
        assert_eq!(plain(of_it), plain(expected));
    }
}

#[test]
fn ids_depend_on_device_and_stream_and_nothing_else() {
    let table = csv(&rows(64));
    let ids = |options: &str| -> Vec<Value> {
        let results = run("anomaly", &table, &format!("--format csv --time t_ms {options}"));
        results.results().into_iter().map(|result| result["id"].clone()).collect()
    };
    assert_eq!(ids(""), ids("--output jsonl"));
    assert_ne!(ids(""), ids("--device other"));
    assert_ne!(ids("--device other"), ids("--stream other"));
}

#[test]
fn a_live_source_gets_each_answer_before_its_next_sample() {
    let model = model("anomaly");
    let mut child = program()
        .args(["run", model.to_str().unwrap(), "--input", "-", "--format", "csv"])
        .args(["--time", "t_ms"])
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    input.write_all(csv(&rows(100)).as_bytes()).unwrap();
    input.flush().unwrap();
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert!(line.contains("\"score\""), "{line}");
    drop(input);
    output.read_to_string(&mut line).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    let model = model("anomaly");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    std::fs::write(&path, csv(&rows(60_000))).unwrap();
    let mut child = program()
        .args(["run", model.to_str().unwrap(), "--time", "t_ms"])
        .arg("--input")
        .arg(&path)
        .spawn()
        .unwrap();
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let done = child.wait_with_output().unwrap();
    let errors = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success() && !errors.contains("error"), "{errors}");
}

#[test]
fn drops_and_bad_rows_are_counted_by_reason() {
    let mut lines: Vec<String> = csv(&rows(200)).lines().map(str::to_owned).collect();
    lines.insert(100, "990,oops,1".to_owned());
    lines.insert(120, lines[119].clone());
    let input = lines.join("\n");
    let refused = run("anomaly", &input, "--format csv --time t_ms");
    assert!(refused.refusal().contains("line 101, column `accX`: \"oops\" is not a number"));
    let done = run("anomaly", &input, "--format csv --time t_ms --skip-bad-rows --json");
    assert!(done.is_success);
    let summary: Value = serde_json::from_str(done.errors.trim()).unwrap();
    assert_eq!(summary["bad_rows"], 1);
    assert_eq!(summary["samples"], 201);
    assert_eq!(summary["drops"]["duplicate"], 1);
    assert_eq!(summary["windows"], done.results().len());
    assert!(summary["windows_per_s"].as_f64().unwrap() > 0.0);
    let done = run("anomaly", &input, "--format csv --time t_ms --skip-bad-rows");
    assert!(done.errors.contains("samples dropped: 1 duplicate"), "{}", done.errors);
    assert!(done.errors.contains("1 rows could not be read"), "{}", done.errors);
}
