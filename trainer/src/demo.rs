//! The demo: a dataset, a model and a simulated machine that a start makes and one action removes.
//!
//! `demo.json` in the data folder says whether there is one; nothing else does.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::problem::{NOT_FOUND, Problem, STATE};
use crate::data_folder::{DataFolder, FolderError, write_atomically};
use crate::store::{DeviceId, OwnerId, StoreError};

pub(crate) mod beside;
mod machine;
pub(crate) mod make;
mod plan;
mod steps;

pub(crate) use machine::SimulatedMachine;
pub(crate) use plan::{DemoPlan, Stage};
pub(crate) use steps::Steps;

/// The name of its dataset, its model and its stream.
pub(crate) const NAME: &str = "demo-pump";

/// What belongs to the demo.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Demo {
    /// Whether there is one.
    pub present: bool,
    /// Its dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<&'static str>,
    /// Its model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<&'static str>,
    /// The device that serves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    /// The stream that its simulated machine sends as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<&'static str>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DemoState {
    /// Begun, and not yet whole: the next start goes on.
    Making,
    /// There.
    Present,
    /// Removed by a user: it is not made again.
    Removed,
}

/// What `demo.json` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Facts {
    pub(crate) state: DemoState,
    /// The device that serves it.
    pub(crate) device_id: DeviceId,
}

impl Facts {
    fn path(folder: &DataFolder) -> PathBuf {
        folder.path().join("demo.json")
    }

    /// What is known; nothing before the first start with a demo.
    pub(crate) fn read(folder: &DataFolder) -> anyhow::Result<Option<Facts>> {
        let path = Facts::path(folder);
        let shown = path.display();
        match std::fs::read(&path) {
            Ok(bytes) => {
                let facts = serde_json::from_slice(&bytes);
                Ok(Some(facts.with_context(|| format!("{shown} is damaged: remove it"))?))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{shown}")),
        }
    }

    pub(crate) fn write(&self, folder: &DataFolder) -> Result<(), FolderError> {
        let text = serde_json::to_vec_pretty(self).expect("plain data has a JSON form");
        write_atomically(&Facts::path(folder), &text)
    }
}

/// The simulated machine of this program, where it plays one.
#[derive(Debug, Default)]
pub struct Playing {
    machine: Mutex<Option<SimulatedMachine>>,
    /// Held while the demo is made or removed.
    making: Mutex<()>,
}

impl Playing {
    /// Nobody else makes or removes the demo until this is dropped.
    pub(crate) fn making(&self) -> MutexGuard<'_, ()> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, unless somebody is at it.
    fn try_making(&self) -> Option<MutexGuard<'_, ()>> {
        match self.making.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// From now on this machine plays.
    pub(crate) fn set(&self, machine: SimulatedMachine) {
        *self.machine.lock().unwrap_or_else(PoisonError::into_inner) = Some(machine);
    }

    /// Stops it, if there is one.
    pub(crate) fn stop(&self) {
        let machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(machine) = machine {
            machine.stop();
        }
    }
}

/// The demo as this owner sees it: it belongs to whoever has the command line.
pub(crate) fn of(folder: &DataFolder, owner: OwnerId) -> anyhow::Result<Demo> {
    let facts = if owner == OwnerId::LOCAL { Facts::read(folder)? } else { None };
    let present = facts.filter(|facts| facts.state != DemoState::Removed);
    let name = present.as_ref().map(|_| NAME);
    Ok(Demo {
        present: present.is_some(),
        dataset: name,
        model: name,
        device_id: present.map(|facts| facts.device_id),
        stream: name,
    })
}

/// Removes the demo: its machine stops; what learned from its dataset goes, and the dataset. Gives
/// the device that served it.
pub(crate) fn remove(
    folder: &DataFolder,
    playing: &Playing,
    owner: OwnerId,
) -> Result<DeviceId, Problem> {
    let making = playing.try_making();
    let facts = Facts::read(folder).map_err(|error| Problem::internal(&format!("{error:#}")))?;
    let present =
        facts.filter(|facts| owner == OwnerId::LOCAL && facts.state != DemoState::Removed);
    let Some(facts) = present else {
        return Err(Problem::new(NOT_FOUND, "there is no demo"));
    };
    if making.is_none() {
        let detail = "the demo is being made: remove it when that is done, in about a minute";
        return Err(Problem::new(STATE, detail));
    }
    match folder.store().delete_dataset_with_runs(owner, NAME) {
        // A user has removed its dataset before.
        Ok(()) | Err(StoreError::Unknown { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    playing.stop();
    folder.store().drop_sensor(NAME)?;
    let device_id = facts.device_id;
    Facts { state: DemoState::Removed, device_id }.write(folder)?;
    tracing::info!("the demo was removed");
    folder.sweep()?;
    Ok(device_id)
}
