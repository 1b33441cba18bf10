//! What goes into the machine and what comes out of it.

use model_format::id::Digest;
use model_format::protocol::DesiredModel;
use serde_json::Value;

use crate::link::slots::Slots;

/// What happened.
#[derive(Clone, Debug)]
pub(in crate::link) enum Event {
    /// The trainer says what to serve under this name; none where nothing of it is deployed.
    Desired(Option<DesiredModel>),
    /// The download of the candidate ended.
    Downloaded(Result<(), DownloadFailure>),
    /// The candidate is loaded and proved, or why not.
    Proved(Result<Value, String>),
    /// The candidate is in service.
    Swapped,
    /// A good model is loaded, proved and in service, or why not.
    Restored(Result<Value, String>),
    /// No model is in service any more.
    TakenOut,
    /// The service takes no models any more: the program is ending.
    Ending,
    /// How the model in service is.
    Observed(Observed),
    /// The slots could not be written; the actions after that were not carried out.
    NotSaved(String),
}

/// How the model in service is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::link) struct Observed {
    /// Windows that it answered since it went into service.
    pub(in crate::link) windows: u64,
    /// Windows that its engine failed on, since then.
    pub(in crate::link) failed_windows: u64,
    /// Time for 99 of 100 windows.
    pub(in crate::link) latency_p99_us: f64,
    /// Resident memory of the program, where the system tells it.
    pub(in crate::link) memory_bytes: Option<u64>,
}

/// Why a download gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::link) enum DownloadFailure {
    /// It was told to stop.
    Aborted,
    /// Asking again later may help; what came is kept.
    Later(String),
    /// Other bytes came than were announced; they are gone.
    Damaged(String),
    /// The model cannot be on this device.
    Final(String),
}

/// What is to be done, in this order. A `Save` that fails ends the list.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "few are ever there at once")]
pub(in crate::link) enum Action {
    /// Write the slots; they must be on the disk before the next action.
    Save(Slots),
    /// Remove the files of all models that have no slot under any name.
    Clean,
    /// Fetch the artifact, unless it is there.
    Download(DesiredModel),
    /// Break the download off.
    Abort,
    /// Load, check and prove the candidate, and keep it ready.
    Prove(DesiredModel),
    /// Put the model that is ready into service.
    Swap,
    /// Load, check and prove a good model, and put it into service.
    Restore(Good),
    /// Take the model out of service: nothing of this name answers then.
    TakeOut,
}

/// A model that was good before.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::link) enum Good {
    /// A deployed one.
    Deployed(DesiredModel),
    /// The one of the command line.
    Given(Digest),
}
