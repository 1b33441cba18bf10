//! Two users: what one has, the other neither sees nor changes.

use serde_json::{Value, json};

use crate::client::{Answer, Client, small_run};
use crate::data::{options, upload_all};
use crate::devices::TestDevice;
use crate::service::{Place, simulated_files};

const LISTS: [&str; 9] = [
    "/api/data/datasets",
    "/api/data/uploads",
    "/api/jobs",
    "/api/training/runs",
    "/api/training/models",
    "/api/features/pipelines",
    "/api/enrolment-tokens",
    "/api/devices",
    "/api/deployments",
];

fn id(value: &Value) -> String {
    value.as_str().expect("an identifier").to_owned()
}

/// One of each thing.
struct Things {
    upload: String,
    import: Value,
    job: String,
    recording: String,
    run: String,
    evaluation: String,
    token: String,
    device: String,
    deployment: String,
    key: String,
}

/// The first version of the model.
const VERSION: &str = "/api/training/models/m/versions/1";

impl Things {
    fn make(client: &Client) -> Self {
        let uploads = upload_all(client, &simulated_files());
        let import = json!({ "uploads": uploads, "options": options() });
        let job = client.post("/api/data/datasets/pump/imports", &import).expect(202).json();
        client.result(&job);
        let run = client.post("/api/training/runs", &small_run("pump", "m")).expect(202).json();
        client.result(&run["job"]);
        let asked = json!({ "model": "m", "dataset": "pump" });
        let evaluation = client.post("/api/training/evaluations", &asked).expect(202).json();
        client.result(&evaluation);
        let saved = json!({ "name": "saved", "pipeline": { "features": ["rms"] } });
        client.post("/api/features/pipelines", &saved).expect(201);
        let device = TestDevice::new(1).enrolled(client).id;
        let asked = json!({ "device_id": device, "model": "m" });
        let deployment = client.post("/api/deployments", &asked).expect(201).json();
        let key = json!({ "name": "k", "scopes": ["read"] });
        let key = client.post("/api/keys", &key).expect(201).json();
        let token = client.list("/api/enrolment-tokens")[0]["id"].clone();
        let dataset = client.get("/api/data/datasets/pump").expect(200).json();
        Things {
            upload: uploads[0].clone(),
            import,
            job: id(&job["id"]),
            recording: id(&dataset["recordings"][0]["recording_id"]),
            run: id(&run["run_id"]),
            evaluation: id(&evaluation["id"]),
            token: id(&token),
            device,
            deployment: id(&deployment["id"]),
            key: id(&key["id"]),
        }
    }

    /// The paths that they can be read at.
    fn reads(&self) -> Vec<String> {
        vec![
            "/api/data/datasets/pump".to_owned(),
            "/api/data/datasets/pump/versions".to_owned(),
            "/api/data/datasets/pump/versions/1".to_owned(),
            format!("/api/data/recordings/{}", self.recording),
            format!("/api/data/recordings/{}/samples", self.recording),
            format!("/api/data/uploads/{}", self.upload),
            format!("/api/jobs/{}", self.job),
            format!("/api/jobs/{}/events", self.job),
            format!("/api/training/runs/{}", self.run),
            format!("/api/training/runs/{}/windows", self.run),
            format!("/api/training/runs/{}/curves", self.run),
            format!("/api/training/evaluations/{}/results", self.evaluation),
            "/api/training/models/m".to_owned(),
            VERSION.to_owned(),
            format!("{VERSION}/artifact"),
            format!("{VERSION}/proof"),
            "/api/features/pipelines/saved".to_owned(),
            format!("/api/devices/{}", self.device),
            format!("/api/deployments/{}", self.deployment),
        ]
    }

