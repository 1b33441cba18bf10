//! `doctor`: what is wrong is found, and told with what to do; the service says the same of its folder.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use crate::mosquitto::Mosquitto;
use crate::service::Place;

/// What `doctor` says, and whether all is well.
fn doctor(place: &Place, options: &str) -> (Vec<Value>, bool) {
    let output = place.command(&format!("doctor --json {options}")).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(report["ok"].as_bool(), Some(output.status.success()), "{report}");
    (report["findings"].as_array().unwrap().clone(), output.status.success())
}

#[track_caller]
fn finding(findings: &[Value], check: &str, verdict: &str, part: &str) {
    let found: Vec<_> = findings.iter().filter(|finding| finding["check"] == check).collect();
    let is_told = found.iter().any(|finding| {
        finding["verdict"] == verdict && finding["text"].as_str().unwrap().contains(part)
    });
    assert!(is_told, "{check} {verdict} {part}: {found:?}");
}

#[test]
fn a_healthy_folder_is_well_before_and_while_it_is_served() {
    let place = Place::new();
    let (findings, is_well) = doctor(&place, "");
    assert!(is_well, "{findings:?}");
    finding(&findings, "permissions", "ok", "can be made");
    finding(&findings, "database", "ok", "there is none yet");
    place.simulate("pump");
    let service = place.serve("--broker embedded:0");
    let broker = service.broker.clone().unwrap();
    let port = broker.rsplit_once(':').unwrap().1;
    let (findings, is_well) =
        doctor(&place, &format!("--broker embedded:{port} --clock-of {}/api/health", service.base));
    assert!(is_well, "{findings:?}");
    finding(&findings, "database", "ok", "the 4 files that it names are there");
    finding(&findings, "broker", "ok", "lets the trainer in");
    finding(&findings, "clock", "ok", "within 5 s of http://");
    drop(service);
    let (findings, is_well) = doctor(&place, &format!("--broker embedded:{port}"));
    assert!(is_well);
    finding(&findings, "broker", "warning", "it runs with `serve`");
}

#[test]
fn what_is_lost_damaged_or_too_new_is_a_failure() {
    let place = Place::new();
    place.simulate("pump");
    let file = std::fs::read_dir(place.data().join("datasets")).unwrap().next().unwrap().unwrap();
    std::fs::remove_file(file.path()).unwrap();
    let (findings, is_well) = doctor(&place, "");
    assert!(!is_well);
    finding(&findings, "database", "failure", "1 files that the database names are not there");
    place.database().pragma_update(None, "user_version", 99).unwrap();
    finding(&doctor(&place, "").0, "database", "failure", "a newer cirame-trainer");
    place
        .database()
        .execute("UPDATE dataset_versions SET created_ms = created_ms + 7200000", [])
        .unwrap();
    finding(&doctor(&place, "").0, "clock", "failure", "set the clock of this machine");
    let mut bytes = std::fs::read(place.data().join("cirame.db")).unwrap();
    bytes[20_000..30_000].fill(7);
    std::fs::write(place.data().join("cirame.db"), bytes).unwrap();
    finding(&doctor(&place, "").0, "database", "failure", "cirame.db");
}

#[test]
fn a_broker_that_refuses_or_manages_nothing_is_a_failure() {
    let place = Place::new();
    let broker = Mosquitto::start();
    finding(&doctor(&place, &broker.options()).0, "broker", "ok", "manages 1 accounts");
    let wrong = format!("--broker mqtt://trainer:wrong@{}", broker.address());
    finding(&doctor(&place, &wrong).0, "broker", "failure", "refuses the login of the trainer");
    finding(
        &doctor(&place, "--broker mqtt://127.0.0.1:1").0,
        "broker",
        "failure",
        "cannot be reached",
    );
    let missing = "--broker mqtt://u@h --broker-password-file /nowhere";
    finding(&doctor(&place, missing).0, "broker", "failure", "/nowhere cannot be read");
}

#[test]
fn an_unwritable_folder_is_told_with_owner_user_and_the_command_that_mends_it() {
    let place = Place::new();
    place.simulate("pump");
    let data = place.data();
    // Root writes everywhere: then the program runs as somebody else.
    let is_root = is_run_by_root();
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&place.beside(""), 0o755);
    mode(&data, if is_root { 0o755 } else { 0o500 });
    let run = |arguments: &str| {
        let program = place.command(arguments);
        let mut command = if is_root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=10001", "--regid=10001", "--clear-groups"]);
            command.arg(program.get_program());
            command
        } else {
            Command::new(program.get_program())
        };
        command.args(program.get_args()).current_dir("/").output().unwrap()
    };
    let mended = if is_root { "sudo chown -R 10001:10001 " } else { "chmod -R u+rwX " };
    let mended = format!("{mended}{}", data.display());
    let output = run("serve --listen 127.0.0.1:0");
    let error = String::from_utf8_lossy(&output.stderr);
    let owner = if is_root { "owner 0:0, mode 0755" } else { "mode 0500" };
    for part in ["Permission denied", owner, &mended] {
        assert!(error.contains(part), "{part} is missing in {error}");
    }
    let report: Value = serde_json::from_slice(&run("doctor --json").stdout).unwrap();
    finding(report["findings"].as_array().unwrap(), "permissions", "failure", &mended);
    mode(&data, 0o755);
    // One that is not there is to be made, not a folder above it to be given away.
    if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=10001", "--regid=10001", "--clear-groups"]);
        command.arg(env!("CARGO_BIN_EXE_cirame-trainer")).args(["models", "list"]);
        let output = command.args(["--data", "/nowhere/data"]).current_dir("/").output();
        let error = String::from_utf8(output.unwrap().stderr).unwrap();
        assert!(error.contains("sudo install -d -o 10001 -g 10001 /nowhere/data"), "{error}");
    }
}

fn is_run_by_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}
