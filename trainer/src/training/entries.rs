//! The recordings of a run.

use model_format::id::Digest;

use super::partition::selected;
use super::settings::{Settings, TestChoice};
use super::{TrainError, Work};
use crate::nearest::nearest;
use crate::store::{DatasetVersion, Entry, StoreError};

/// The recordings of a run: those of the dataset, then those of another one to test on.
pub(super) struct Entries {
    pub(super) list: Vec<Entry>,
    /// How many belong to the dataset.
    pub(super) own: usize,
    /// Digest of the other dataset's version.
    pub(super) other: Option<Digest>,
}

/// Chooses the recordings that the settings ask for.
pub(super) fn entries(
    work: Work<'_>,
    settings: &Settings,
    version: &DatasetVersion,
) -> Result<Entries, TrainError> {
    let only = &settings.selection.only;
    let chosen = |entry: &&Entry| only.is_empty() || selected(entry, only);
    let mut list: Vec<Entry> = version.entries.iter().filter(chosen).cloned().collect();
    if list.is_empty() {
        let dataset = version.dataset.clone();
        return Err(TrainError::NoRecordings { dataset, filtered: !only.is_empty() });
    }
    let own = list.len();
    let mut other = None;
    if let Some(TestChoice::Dataset(name, number)) = &settings.selection.test {
        let tested = work.folder.store().dataset_version(work.owner, name, *number)?;
        other = Some(tested.digest);
        list.extend(tested.entries.into_iter().map(|mut entry| {
            // Recordings of two datasets may have the same name.
            entry.info.name = format!("{name}/{}", entry.info.name);
            entry
        }));
    }
    let set = settings.selection.label_set.as_deref();
    check_label_set(&list[..own], set)?;
    choose_labels(&mut list, set);
    Ok(Entries { list, own, other })
}

/// Gives recordings the labels of this set in place of their own; a recording that has no such set
/// has no labels then.
pub(crate) fn choose_labels(entries: &mut [Entry], set: Option<&str>) {
    let Some(set) = set else { return };
    for entry in entries {
        entry.annotation.labels = entry.annotation.label_sets.remove(set).unwrap_or_default();
    }
}

/// Refuses a label set that no recording has.
fn check_label_set(entries: &[Entry], set: Option<&str>) -> Result<(), StoreError> {
    let Some(set) = set else { return Ok(()) };
    let names = || entries.iter().flat_map(|entry| entry.annotation.label_sets.keys());
    if names().any(|name| name == set) {
        return Ok(());
    }
    let mut known: Vec<&str> = names().map(String::as_str).collect();
    known.sort_unstable();
    known.dedup();
    let nearest = nearest(set, known);
    Err(StoreError::Unknown {
        kind: "label set of these recordings",
        name: set.to_owned(),
        nearest,
    })
}
