//! Labels are changed by edits, each change is a version, and the history tells all.

use serde_json::{Value, json};

use crate::service::Place;

fn spans(admin: &crate::client::Client, number: u64, recording: usize) -> Value {
    let version = admin.get(&format!("/api/data/datasets/pump/versions/{number}")).expect(200);
    version.json()["recordings"][recording].clone()
}

#[test]
fn labels_are_edited_all_or_none_and_each_change_is_a_version_with_a_history() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let path = "/api/data/datasets/pump/labels/changes";
    let name = spans(&admin, 1, 0)["name"].as_str().unwrap().to_owned();
    let class = spans(&admin, 1, 0)["labels"][0]["class"].clone();
    assert!(admin.list(path).is_empty());

    let fault = json!({ "edit": "assign", "recording": name, "from_row": 500, "to_row": 700,
                        "class": "fault" });
    let split = json!({ "edit": "split", "recording": name, "at_row": 600 });
    let change = json!({ "edits": [fault, split], "comment": "seen on site" });
    let made = admin.post(path, &change).expect(200).json();
    assert_eq!(made, json!({ "dataset": "pump", "version": 2 }));
    let span = |from: u64, to: u64, class: &Value| json!({ "from_row": from, "to_row": to, "class": class });
    let fault_class = json!("fault");
    let expected = json!([
        span(0, 500, &class),
        span(500, 600, &fault_class),
        span(600, 700, &fault_class),
        span(700, 2000, &class)
    ]);
    assert_eq!(spans(&admin, 2, 0)["labels"], expected);
    assert_eq!(spans(&admin, 1, 0)["labels"], json!([span(0, 2000, &class)]));

    // The second edit cannot be made, so the first one is not made either.
    let wrong = json!({ "edit": "split", "recording": name, "at_row": 5000 });
    let refused = admin.post(path, &json!({ "edits": [fault, wrong] })).problem(422, "invalid");
    assert_eq!(refused["field"], "edits.1.at_row", "{refused}");
    let stale = json!({ "edits": [split], "expected_version": 1 });
    assert_eq!(admin.post(path, &stale).problem(409, "state")["newest_version"], 2);
    admin.post(path, &json!({ "edits": [] })).problem(422, "invalid");
    admin.post(path, &json!({ "edits": [{ "edit": "blend" }] })).problem(422, "invalid");
    let set = json!({ "label_set": "../x", "edits": [split] });
    admin.post(path, &set).problem(422, "invalid");
    admin.post("/api/data/datasets/none/labels/changes", &change).problem(404, "not_found");
    // What changes nothing makes no version.
    let nothing = json!({ "edits": [{ "edit": "rename", "class": "fault", "to": "fault" }] });
    assert_eq!(admin.post(path, &nothing).expect(200).json()["version"], 2);
    // A slip of the pen neither passes for a change nor takes all labels away.
    for (edit, field) in [
        (json!({ "edit": "rename", "class": "fautl", "to": "x" }), "edits.0.class"),
        (json!({ "edit": "copy", "from_set": "wera" }), "edits.0.from_set"),
    ] {
        let refused = admin.post(path, &json!({ "edits": [edit] })).problem(422, "invalid");
        assert_eq!(refused["field"], field, "{refused}");
    }

    let restore = json!({ "edits": [{ "edit": "restore", "version": 1 }] });
    assert_eq!(admin.post(path, &restore).expect(200).json()["version"], 3);
    assert_eq!(spans(&admin, 3, 0)["labels"], spans(&admin, 1, 0)["labels"]);
    let history = admin.list(path);
    assert_eq!(history.len(), 2, "{history:?}");
    assert_eq!((&history[0]["version"], &history[1]["version"]), (&json!(3), &json!(2)));
    assert_eq!(history[1]["comment"], "seen on site");
    assert_eq!(history[1]["changed_by"], "admin");
    assert_eq!(history[1]["recordings"], json!([name]));
    assert_eq!(history[1]["edits"][1], format!("split {name} at row 600"));
}

