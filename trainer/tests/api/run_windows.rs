//! What a run keeps of its windows: answers, curves, figures, the split, and its preview.

use serde_json::{Value, json};

use crate::client::{Client, small_run};
use crate::service::Place;

/// Trains as asked, and returns the run.
fn trained(client: &Client, asked: &Value) -> Value {
    let submitted = client.post("/api/training/runs", asked).expect(202).json();
    client.result(&submitted["job"]);
    client.get(&path(&submitted["run_id"])).expect(200).json()
}

fn path(run: &Value) -> String {
    format!("/api/training/runs/{}", run.as_str().expect("an identifier"))
}

/// All windows that a query asks for.
fn windows(client: &Client, run: &Value, query: &str) -> Vec<Value> {
    client.list(&format!("{}/windows?limit=10000&{query}", path(&run["id"])))
}

/// A run whose answers are often wrong.
fn weak_run() -> Value {
    let mut asked = small_run("pump", "weak");
    asked["pipeline"] = json!({ "window": { "samples": 8 }, "features": ["mean"] });
    asked
}

/// A machine whose power is predicted or whose faults are found.
fn plant(place: &Place) {
    place.run("simulate process --classes normal,leak --per-class 2 --seconds 2400 --into plant");
}

fn detector() -> Value {
    json!({
        "dataset": "plant", "model": "watch", "estimator": "t2q",
        "pipeline": {
            "window": { "samples": 4 }, "features": ["mean"], "without_channels": ["power"],
        },
        "selection": { "normal": "normal", "label_rule": "last" },
    })
}

#[test]
fn the_windows_behind_each_cell_are_as_many_as_the_confusion_matrix_says() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let run = trained(&admin, &weak_run());
    let report = &run["report"];
    let classes = report["classes"].as_array().unwrap();
    let confusion = &report["evaluation"]["model"]["confusion"];
    let mut wrong = 0;
    for (truth, true_class) in classes.iter().enumerate() {
        for (answer, class) in classes.iter().enumerate() {
            let (true_name, name) = (true_class.as_str().unwrap(), class.as_str().unwrap());
            let query = format!("part=test&truth={true_name}&answer={name}");
            let cell = windows(&admin, &run, &query);
            assert_eq!(confusion[truth][answer], cell.len(), "{query}");
            wrong += if truth == answer { 0 } else { cell.len() };
            for window in cell {
                assert_eq!((&window["true_class"], &window["class"]), (true_class, class));
                let probabilities = window["probabilities"].as_array().unwrap();
                let largest = |p: &Value| p.as_f64() <= probabilities[answer].as_f64();
                assert!(probabilities.iter().all(largest), "{window}");
            }
        }
    }
    assert!(wrong > 0, "a run without errors shows nothing");
    for part in ["train", "calibration", "test"] {
        let found = windows(&admin, &run, &format!("part={part}")).len();
        assert_eq!(report["windows"][part], found, "{part}");
    }
    let counts = &report["windows"];
    let left = counts["unused"].as_u64().unwrap() + counts["unlabelled"].as_u64().unwrap();
    assert_eq!(windows(&admin, &run, "part=unused").len() as u64, left);
}

#[test]
fn pages_of_windows_put_together_are_all_of_them() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let run = trained(&admin, &weak_run());
    let all = windows(&admin, &run, "");
    let base = format!("{}/windows", path(&run["id"]));
    for query in ["limit=300", "limit=7&part=test&answer=normal"] {
        let mut paged: Vec<Value> = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = admin.get(&format!("{base}?{query}{cursor}")).expect(200).json();
            paged.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(next) = page.get("next") else { break };
            cursor = format!("&cursor={}", next.as_str().unwrap());
        }
        let whole = windows(&admin, &run, query.split_once('&').map_or("", |(_, query)| query));
        assert!(paged == whole && paged.len() > 7, "{query}: {} of {}", paged.len(), whole.len());
    }
    let first = &all[0];
    let mine = |window: &&Value| window["recording_id"] == first["recording_id"];
    let expected: Vec<Value> = all.iter().filter(mine).cloned().collect();
    assert!(expected.len() < all.len());
    for field in ["recording", "recording_id"] {
        let query = format!("recording={}", first[field].as_str().unwrap());
        assert_eq!(windows(&admin, &run, &query), expected, "{field}");
    }
    for (query, found) in [
        ("limit=0", "1 to 10000"),
        ("limit=10001", "1 to 10000"),
        ("truth=nrmal", "imbalance, normal"),
        ("answer=anomaly", "imbalance, normal"),
        ("part=training", "part"),
        ("cursor=x", "cursor"),
        ("cursor=3", "cursor"),
        ("cursor=200", "cursor"),
        ("colour=red", "colour"),
    ] {
        let refused = admin.get(&format!("{base}?{query}")).problem(422, "invalid");
        assert!(refused["detail"].as_str().unwrap().contains(found), "{query}: {refused}");
    }
}

