//! A full disk: refused as such, nothing half-written, and all goes on once there is room.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::mosquitto::OpenMosquitto;
use crate::recorder::{self, Machine};
use crate::service::{Place, Service, wait_for, wait_until_empty};

/// A service whose data folder is a file system of its own of so many megabytes. It exists for the
/// service's process alone, so that nothing is left of it and no rights are needed.
fn on_small_disk(place: &Place, megabytes: u32) -> (Service, PathBuf) {
    std::fs::create_dir(place.data()).unwrap();
    let program = place.command("serve --listen 127.0.0.1:0");
    let script = format!(
        "mount -t tmpfs -o size={megabytes}m tmpfs {} && echo mounted $$ && exec \"$@\"",
        place.data().display()
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
    command.current_dir(place.data().parent().unwrap());
    command.arg(program.get_program()).args(program.get_args());
    // Where the mount is refused (a system without user namespaces), this says so and fails.
    let service = place.spawn(command, Path::new("/nowhere"));
    let root = format!("/proc/{}/root", service.process_id());
    let seen = Path::new(&root).join(place.data().strip_prefix("/").unwrap());
    (service, seen)
}

/// Takes all the room that there is.
fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    for size in [1 << 16, 1 << 12, 1 << 8] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn a_full_disk_is_told_and_nothing_is_half_written() {
    let place = Place::new();
    let (service, data) = on_small_disk(&place, 12);
    let text = std::fs::read_to_string(data.join("first-login")).unwrap();
    let password = text.lines().find_map(|line| line.strip_prefix("password ")).unwrap();
    let admin = service.anybody().signed_in("admin", password);
    let content: Vec<u8> = (0..1u32 << 20).map(|at| (at * 7 % 251) as u8).collect();
    let asked = json!({
        "name": "a.bin",
        "size_bytes": content.len(),
        "sha256": model_format::id::Digest::of(&content),
    });
    let upload = admin.post("/api/data/uploads", &asked).expect(201).json();
    let id = upload["id"].as_str().unwrap();
    let half = content.len() / 2;
    admin.part(id, 0, &content[..half]).expect(200);

    fill(&data.join("filler"));
    for _ in 0..3 {
        admin.part(id, half, &content[half..]).problem(507, "disk_full");
    }
    let path = format!("/api/data/uploads/{id}");
    assert_eq!(admin.get(&path).expect(200).json()["received_bytes"], half);
    assert_eq!(data.join("uploads").join(id).metadata().unwrap().len(), half as u64);
    // The database may have room left in its files; in the end it has none.
    let mut statuses = Vec::new();
    for number in 0..300 {
        let asked = json!({ "name": format!("{number}{}", "/x".repeat(400)), "size_bytes": 1 });
        let answer = admin.post("/api/data/uploads", &asked);
        statuses.push(answer.status);
        if answer.status != 201 {
            answer.problem(507, "disk_full");
            break;
        }
    }
    assert_eq!(statuses.last(), Some(&507), "{statuses:?}");
    let begun = statuses.len() - 1;
    admin.get("/api/health").expect(200);

    std::fs::remove_file(data.join("filler")).unwrap();
    assert_eq!(admin.part(id, half, &content[half..]).expect(200).json()["complete"], true);
    let uploads = admin.get("/api/data/uploads?limit=500").expect(200).json();
    assert_eq!(uploads["items"].as_array().unwrap().len(), begun + 1);
    let asked = json!({ "name": "b.bin", "size_bytes": 1 });
    admin.post("/api/data/uploads", &asked).expect(201);
    assert!(!place.log().contains("panicked"), "{}", place.log());
}

#[test]
fn an_import_that_finds_the_disk_full_fails_and_succeeds_when_there_is_room() {
    let place = Place::new();
    let (service, data) = on_small_disk(&place, 24);
    let text = std::fs::read_to_string(data.join("first-login")).unwrap();
    let password = text.lines().find_map(|line| line.strip_prefix("password ")).unwrap();
    let admin = service.anybody().signed_in("admin", password);
    let row = |row: u64| format!("{},{},a\n", row * 1_000_000, (row * row % 1013) as f64 / 3.7);
    let content: String = (0..150_000).map(row).collect();
    let content = format!("t_ns,x,label\n{content}");
    let upload = admin.upload("a.csv", content.as_bytes(), 1 << 20);
    // The job itself fits, its recording does not.
    let filler = data.join("filler");
    fill(&filler);
    let file = std::fs::File::options().write(true).open(&filler).unwrap();
    let room = 200 << 10;
    file.set_len(file.metadata().unwrap().len() - room).unwrap();
    drop(file);
    let import = json!({ "uploads": [upload], "options": crate::data::options() });
    let job = admin.post("/api/data/datasets/d/imports", &import).expect(202).json();
    let ended = admin.ended(&job);
    assert_eq!(
        (&ended["status"], &ended["error"]["code"]),
        (&json!("failed"), &json!("disk_full")),
        "{ended}: {}",
        place.log()
    );
    admin.get("/api/data/datasets/d").problem(404, "not_found");
    wait_until_empty(&data.join("datasets"));
    std::fs::remove_file(&filler).unwrap();
    let job = admin.post("/api/data/datasets/d/imports", &import).expect(202).json();
    assert_eq!(admin.result(&job)["recordings"], 1);
}

#[test]
fn a_recorder_that_finds_the_disk_full_ends_and_keeps_what_came_when_there_is_room() {
    let (place, broker) = (Place::new(), OpenMosquitto::start());
    let (service, data) = on_small_disk(&place, 24);
    let text = std::fs::read_to_string(data.join("first-login")).unwrap();
    let password = text.lines().find_map(|line| line.strip_prefix("password ")).unwrap();
    let admin = service.anybody().signed_in("admin", password);
    let path = recorder::start(&admin, &recorder::request("pump", &broker));
    let mut machine = Machine::new(&broker, "machine");
    machine.rows("pump", 0..50);
    recorder::wait_for_rows(&admin, &path, 50);
    let filler = data.join("filler");
    fill(&filler);
    let ended = wait_for("the recorder has ended", || {
        machine.rows("pump", 50..100);
        let recorder = admin.get(&path).expect(200).json();
        (recorder["state"] == "failed").then_some(recorder)
    });
    assert_eq!(ended["ended_by"], "disk", "{ended}");
    assert!(ended["problem"].as_str().unwrap().contains("space"), "{ended}");
    std::fs::remove_file(&filler).unwrap();
    admin.post(&format!("{path}/stop"), &json!({})).expect(202);
    let kept = wait_for("the recordings are kept", || {
        let recorder = admin.get(&path).expect(200).json();
        (recorder["state"] == "kept").then_some(recorder)
    });
    let rows = kept["kept"]["recordings"][0]["rows"].as_u64().unwrap();
    assert!(rows >= 50, "{rows}");
    assert!(!place.log().contains("panicked"), "{}", place.log());
}
