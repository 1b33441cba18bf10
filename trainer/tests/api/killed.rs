//! The service killed at any moment, again and again, from one seed: what was acknowledged is there,
//! nothing is half there, and whoever asks again gets the same.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use model_format::id::Digest;
use rusqlite::OptionalExtension as _;
use serde_json::{Value, json};

use crate::client::{Client, small_run};
use crate::data::{options, upload_all};
use crate::devices::{Enrolled, TestDevice, now_ms};
use crate::service::{Place, Service, simulated_files};

/// Where all that is random in this test comes from.
const SEED: u64 = 20_261_128;

/// How often the service is killed in each situation.
const KILLS: u32 = 7;

/// xorshift64*: the same moments in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
}

/// A place whose service is killed, and the first admin there.
struct Killed {
    place: Place,
    service: Option<Service>,
    admin: Client,
    random: Random,
    kills: u32,
}

impl Killed {
    fn new(seed: u64) -> Self {
        let place = Place::new();
        let service = place.serve("");
        let admin = service.admin();
        Killed { place, service: Some(service), admin, random: Random(seed), kills: 0 }
    }

    /// Does `work` with a client until the service is killed beneath it, at most so many
    /// milliseconds later; then starts it again and looks whether all is whole.
    fn kill_during(&mut self, ms_max: u64, work: impl FnOnce(Client) + Send + 'static) {
        let client = self.admin.clone();
        let worker = thread::spawn(move || work(client));
        thread::sleep(Duration::from_millis(self.random.below(ms_max)));
        self.service.take().expect("it runs").kill();
        worker.join().expect("a client bears that the service has gone");
        self.kills += 1;
        check_database(&self.place);
        let service = self.place.serve("");
        self.admin = self.admin.at(&service.base);
        self.service = Some(service);
        // A job that waited goes on at once, and its files are half there until it ends.
        wait_for_jobs(&self.place);
        check_files(&self.place);
    }
}

/// Waits until no job waits or is in work.
fn wait_for_jobs(place: &Place) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let open = "SELECT count(*) FROM jobs WHERE status IN ('queued', 'running')";
    while place.database().query_row(open, [], |row| row.get::<_, u32>(0)).expect("a number") > 0 {
        assert!(Instant::now() < deadline, "a job does not end");
        thread::sleep(Duration::from_millis(5));
    }
}

fn check_database(place: &Place) {
    let check: String = place
        .database()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("the database opens");
    assert_eq!(check, "ok");
    let broken: Option<String> = place
        .database()
        .query_row("PRAGMA foreign_key_check", [], |row| row.get(0))
        .optional()
        .expect("the database opens");
    assert_eq!(broken, None);
}

/// Every file has a row and every row a file, and a file is what its name says.
fn check_files(place: &Place) {
    let database = place.database();
    let named = |sql: &str| -> BTreeSet<String> {
        let mut statement = database.prepare(sql).expect("the query is right");
        let rows = statement.query_map([], |row| row.get(0)).expect("the rows are read");
        rows.map(|row| row.expect("a name")).collect()
    };
    let files = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(place.data().join(folder)).expect("the folder is there");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("an entry").file_name().into_string().expect("a plain name")
        };
        entries.map(name).collect()
    };
    // What an import had read when it was cut off is kept, so that the next one needs not read it again.
    let recordings = named(
        "SELECT content || '.parquet' FROM recordings UNION
         SELECT json_extract(one.value, '$.entry.info.content') || '.parquet'
         FROM imported_files, json_each(recordings) one",
    );
    assert_eq!(files("datasets"), recordings);
    let artifacts = named("SELECT DISTINCT artifact || '.onnx' FROM model_versions");
    let proofs = named("SELECT DISTINCT artifact || '.proof.json' FROM model_versions");
    assert_eq!(files("models"), artifacts.union(&proofs).cloned().collect());
    for artifact in &artifacts {
        let bytes = std::fs::read(place.data().join("models").join(artifact)).expect("it reads");
        assert_eq!(format!("{}.onnx", Digest::of(&bytes)), *artifact);
    }
    for (folder, name) in
        [".", "datasets", "models", "evaluations", "uploads"].map(|folder| (folder, files(folder)))
    {
        let half = name.iter().find(|name| name.starts_with(".writing-"));
        assert_eq!(half, None, "in {folder}");
    }
    let received = "SELECT id || ' ' || received_bytes FROM uploads WHERE received_bytes > 0";
    for row in named(received) {
        let (id, received) = row.split_once(' ').expect("two words");
        let path = place.data().join("uploads").join(id);
        let there = Path::new(&path).metadata().map_or(0, |file| file.len());
        assert!(there >= received.parse().expect("a number"), "{row}: {there} bytes are there");
    }
}