#[test]
fn figures_name_what_the_report_says_and_stand_in_the_list() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let run = trained(&admin, &weak_run());
    let evaluation = &run["report"]["evaluation"];
    let figures = run["figures"].as_array().unwrap();
    let names: Vec<&str> = figures.iter().map(|f| f["name"].as_str().unwrap()).collect();
    let expected = [
        ("Macro F1", "/macro/f1"),
        ("Accuracy", "/accuracy"),
        ("Balanced accuracy", "/balanced_accuracy"),
        ("Log loss", "/log_loss"),
        ("Matthews correlation", "/matthews"),
        ("Brier score", "/brier"),
    ];
    assert_eq!(names, expected.map(|(name, _)| name));
    let fields = expected.map(|(_, field)| field);
    for (figure, field) in figures.iter().zip(fields) {
        assert_eq!(Some(&figure["value"]), evaluation["model"].pointer(field), "{field}");
        assert_eq!(Some(&figure["naive"]), evaluation["naive"].pointer(field), "{field}");
        let lower = ["/log_loss", "/brier"].contains(&field);
        let better = if lower { "lower" } else { "higher" };
        assert_eq!(figure["better"], better, "{field}");
    }
    // The same artifact again is no new version, and the run still says which one came of it.
    let again = trained(&admin, &weak_run());
    let listed = admin.list("/api/training/runs");
    for (listed, run) in listed.iter().zip([&again, &run]) {
        for field in ["id", "figures", "model", "model_version", "task"] {
            assert_eq!(listed[field], run[field], "{field}");
        }
        assert_eq!(
            (&listed["model"], &listed["model_version"], &listed["task"]),
            (&json!("weak"), &json!(1), &json!("classification"))
        );
    }
    admin.delete("/api/training/models/weak").expect(204);
    let left = admin.get(&path(&run["id"])).expect(200).json();
    assert_eq!((&left["model"], &left["model_version"]), (&json!("weak"), &Value::Null));
    assert_eq!(left["figures"], run["figures"]);
}

#[test]
fn curves_of_each_class_come_from_the_windows_that_were_tested() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let run = trained(&admin, &weak_run());
    let curves = admin.get(&format!("{}/curves", path(&run["id"]))).expect(200).json();
    assert_eq!((&curves["omitted"], curves.get("residuals")), (&json!([]), None));
    let tested = windows(&admin, &run, "part=test");
    for (class, name) in run["report"]["classes"].as_array().unwrap().iter().enumerate() {
        let score = |window: &Value| window["probabilities"][class].as_f64().unwrap();
        let (positive, negative): (Vec<&Value>, Vec<&Value>) =
            tested.iter().partition(|window| &window["true_class"] == name);
        // The area is the share of pairs that are in order; equal ones count half.
        let mut pairs = 0.0;
        for (high, low) in positive.iter().flat_map(|p| negative.iter().map(move |n| (p, n))) {
            pairs += match score(high).total_cmp(&score(low)) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
        }
        let area = pairs / (positive.len() * negative.len()) as f64;
        let (roc, pr) = (&curves["roc"][class], &curves["precision_recall"][class]);
        assert_eq!((&roc["class"], &pr["class"]), (name, name));
        assert!((roc["area"].as_f64().unwrap() - area).abs() < 1e-9, "{area}: {roc}");
        assert!(roc["points"][0]["threshold"].is_null());
    }
}

#[test]
fn a_regression_has_residuals_and_no_classes_to_ask_for() {
    let place = Place::new();
    plant(&place);
    let service = place.serve("");
    let admin = service.admin();
    let asked = json!({
        "dataset": "plant", "model": "power", "estimator": "ridge",
        "pipeline": { "window": { "samples": 8 }, "features": ["mean"] },
        "selection": { "target": "power" },
    });
    let run = trained(&admin, &asked);
    let tested = windows(&admin, &run, "part=test");
    let mut squares = 0.0;
    for window in &tested {
        let number = |field: &str| window[field].as_f64().unwrap();
        let residual = number("value") - number("true_value");
        assert!((number("residual") - residual).abs() < 1e-4, "{window}");
        squares += number("residual") * number("residual");
        assert!(window.get("class").is_none() && window.get("score").is_none());
    }
    let rmse = (squares / tested.len() as f64).sqrt();
    let figure = &run["figures"][1];
    assert_eq!(figure["name"], "RMSE");
    assert!((figure["value"].as_f64().unwrap() - rmse).abs() < 1e-9 * rmse, "{rmse}: {figure}");
    assert_eq!(figure["unit"], run["report"]["target"]["unit"]);
    let curves = admin.get(&format!("{}/curves", path(&run["id"]))).expect(200).json();
    let bins = curves["residuals"]["bins"].as_array().unwrap();
    let count: u64 = bins.iter().map(|bin| bin["count"].as_u64().unwrap()).sum();
    assert_eq!((count, &curves["roc"]), (tested.len() as u64, &json!([])));
    for filter in ["truth", "answer"] {
        let query = format!("{}/windows?{filter}=normal", path(&run["id"]));
        let refused = admin.get(&query).problem(422, "invalid");
        assert!(refused["detail"].as_str().unwrap().contains(filter), "{refused}");
    }
}

