//! Recordings are repaired by a job, know what they were made of, and keep that from being deleted.

use serde_json::{Value, json};

use crate::client::Client;
use crate::service::Place;

fn repaired(admin: &Client, request: &Value) -> Value {
    let job = admin.post("/api/data/datasets/pump/repairs", request).expect(202).json();
    admin.result(&job)
}

#[test]
fn a_repair_makes_recordings_with_a_lineage_and_the_same_again_changes_nothing() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let before = admin.get("/api/data/datasets/pump").expect(200).json();
    let steps = json!([
        { "step": "cut", "from_row": 1000 },
        { "step": "resample", "rate_hz": 250.0, "method": "linear" },
    ]);
    let request = json!({ "steps": steps, "into": "slow" });
    let made = repaired(&admin, &request);
    assert_eq!((&made["version"], &made["changed"]), (&json!(1), &json!(true)));
    let slow = admin.get("/api/data/datasets/slow").expect(200).json();
    for (slow, pump) in
        slow["recordings"].as_array().unwrap().iter().zip(before["recordings"].as_array().unwrap())
    {
        assert_eq!(
            (&slow["name"], &slow["rows"], &slow["rate_hz"]),
            (&pump["name"], &json!(250), &json!(250.0))
        );
        assert_eq!(slow["tags"], pump["tags"]);
        assert_eq!(slow["labels"][0]["class"], pump["labels"][0]["class"]);
        assert_eq!(slow["labels"][0]["to_row"], 250);
        let path =
            format!("/api/data/recordings/{}/lineage", slow["recording_id"].as_str().unwrap());
        let lineage = admin.get(&path).expect(200).json();
        assert_eq!(lineage["steps"], steps);
        assert_eq!(lineage["inputs"][0]["recording"]["content"], pump["content"]);
    }
    assert_eq!(admin.get("/api/data/datasets/pump").json(), before, "the inputs stay as they are");
    let first = &slow["recordings"][0];
    let path = format!("/api/data/recordings/{}/replay", first["recording_id"].as_str().unwrap());
    let content = first["content"].as_str().unwrap();
    let replayed = |restored: bool| {
        json!({ "recording": first["name"], "listed": content, "made": content, "same": true,
                "same_labels": true, "restored": restored })
    };
    assert_eq!(admin.post(&path, &json!({})).expect(200).json(), replayed(false));
    // A file that is lost is made again.
    let file = place.data().join("datasets").join(format!("{content}.parquet"));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(admin.post(&path, &json!({})).expect(200).json(), replayed(true));
    assert!(file.exists());
    let again = repaired(&admin, &request);
    assert_eq!((&again["version"], &again["changed"]), (&json!(1), &json!(false)));
    assert_eq!(again["digest"], made["digest"]);

    let id = before["recordings"][0]["recording_id"].as_str().unwrap();
    admin.get(&format!("/api/data/recordings/{id}/lineage")).problem(404, "not_found");
    let refused = admin.post(&format!("/api/data/recordings/{id}/replay"), &json!({}));
    refused.problem(422, "repair");
    // The inputs cannot go before what was made of them.
    let refused = admin.delete("/api/data/datasets/pump").problem(409, "in_use");
    assert!(refused["detail"].as_str().unwrap().contains("slow"), "{refused}");
    admin.delete("/api/data/datasets/slow").expect(204);
    admin.delete("/api/data/datasets/pump").expect(204);
}

#[test]
fn a_repair_that_cannot_be_is_refused_with_its_field_and_adds_nothing() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let path = "/api/data/datasets/pump/repairs";
    let cut = json!({ "step": "cut", "to_row": 100 });
    for (request, field) in [
        (json!({ "steps": [], "into": "x" }), "steps"),
        (json!({ "steps": [cut], "into": "pump" }), "name"),
        (json!({ "steps": [cut], "into": "x", "name": "" }), "name"),
    ] {
        assert_eq!(admin.post(path, &request).problem(422, "repair")["field"], field);
    }
    admin
        .post(path, &json!({ "steps": [{ "step": "blend" }], "into": "x" }))
        .problem(422, "invalid");
    let unknown = json!({ "steps": [{ "step": "cut", "row": 3 }], "into": "x" });
    admin.post(path, &unknown).problem(422, "invalid");
    admin.post(path, &json!({ "steps": [cut], "into": "../x" })).problem(422, "invalid");
    let none =
        admin.post("/api/data/datasets/none/repairs", &json!({ "steps": [cut], "into": "x" }));
    none.problem(404, "not_found");
    for (request, field) in [
        (
            json!({ "steps": [cut, { "step": "select", "channels": ["accQ"] }], "into": "x" }),
            "steps.1.channels",
        ),
        (json!({ "steps": [cut], "into": "x", "name": "one" }), "name"),
        (json!({ "steps": [cut], "into": "x", "recordings": ["recording:none"] }), "recordings.0"),
        (
            json!({ "steps": [{ "step": "join", "tolerance_ms": 1 }], "into": "x" }),
            "steps.0.same_start",
        ),
    ] {
        let job = admin.post(path, &request).expect(202).json();
        let ended = admin.ended(&job);
        assert_eq!(
            (&ended["status"], &ended["error"]["field"]),
            (&json!("failed"), &json!(field)),
            "{ended}"
        );
    }
    admin.get("/api/data/datasets/x").problem(404, "not_found");
    let files = std::fs::read_dir(place.data().join("datasets")).unwrap();
    let files = files.filter(|file| file.as_ref().unwrap().path().extension().is_some());
    assert_eq!(files.count(), 4, "what was made before the refusal is swept");
}
