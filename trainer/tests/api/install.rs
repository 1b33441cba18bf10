//! `/install`: what a board gets from the trainer, put into place by the script itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::service::Place;

/// The edge program that the workspace has built.
fn edge_program() -> PathBuf {
    let trainer = Path::new(env!("CARGO_BIN_EXE_cirame-trainer"));
    let program = trainer.with_file_name("cirame-edge");
    assert!(program.exists(), "build the workspace first: cargo build --workspace");
    program
}

/// A folder as `make dist` makes it, with this machine's program.
fn programs(folder: &Path, version: &str) -> PathBuf {
    let programs = folder.join("edge");
    fs::create_dir_all(&programs).unwrap();
    fs::write(programs.join("VERSION"), version).unwrap();
    fs::copy(edge_program(), programs.join("cirame-edge-amd64")).unwrap();
    programs
}

/// Runs the script that `base` serves, below `root`.
fn install(base: &str, root: &Path, argument: &str, machine: &str) -> (bool, String) {
    let script = format!("curl -fsS {base}/install | sh -s -- {argument}");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).env("DESTDIR", root).env("CIRAME_ARCH", machine);
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn one_line_puts_a_checked_program_a_unit_and_the_token_in_place() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let programs = programs(folder.path(), env!("CARGO_PKG_VERSION"));
    let service = place.serve(&format!("--edge-programs {}", programs.display()));
    let root = folder.path().join("root");
    let (done, text) = install(&service.base, &root, "abc_DEF-1", "x86_64");
    assert!(done, "{text}");

    let program = root.join("usr/local/bin/cirame-edge");
    assert_eq!(fs::read(&program).unwrap(), fs::read(edge_program()).unwrap());
    let said = Command::new(&program).arg("--version").output().unwrap();
    let version = format!("cirame-edge {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(said.stdout).unwrap(), version);
    let settings = root.join("etc/cirame/edge.env");
    let expected = format!("CIRAME_TRAINER={}\nCIRAME_TOKEN=abc_DEF-1\n", service.base);
    assert_eq!(fs::read_to_string(&settings).unwrap(), expected);
    assert_eq!(fs::metadata(&settings).unwrap().permissions().mode() & 0o777, 0o600);

    let unit = fs::read_to_string(root.join("etc/systemd/system/cirame-edge.service")).unwrap();
    assert!(unit.contains("\nDynamicUser=yes\n") && unit.ends_with("WantedBy=multi-user.target\n"));
    // systemd looks whether the program is there.
    let here = unit.replace("/usr/local/bin/cirame-edge", &edge_program().display().to_string());
    let checked = folder.path().join("cirame-edge.service");
    fs::write(&checked, here).unwrap();
    let verified = Command::new("systemd-analyze").arg("verify").arg(&checked).output();
    let verified = verified.expect("systemd-analyze is missing: apt-get install systemd");
    let complaints = String::from_utf8(verified.stderr).unwrap();
    assert!(
        verified.status.success() && !complaints.contains("cirame-edge.service"),
        "{complaints}"
    );

    // An enrolled machine needs no token for another version.
    let (done, text) = install(&service.base, &root, "", "x86_64");
    assert!(done, "{text}");
    assert_eq!(fs::read_to_string(&settings).unwrap(), expected);
}

#[test]
fn what_cannot_be_installed_is_refused_with_the_reason() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let service = place.serve("");
    let answer = service.anybody().get("/install");
    let problem = answer.problem(404, "not_found");
    assert!(problem["detail"].as_str().unwrap().contains("make dist"), "{problem}");
    drop(service);

    let programs = programs(folder.path(), env!("CARGO_PKG_VERSION"));
    let service = place.serve(&format!("--edge-programs {}", programs.display()));
    let root = folder.path().join("root");
    for (argument, machine, said) in [
        ("", "x86_64", "a token is missing"),
        ("'a b'", "x86_64", "no enrolment token"),
        ("abc", "mips", "no program for mips: it has amd64"),
    ] {
        let (done, text) = install(&service.base, &root, argument, machine);
        assert!(!done && text.contains(said), "{text}");
        assert!(!root.join("usr/local/bin/cirame-edge").exists());
    }
    // The checksum is that of the start: a program that is exchanged or damaged is not installed.
    fs::write(programs.join("cirame-edge-amd64"), "damaged").unwrap();
    let (done, text) = install(&service.base, &root, "abc", "x86_64");
    assert!(!done && text.contains("arrived damaged"), "{text}");
    drop(service);

    fs::write(programs.join("VERSION"), "0.0.1").unwrap();
    let refused = place.refusal(&format!("serve --edge-programs {}", programs.display()));
    assert!(refused.contains("version 0.0.1"), "{refused}");
}
