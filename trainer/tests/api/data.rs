//! Datasets, recordings, labels, samples for plots, saved pipelines.

use serde_json::{Value, json};

use crate::client::Client;
use crate::service::{Place, simulated_files, wait_until_empty};

/// How the files of `simulate` are read.
pub(crate) fn options() -> Value {
    json!({ "time": "t_ns", "label_from": "column:label" })
}

/// Uploads the simulated files, and returns their identifiers.
pub(crate) fn upload_all(client: &Client, files: &[(String, Vec<u8>)]) -> Vec<String> {
    files.iter().map(|(name, content)| client.upload(name, content, 50_000)).collect()
}

#[test]
fn an_import_says_what_it_found_and_the_same_again_changes_nothing() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let files = simulated_files();
    let uploads = upload_all(&admin, &files);
    let import = json!({ "uploads": uploads, "options": options() });
    let path = "/api/data/datasets/pump/imports";
    let job = admin.post_once(path, "i1", &import).expect(202).json();
    let result = admin.result(&job);
    assert_eq!((&result["version"], &result["recordings"]), (&json!(1), &json!(4)));
    assert_eq!(result["imported"][0]["classes"], json!(["imbalance"]));
    assert_eq!(admin.post_once(path, "i1", &import).expect(202).json()["id"], job["id"]);
    let job = admin.post(path, &import).expect(202).json();
    let result = admin.result(&job);
    assert_eq!((&result["version"], &result["changed"]), (&json!(1), &json!(false)));

    let datasets = admin.list("/api/data/datasets");
    assert_eq!((datasets.len(), &datasets[0]["rows"]), (1, &json!(8000)));
    let dataset = admin.get("/api/data/datasets/pump").expect(200).json();
    assert_eq!(dataset["recordings"].as_array().unwrap().len(), 4);
    admin.get("/api/data/datasets/pump/versions/2").problem(404, "not_found");
    let unknown = admin.get("/api/data/datasets/pmp").problem(404, "not_found");
    assert!(unknown["detail"].as_str().unwrap().contains("pump"), "{unknown}");

    // One refused file, and nothing is added; the problem names it as the client does.
    let bad = admin.upload("deep/bad.csv", b"t_ns,accX,label\n0,1,a\n1000000,zwei,a\n", 100);
    let import = json!({ "uploads": [uploads[0], bad], "options": options() });
    let job = admin.post("/api/data/datasets/second/imports", &import).expect(202).json();
    let ended = admin.ended(&job);
    let detail = ended["error"]["detail"].as_str().unwrap();
    assert_eq!(ended["error"]["code"], "import", "{ended}");
    assert!(detail.contains("deep/bad.csv") && detail.contains("zwei"), "{detail}");
    assert!(!detail.contains(place.data().to_str().unwrap()), "{detail}");
    admin.get("/api/data/datasets/second").problem(404, "not_found");
    let clash = [admin.upload("x", b"1", 10), admin.upload("x/y.csv", b"1", 10)];
    let import = json!({ "uploads": clash, "options": options() });
    let job = admin.post("/api/data/datasets/second/imports", &import).expect(202).json();
    assert_eq!(admin.ended(&job)["error"]["code"], "import");

    admin.delete("/api/data/datasets/pump").expect(204);
    admin.get("/api/data/datasets/pump").problem(404, "not_found");
    wait_until_empty(&place.data().join("datasets"));
}

