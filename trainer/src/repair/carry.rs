//! A repair is carried out: recordings are read, go through the steps, and become a new version.

use model_format::id::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::lineage::{Lineage, LineageInput};
use super::{BYTES_MAX, Notes, STEPS_MAX, Step};
use crate::data_folder::FolderError;
use crate::ingest::parquet::{self, ParquetError};
use crate::progress::Cancelled;
use crate::recording::Recording;
use crate::store::{DatasetVersion, Entry, StoreError};
use crate::training::settings::Selector;
use crate::training::{Work, selected};

/// Stands for the name of the recording that went in, in the name of one that comes out.
const NAME: &str = "{name}";

/// Longest name of a recording, in bytes.
const NAME_BYTES_MAX: usize = 500;

/// What is asked of a repair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RepairInput {
    /// Name of the dataset.
    pub(crate) dataset: String,
    /// Its version; the newest where absent.
    pub(crate) dataset_version: Option<u32>,
    /// The recordings, in this order; all where empty.
    pub(crate) recordings: Vec<Selector>,
    /// The steps.
    pub(crate) steps: Vec<Step>,
    /// Name of the dataset that gets what is made.
    pub(crate) into: String,
    /// Name of what is made; `{name}` is that of the recording that went in.
    pub(crate) name: String,
}

/// What came of a repair.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Repaired {
    /// Name of the dataset that got the recordings.
    pub(crate) dataset: String,
    /// Number of its newest version.
    pub(crate) version: u32,
    /// Digest of that version.
    pub(crate) digest: Digest,
    /// False where the version was there already.
    pub(crate) changed: bool,
    /// Names of the recordings that were made.
    pub(crate) recordings: Vec<String>,
    /// What was found on the way: rows kept, values filled.
    pub(crate) notes: Vec<String>,
}

/// Why a repair cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RepairError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data folder refused.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A recording cannot be read or written.
    #[error(transparent)]
    Recording(#[from] ParquetError),
    /// A user ended it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// What is asked cannot be.
    #[error("{reason}")]
    Asked { field: String, reason: String },
    /// A step cannot be carried out.
    #[error("step {number} ({step}): {reason}")]
    Step { number: usize, step: &'static str, field: &'static str, reason: String },
    /// The recording was not made by a repair.
    #[error("{recording:?} is no result of a repair: there is nothing to replay")]
    NoLineage { recording: String },
    /// Made by a newer version.
    #[error("{recording:?} has a lineage of format {found}, this version reads {known}: update it")]
    Format { recording: String, found: u32, known: u32 },
}

fn asked<T>(field: &str, reason: impl Into<String>) -> Result<T, RepairError> {
    Err(RepairError::Asked { field: field.to_owned(), reason: reason.into() })
}

impl RepairInput {
    /// Refuses what cannot be asked, whatever there is.
    pub(crate) fn check(&self) -> Result<(), RepairError> {
        let steps = self.steps.len();
        if !(1..=STEPS_MAX).contains(&steps) {
            return asked(
                "steps",
                format!("{steps} steps are named: a repair has 1 to {STEPS_MAX}"),
            );
        }
        if self.into == self.dataset && self.name == NAME {
            let reason = "the recordings would take the place of those that they are made of: name \
                          another dataset, or another name such as {name}-repaired";
            return asked("name", reason);
        }
        if self.name.is_empty() || self.name.chars().any(char::is_control) {
            return asked("name", "a recording's name is not empty, and has no control characters");
        }
        Ok(())
    }

    fn entries(&self, version: &DatasetVersion) -> Result<Vec<Entry>, RepairError> {
        if self.recordings.is_empty() {
            return Ok(version.entries.clone());
        }
        let mut entries: Vec<Entry> = Vec::new();
        for (number, selector) in self.recordings.iter().enumerate() {
            let only = std::slice::from_ref(selector);
            let before = entries.len();
            for entry in version.entries.iter().filter(|entry| selected(entry, only)) {
                if entries.iter().all(|known| known.info.name != entry.info.name) {
                    entries.push(entry.clone());
                }
            }
            if entries.len() == before {
                let reason = format!("{selector} names no recording that is not named before it");
                return asked(&format!("recordings.{number}"), reason);
            }
        }
        Ok(entries)
    }
}