/// Rows of `table` that this attempt has made.
fn made(place: &Place, table: &str, key: &str) -> u32 {
    let sql = format!("SELECT count(*) FROM {table} WHERE attempt_key = ?1");
    place.database().query_row(&sql, [key], |row| row.get(0)).expect("the rows are counted")
}

/// Asks until the service has gone. Answers must be good ones.
fn try_post(client: &Client, path: &str, key: &str, body: &Value) -> Option<Value> {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    let answer = client.try_send("POST", path, &headers, Some(body.to_string().into_bytes()));
    let answer = answer.ok()?;
    assert!((200..300).contains(&answer.status), "{answer:?}");
    Some(answer.json())
}

/// Carries a job through after the kill: the same attempt again, or, where the job was in work, a
/// new one.
fn carry_through(killed: &Killed, path: &str, key: &str, body: &Value) -> Value {
    let job = |answer: Value| if answer["job"].is_null() { answer } else { answer["job"].clone() };
    let again = job(killed.admin.post_once(path, key, body).expect(202).json());
    assert_eq!(made(&killed.place, "jobs", key), 1);
    let ended = killed.admin.ended(&again);
    if ended["status"] == "succeeded" {
        return ended["result"].clone();
    }
    assert_eq!(ended["status"], "interrupted", "{ended}");
    let new = job(killed.admin.post(path, body).expect(202).json());
    killed.admin.result(&new)
}

#[test]
fn a_service_killed_at_any_moment_loses_and_doubles_nothing() {
    let mut killed = Killed::new(SEED);
    let files = simulated_files();
    let uploads = upload_all(&killed.admin, &files);
    for round in 0..KILLS {
        during_an_upload(&mut killed, round);
        during_an_import(&mut killed, round, &uploads);
        during_a_run(&mut killed, round);
    }
    let device = TestDevice::new(1).enrolled(&killed.admin);
    let device = std::sync::Arc::new(device);
    for round in 0..KILLS {
        during_a_deployment(&mut killed, round, &device);
    }
    assert_eq!(killed.kills, 4 * KILLS);
    let service = killed.service.take().expect("it runs");
    assert!(service.stop().success());
    assert!(!killed.place.log().contains("panicked"), "{}", killed.place.log());
}

fn during_an_upload(killed: &mut Killed, round: u32) {
    let content: Vec<u8> = (0..200_000u32).flat_map(|at| (at ^ round).to_le_bytes()).collect();
    let key = format!("upload-{round}");
    let asked = json!({
        "name": format!("{round}.bin"),
        "size_bytes": content.len(),
        "sha256": Digest::of(&content),
    });
    let part_bytes = 40_000;
    let (sent, sent_key, sent_asked) = (content.clone(), key.clone(), asked.clone());
    killed.kill_during(120, move |client| {
        let Some(upload) = try_post(&client, "/api/data/uploads", &sent_key, &sent_asked) else {
            return;
        };
        let id = upload["id"].as_str().expect("an identifier");
        for (number, part) in sent.chunks(part_bytes).enumerate() {
            let Ok(answer) = client.try_part(id, number * part_bytes, part) else { return };
            answer.expect(200);
        }
    });
    let upload = killed.admin.post_once("/api/data/uploads", &key, &asked).expect(201).json();
    assert_eq!(made(&killed.place, "uploads", &key), 1);
    let id = upload["id"].as_str().expect("an identifier");
    let received = upload["received_bytes"].as_u64().expect("a number") as usize;
    for (number, part) in content[received..].chunks(part_bytes).enumerate() {
        killed.admin.part(id, received + number * part_bytes, part).expect(200);
    }
    let upload = killed.admin.get(&format!("/api/data/uploads/{id}")).expect(200).json();
    assert_eq!(upload["complete"], true);
    let kept = std::fs::read(killed.place.data().join("uploads").join(id)).expect("it reads");
    assert!(kept == content, "the digest was checked with the last part");
}

