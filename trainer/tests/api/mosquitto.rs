//! A broker that is not ours: mosquitto with its dynamic security plugin.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::service::wait_for;

/// The password of the admin `trainer`.
pub(crate) const PASSWORD: &str = "the password of the trainer";

/// A running mosquitto, whose accounts a `trainer` manages; ends with its test.
pub(crate) struct Mosquitto {
    folder: tempfile::TempDir,
    port: u16,
    /// Where it takes connections with TLS, as `localhost`.
    pub(crate) tls_port: u16,
    child: Child,
}

impl Mosquitto {
    /// One with no account but the trainer's.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        init(folder.path());
        certify(folder.path());
        // Another program may take the port before mosquitto does: then it ends at once.
        for _ in 0..10 {
            let listeners =
                [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port is free"));
            let [port, tls_port] = listeners
                .map(|listener| listener.local_addr().expect("the listener has an address").port());
            if let Some(child) = spawn(folder.path(), port, tls_port) {
                return Mosquitto { folder, port, tls_port, child };
            }
        }
        panic!("mosquitto does not start");
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The file with the trainer's password.
    pub(crate) fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    /// The certificate of the authority that has signed the broker's.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The options of the trainer for this broker.
    pub(crate) fn options(&self) -> String {
        let file = self.password_file();
        format!(
            "--broker mqtt://trainer@{} --broker-password-file {} --broker-accounts",
            self.address(),
            file.display()
        )
    }

    /// The broker forgets all accounts, and starts again where it was.
    pub(crate) fn forget_all(&mut self) {
        self.stop();
        std::fs::remove_file(accounts(self.folder.path())).unwrap();
        init(self.folder.path());
        self.child =
            spawn(self.folder.path(), self.port, self.tls_port).expect("mosquitto starts again");
    }

    fn stop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A mosquitto that lets everybody in; ends with its test.
pub(crate) struct OpenMosquitto {
    folder: tempfile::TempDir,
    pub(crate) port: u16,
    child: Child,
}

impl OpenMosquitto {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for _ in 0..10 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let port = listener.local_addr().expect("the listener has an address").port();
            drop(listener);
            if let Some(child) = start(folder.path(), port, &open_to_all(port)) {
                return OpenMosquitto { folder, port, child };
            }
        }
        panic!("mosquitto does not start");
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    pub(crate) fn stop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts again where it was.
    pub(crate) fn begin_again(&mut self) {
        let child = start(self.folder.path(), self.port, &open_to_all(self.port));
        self.child = child.expect("mosquitto starts again");
    }
}

impl Drop for OpenMosquitto {
    fn drop(&mut self) {
        self.stop();
    }
}

fn open_to_all(port: u16) -> String {
    format!("user root\nallow_anonymous true\nlistener {port} 127.0.0.1\n")
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accounts(folder: &Path) -> PathBuf {
    folder.join("accounts.json")
}

fn init(folder: &Path) {
    let mut command = Command::new("mosquitto_ctrl");
    command.args(["dynsec", "init"]).arg(accounts(folder)).args(["trainer", PASSWORD]);
    let output = command.output().expect("mosquitto_ctrl is missing: apt-get install mosquitto");
    assert!(output.status.success(), "{output:?}");
}

/// A certificate for `localhost`, of an authority that nobody else knows.
fn certify(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    std::fs::write(folder.join("authority.pem"), authority.pem()).unwrap();
    std::fs::write(folder.join("broker.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("broker.key"), key.serialize_pem()).unwrap();
}

fn plugin() -> PathBuf {
    let places = ["x86_64-linux-gnu", "aarch64-linux-gnu", ""];
    let paths = places.map(|place| Path::new("/usr/lib").join(place));
    let paths = paths.map(|folder| folder.join("mosquitto_dynamic_security.so"));
    paths.into_iter().find(|path| path.exists()).expect("mosquitto has its plugin")
}

/// The broker on this port; none where it has ended at once.
fn spawn(folder: &Path, port: u16, tls_port: u16) -> Option<Child> {
    let (plugin, accounts) = (plugin(), accounts(folder));
    // As root it would become another user, who may not write here.
    let text = format!(
        "per_listener_settings false\nuser root\nallow_anonymous false\nplugin {}\n\
         plugin_opt_config_file {}\nlistener {port} 127.0.0.1\nlistener {tls_port} 127.0.0.1\n\
         certfile {}\nkeyfile {}\n",
        plugin.display(),
        accounts.display(),
        folder.join("broker.pem").display(),
        folder.join("broker.key").display()
    );
    start(folder, port, &text)
}

/// The broker with this configuration; none where it has ended at once.
fn start(folder: &Path, port: u16, text: &str) -> Option<Child> {
    let config = folder.join("mosquitto.conf");
    std::fs::write(&config, text).expect("the folder can be written");
    let mut child = ["mosquitto", "/usr/sbin/mosquitto"]
        .iter()
        .find_map(|path| {
            let mut command = Command::new(path);
            command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().ok()
        })
        .expect("mosquitto is missing: apt-get install mosquitto");
    let is_up = wait_for("mosquitto", || {
        if child.try_wait().expect("mosquitto can be awaited").is_some() {
            return Some(false);
        }
        TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(true)
    });
    is_up.then_some(child)
}
