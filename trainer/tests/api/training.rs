//! From uploads to a proved model that has answered a dataset, over HTTP.

use serde_json::json;

use crate::client::small_run;
use crate::data::{options, upload_all};
use crate::service::{Place, simulated_files};

#[test]
fn the_chain_goes_from_uploads_to_answers() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let uploads = upload_all(&admin, &simulated_files());
    let import = json!({ "uploads": uploads, "options": options() });
    let job = admin.post("/api/data/datasets/pump/imports", &import).expect(202).json();
    admin.result(&job);

    let asked = small_run("pump", "pump-forest");
    let submitted = admin.post_once("/api/training/runs", "r1", &asked).expect(202).json();
    let events = admin.follow(&submitted["job"]);
    let last = events.last().unwrap();
    assert_eq!(last["status"], "succeeded", "{last}");
    assert_eq!(last["result"]["run_id"], submitted["run_id"]);
    assert!(last["progress"].is_null() && last["queue_position"].is_null());
    let again = admin.post_once("/api/training/runs", "r1", &asked).expect(202).json();
    assert_eq!((&again["run_id"], &again["job"]["id"]), (&submitted["run_id"], &last["id"]));
    let other = small_run("pump", "another");
    admin.post_once("/api/training/runs", "r1", &other).problem(409, "attempt_key");
    assert_eq!(admin.list("/api/training/runs").len(), 1);

    let run = format!("/api/training/runs/{}", submitted["run_id"].as_str().unwrap());
    let run = admin.get(&run).expect(200).json();
    assert_eq!(
        (&run["status"], &run["report"]["proof"]["passed"]),
        (&json!("succeeded"), &json!(true))
    );
    let model = admin.get("/api/training/models/pump-forest").expect(200).json();
    assert_eq!(model["versions"][0]["stage"], "candidate");
    let version = admin.get("/api/training/models/pump-forest/versions/1").expect(200).json();
    assert_eq!(version["manifest"]["classes"], json!(["imbalance", "normal"]));
    let proof = admin.get("/api/training/models/pump-forest/versions/1/proof").expect(200).json();
    assert_eq!(proof, run["report"]["proof"]);

    let asked = json!({ "model": "pump-forest", "dataset": "pump", "rows": "0..1000" });
    let job = admin.post_once("/api/training/evaluations", "e1", &asked).expect(202).json();
    let evaluated = admin.result(&job);
    assert_eq!(evaluated["windows"], 4 * ((1000 - 128) / 64 + 1), "{evaluated}");
    assert!(evaluated["evaluation"]["model"]["accuracy"].as_f64().unwrap() > 0.9, "{evaluated}");
    assert_eq!(admin.post_once("/api/training/evaluations", "e1", &asked).json()["id"], job["id"]);
    let results = format!("/api/training/evaluations/{}/results", job["id"].as_str().unwrap());
    let answer = admin.get(&results).expect(200);
    assert!(answer.header("content-type").starts_with("text/csv"));
    let mut rows = csv::Reader::from_reader(&*answer.body);
    assert!(rows.headers().unwrap().iter().any(|name| name == "probability_normal"));
    assert_eq!(rows.records().map(Result::unwrap).count(), evaluated["windows"]);
    let of_run = format!("/api/training/evaluations/{}/results", last["id"].as_str().unwrap());
    admin.get(&of_run).problem(409, "state");
}

#[test]
fn an_attempt_is_answered_the_same_though_the_world_has_changed() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let asked = small_run("pump", "m");
    let first = admin.post_once("/api/training/runs", "r", &asked).expect(202).json();
    admin.result(&first["job"]);
    let evaluation = json!({ "model": "m", "dataset": "pump" });
    let job = admin.post_once("/api/training/evaluations", "e", &evaluation).expect(202).json();
    admin.result(&job);
    // The newest version of the dataset is another one now.
    let dataset = admin.get("/api/data/datasets/pump").json();
    let recording = dataset["recordings"][0]["recording_id"].as_str().unwrap();
    admin.delete(&format!("/api/data/recordings/{recording}")).expect(200);
    let again = admin.post_once("/api/training/runs", "r", &asked).expect(202).json();
    assert_eq!(again["run_id"], first["run_id"]);
    let again = admin.post_once("/api/training/evaluations", "e", &evaluation).expect(202).json();
    assert_eq!(again["id"], job["id"]);
    assert_eq!(admin.list("/api/jobs").len(), 2);
}

#[test]
fn what_a_run_asks_for_is_checked_before_it_waits() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    for (field, wrong, status, part) in [
        ("dataset", json!("pmp"), 404, "pump"),
        ("estimator", json!("random_forest"), 422, "random_forest_classifier"),
        ("parameters", json!({ "n_estimators": 0 }), 422, "n_estimators"),
        ("parameters", json!({ "trees": 5 }), 422, "trees"),
        ("model", json!("a/b"), 422, "a/b"),
        ("seed", json!(-1), 422, "seed"),
        ("seed", json!(1u64 << 60), 422, "seed"),
        ("pipeline", json!({ "window": { "samples": "many" } }), 422, "pipeline.window"),
        ("selection", json!({ "split": "window" }), 422, "never by single windows"),
        (
            "pipeline",
            json!({ "machine": { "shaft": { "speed": { "knots": 5 } } } }),
            422,
            "pipeline.machine.shaft.speed",
        ),
        ("colour", json!("red"), 422, "colour"),
    ] {
        let mut asked = small_run("pump", "m");
        asked[field] = wrong;
        let refused = admin.post("/api/training/runs", &asked).expect(status).json();
        assert!(refused["detail"].as_str().unwrap().contains(part), "{field}: {refused}");
    }
    assert!(admin.list("/api/jobs").is_empty());
}

#[test]
fn a_run_that_cannot_fit_is_refused_with_the_figures() {
    let place = Place::new();
    place
        .run("simulate vibration --classes normal,imbalance --seconds 20 --per-class 2 --into big");
    let service = place.serve("--memory-mb 64");
    let admin = service.admin();
    let mut asked = small_run("big", "m");
    asked["pipeline"] = json!({
        "window": { "samples": 128 }, "stride": { "samples": 1 }, "features": ["all"],
    });
    let submitted = admin.post("/api/training/runs", &asked).expect(202).json();
    let ended = admin.ended(&submitted["job"]);
    let error = &ended["error"];
    assert_eq!((&ended["status"], &error["code"]), (&json!("failed"), &json!("memory")), "{ended}");
    assert_eq!(error["available_bytes"], 64 << 20);
    assert!(error["needed_bytes"].as_u64().unwrap() > 64 << 20);
    let detail = error["detail"].as_str().unwrap();
    assert!(detail.contains("64 MB") && detail.contains("--memory-mb"), "{detail}");
    let run = format!("/api/training/runs/{}", submitted["run_id"].as_str().unwrap());
    let run = admin.get(&run).json();
    assert_eq!((&run["status"], run["error"].as_str()), (&json!("failed"), Some(detail)));
    // The same data with a longer stride fits.
    let fits = admin.post("/api/training/runs", &small_run("big", "m")).expect(202).json();
    admin.result(&fits["job"]);
}