fn during_an_import(killed: &mut Killed, round: u32, uploads: &[String]) {
    let dataset = format!("pump-{round}");
    let path = format!("/api/data/datasets/{dataset}/imports");
    // Another column left out gives other recordings, so that each import has files to write.
    let mut options = options();
    options["tags"] = json!({ "round": round.to_string() });
    options["units"] = json!({ "accX": format!("unit {round}") });
    let asked = json!({ "uploads": uploads, "options": options });
    let key = format!("import-{round}");
    let (sent_path, sent_key, sent) = (path.clone(), key.clone(), asked.clone());
    killed.kill_during(150, move |client| {
        try_post(&client, &sent_path, &sent_key, &sent);
    });
    let result = carry_through(killed, &path, &key, &asked);
    assert_eq!((&result["version"], &result["recordings"]), (&json!(1), &json!(4)));
    check_files(&killed.place);
}

fn during_a_run(killed: &mut Killed, round: u32) {
    let (model, key) = (format!("m-{round}"), format!("run-{round}"));
    let mut asked = small_run(&format!("pump-{round}"), &model);
    asked["seed"] = json!(round);
    asked["parameters"] = json!({ "n_estimators": 20 });
    let (sent_key, sent) = (key.clone(), asked.clone());
    killed.kill_during(400, move |client| {
        try_post(&client, "/api/training/runs", &sent_key, &sent);
    });
    // The run reads every recording, and checks it against its digest.
    let result = carry_through(killed, "/api/training/runs", &key, &asked);
    assert_eq!(result["version"], 1, "{result}");
    let versions = killed.admin.get(&format!("/api/training/models/{model}")).expect(200).json();
    assert_eq!(versions["versions"].as_array().expect("a list").len(), 1);
    check_files(&killed.place);
}

fn during_a_deployment(killed: &mut Killed, round: u32, device: &std::sync::Arc<Enrolled>) {
    let key = format!("deployment-{round}");
    let asked = json!({ "device_id": device.id, "model": format!("m-{round}") });
    let (sent_key, sent, sent_device) = (key.clone(), asked.clone(), std::sync::Arc::clone(device));
    killed.kill_during(120, move |client| {
        let mut made = None;
        loop {
            let report = made.as_ref().map_or(Value::Null, |deployment: &Value| {
                json!({ "deployment_id": deployment["id"], "state": "downloading" })
            });
            let signed = sent_device.heartbeat_at(now_ms(), report);
            let Ok(answer) = signed.try_send(&client) else { return };
            // Two heartbeats in the same millisecond are one too many.
            assert!([200, 401].contains(&answer.status), "{answer:?}");
            let Some(deployment) = try_post(&client, "/api/deployments", &sent_key, &sent) else {
                return;
            };
            if let Some(before) = made.replace(deployment.clone()) {
                assert_eq!(before["id"], deployment["id"]);
            }
        }
    });
    let deployment = killed.admin.post_once("/api/deployments", &key, &asked).expect(201).json();
    assert_eq!(made(&killed.place, "deployments", &key), 1);
    let client = killed.admin.anonymous();
    let desired = device.heartbeat_at(now_ms() + 1, Value::Null).send(&client).expect(200).json();
    assert_eq!(desired["model"]["deployment_id"], deployment["id"]);
    let sha256 = desired["model"]["artifact_sha256"].as_str().expect("a digest");
    let artifact = device.artifact(&client, sha256).expect(200).body;
    assert_eq!(Digest::of(&artifact).to_string(), sha256);
}
