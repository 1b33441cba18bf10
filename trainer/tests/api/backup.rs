//! A backup has everything, whatever the service does meanwhile, and comes back whole.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::client::{Client, long_run, small_run};
use crate::devices::TestDevice;
use crate::service::{PASSWORD, Place, Service, wait_for, wait_until_empty};

/// What a command answers as JSON.
pub(crate) fn answer(command: &mut Command) -> Value {
    let output = command.output().expect("the program runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    serde_json::from_slice(&output.stdout).expect("the answer is JSON")
}

/// Everything that users see of a service: by address.
fn seen(admin: &Client) -> Vec<(String, Vec<u8>)> {
    let dataset = admin.get("/api/data/datasets/pump").expect(200).json();
    let first = dataset["recordings"][0]["recording_id"].as_str().unwrap().to_owned();
    let mut paths = vec![
        "/api/users".to_owned(),
        "/api/keys".to_owned(),
        "/api/data/datasets".to_owned(),
        "/api/data/datasets/pump".to_owned(),
        "/api/data/uploads".to_owned(),
        "/api/training/runs".to_owned(),
        "/api/training/models".to_owned(),
        "/api/training/models/m/versions/1".to_owned(),
        "/api/training/models/m/versions/1/artifact".to_owned(),
        "/api/training/models/m/versions/1/proof".to_owned(),
        "/api/devices".to_owned(),
        "/api/deployments".to_owned(),
        format!("/api/data/recordings/{first}/samples?points=500"),
    ];
    for run in admin.list("/api/training/runs") {
        paths.push(format!("/api/training/runs/{}/windows", run["id"].as_str().unwrap()));
    }
    let jobs = admin.list("/api/jobs");
    for job in jobs.iter().filter(|job| job["kind"] == "evaluation") {
        paths.push(format!("/api/training/evaluations/{}/results", job["id"].as_str().unwrap()));
    }
    paths.into_iter().map(|path| (path.clone(), admin.get(&path).expect(200).body)).collect()
}

/// What the model answers the dataset, window by window.
fn prediction(admin: &Client) -> Vec<u8> {
    let asked = json!({ "model": "m", "dataset": "pump" });
    let job = admin.post("/api/training/evaluations", &asked).expect(202).json();
    admin.result(&job);
    let id = job["id"].as_str().unwrap();
    admin.get(&format!("/api/training/evaluations/{id}/results")).expect(200).body
}

/// A service with something of everything, and the password of its admin.
fn filled(place: &Place) -> (Service, Client, String) {
    place.simulate("pump");
    let service = place.serve("--broker embedded:0");
    let password = service.first_password();
    let admin = service.anybody().signed_in("admin", &password);
    service.user(&admin, "ada");
    admin.train("pump", "m");
    prediction(&admin);
    admin.upload("whole.csv", b"t_ms,x\n0,1\n", 100);
    let device = TestDevice::new(1).enrolled(&admin);
    admin.post("/api/deployments", &json!({ "device_id": device.id, "model": "m" })).expect(201);
    (service, admin, password)
}

fn backup(place: &Place, name: &str) -> (PathBuf, Value) {
    let file = place.beside(name);
    let mut command = place.command("backup --json");
    let summary = answer(command.arg(&file));
    (file, summary)
}

#[test]
fn everything_comes_back_after_all_was_destroyed() {
    let place = Place::new();
    let (service, admin, password) = filled(&place);
    let begun = json!({ "name": "half.csv", "size_bytes": 10 });
    admin.post("/api/data/uploads", &begun).expect(201);
    let (file, summary) = backup(&place, "backup.tar.gz");
    assert_eq!((&summary["rows"]["users"], &summary["rows"]["devices"]), (&json!(2), &json!(1)));
    assert_eq!(summary["rows"]["uploads"], 1, "the one that is whole");
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "it holds secrets");
    let mut before = seen(&admin);
    let uploads = before.iter_mut().find(|(path, _)| path == "/api/data/uploads").unwrap();
    let mut listed: Value = serde_json::from_slice(&uploads.1).unwrap();
    listed["items"].as_array_mut().unwrap().retain(|upload| upload["complete"] == true);
    uploads.1 = serde_json::to_vec(&listed).unwrap();
    let answers = prediction(&admin);
    let secret = std::fs::read(place.data().join("broker-secret")).unwrap();

    service.kill();
    std::fs::remove_dir_all(place.data()).unwrap();
    let restored = answer(place.command("restore --json").arg(&file));
    assert_eq!(restored["before"], json!([]), "there was nothing");
    assert_eq!(std::fs::read(place.data().join("broker-secret")).unwrap(), secret);
    let service = place.serve("--broker embedded:0");
    service.anybody().signed_in("ada", PASSWORD);
    admin.at(&service.base).get("/api/users").problem(401, "not_signed_in");
    let admin = service.anybody().signed_in("admin", &password);
    for ((path, before), (_, after)) in before.iter().zip(seen(&admin)) {
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
        assert_eq!(json(before), json(&after), "{path}");
        assert!(json(before).is_some() || *before == after, "{path}");
    }
    assert!(prediction(&admin) == answers, "the model answers as before");
    let (again, _) = backup(&place, "again.tar.gz");
    assert!(again.exists());
}

