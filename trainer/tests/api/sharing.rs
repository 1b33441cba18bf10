//! Datasets are private until their owner shares them, to be looked at or to be labelled.

use serde_json::{Value, json};

use crate::client::{Answer, Client, small_run};
use crate::data::{options, upload_all};
use crate::service::{Place, simulated_files};

/// A dataset `pump` of this user, and its first recording.
fn import(client: &Client) -> String {
    let import = json!({ "uploads": upload_all(client, &simulated_files()), "options": options() });
    let job = client.post("/api/data/datasets/pump/imports", &import).expect(202).json();
    client.result(&job);
    let dataset = client.get("/api/data/datasets/pump").expect(200).json();
    dataset["recordings"][0]["recording_id"].as_str().unwrap().to_owned()
}

/// What may be asked of a dataset by whoever may look at it.
fn looks(client: &Client, recording: &str) -> Vec<Answer> {
    let mut answers: Vec<Answer> =
        ["", "/versions", "/versions/1", "/versions/1/overview", "/labels/changes"]
            .map(|of| client.get(&format!("/api/data/datasets/ada:pump{of}")))
            .into();
    for of in ["", "/samples", "/spectrum", "/spectrogram?channel=accX"] {
        answers.push(client.get(&format!("/api/data/recordings/{recording}{of}")));
    }
    let preview = json!({ "dataset": "ada:pump" });
    answers.push(client.post("/api/features/pipelines/preview", &preview));
    answers
}

fn label(client: &Client, recording: &str) -> Answer {
    let labels = json!({ "labels": [{ "from_row": 0, "to_row": 10, "class": "seen" }] });
    client.put(&format!("/api/data/recordings/{recording}/labels"), &labels)
}

/// What the owner alone may do.
fn changes(client: &Client, recording: &str) -> Vec<Answer> {
    let upload = client.upload("a.csv", b"t_ns,accX,label\n0,1,a\n1000000,2,a\n", 100);
    let files = json!({ "uploads": [upload], "options": options() });
    let repair =
        json!({ "steps": [{ "step": "select", "channels": ["accX"] }], "into": "ada:pump" });
    vec![
        client.delete("/api/data/datasets/ada:pump"),
        client.get("/api/data/datasets/ada:pump/sharing"),
        client.put("/api/data/datasets/ada:pump/sharing", &json!({ "everybody": "label" })),
        client.put("/api/data/datasets/ada:pump/target", &json!({ "target": null })),
        client.post("/api/data/datasets/ada:pump/imports", &files),
        client.post("/api/data/datasets/ada:pump/imports/preview", &files),
        client.post("/api/data/datasets/mine/repairs", &repair),
        client.put(&format!("/api/data/recordings/{recording}/tags"), &json!({ "tags": {} })),
        client.delete(&format!("/api/data/recordings/{recording}")),
    ]
}