#[test]
fn a_detector_has_scores_with_alarms_from_one_on() {
    let place = Place::new();
    plant(&place);
    let service = place.serve("");
    let admin = service.admin();
    let run = trained(&admin, &detector());
    let found = &run["report"]["evaluation"]["model"];
    for (truth, answer, field) in [
        ("anomaly", "anomaly", "true_positives"),
        ("normal", "anomaly", "false_positives"),
        ("normal", "normal", "true_negatives"),
        ("anomaly", "normal", "false_negatives"),
    ] {
        let cell = windows(&admin, &run, &format!("part=test&truth={truth}&answer={answer}"));
        assert_eq!(found[field], cell.len(), "{field}");
        for window in cell {
            assert_eq!(window["alarm"], window["score"].as_f64().unwrap() >= 1.0, "{window}");
            assert_eq!(window["true_anomaly"], truth == "anomaly", "{window}");
        }
    }
    assert!(!windows(&admin, &run, "part=calibration").is_empty());
    let curves = admin.get(&format!("{}/curves", path(&run["id"]))).expect(200).json();
    assert_eq!(
        (&curves["roc"][0]["class"], curves["roc"].as_array().unwrap().len()),
        (&json!("anomaly"), 1)
    );
    let refused = format!("{}/windows?truth=leak", path(&run["id"]));
    let refused = admin.get(&refused).problem(422, "invalid");
    assert!(refused["detail"].as_str().unwrap().contains("anomaly, normal"), "{refused}");
}

/// Every kind of split: drawn, by time, by lists; for each task.
#[test]
fn a_preview_tells_the_split_that_the_run_then_has() {
    let place = Place::new();
    place.simulate("pump");
    plant(&place);
    let service = place.serve("");
    let admin = service.admin();
    let with = |mut asked: Value, selection: Value, seed: u64| {
        asked["selection"] = selection;
        asked["seed"] = json!(seed);
        asked
    };
    for asked in [
        with(weak_run(), json!({}), 0),
        with(weak_run(), json!({}), 5),
        with(weak_run(), json!({ "split": "time", "test": { "share": 0.4 } }), 0),
        with(weak_run(), json!({ "train_rows": "0..900" }), 0),
        detector(),
    ] {
        let run = trained(&admin, &asked);
        let mut tried = asked.clone();
        for field in ["model", "parameters"] {
            tried.as_object_mut().unwrap().remove(field);
        }
        let recording = run["report"]["split"][0]["recording_id"].clone();
        tried["recording"] = recording.clone();
        let preview = admin.post("/api/features/pipelines/preview", &tried).expect(200).json();
        assert_eq!(preview["split"], run["report"]["split"], "{asked}");
        assert_eq!(preview["notes"], run["report"]["notes"], "{asked}");
        assert_eq!(preview["pipeline"], run["report"]["pipeline"], "{asked}");
        let drawn = &preview["drawn"];
        let query = format!("recording={}", recording.as_str().unwrap());
        let kept = windows(&admin, &run, &query);
        assert_eq!(drawn["windows_total"], kept.len());
        for (drawn, kept) in drawn["windows"].as_array().unwrap().iter().zip(&kept) {
            for field in ["from_row", "to_row", "part"] {
                assert_eq!(drawn[field], kept[field], "{field} of {asked}");
            }
        }
        check_spans(&run, &windows(&admin, &run, ""));
    }
}

