//! The local device: `cirame-edge` as a child process, enrolled with this trainer.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::broker::BrokerSecret;
use crate::clock::now_ms;
use crate::data_folder::DataFolder;
use crate::local_enrolment::token;
use crate::store::{Device, DeviceId, OwnerId};
use crate::supervised::Supervised;

/// File of the program, beside this one.
const PROGRAM: &str = "cirame-edge";

/// Name that it proposes, and that it signs in with at the broker.
const NAME: &str = "local";

/// How long its token is good.
const TOKEN_MS: i64 = 3_600_000;

/// Longest time for it to enrol and to be heard.
const ENROL_MAX: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(50);

const OWNER: OwnerId = OwnerId::LOCAL;

/// The program of the device.
///
/// # Errors
/// Where it does not lie beside this program.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("the program does not know its file")?;
    let path = own.with_file_name(PROGRAM);
    if !path.is_file() {
        bail!(
            "{} is not there: `start` needs {PROGRAM} beside cirame-trainer; build both with `make \
             build`, or copy it there. Without a local device, use `cirame-trainer serve`",
            path.display()
        );
    }
    Ok(path)
}

/// The running device.
pub(crate) struct LocalDevice {
    child: Supervised,
    pub(crate) id: DeviceId,
    pub(crate) name: String,
}

/// What the device keeps of its enrolment.
#[derive(Deserialize)]
struct Kept {
    trainer: String,
    device_id: DeviceId,
}

/// Where the device finds its trainer and its broker.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) folder: &'a DataFolder,
    /// The API, from this machine.
    pub(crate) api: SocketAddr,
    /// The embedded broker, from this machine.
    pub(crate) broker: SocketAddr,
    pub(crate) shutdown: &'a CancellationToken,
}

impl LocalDevice {
    /// Starts the device, and waits until the trainer has heard it.
    ///
    /// # Errors
    /// Where it does not start or enrol.
    pub(crate) fn start(around: Surroundings<'_>) -> anyhow::Result<LocalDevice> {
        let state = around.folder.path().join("local-device");
        let url = format!("http://{}", around.api);
        let kept = state.join("device.json");
        let store = around.folder.store();
        let known = read(&kept)?.filter(|kept| store.device(OWNER, kept.device_id).is_ok());
        let token = match &known {
            Some(kept) if kept.trainer == url => None,
            Some(_) => Some(token(around.folder, TOKEN_MS)?),
            None => {
                // A device that was deleted here, or is another trainer's, becomes a new one.
                remove(&kept)?;
                Some(token(around.folder, TOKEN_MS)?)
            }
        };
        let secret = BrokerSecret::of_folder(around.folder.path())?;
        let password = secret.password_for(NAME);
        let broker = format!("mqtt://{NAME}:{password}@{}", around.broker);
        let (program, secret) = (program()?, token.as_ref().map(|(_, secret)| secret.clone()));
        let begun_ms = now_ms();
        let (state_folder, trainer) = (state.clone(), url.clone());
        let start = move || spawn(&program, &state_folder, &trainer, &broker, secret.as_deref());
        let child = start().context("the local device does not start")?;
        let child = Supervised::watch("local device", child, start)?;
        let heard = wait(around, &kept, &url, begun_ms);
        if let Some((token, _)) = token {
            // It may have been deleted by a user meanwhile.
            let _ = store.delete_token(OWNER, token);
        }
        match heard {
            Ok(Device { id, name, .. }) => Ok(LocalDevice { child, id, name }),
            Err(error) => {
                child.stop();
                Err(error)
            }
        }
    }

    /// Ends it.
    pub(crate) fn stop(self) {
        self.child.stop();
    }
}

/// Waits until the device has enrolled and was heard since `begun_ms`.
fn wait(around: Surroundings<'_>, kept: &Path, url: &str, begun_ms: i64) -> anyhow::Result<Device> {
    let deadline = Instant::now() + ENROL_MAX;
    loop {
        let enrolled = read(kept)?.filter(|kept| kept.trainer == url);
        let device = enrolled.and_then(|kept| {
            let store = around.folder.store();
            store.device(OWNER, kept.device_id).ok()
        });
        if let Some(device) = device.filter(|d| d.seen_ms.is_some_and(|seen| seen >= begun_ms)) {
            return Ok(device);
        }
        if around.shutdown.is_cancelled() {
            bail!("it was ended before the local device had enrolled");
        }
        if Instant::now() > deadline {
            let seconds = ENROL_MAX.as_secs();
            bail!("the local device has not enrolled in {seconds} s: its log, above, says why");
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn spawn(
    program: &Path,
    state: &Path,
    trainer: &str,
    broker: &str,
    token: Option<&str>,
) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(["serve", "--end-with-input", "--listen", "127.0.0.1:0", "--name", NAME]);
    command.args(["--trainer", trainer]).arg("--state").arg(state);
    // In the environment, so that they do not stand in the list of processes.
    command.env("CIRAME_BROKER", broker);
    // What is meant for this program must not be taken by the device.
    for name in ["CIRAME_TOKEN", "CIRAME_TOKEN_FILE", "CIRAME_BROKER_PASSWORD_FILE"] {
        command.env_remove(name);
    }
    if let Some(token) = token {
        command.env("CIRAME_TOKEN", token);
    }
    if std::env::var_os("RUST_LOG").is_none() {
        command.env("RUST_LOG", "warn");
    }
    // Ctrl-C in a terminal reaches a whole group of processes: the device ends with its input
    // instead, and is not taken for one that died.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()
}

fn read(path: &Path) -> anyhow::Result<Option<Kept>> {
    match fs::read(path) {
        Ok(bytes) => {
            let kept = serde_json::from_slice(&bytes);
            Ok(Some(kept.with_context(|| format!("{} is damaged: remove it", path.display()))?))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{}", path.display())),
    }
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}", path.display()))
        }
        _ => Ok(()),
    }
}
