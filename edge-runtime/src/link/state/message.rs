//! What goes into the machine and what comes out of it.

use model_format::id::Digest;
use model_format::protocol::DesiredModel;
use serde_json::Value;

use crate::link::slots::Slots;

/// What happened.
#[derive(Clone, Debug)]
pub(in crate::link) enum Event {
    /// The trainer says what to serve; none where nothing is deployed to the device.
    Desired(Option<DesiredModel>),
    /// The download of the candidate ended.
    Downloaded(Result<(), DownloadFailure>),
    /// The candidate is loaded and proved, or why not.
    Proved(Result<Value, String>),
    /// The candidate is in service.
    Swapped {
        /// Windows that had been answered before it was.
        windows: u64,
    },
    /// A good model is loaded, proved and in service, or why not.
    Restored(Result<Value, String>),
    /// No model is in service any more.
    TakenOut,
    /// The service takes no models any more: the program is ending.
    Ending,
    /// How the service is.
    Observed {
        /// Windows answered since the program started.
        windows: u64,
        /// Windows that the engine of the model in service failed on.
        failed_windows: u64,
    },
    /// The slots could not be written; the actions after that were not carried out.
    NotSaved(String),
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::link) enum Action {
    /// Write the slots; they must be on the disk before the next action.
    Save(Slots),
    /// Remove the files of all models that have no slot.
    Clean(Slots),
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
    /// Take the model out of service: nothing answers then.
    TakeOut,
}

/// A model that was good before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::link) enum Good {
    /// A deployed one.
    Deployed(DesiredModel),
    /// The one of the command line.
    Given(Digest),
}