#[test]
fn labels_and_removals_make_new_versions_and_leave_the_old_ones() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let dataset = admin.get("/api/data/datasets/pump").expect(200).json();
    let recording = &dataset["recordings"][0];
    let path = format!("/api/data/recordings/{}", recording["recording_id"].as_str().unwrap());
    let spans = json!({ "labels": [
        { "from_row": 0, "to_row": 500, "class": "warm" },
        { "from_row": 600, "to_row": 2000, "class": "hot" },
    ] });
    let labelled = admin.put(&format!("{path}/labels"), &spans).expect(200).json();
    assert_eq!(labelled, json!({ "dataset": "pump", "version": 2 }));
    let again = admin.put(&format!("{path}/labels"), &spans).expect(200).json();
    assert_eq!(again["version"], 2, "nothing changed");
    assert_eq!(admin.get(&path).json()["labels"], spans["labels"]);
    let first = admin.get("/api/data/datasets/pump/versions/1").expect(200).json();
    assert_eq!(first["recordings"][0]["labels"], recording["labels"]);
    for (wrong, part) in [
        (json!([{ "from_row": 0, "to_row": 2001, "class": "x" }]), "0..2000"),
        (json!([{ "from_row": 5, "to_row": 5, "class": "x" }]), "5..5"),
        (json!([{ "from_row": 0, "to_row": 5, "class": "" }]), "class"),
        (
            json!([{ "from_row": 9, "to_row": 20, "class": "x" },
                { "from_row": 0, "to_row": 5, "class": "x" }]),
            "sort",
        ),
    ] {
        let refused = admin.put(&format!("{path}/labels"), &json!({ "labels": wrong }));
        let refused = refused.problem(422, "invalid");
        assert!(refused["detail"].as_str().unwrap().contains(part), "{refused}");
    }
    let many: Vec<Value> = (0..2000u64)
        .map(|row| json!({ "from_row": row, "to_row": row + 1, "class": "x".repeat(200) + &row.to_string()[..0] }))
        .collect();
    admin.put(&format!("{path}/labels"), &json!({ "labels": many })).expect(200);

    let removed = admin.delete(&path).expect(200).json();
    assert_eq!(removed["version"], 4);
    assert_eq!(
        admin.get("/api/data/datasets/pump").json()["recordings"].as_array().unwrap().len(),
        3
    );
    admin.delete(&path).problem(409, "in_use");
    admin.get(&path).expect(200);
    let versions = admin.get("/api/data/datasets/pump/versions?limit=3").expect(200).json();
    assert_eq!((&versions["items"][0]["number"], &versions["next"]), (&json!(4), &json!("2")));
    let rest = admin.list("/api/data/datasets/pump/versions?limit=3&cursor=2");
    assert_eq!((rest.len(), &rest[0]["number"]), (1, &json!(1)));
}

#[test]
fn a_plot_loses_no_peak_whatever_part_and_however_many_points_are_asked_for() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let (name, content) = &simulated_files()[0];
    let upload = admin.upload(name, content, 1 << 20);
    let import = json!({ "uploads": [upload], "options": options() });
    let job = admin.post("/api/data/datasets/pump/imports", &import).expect(202).json();
    admin.result(&job);
    let text = String::from_utf8(content.clone()).unwrap();
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let header = rows.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    let dataset = admin.get("/api/data/datasets/pump").json();
    let id = dataset["recordings"][0]["recording_id"].as_str().unwrap();
    let samples = format!("/api/data/recordings/{id}/samples");

    let mut random = 12345u64;
    let mut draw = |below: usize| {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (random >> 33) as usize % below
    };
    for _ in 0..40 {
        let from = draw(rows.len() - 1);
        let to = from + 1 + draw(rows.len() - from);
        let points = 1 + draw(300);
        let query = format!("{samples}?from_row={from}&to_row={to}&points={points}");
        let plot = admin.get(&query).expect(200).json();
        let per_point = plot["rows_per_point"].as_u64().unwrap() as usize;
        let part = &rows[from..to];
        assert!(part.len().div_ceil(per_point) <= points, "{query}: {per_point}");
        for channel in plot["channels"].as_array().unwrap() {
            let column = header.iter().position(|name| channel["name"] == name).unwrap();
            let values: Vec<f32> = part.iter().map(|row| row[column].parse().unwrap()).collect();
            let chunks = values.chunks(per_point);
            let least = |chunk: &[f32]| chunk.iter().copied().fold(f32::INFINITY, f32::min);
            let most = |chunk: &[f32]| chunk.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let given = |which: &str| -> Vec<f32> {
                let values = channel[which].as_array().unwrap().iter();
                values.map(|value| value.as_f64().unwrap() as f32).collect()
            };
            assert_eq!(given("min"), chunks.clone().map(least).collect::<Vec<_>>(), "{query}");
            assert_eq!(given("max"), chunks.map(most).collect::<Vec<_>>(), "{query}");
        }
        let times: Vec<&str> =
            plot["time_ns"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
        let expected: Vec<&str> = part.iter().step_by(per_point).map(|row| &row[0]).collect();
        assert_eq!(times.len(), expected.len());
    }
    let one = admin.get(&format!("{samples}?channels=accY")).expect(200).json();
    assert_eq!(one["channels"].as_array().unwrap().len(), 1);
    for wrong in [
        "points=0",
        "points=20001",
        "from_row=9&to_row=9",
        "to_row=2001",
        "channels=accQ",
        "colour=red",
        "points=x",
    ] {
        admin.get(&format!("{samples}?{wrong}")).problem(422, "invalid");
    }
}

