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
    port: u16,
    child: Child,
}

impl Mosquitto {
    pub(crate) fn start() -> Mosquitto {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        // Another program may take the port before mosquitto does: then it ends at once.
        for _ in 0..10 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let port = listener.local_addr().expect("the listener has an address").port();
            drop(listener);
            let mut child = spawn(folder.path(), port);
            if is_up(&mut child, port) {
                return Mosquitto { folder, port, child };
            }
        }
        panic!("mosquitto does not start");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Ends the broker; it writes its sessions down.
    pub(crate) fn stop(&mut self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").arg(&id).status().expect("kill is there");
        assert!(sent.success());
        until("mosquitto's end", || self.child.try_wait().expect("mosquitto can be awaited"));
    }

    /// Starts it again, where it was.
    pub(crate) fn start_again(&mut self) {
        self.child = spawn(self.folder.path(), self.port);
        assert!(is_up(&mut self.child, self.port), "mosquitto does not start again");
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &Path, port: u16) -> Child {
    let config = folder.join("mosquitto.conf");
    let place = folder.display();
    // As root it would become another user, who may not write here.
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\n\
         persistence_location {place}/\nmax_queued_messages 100000\n"
    );
    fs::write(&config, text).expect("the folder can be written");
    let paths = ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
    let started = paths.iter().find_map(|path| {
        let mut command = Command::new(path);
        command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().ok()
    });
    started.expect("mosquitto is missing: apt-get install mosquitto")
}

fn is_up(child: &mut Child, port: u16) -> bool {
    until("mosquitto", || {
        if child.try_wait().expect("mosquitto can be awaited").is_some() {
            return Some(false);
        }
        TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(true)
    })
}