#[test]
fn a_dataset_is_private_until_it_is_shared_and_again_after() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let ada = service.user_as(&admin, "ada", "annotator");
    let bob = service.user_as(&admin, "bob", "engineer");
    let carol = service.user_as(&admin, "carol", "viewer");
    let recording = import(&ada);
    let sharing = "/api/data/datasets/pump/sharing";
    let share = |body: &Value| ada.put(sharing, body);
    assert_eq!(ada.get(sharing).json(), json!({ "everybody": null, "users": [] }));
    let own = &ada.list("/api/data/datasets")[0];
    assert_eq!(
        (&own["name"], &own["owner"], &own["access"], &own["is_shared"]),
        (&json!("pump"), &json!("ada"), &json!("own"), &json!(false))
    );

    // Private: it is not there, for an admin neither.
    for other in [&bob, &carol, &admin] {
        assert!(other.list("/api/data/datasets").is_empty());
        for answer in looks(other, &recording) {
            answer.problem(404, "not_found");
        }
    }
    label(&bob, &recording).problem(404, "not_found");
    for answer in changes(&bob, &recording) {
        answer.problem(404, "not_found");
    }

    // With everybody, to be looked at.
    share(&json!({ "everybody": "read" })).expect(204);
    assert_eq!(ada.list("/api/data/datasets")[0]["is_shared"], true);
    for other in [&bob, &carol, &admin] {
        let seen = &other.list("/api/data/datasets")[0];
        assert_eq!(
            (&seen["name"], &seen["owner"], &seen["access"]),
            (&json!("ada:pump"), &json!("ada"), &json!("read"))
        );
        for answer in looks(other, &recording) {
            answer.expect(200);
        }
        let place = other.get(&format!("/api/data/recordings/{recording}")).json();
        assert_eq!((&place["dataset"], &place["access"]), (&json!("ada:pump"), &json!("read")));
    }
    let refused = label(&bob, &recording).problem(403, "forbidden");
    assert_eq!((&refused["access"], &refused["needed"]), (&json!("read"), &json!("label")));
    for answer in changes(&bob, &recording) {
        let refused = answer.problem(403, "forbidden");
        assert_eq!((&refused["access"], &refused["needed"]), (&json!("read"), &json!("own")));
    }
    assert_eq!(label(&carol, &recording).problem(403, "forbidden")["needed"], "annotator");

    // Others learn from it and make their own of it.
    let mut run = small_run("ada:pump", "unused");
    run.as_object_mut().unwrap().remove("model");
    let submitted = bob.post("/api/training/runs", &run).expect(202).json();
    bob.result(&submitted["job"]);
    let run = bob.get(&format!("/api/training/runs/{}", submitted["run_id"].as_str().unwrap()));
    let run = run.expect(200).json();
    assert_eq!(run["dataset"], "ada:pump");
    assert_eq!(run["model"], "ada-pump-random_forest_classifier");
    let repair = json!({ "steps": [{ "step": "select", "channels": ["accX"] }], "into": "copy" });
    let job = bob.post("/api/data/datasets/ada:pump/repairs", &repair).expect(202).json();
    bob.result(&job);
    let used = ada.delete("/api/data/datasets/pump").problem(409, "in_use");
    assert!(used["detail"].as_str().unwrap().contains("1 runs"), "{used}");

    // One user may label; the history says who did.
    let users =
        json!([{ "user": "bob", "access": "label" }, { "user": "carol", "access": "label" }]);
    share(&json!({ "everybody": "read", "users": users })).expect(204);
    assert_eq!(ada.get(sharing).json(), json!({ "everybody": "read", "users": users }));
    assert_eq!(
        label(&bob, &recording).expect(200).json(),
        json!({ "dataset": "ada:pump", "version": 2 })
    );
    assert_eq!(ada.list("/api/data/datasets/pump/labels/changes")[0]["changed_by"], "bob");
    assert_eq!(label(&carol, &recording).problem(403, "forbidden")["role"], "viewer");
    assert_eq!(changes(&bob, &recording).remove(0).problem(403, "forbidden")["access"], "label");

    // The owner may use the long name as well.
    assert_eq!(ada.get("/api/data/datasets/ada:pump").json()["dataset"], "pump");

    // Nobody is left: it is not there any more, and what came of it is.
    share(&json!({})).expect(204);
    for other in [&bob, &carol, &admin] {
        for answer in looks(other, &recording) {
            answer.problem(404, "not_found");
        }
    }
    assert_eq!(bob.list("/api/training/runs").len(), 1);
    bob.get("/api/data/datasets/copy").expect(200);
    let refused = bob.post("/api/training/runs", &small_run("ada:pump", "m"));
    refused.problem(404, "not_found");
}

#[test]
fn a_share_names_users_who_are_there_once_and_goes_with_them() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let ada = service.user_as(&admin, "ada", "annotator");
    import(&ada);
    service.user_as(&admin, "bob", "viewer");
    let share =
        |users: Value| ada.put("/api/data/datasets/pump/sharing", &json!({ "users": users }));
    let bob = json!({ "user": "bob", "access": "read" });
    for (users, field) in [
        (json!([bob, { "user": "nobody", "access": "read" }]), "users.1.user"),
        (json!([{ "user": "ada", "access": "read" }]), "users.0.user"),
        (json!([bob, bob]), "users.1.user"),
    ] {
        assert_eq!(share(users).problem(422, "invalid")["field"], field);
    }
    share(json!([{ "user": "bob", "access": "own" }])).problem(422, "invalid");
    share(json!([bob])).expect(204);
    let users = admin.list("/api/users");
    let id = users.iter().find(|user| user["name"] == "bob").unwrap()["id"].clone();
    admin.delete(&format!("/api/users/{}", id.as_str().unwrap())).expect(204);
    // Another user of that name is another user.
    let bob = service.user_as(&admin, "bob", "viewer");
    assert!(bob.list("/api/data/datasets").is_empty());
    assert_eq!(ada.get("/api/data/datasets/pump/sharing").json()["users"], json!([]));
}