#[test]
fn pipelines_are_tried_out_saved_and_used_by_name() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let pipeline = json!({ "window": { "samples": 128 }, "features": ["rms"] });
    let asked = json!({ "dataset": "pump", "pipeline": pipeline });
    let preview = admin.post("/api/features/pipelines/preview", &asked).expect(200).json();
    assert_eq!(preview["windows"], 4 * ((2000 - 128) / 64 + 1), "{preview}");
    let wrong = json!({ "dataset": "pump", "pipeline": { "features": ["rmss"] } });
    let refused = admin.post("/api/features/pipelines/preview", &wrong).problem(422, "training");
    assert!(refused["detail"].as_str().unwrap().contains("rms"), "{refused}");
    let machine = json!({ "shaft": { "speed": { "rpm": 1452.0 } } });
    let orders =
        json!({ "window": { "samples": 512 }, "features": ["orders"], "machine": machine });
    let asked = json!({ "dataset": "pump", "pipeline": orders });
    let preview = admin.post("/api/features/pipelines/preview", &asked).expect(200).json();
    let decided = &preview["pipeline"]["machine"];
    assert_eq!(
        (&decided["orders"], &decided["shaft"]["tolerance"]),
        (&json!([1.0, 2.0, 3.0]), &json!(0.02))
    );
    let wrong = json!({ "dataset": "pump", "pipeline": { "features": ["bearing"] } });
    let refused = admin.post("/api/features/pipelines/preview", &wrong).problem(422, "training");
    assert!(refused["detail"].as_str().unwrap().contains("machine.shaft"), "{refused}");
    let catalogue = admin.get("/api/features/catalogue").expect(200).json();
    let find = |name: &str| {
        let mut items = catalogue["items"].as_array().unwrap().iter();
        items.find(|item| item["name"] == name).unwrap().clone()
    };
    let velocity = find("velocity_rms");
    assert_eq!((&velocity["unit"], &velocity["in_all"]), (&json!("mm/s"), &json!(false)));
    assert_eq!(velocity["parameters"][1]["name"], "velocity_band");
    assert_eq!(find("correlation")["needs_partner"], true);
    assert_eq!(
        (&find("rms")["range"], &find("rms")["in_all"]),
        (&json!("0 or more"), &json!(true))
    );

    let save = json!({ "name": "small", "pipeline": pipeline });
    let saved = admin.post("/api/features/pipelines", &save).expect(201).json();
    assert_eq!(saved["pipeline"]["features"], json!(["rms"]));
    admin.post("/api/features/pipelines", &save).problem(409, "taken");
    assert_eq!(admin.list("/api/features/pipelines").len(), 1);
    let run = json!({
        "dataset": "pump", "model": "m", "estimator": "random_forest_classifier",
        "parameters": { "n_estimators": 5 }, "saved_pipeline": "small",
    });
    let submitted = admin.post("/api/training/runs", &run).expect(202).json();
    admin.result(&submitted["job"]);
    let run_path = format!("/api/training/runs/{}", submitted["run_id"].as_str().unwrap());
    assert_eq!(admin.get(&run_path).json()["settings"]["pipeline"]["features"], json!(["rms"]));
    let both = json!({ "dataset": "pump", "estimator": "random_forest_classifier",
                       "saved_pipeline": "small", "pipeline": pipeline });
    admin.post("/api/training/runs", &both).problem(422, "invalid");
    admin.delete("/api/features/pipelines/small").expect(204);
    admin.get("/api/features/pipelines/small").problem(404, "not_found");
    admin.delete("/api/data/datasets/pump").problem(409, "in_use");
}