    /// The requests that would use or change them.
    fn writes(&self) -> Vec<(&'static str, String, Value)> {
        let recording = format!("/api/data/recordings/{}", self.recording);
        let deploy = json!({ "device_id": self.device, "model": "m" });
        let evaluate = json!({ "model": "m", "dataset": "pump" });
        let requests = [
            ("DELETE", &*format!("/api/data/uploads/{}", self.upload), Value::Null),
            ("PUT", &*format!("{recording}/labels"), json!({ "labels": [] })),
            ("DELETE", &*recording, Value::Null),
            ("DELETE", "/api/data/datasets/pump", Value::Null),
            ("POST", "/api/data/datasets/mine/imports", self.import.clone()),
            ("POST", &*format!("/api/jobs/{}/cancel", self.job), json!({})),
            ("POST", "/api/training/runs", small_run("pump", "mine")),
            ("POST", "/api/training/evaluations", evaluate),
            ("PUT", &*format!("{VERSION}/stage"), json!({ "stage": "production" })),
            (
                "PUT",
                &*format!("{VERSION}/signature"),
                json!({ "signature": "A".repeat(85) + "A==" }),
            ),
            ("DELETE", VERSION, Value::Null),
            ("DELETE", "/api/training/models/m", Value::Null),
            ("POST", "/api/features/pipelines/preview", json!({ "dataset": "pump" })),
            ("DELETE", "/api/features/pipelines/saved", Value::Null),
            ("DELETE", &*format!("/api/enrolment-tokens/{}", self.token), Value::Null),
            ("POST", "/api/deployments", deploy),
            ("DELETE", &*format!("/api/deployments/{}", self.deployment), Value::Null),
            ("DELETE", &*format!("/api/devices/{}", self.device), Value::Null),
            ("DELETE", &*format!("/api/keys/{}", self.key), Value::Null),
        ];
        requests.map(|(method, path, body)| (method, path.to_owned(), body)).to_vec()
    }
}

fn write(client: &Client, (method, path, body): &(&'static str, String, Value)) -> Answer {
    match *method {
        "DELETE" => client.delete(path),
        "PUT" => client.put(path, body),
        _ => client.post(path, body),
    }
}

#[test]
fn what_one_user_has_another_neither_sees_nor_changes() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let (ada, grace) = (service.user(&admin, "ada"), service.user(&admin, "grace"));
    let things = Things::make(&ada);
    let (reads, writes) = (things.reads(), things.writes());
    let state = || -> Vec<Vec<u8>> {
        let kept = |path: &&String| !path.ends_with("/events");
        let reads = reads.iter().filter(kept);
        let lists = LISTS.iter().map(|path| (*path).to_owned()).chain(["/api/keys".to_owned()]);
        lists.chain(reads.cloned()).map(|path| ada.get(&path).expect(200).body).collect()
    };
    let before = state();
    let key = json!({ "name": "all", "scopes": ["read", "data", "training", "devices"] });
    let secret = grace.post("/api/keys", &key).expect(201).json()["secret"].clone();
    let with_key = grace.with_key(secret.as_str().unwrap());
    // An admin manages users, and has no part in their things.
    for other in [&grace, &admin, &with_key] {
        for path in LISTS {
            assert_eq!(other.get(path).expect(200).json(), json!({ "items": [] }), "{path}");
        }
        for path in &reads {
            other.get(path).problem(404, "not_found");
        }
        for request in &writes {
            let answer = write(other, request);
            let keys_alone = request.1.starts_with("/api/keys") && answer.status == 401;
            assert!(answer.status == 404 || keys_alone, "{}: {}", answer.asked, answer.status);
        }
        assert!(other.part(&things.upload, 0, b"x").status == 404);
    }
    assert_eq!(grace.list("/api/keys").len(), 1);
    assert_eq!(admin.list("/api/users").len(), 3);
    assert!(state() == before, "something has changed");
}

#[test]
fn two_users_may_use_the_same_names_and_keys() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let (ada, grace) = (service.user(&admin, "ada"), service.user(&admin, "grace"));
    let asked = json!({ "name": "a.bin", "size_bytes": 3 });
    let first = ada.post_once("/api/data/uploads", "k", &asked).expect(201).json();
    let second = grace.post_once("/api/data/uploads", "k", &asked).expect(201).json();
    assert_ne!(first["id"], second["id"]);
    let files = simulated_files();
    for client in [&ada, &grace] {
        let import = json!({ "uploads": upload_all(client, &files), "options": options() });
        let job = client.post("/api/data/datasets/pump/imports", &import).expect(202).json();
        client.result(&job);
        client.train("pump", "m");
    }
    // Recordings and artifacts are the same files: one user's deletion leaves the other's.
    let artifact = "/api/training/models/m/versions/1/artifact";
    let bytes = grace.get(artifact).expect(200).body;
    assert_eq!(ada.get(artifact).expect(200).body, bytes);
    ada.delete("/api/training/models/m").expect(204);
    assert_eq!(grace.get(artifact).expect(200).body, bytes);
    grace.train("pump", "again");
}