/// Carries a repair out: what is made becomes a new version of the dataset that gets it. The same
/// repair again changes nothing.
///
/// # Errors
/// Names the step that cannot be carried out; nothing is added then.
pub(crate) fn repair(work: Work<'_>, input: &RepairInput) -> Result<Repaired, RepairError> {
    input.check()?;
    let store = work.folder.store();
    crate::store::Store::check_dataset_name(&input.into)?;
    let version = store.dataset_version(work.owner, &input.dataset, input.dataset_version)?;
    let entries = input.entries(&version)?;
    let together = input.steps.iter().any(Step::is_together);
    let groups: Vec<&[Entry]> = if together { vec![&entries] } else { entries.chunks(1).collect() };
    work.progress.stage("repair", groups.len() as u64);
    let before = match store.dataset_version(work.owner, &input.into, None) {
        Ok(version) => Some(version),
        Err(StoreError::Unknown { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let (mut made, mut notes) = (Vec::new(), Notes::new());
    for group in groups {
        let recordings = carried_out(work, group, &input.steps, &mut notes)?;
        for recording in recordings {
            let name = input.name.replace(NAME, &group[0].info.name);
            if name.len() > NAME_BYTES_MAX {
                return asked("name", format!("{name:.50}… has more than {NAME_BYTES_MAX} bytes"));
            }
            let lineage =
                Lineage::new(group.iter().map(lineage_input).collect(), input.steps.clone());
            let contents: Vec<Digest> = group.iter().map(|entry| entry.info.content).collect();
            let recording = Recording { name, ..recording };
            let mut entry = recording.entry();
            entry.lineage = Some(store.keep_lineage(&lineage.document(), &contents)?);
            check_place(input, before.as_ref(), &made, &entry)?;
            parquet::write(work.folder, &recording)?;
            made.push(entry);
        }
        work.progress.step();
    }
    let version = store.add_to_dataset(work.owner, &input.into, &made)?;
    Ok(Repaired {
        dataset: version.dataset,
        version: version.number,
        digest: version.digest,
        changed: before.is_none_or(|before| before.number != version.number),
        recordings: made.into_iter().map(|entry| entry.info.name).collect(),
        notes,
    })
}

/// Refuses a name that another recording has.
fn check_place(
    input: &RepairInput,
    before: Option<&DatasetVersion>,
    made: &[crate::store::NewEntry],
    entry: &crate::store::NewEntry,
) -> Result<(), RepairError> {
    let name = &entry.info.name;
    if made.iter().any(|other| other.info.name == *name) {
        let reason = format!("two recordings would be called {name:?}: put {NAME} into the name");
        return asked("name", reason);
    }
    let known = before.and_then(|version| version.entries.iter().find(|e| e.info.name == *name));
    match known {
        Some(known)
            if known.info.content != entry.info.content || known.lineage != entry.lineage =>
        {
            let into = &input.into;
            let reason = format!(
                "the dataset {into:?} has another recording {name:?} already: name another dataset, or \
                 another name such as {NAME}-repaired"
            );
            asked("name", reason)
        }
        _ => Ok(()),
    }
}

fn lineage_input(entry: &Entry) -> LineageInput {
    LineageInput {
        recording: entry.info.clone(),
        annotation: entry.annotation.digest(),
        lineage: entry.lineage,
    }
}

/// Reads recordings and takes them through the steps.
pub(super) fn carried_out(
    work: Work<'_>,
    inputs: &[Entry],
    steps: &[Step],
    notes: &mut Notes,
) -> Result<Vec<Recording>, RepairError> {
    let bytes =
        |entry: &Entry| entry.info.rows.saturating_mul(8 + 4 * entry.info.channels.len() as u64);
    let bytes = inputs.iter().map(bytes).fold(0, u64::saturating_add);
    if bytes > BYTES_MAX {
        let reason = format!(
            "{} recordings that are needed at once have {} MiB of samples, a repair holds at most {} \
             MiB: cut them first",
            inputs.len(),
            bytes >> 20,
            BYTES_MAX >> 20
        );
        return asked("recordings", reason);
    }
    let mut recordings = Vec::with_capacity(inputs.len());
    for input in inputs {
        work.progress.check()?;
        recordings.push(parquet::read(work.folder, input)?);
    }
    for (number, step) in steps.iter().enumerate() {
        work.progress.check()?;
        recordings = step.apply(recordings, notes).map_err(|error| RepairError::Step {
            number,
            step: step.name(),
            field: error.field,
            reason: error.reason,
        })?;
    }
    Ok(recordings)
}
