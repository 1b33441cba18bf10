//! The book: the slots of all names, as they are on the disk.

use std::collections::BTreeMap;

use anyhow::Context as _;
use model_format::id::Digest;
use model_format::protocol::{DesiredModel, MODELS_MAX, check_topic_level};
use serde::{Deserialize, Serialize};

use super::{Candidate, FailedDeployment, Slots};
use crate::link::state_folder::StateFolder;

const FILE: &str = "slots.json";

/// Largest file that is read, in bytes: sixteen names with five models and one error text each need
/// less.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The slots of all names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::link) struct Book {
    models: BTreeMap<String, Slots>,
}

/// The file of programs that served one model at a time, whatever its name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneModel {
    current: Option<DesiredModel>,
    previous: Option<DesiredModel>,
    candidate: Option<Candidate>,
    failed: Option<FailedDeployment>,
}

impl From<OneModel> for Book {
    /// Each model goes to its name. A model before the last good one stays only where it has the same
    /// name: it had left the service.
    fn from(one: OneModel) -> Book {
        let mut book = Book::default();
        let OneModel { current, previous, candidate, failed } = one;
        if let Some(candidate) = candidate {
            let slots = book.models.entry(candidate.model.model.clone()).or_default();
            slots.candidate = Some(candidate);
        }
        if let Some(current) = current {
            let slots = book.models.entry(current.model.clone()).or_default();
            slots.previous = previous.filter(|previous| previous.model == current.model);
            slots.failed = failed;
            slots.current = Some(current);
        }
        book
    }
}

impl Book {
    /// Reads the slots. A damaged file is set aside and told: the device then starts without a
    /// model and gets one from the trainer.
    ///
    /// # Errors
    /// The file is there and cannot be read, or not be set aside.
    pub(in crate::link) fn load(folder: &StateFolder) -> anyhow::Result<Book> {
        let Some(bytes) = folder.read(FILE, FILE_BYTES_MAX)? else {
            return Ok(Book::default());
        };
        Book::parse(&bytes).or_else(|error| {
            folder.set_aside(FILE).context("the damaged slots.json cannot be set aside")?;
            tracing::error!(
                error,
                "slots.json is damaged; it is kept as slots.json.broken, and the device starts \
                 without a model until the trainer deploys one"
            );
            Ok(Book::default())
        })
    }

    /// Reads the slots of a folder that another program may be using.
    ///
    /// # Errors
    /// The file is damaged or cannot be read.
    pub(in crate::link) fn look(path: &std::path::Path) -> anyhow::Result<Book> {
        let path = path.join(FILE);
        let file = match std::fs::File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Book::default());
            }
            opened => opened,
        };
        let bytes =
            file.and_then(|file| crate::link::state_folder::read_bounded(file, FILE_BYTES_MAX));
        let bytes = bytes.with_context(|| format!("{} cannot be read", path.display()))?;
        Book::parse(&bytes)
            .map_err(|error| anyhow::anyhow!("{} is damaged: {error}", path.display()))
    }

    fn parse(bytes: &[u8]) -> Result<Book, String> {
        let file: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let book: Result<Book, serde_json::Error> = if file.get("models").is_some() {
            serde_json::from_value(file)
        } else {
            serde_json::from_value::<OneModel>(file).map(Book::from)
        };
        let book = book.map_err(|error| error.to_string())?;
        if book.models.len() > MODELS_MAX {
            return Err(format!("it has {} names; {MODELS_MAX} are served", book.models.len()));
        }
        match book.models.keys().find(|name| !check_topic_level(name)) {
            Some(name) => Err(format!("{name:?} is no name of a model")),
            None => Ok(book),
        }
    }

    /// The names and their slots.
    pub(in crate::link) fn models(&self) -> &BTreeMap<String, Slots> {
        &self.models
    }

    /// The slots of a name.
    pub(in crate::link) fn slots(&self, name: &str) -> Slots {
        self.models.get(name).cloned().unwrap_or_default()
    }

    /// Writes the slots of a name; they are on the disk when this returns.
    ///
    /// # Errors
    /// The file cannot be written; the one before is still there, and the book as it was.
    pub(in crate::link) fn save(
        &mut self,
        folder: &StateFolder,
        name: &str,
        slots: Slots,
    ) -> anyhow::Result<()> {
        let mut next = self.clone();
        if slots == Slots::default() {
            next.models.remove(name);
        } else {
            next.models.insert(name.to_owned(), slots);
        }
        let bytes = serde_json::to_vec_pretty(&next)?;
        folder
            .write(FILE, &bytes)
            .with_context(|| format!("{FILE} cannot be written in {}", folder.path().display()))?;
        *self = next;
        Ok(())
    }

    /// Removes the files of all models that have no slot under any name.
    pub(in crate::link) fn clean(&self, folder: &StateFolder) {
        let all = self.models.values();
        let models: Vec<Digest> =
            all.flat_map(Slots::models).map(|model| model.artifact_sha256).collect();
        let candidates = self.models.iter().filter_map(|(name, slots)| {
            let candidate = slots.candidate.as_ref()?;
            Some((candidate.model.artifact_sha256, name.as_str()))
        });
        folder.clean(&models, &candidates.collect::<Vec<_>>());
    }
}
