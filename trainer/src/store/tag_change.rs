//! Changes of tags, each of which makes a dataset version: tags are part of its digest.

use std::collections::BTreeMap;

use super::recording::find_recording;
use super::version::change_newest;
use super::{DatasetVersion, OwnerId, RecordingId, Store, StoreError};
use crate::training::selected;
use crate::training::settings::Selector;

/// What is to be changed of the tags of some recordings.
#[derive(Clone, Debug, Default)]
pub struct Retagging {
    /// Which recordings; all where empty.
    pub only: Vec<Selector>,
    /// Tags that they get, in place of those of the same name.
    pub set: BTreeMap<String, String>,
    /// Names of tags that are taken from them.
    pub remove: Vec<String>,
}

impl Store {
    /// Gives a recording these tags and no others, in a new version of its dataset.
    pub fn set_tags(
        &self,
        owner: OwnerId,
        id: RecordingId,
        tags: BTreeMap<String, String>,
    ) -> Result<DatasetVersion, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let place = find_recording(&transaction, owner, id)?;
        let name = place.entry.info.name.clone();
        place.check_newest()?;
        let version = change_newest(&transaction, owner, &place.dataset, |_, listed| {
            if let Some(recording) = listed.get_mut(&name) {
                recording.annotation.tags = tags;
            }
        })?;
        transaction.commit()?;
        Ok(version)
    }

    /// Changes tags of some recordings of a dataset, in a new version of it; in the newest one where
    /// nothing is changed by it.
    pub fn retag(
        &self,
        owner: OwnerId,
        dataset: &str,
        change: &Retagging,
    ) -> Result<DatasetVersion, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let version = change_newest(&transaction, owner, dataset, |newest, listed| {
            let only = &change.only;
            let meant = |entry: &&super::Entry| only.is_empty() || selected(entry, only);
            for entry in newest.entries.iter().filter(meant) {
                let Some(recording) = listed.get_mut(&entry.info.name) else { continue };
                let tags = &mut recording.annotation.tags;
                tags.retain(|name, _| !change.remove.contains(name));
                tags.extend(change.set.clone());
            }
        })?;
        transaction.commit()?;
        Ok(version)
    }
}