#[test]
fn what_was_there_before_a_restore_is_kept_also_where_folders_are_mounted() {
    let place = Place::new();
    let (service, _, password) = filled(&place);
    let (file, _) = backup(&place, "backup.tar.gz");
    // Later, there is more.
    drop(service);
    place.simulate("later");
    std::fs::write(place.data().join("inbox/mine.csv"), "x").unwrap();
    let datasets = place.data().join("datasets");
    let later: Vec<_> =
        names(&datasets).into_iter().filter(|name| name.ends_with(".parquet")).collect();
    assert!(!later.is_empty());

    // `datasets` is a mount point, which nobody can rename: the contents are exchanged in it.
    let program = place.command("restore --json");
    let script = format!(
        "mount --bind {0} {0} && \"$@\" && mv {0}/../models {0}/../x && mv {0}/../x {0}/../models && ! mv {0} {0}-",
        datasets.display()
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
    command.current_dir(place.beside(""));
    command.arg(program.get_program()).args(program.get_args()).arg(&file);
    let restored = answer(&mut command);
    let before: Vec<&str> =
        restored["before"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    let kept = before.iter().find(|path| path.contains("datasets/before-restore-")).unwrap();
    assert_eq!(
        names(Path::new(kept))
            .into_iter()
            .filter(|name| name.ends_with(".parquet"))
            .collect::<Vec<_>>(),
        later
    );
    assert!(Path::new(before[0]).join("cirame.db").exists(), "{before:?}");
    assert_eq!(std::fs::read(place.data().join("inbox/mine.csv")).unwrap(), b"x");
    let service = place.serve("--broker embedded:0");
    let admin = service.anybody().signed_in("admin", &password);
    let all: Vec<Value> = admin.list("/api/data/datasets");
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["name"], "pump");
    prediction(&admin);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_that_is_taken_while_all_changes_is_consistent() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("--workers 2");
    let admin = service.admin();
    admin.train("pump", "m");
    admin.post("/api/training/runs", &long_run("pump", "long")).expect(202);
    let stop = AtomicBool::new(false);
    let mut checked = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Recordings, models and answers come and go, and come again.
            let mut seed = 0;
            while !stop.load(Ordering::Relaxed) {
                seed += 1;
                let files = crate::data::upload_all(&admin, &crate::service::simulated_files());
                let import = json!({ "uploads": files, "options": crate::data::options() });
                let job =
                    admin.post("/api/data/datasets/passing/imports", &import).expect(202).json();
                admin.result(&job);
                admin.delete("/api/data/datasets/passing").expect(204);
                let mut run = small_run("pump", "passing");
                run["seed"] = json!(seed);
                let submitted = admin.post("/api/training/runs", &run).expect(202).json();
                admin.result(&submitted["job"]);
                admin.delete("/api/training/models/passing").expect(204);
            }
        });
        for number in 0..8 {
            let (file, summary) = backup(&place, &format!("{number}.tar.gz"));
            let looked = answer(place.command("backup --json --check").arg(&file));
            assert_eq!(looked["files"], summary["files"]);
            checked += 1;
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(checked, 8);
    service.kill();
    let other = Place::new();
    answer(other.command("restore --json").arg(place.beside("7.tar.gz")));
    let doctor = answer(&mut other.command("doctor --json"));
    let database = doctor["findings"].as_array().unwrap().iter().find(|f| f["check"] == "database");
    assert_eq!(database.unwrap()["verdict"], "ok", "{doctor}");
    let service = other.serve("");
    let jobs = service.anybody().get("/api/health").expect(200).json();
    assert_eq!(jobs["status"], "ok");
}

#[test]
fn no_file_goes_while_a_backup_copies() {
    let place = Place::new();
    place.simulate("pump");
    place.simulate("other");
    let service = place.serve("");
    let admin = service.admin();
    let datasets = place.data().join("datasets");
    let all = names(&datasets).len();
    let copying = std::fs::File::options().write(true).open(place.data().join("copying")).unwrap();
    copying.lock_shared().unwrap();
    admin.delete("/api/data/datasets/pump").expect(204);
    assert_eq!(names(&datasets).len(), all);
    drop(copying);
    admin.delete("/api/data/datasets/other").expect(204);
    wait_until_empty(&datasets);
}

#[test]
fn a_backup_goes_through_standard_output_and_into_a_folder() {
    let place = Place::new();
    place.simulate("pump");
    let output = place.command("backup -").stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("written: "));
    let mut child = place
        .command("restore - --data second")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &output.stdout).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(names(&place.beside("second/datasets")).len(), 4);
    place.run("backup");
    let made = names(&place.beside("backups"));
    assert!(made.len() == 1 && made[0].ends_with(".tar.gz") && made[0].len() == 22, "{made:?}");
    let refusal = place.refusal(&format!("backup backups/{}", made[0]));
    assert!(refusal.contains("is there already"), "{refusal}");
    wait_for("nothing half-written is left", || {
        (names(&place.beside("backups")).len() == 1).then_some(())
    });
}
