//! Starts `cirame-trainer serve` on a data folder, and ends it in all the ways that there are.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::client::Client;

/// How long anything may take that is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The password of users that tests make.
pub(crate) const PASSWORD: &str = "a password of tests";

/// A data folder, which outlives the services that run on it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// A running service.
pub(crate) struct Service {
    child: Child,
    data: PathBuf,
    pub(crate) base: String,
    pub(crate) broker: Option<String>,
    /// What it printed until it was ready.
    pub(crate) said: Vec<String>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Place { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A path beside the data folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the services have logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// A command of the program on this data folder.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cirame-trainer"));
        command.current_dir(self.folder.path()).arg("--data").arg(self.data());
        command.args(arguments.split_whitespace());
        command
    }

    /// Runs a command of the program that must succeed.
    pub(crate) fn run(&self, arguments: &str) {
        let output = self.command(arguments).output().expect("the program runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {error}");
    }

    /// What a command says when it refuses.
    pub(crate) fn refusal(&self, arguments: &str) -> String {
        let output = self.command(arguments).output().expect("the program runs");
        assert!(!output.status.success(), "{arguments} was not refused");
        String::from_utf8(output.stderr).expect("the refusal is text")
    }

    /// A dataset of the first admin: two states of a pump, four recordings of two seconds.
    pub(crate) fn simulate(&self, dataset: &str) {
        self.run(&format!(
            "simulate vibration --classes normal,imbalance --seconds 2 --per-class 2 --into {dataset}"
        ));
    }

    pub(crate) fn serve(&self, options: &str) -> Service {
        let mut command = self.command("serve --listen 127.0.0.1:0 --threads 2");
        command.args(options.split_whitespace());
        self.spawn(command, &self.data())
    }

    /// The product, as `start` starts it: with a device and perhaps the demo. Its output stays open.
    pub(crate) fn start(&self, options: &str) -> Service {
        let mut command = self.command("start --threads 2 --heartbeat-s 1");
        command.args(options.split_whitespace());
        self.spawn(command, &self.data())
    }

    /// The service that `command` starts. `data` is where its data folder is seen from here.
    pub(crate) fn spawn(&self, mut command: Command, data: &Path) -> Service {
        let log = File::options().create(true).append(true).open(self.folder.path().join("log"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.expect("the log opens"));
        let mut child = command.spawn().expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("it was asked for"));
        let (mut line, mut broker, mut said) = (String::new(), None, Vec::new());
        while output.read_line(&mut line).expect("its output is text") > 0 {
            if let Some(address) = line.trim().strip_prefix("broker on mqtt://") {
                broker = Some(address.to_owned());
            }
            said.push(line.trim().to_owned());
            if let Some(base) = line.trim().strip_prefix("listening on ") {
                let base = base.to_owned();
                return Service { child, data: data.to_owned(), base, broker, said };
            }
            // The last line of `start`.
            if line.trim().starts_with("stop ") {
                let value = |name| said.iter().find_map(|line| line.strip_prefix(name));
                let base = value("API       ").and_then(|url| url.strip_suffix("/api/docs/"));
                let base = base.expect("it says where the API is").to_owned();
                let broker = value("broker    mqtt://").map(str::to_owned);
                return Service { child, data: data.to_owned(), base, broker, said };
            }
            line.clear();
        }
        let status = child.wait().expect("it has ended");
        panic!("the service ended at once ({status}): {}", self.log());
    }

    /// The database, to look at or to change what a test cannot wait for.
    pub(crate) fn database(&self) -> Connection {
        let connection = Connection::open(self.data().join("cirame.db"));
        connection.expect("the database opens")
    }
}

impl Service {
    /// A client that has not signed in.
    pub(crate) fn anybody(&self) -> Client {
        Client::new(&self.base)
    }

    /// The first admin, signed in with the password of the first start.
    pub(crate) fn admin(&self) -> Client {
        self.anybody().signed_in("admin", &self.first_password())
    }

    pub(crate) fn first_password(&self) -> String {
        let text = std::fs::read_to_string(self.data.join("first-login")).expect("it is there");
        let password = text.lines().find_map(|line| line.strip_prefix("password "));
        password.expect("the file has the password").to_owned()
    }

    /// A new user who may do all but manage users, signed in.
    pub(crate) fn user(&self, admin: &Client, name: &str) -> Client {
        self.user_as(admin, name, "engineer")
    }

    /// A new user with this role, signed in.
    pub(crate) fn user_as(&self, admin: &Client, name: &str, role: &str) -> Client {
        let new = serde_json::json!({ "name": name, "password": PASSWORD, "role": role });
        admin.post("/api/users", &new).expect(201);
        self.anybody().signed_in(name, PASSWORD)
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as nobody should.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it has ended");
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> ExitStatus {
        signal(self.child.id(), "TERM");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be looked at") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Where it was killed or stopped there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process of this test.
pub(crate) fn signal(process_id: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(process_id.to_string()).status();
    assert!(sent.expect("kill runs").success());
}

/// Waits until `look` finds something.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until what is no longer named has been removed: a job that has just ended may do it.
pub(crate) fn wait_until_empty(folder: &Path) {
    let count = || std::fs::read_dir(folder).expect("the folder is there").count();
    wait_for("the folder is empty", || (count() == 0).then_some(()));
}

/// The files that a program of `simulate` writes: name below the folder, and content.
pub(crate) fn simulated_files() -> Vec<(String, Vec<u8>)> {
    let place = Place::new();
    place.run("simulate vibration --classes normal,imbalance --seconds 2 --per-class 2 files");
    let folder = place.folder.path().join("files");
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let mut content = Vec::new();
            let mut file = File::open(entry.path()).expect("the file opens");
            file.read_to_end(&mut content).expect("the file reads");
            (entry.file_name().into_string().expect("a plain name"), content)
        })
        .collect();
    files.sort();
    files
}
