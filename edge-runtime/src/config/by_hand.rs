//! Arguments of what people do on the device itself: `slots`, `rollback`, `install`.

use std::path::PathBuf;

use clap::Args;

use crate::link::usual_path;

/// The state folder of the service.
#[derive(Debug, Args)]
pub struct State {
    /// The state folder of the service. Otherwise $STATE_DIRECTORY, or cirame-edge in $XDG_STATE_HOME or
    /// ~/.local/state.
    #[arg(long = "state", value_name = "FOLDER", env = "CIRAME_STATE")]
    pub folder: Option<PathBuf>,
}

impl State {
    /// The folder that is named, or the usual one.
    pub(crate) fn path(&self) -> anyhow::Result<PathBuf> {
        self.folder.clone().map_or_else(usual_path, Ok)
    }
}

/// Arguments of `slots`.
#[derive(Debug, Args)]
pub struct Slots {
    /// The state folder.
    #[command(flatten)]
    pub state: State,
    /// Print one JSON document instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    /// Name of the model; needed where the device has several.
    pub model: Option<String>,
    /// The state folder.
    #[command(flatten)]
    pub state: State,
}

/// Arguments of `install`.
#[derive(Debug, Args)]
pub struct Install {
    /// The bundle, a file that `cirame-trainer bundle` made.
    pub bundle: PathBuf,
    /// The state folder.
    #[command(flatten)]
    pub state: State,
    /// A file with an Ed25519 public key in PEM, as for serve. Repeatable. A running service checks with
    /// its own keys.
    #[arg(long = "model-key", value_name = "FILE")]
    pub model_keys: Vec<PathBuf>,
}