#[test]
fn tags_make_a_version_where_they_change_and_have_bounds() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let dataset = || admin.get("/api/data/datasets/pump").expect(200).json();
    let before = dataset();
    let id = before["recordings"][0]["recording_id"].as_str().unwrap();
    let path = format!("/api/data/recordings/{id}/tags");
    let had = before["recordings"][0]["tags"].clone();
    // The same tags are the same version.
    assert_eq!(admin.put(&path, &json!({ "tags": had })).expect(200).json()["version"], 1);
    let tags = json!({ "machine": "pump 7", "load": "40", "operator": "ada", "session": "2" });
    assert_eq!(admin.put(&path, &json!({ "tags": tags })).expect(200).json()["version"], 2);
    let after = dataset();
    assert_eq!(after["recordings"][0]["tags"], tags);
    assert_ne!(after["digest"], before["digest"]);
    assert_eq!(after["recordings"][0]["content"], before["recordings"][0]["content"]);
    let old = admin.get("/api/data/datasets/pump/versions/1").expect(200).json();
    assert_eq!(old["recordings"][0]["tags"], had);
    // Back to what it was is the digest that it was.
    admin.put(&path, &json!({ "tags": had })).expect(200);
    assert_eq!(dataset()["digest"], before["digest"]);

    let many: Value =
        (0..33).map(|n| (format!("t{n}"), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    for tags in [
        many,
        json!({ "": "x" }),
        json!({ "a=b": "x" }),
        json!({ "a,b": "x" }),
        json!({ "a": "" }),
        json!({ "a": " x" }),
        json!({ "a": "x\ny" }),
        json!({ "a": "x".repeat(201) }),
    ] {
        let refused = admin.put(&path, &json!({ "tags": tags })).problem(422, "invalid");
        assert_eq!(refused["field"], "tags", "{refused}");
    }
}

#[test]
fn a_dataset_names_its_target_and_a_regression_takes_it() {
    let place = Place::new();
    place.simulate("pump");
    place.run("datasets tag pump wear=0.2 --only recording:*normal*");
    place.run("datasets tag pump wear=0.7 machine=seven --only recording:*imbalance*");
    let service = place.serve("");
    let admin = service.admin();
    let path = "/api/data/datasets/pump/target";
    for target in ["accx", "tag:weer", "tag:machine"] {
        let refused = admin.put(path, &json!({ "target": target })).problem(422, "invalid");
        assert_eq!(refused["field"], "target", "{refused}");
    }
    let run = |target: Value| {
        json!({
            "dataset": "pump", "estimator": "ridge", "model": "m",
            "pipeline": { "window": { "samples": 128 }, "features": ["rms"] },
            "selection": { "target": target },
        })
    };
    let ended = |request: &Value| {
        let submitted = admin.post("/api/training/runs", request).expect(202).json();
        let ended = admin.ended(&submitted["job"]);
        (ended, submitted["run_id"].as_str().unwrap().to_owned())
    };
    let (without, _) = ended(&run(Value::Null));
    assert_eq!(without["error"]["code"], "training", "{without}");
    admin.put(path, &json!({ "target": "tag:wear" })).expect(204);
    assert_eq!(admin.get("/api/data/datasets/pump").json()["target"], "tag:wear");
    assert_eq!(admin.list("/api/data/datasets")[0]["target"], "tag:wear");
    let (job, id) = ended(&run(Value::Null));
    assert_eq!(job["status"], "succeeded", "{job}");
    let made = admin.get(&format!("/api/training/runs/{id}")).expect(200).json();
    assert_eq!(made["settings"]["selection"]["target"], "tag:wear");
    let notes = made["report"]["notes"].to_string();
    assert!(notes.contains("the target is tag:wear, which the dataset names"), "{notes}");
    // What is asked for wins.
    let (job, id) = ended(&run(json!("accX")));
    assert_eq!(job["status"], "succeeded", "{job}");
    let made = admin.get(&format!("/api/training/runs/{id}")).expect(200).json();
    assert_eq!(made["settings"]["selection"]["target"], "accX");
    admin.put(path, &json!({ "target": null })).expect(204);
    assert_eq!(admin.get("/api/data/datasets/pump").json()["target"], Value::Null);
}

#[test]
fn the_command_line_shares_tags_and_filters() {
    let place = Place::new();
    place.simulate("pump");
    drop(place.serve(""));
    place.run("users add ada --role annotator");
    place.run("datasets share pump --everybody read --with ada=label");
    assert!(place.refusal("datasets share pump --with eve=read").contains("no such user"));
    assert!(place.refusal("datasets share pump --with ada=own").contains("`read` or `label`"));
    let json = |arguments: &str| -> Value {
        let output = place.command(arguments).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    };
    let shared = json("--json datasets share pump --without everybody");
    assert_eq!(
        shared,
        json!({ "everybody": null, "users": [{ "user": "ada", "access": "label" }] })
    );
    assert!(place.refusal("datasets share pump --without grace").contains("not shared with"));
    let tagged = json("--json datasets tag pump machine=7 --only recording:*normal*");
    assert_eq!((&tagged["version"], &tagged["changed"]), (&json!(2), &json!(true)));
    let again = json("--json datasets tag pump machine=7 --only recording:*normal*");
    assert_eq!((&again["version"], &again["changed"]), (&json!(2), &json!(false)));
    let shown = json("--json datasets show pump --only tag:machine=7");
    let all = json("--json datasets show pump");
    let count = |version: &Value| version["recordings"].as_array().unwrap().len();
    assert!(count(&shown) > 0 && count(&shown) < count(&all), "{shown}");
    assert!(place.refusal("datasets tag pump machine=7 --only recording:x").contains("--only"));
    place.run("datasets tag pump --remove machine");
    assert_eq!(count(&json("--json datasets show pump --only tag:machine=7")), 0);
}