/// The spans are in order, do not overlap, and count the windows of their parts.
fn check_spans(run: &Value, windows: &[Value]) {
    for recording in run["report"]["split"].as_array().unwrap() {
        let id = &recording["recording_id"];
        let mine = |window: &&Value| &window["recording_id"] == id;
        let mine: Vec<&Value> = windows.iter().filter(mine).collect();
        assert_eq!(recording["windows"], mine.len());
        let mut mine = mine.into_iter();
        let mut end = 0;
        for span in recording["parts"].as_array().unwrap() {
            let row = |field: &str| span[field].as_u64().unwrap();
            assert!(end <= row("from_row") && row("from_row") < row("to_row"), "{recording}");
            assert!(row("to_row") <= recording["rows"].as_u64().unwrap());
            end = row("to_row");
            for window in mine.by_ref().take(row("windows") as usize) {
                assert_eq!(window["part"], span["part"], "{recording}");
                assert!(window["from_row"].as_u64().unwrap() >= row("from_row"), "{recording}");
            }
        }
        assert_eq!(mine.next(), None);
    }
}

#[test]
fn a_preview_says_why_there_is_no_split_and_still_draws() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let dataset = admin.get("/api/data/datasets/pump").json();
    let recording = dataset["recordings"][0]["recording_id"].clone();
    let mut tried = json!({
        "dataset": "pump", "recording": recording,
        "pipeline": { "window": { "samples": 8 }, "stride": { "samples": 4 }, "features": ["rms"] },
    });
    let preview = |tried: &Value| admin.post("/api/features/pipelines/preview", tried);
    let plain = preview(&tried).expect(200).json();
    assert!(plain.get("split").is_none() && plain.get("split_omitted").is_none(), "{plain}");
    let (drawn, total) = (&plain["drawn"]["windows"], &plain["drawn"]["windows_total"]);
    assert_eq!(*total, (2000 - 8) / 4 + 1);
    assert_eq!(
        drawn[1],
        json!({ "from_row": 4, "to_row": 12, "class": dataset["recordings"][0]["labels"][0]["class"] })
    );

    for (estimator, selection, reason) in [
        ("t2q", json!({}), "--normal"),
        ("ridge", json!({}), "--target"),
        (
            "random_forest_classifier",
            json!({ "test": { "recordings": ["recording:x"] } }),
            "--test",
        ),
    ] {
        tried["estimator"] = json!(estimator);
        tried["selection"] = selection;
        let found = preview(&tried).expect(200).json();
        let omitted = found["split_omitted"].as_str().unwrap();
        assert!(omitted.contains(reason) && found.get("split").is_none(), "{found}");
        assert_eq!(found["drawn"]["windows"], *drawn, "{estimator}");
    }
    tried["estimator"] = json!("forest");
    preview(&tried).problem(422, "training");
    tried["estimator"] = Value::Null;
    tried["pipeline"]["stride"] = json!({ "samples": 1 });
    let many = preview(&tried).expect(200).json();
    assert_eq!(many["drawn"]["windows"].as_array().unwrap().len(), 1993);
    tried["pipeline"]["window"] = json!({ "samples": 3000 });
    preview(&tried).problem(422, "training");
    tried["pipeline"]["window"] = json!({ "samples": 8 });
    tried["recording"] = json!("01890000-0000-7000-8000-000000000000");
    preview(&tried).problem(404, "not_found");
}

#[test]
fn a_run_without_kept_windows_says_so() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let run = trained(&admin, &small_run("pump", "m"));
    let id = run["id"].as_str().unwrap();
    // As a version before left it.
    std::fs::remove_file(place.data().join("runs").join(format!("{id}.csv"))).unwrap();
    place.database().execute("UPDATE runs SET curves = NULL", []).unwrap();
    let mut unreadable = small_run("pump", "m");
    unreadable["selection"] = json!({ "only": ["recording:none"] });
    let failed = admin.post("/api/training/runs", &unreadable).expect(202).json();
    assert_eq!(admin.ended(&failed["job"])["status"], "failed");
    for what in ["windows", "curves"] {
        let refused = admin.get(&format!("{}/{what}", path(&run["id"]))).problem(409, "state");
        assert!(refused["detail"].as_str().unwrap().contains("train again"), "{refused}");
        let path = format!("{}/{what}", path(&failed["run_id"]));
        let refused = admin.get(&path).problem(409, "state");
        assert!(refused["detail"].as_str().unwrap().contains("failed"), "{refused}");
    }
}

#[test]
fn a_run_of_the_command_line_keeps_its_windows_too() {
    let place = Place::new();
    place.simulate("pump");
    place.run("train pump -e random_forest_classifier -p n_estimators=5 --features rms");
    let service = place.serve("");
    let admin = service.admin();
    let run = admin.list("/api/training/runs").remove(0);
    let run = admin.get(&path(&run["id"])).expect(200).json();
    assert_eq!(windows(&admin, &run, "part=test").len(), run["report"]["windows"]["test"]);
    admin.get(&format!("{}/curves", path(&run["id"]))).expect(200);
}
