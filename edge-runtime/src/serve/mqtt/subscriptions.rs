//! The topic filters that the broker keeps for this client: those of a run before that are no longer
//! wanted must be taken back, or their messages come for ever.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::serve::whole_file;

/// Largest record that is read.
const RECORD_BYTES_MAX: u64 = 1 << 20;

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Record {
    client_id: String,
    filters: Vec<String>,
}

/// What the broker keeps, and what it shall keep.
pub(in crate::serve) struct Subscriptions {
    path: PathBuf,
    kept: RefCell<Record>,
    wanted: Record,
}

impl Subscriptions {
    /// Reads what a run before has left in the state folder.
    pub(in crate::serve) fn new(
        state: &Path,
        client_id: &str,
        filters: Vec<String>,
    ) -> Subscriptions {
        let path = state.join("subscriptions.json");
        let is_small = fs::metadata(&path).is_ok_and(|file| file.len() <= RECORD_BYTES_MAX);
        let text = if is_small { fs::read_to_string(&path).ok() } else { None };
        // Without a record the broker keeps nothing that anybody knows of.
        let kept = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let wanted = Record { client_id: client_id.to_owned(), filters };
        Subscriptions { path, kept: RefCell::new(kept), wanted }
    }

    /// What is asked for on each connection.
    pub(super) fn wanted(&self) -> &[String] {
        &self.wanted.filters
    }

    /// What is taken back before.
    pub(super) fn unwanted(&self) -> Vec<String> {
        let kept = self.kept.borrow();
        if kept.client_id != self.wanted.client_id {
            return Vec::new();
        }
        let is_unwanted = |filter: &&String| !self.wanted.filters.contains(filter);
        kept.filters.iter().filter(is_unwanted).cloned().collect()
    }

    /// The broker has answered: it keeps what is wanted, and nothing else.
    pub(super) fn granted(&self) {
        if *self.kept.borrow() == self.wanted {
            return;
        }
        self.kept.replace(self.wanted.clone());
        let (path, record) = (self.path.clone(), self.wanted.clone());
        tokio::task::spawn_blocking(move || {
            let text = serde_json::to_string(&record).unwrap_or_default();
            if let Err(error) = whole_file::write(&path, text.as_bytes()) {
                let path = path.display();
                tracing::warn!(%error, "{path} cannot be written: subscriptions may outlive a change");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_longer_wanted_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let new = |id: &str, filters: &[&str]| {
            let filters = filters.iter().map(|&filter| filter.to_owned()).collect();
            Subscriptions::new(folder.path(), id, filters)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { new("c", &["a/+", "b"]).granted() });
        drop(runtime);
        assert!(new("c", &["b", "a/+", "x"]).unwanted().is_empty());
        assert_eq!(new("c", &["b"]).unwanted(), ["a/+"]);
        assert!(new("other", &["b"]).unwanted().is_empty(), "another session");
    }
}