#[test]
fn a_label_set_is_trained_on_by_its_name_and_unlabelled_rows_are_a_class_where_asked() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let path = "/api/data/datasets/pump/labels/changes";
    let names: Vec<Value> = (0..4).map(|number| spans(&admin, 1, number)["name"].clone()).collect();
    let worn = |name: &Value| json!({ "edit": "assign", "recording": name, "from_row": 0, "to_row": 1000, "class": "worn" });
    let edits: Vec<Value> = names.iter().map(worn).collect();
    let change = json!({ "label_set": "wear", "edits": edits });
    admin.post(path, &change).expect(200);
    assert_eq!(spans(&admin, 2, 0)["label_sets"]["wear"][0]["class"], "worn");
    assert_eq!(spans(&admin, 2, 0)["labels"], spans(&admin, 1, 0)["labels"]);

    let id = spans(&admin, 2, 0)["recording_id"].clone();
    let drawn = |selection: Value| {
        let asked = json!({ "dataset": "pump", "recording": id, "selection": selection,
            "pipeline": { "window": { "samples": 200 }, "stride": { "samples": 200 },
                          "features": ["rms"] } });
        let preview = admin.post("/api/features/pipelines/preview", &asked).expect(200).json();
        let windows = preview["drawn"]["windows"].as_array().unwrap().clone();
        windows.iter().map(|window| window["class"].clone()).collect::<Vec<_>>()
    };
    let none = Value::Null;
    let found = drawn(json!({ "label_set": "wear" }));
    assert_eq!(found, [vec![json!("worn"); 5], vec![none; 5]].concat());
    let found = drawn(json!({ "label_set": "wear", "unlabelled": "good" }));
    assert_eq!(found, [vec![json!("worn"); 5], vec![json!("good"); 5]].concat());

    let run = |selection: Value| {
        json!({ "dataset": "pump", "estimator": "random_forest_classifier", "model": "wear",
            "parameters": { "n_estimators": 5 }, "selection": selection,
            "pipeline": { "window": { "samples": 128 }, "features": ["rms"] } })
    };
    let selection =
        json!({ "label_set": "wear", "unlabelled": "good", "label_rule": "threshold:0.9" });
    let submitted = admin.post("/api/training/runs", &run(selection)).expect(202).json();
    admin.result(&submitted["job"]);
    let path = format!("/api/training/runs/{}", submitted["run_id"].as_str().unwrap());
    let report = admin.get(&path).expect(200).json();
    assert_eq!(report["report"]["classes"], json!(["good", "worn"]));
    // Two windows of each recording have less than 90 % of either class.
    assert_eq!(report["report"]["windows"]["unlabelled"], 8, "{report}");

    let unknown = run(json!({ "label_set": "wera" }));
    let submitted = admin.post("/api/training/runs", &unknown).expect(202).json();
    let ended = admin.ended(&submitted["job"]);
    let detail = ended["error"]["detail"].as_str().unwrap();
    assert!(detail.contains("wera") && detail.contains("wear"), "{detail}");
    let wrong = run(json!({ "label_rule": "threshold:2" }));
    let refused = admin.post("/api/training/runs", &wrong).problem(422, "invalid");
    assert!(refused["detail"].as_str().unwrap().contains("threshold:0.2"), "{refused}");
}

#[test]
fn the_labels_of_a_recording_are_refused_with_the_field_that_is_wrong() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let id = spans(&admin, 1, 0)["recording_id"].as_str().unwrap().to_owned();
    let path = format!("/api/data/recordings/{id}/labels");
    let span =
        |from: u64, to: u64, class: &str| json!({ "from_row": from, "to_row": to, "class": class });
    for (labels, field) in [
        (json!([span(0, 10, "a"), span(20, 2001, "a")]), "labels.1.to_row"),
        (json!([span(10, 10, "a")]), "labels.0.from_row"),
        (json!([span(0, 10, "a"), span(5, 20, "a")]), "labels.1.from_row"),
        (json!([span(0, 10, "")]), "labels.0.class"),
    ] {
        let refused = admin.put(&path, &json!({ "labels": labels })).problem(422, "invalid");
        assert_eq!(refused["field"], field, "{refused}");
    }
    let set = json!({ "label_set": "../x", "labels": [] });
    assert_eq!(admin.put(&path, &set).problem(422, "invalid")["field"], "label_set");
    for number in 0..20 {
        let set = json!({ "label_set": format!("s{number}"), "labels": [span(0, 9, "a")] });
        admin.put(&path, &set).expect(200);
    }
    let one_more = json!({ "label_set": "more", "labels": [span(0, 9, "a")] });
    assert_eq!(admin.put(&path, &one_more).problem(422, "invalid")["field"], "label_set");
}
