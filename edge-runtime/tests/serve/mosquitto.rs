//! A real broker: Debian's mosquitto on a free port.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::until;

/// A running mosquitto that keeps sessions over a restart; ends with its test.
pub(crate) struct Mosquitto {
    folder: TempDir,
    settings: String,
    /// What starts it, such as a network namespace.
    before: Vec<String>,
    host: String,
    port: u16,
    child: Child,
}

impl Mosquitto {
    /// One that lets everybody in.
    pub(crate) fn start() -> Mosquitto {
        Mosquitto::start_with(|_| "allow_anonymous true\n".to_owned())
    }

    /// One with more settings: they may name files that they write to the folder.
    pub(crate) fn start_with(settings: impl FnOnce(&Path) -> String) -> Mosquitto {
        Mosquitto::start_at("127.0.0.1", &[], settings)
    }

    /// One at this address, started by another program.
    pub(crate) fn start_at(
        host: &str,
        before: &[&str],
        settings: impl FnOnce(&Path) -> String,
    ) -> Mosquitto {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let settings = settings(folder.path());
        let before: Vec<String> = before.iter().map(|&word| word.to_owned()).collect();
        // Another program may take the port before mosquitto does: then it ends at once.
        for _ in 0..10 {
            let port = free_port();
            let mut child = spawn(folder.path(), &settings, &before, (host, port));
            if is_up(&mut child, (host, port)) {
                return Mosquitto { folder, settings, before, host: host.to_owned(), port, child };
            }
        }
        panic!("mosquitto does not start");
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://{}:{}", self.host, self.port)
    }

    /// Ends the broker; it writes its sessions down.
    pub(crate) fn stop(&mut self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").arg(&id).status().expect("kill is there");
        assert!(sent.success());
        until("mosquitto's end", || self.child.try_wait().expect("mosquitto can be awaited"));
    }

    /// Ends it without a chance to write anything.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("mosquitto can be killed");
        self.child.wait().expect("mosquitto can be awaited");
    }

    /// Starts it again, where it was.
    pub(crate) fn start_again(&mut self) {
        let place = (&self.host[..], self.port);
        self.child = spawn(self.folder.path(), &self.settings, &self.before, place);
        assert!(is_up(&mut self.child, place), "mosquitto does not start again");
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("the listener has an address").port()
}

fn spawn(folder: &Path, settings: &str, before: &[String], (host, port): (&str, u16)) -> Child {
    let config = folder.join("mosquitto.conf");
    let place = folder.display();
    // As root it would become another user, who may not write here.
    let text = format!(
        "listener {port} {host}\nuser root\npersistence true\n\
         persistence_location {place}/\nmax_queued_messages 100000\n{settings}"
    );
    fs::write(&config, text).expect("the folder can be written");
    let paths = ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
    let started = paths.iter().find_map(|path| {
        let mut words = before.iter().map(String::as_str).chain([*path]);
        let mut command = Command::new(words.next()?);
        command.args(words).arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().ok()
    });
    started.expect("mosquitto is missing: apt-get install mosquitto")
}

fn is_up(child: &mut Child, place: (&str, u16)) -> bool {
    until("mosquitto", || {
        if child.try_wait().expect("mosquitto can be awaited").is_some() {
            return Some(false);
        }
        TcpStream::connect(place).is_ok().then_some(true)
    })
}