#[test]
fn a_preview_says_what_is_in_files_and_what_an_import_would_be_refused_for() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let uploads = upload_all(&admin, &simulated_files());
    let path = "/api/data/datasets/pump/imports/preview";
    let preview = admin.post(path, &json!({ "uploads": uploads })).expect(200).json();
    assert_eq!(preview["files"].as_array().unwrap().len(), 4);
    assert_eq!(preview["files"][0]["format"], "csv");
    assert!(preview.get("refusal").is_none_or(Value::is_null), "{preview}");
    assert_eq!((&preview["recordings"], &preview["rows"]), (&json!(4), &json!(8000)));
    assert_eq!(preview["options"]["time"], "t_ns");
    assert_eq!(preview["options"]["label_from"], "column:label");
    let classes = json!([{ "class": "imbalance", "files": 2 }, { "class": "normal", "files": 2 }]);
    assert_eq!(preview["classes"], classes);
    admin.get("/api/data/datasets/pump").problem(404, "not_found");

    // What is proposed is what an import takes.
    let import = json!({ "uploads": uploads, "options": preview["options"] });
    let job = admin.post("/api/data/datasets/pump/imports", &import).expect(202).json();
    assert_eq!(admin.result(&job)["recordings"], 4);

    // A refusal names files as the client does, and the fields that a client sends.
    let text = b"time,a\n0,1.5\n1,2.5\n2,3.5\n";
    let odd = admin.upload("deep/odd.csv", text, 100);
    let preview = admin.post(path, &json!({ "uploads": [odd] })).expect(200).json();
    let refusal = preview["refusal"].as_str().unwrap();
    assert!(refusal.starts_with("deep/odd.csv: "), "{refusal}");
    assert!(refusal.contains("`time_unit: s`"), "{refusal}");
    let import = json!({ "uploads": [odd], "options": preview["options"] });
    let job = admin.post("/api/data/datasets/odd/imports", &import).expect(202).json();
    assert_eq!(admin.ended(&job)["error"]["detail"], refusal);
    let none = admin.upload("read.me", b"text", 100);
    let preview = admin.post(path, &json!({ "uploads": [none] })).expect(200).json();
    assert_eq!(preview["skipped"][0]["file"], "read.me");
    assert!(preview["refusal"].as_str().unwrap().contains("nothing to import"), "{preview}");
    let wrong = json!({ "uploads": [odd], "options": { "rate_hz": "fast" } });
    admin.post(path, &wrong).problem(422, "invalid");
    let settled = json!({ "uploads": [odd], "decided": ["label_from", "time"] });
    let preview = admin.post(path, &settled).expect(200).json();
    let proposals = preview["proposals"].as_array().unwrap().iter();
    let proposed: Vec<&Value> = proposals.map(|proposal| &proposal["option"]).collect();
    assert_eq!(proposed, ["rate_hz", "ignore_columns"], "{preview}");
    let wrong = json!({ "uploads": [odd], "decided": ["label"] });
    let refused = admin.post(path, &wrong).problem(422, "invalid");
    assert!(refused["detail"].as_str().unwrap().contains("label_from"), "{refused}");
    let left = std::fs::read_dir(place.data().join("uploads")).unwrap();
    assert!(left.map(|entry| entry.unwrap().file_name()).all(|name| name.len() == 36));
}

#[test]
fn versions_say_what_was_recorded_and_recordings_what_lies_beside_them() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let dataset = admin.get("/api/data/datasets/pump").expect(200).json();
    let class =
        |name: &str| json!({ "class": name, "recordings": 2, "rows": 4000, "seconds": 4.0 });
    assert_eq!(dataset["classes"], json!([class("imbalance"), class("normal")]));
    assert_eq!((&dataset["rows"], &dataset["labelled_rows"]), (&json!(8000), &json!(8000)));
    assert_eq!(dataset["seconds"], 8.0);
    let ids: Vec<&Value> =
        dataset["recordings"].as_array().unwrap().iter().map(|r| &r["recording_id"]).collect();
    let show = |id: &Value| admin.get(&format!("/api/data/recordings/{}", id.as_str().unwrap()));
    for (index, id) in ids.iter().enumerate() {
        let recording = show(id).expect(200).json();
        let beside = |index: Option<usize>| index.and_then(|index| ids.get(index).copied());
        assert_eq!(
            recording.get("previous_id"),
            beside(index.checked_sub(1)).or(Some(&Value::Null))
        );
        assert_eq!(recording.get("next_id"), beside(Some(index + 1)).or(Some(&Value::Null)));
        assert_eq!((&recording["version"], &recording["newest_version"]), (&json!(1), &json!(1)));
    }
    let first = format!("/api/data/recordings/{}", ids[0].as_str().unwrap());
    admin.delete(&first).expect(200);
    let old = admin.get(&first).expect(200).json();
    assert_eq!((&old["version"], &old["newest_version"]), (&json!(1), &json!(2)));
}
