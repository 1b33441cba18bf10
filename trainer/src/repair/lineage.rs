//! Lineage: what a recording was made from, and making it again.

use model_format::id::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::carry::{RepairError, carried_out};
use super::{Notes, Step};
use crate::ingest::parquet;
use crate::recording::Recording;
use crate::store::{Entry, RecordingId, RecordingInfo, StoreError};
use crate::training::Work;

/// Version of the document. Another meaning of a step is another version.
const FORMAT: u32 = 1;

/// What a recording was made from: the steps, and the recordings that went in. Its digest names it, and
/// is part of the dataset version that lists the recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lineage {
    /// Version of this document.
    pub(crate) format: u32,
    /// The recordings that went in, in their order.
    pub(crate) inputs: Vec<LineageInput>,
    /// The steps.
    pub(crate) steps: Vec<Step>,
}

/// A recording that went into another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineageInput {
    /// The recording without its samples.
    pub(crate) recording: RecordingInfo,
    /// Digest of its labels and tags.
    pub(crate) annotation: Digest,
    /// Digest of what it was made from, where it is the result of a repair itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lineage: Option<Digest>,
}

/// What came of making a recording again.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// Name of the recording.
    pub(crate) recording: String,
    /// Digest of the samples that the dataset version lists.
    pub(crate) listed: Digest,
    /// Digest of the samples that were made now.
    pub(crate) made: Digest,
    /// True where the samples are the same, byte by byte.
    pub(crate) same: bool,
    /// True where labels and tags are what the repair made; false where somebody has changed them since.
    pub(crate) same_labels: bool,
    /// True where the file was missing, and is there again.
    pub(crate) restored: bool,
}

impl Lineage {
    pub(super) fn new(inputs: Vec<LineageInput>, steps: Vec<Step>) -> Self {
        Lineage { format: FORMAT, inputs, steps }
    }

    /// The document as it is kept.
    pub(super) fn document(&self) -> String {
        serde_json::to_string(self).expect("plain data has a JSON form")
    }
}

/// Makes a recording again from what it was made from, and compares it with what the version lists. A
/// file that is missing is written again where it is the same.
///
/// # Errors
/// Where the recording is no result of a repair, or an input is not there or damaged.
pub(crate) fn replay(work: Work<'_>, entry: &Entry) -> Result<Replayed, RepairError> {
    let store = work.folder.store();
    let name = &entry.info.name;
    let Some(digest) = entry.lineage else {
        return Err(RepairError::NoLineage { recording: name.clone() });
    };
    let lineage: Lineage = store.lineage(digest)?;
    if lineage.format != FORMAT {
        let found = lineage.format;
        return Err(RepairError::Format { recording: name.clone(), found, known: FORMAT });
    }
    let mut inputs: Vec<Entry> = Vec::with_capacity(lineage.inputs.len());
    for input in &lineage.inputs {
        inputs.push(Entry {
            recording_id: RecordingId::new(),
            info: input.recording.clone(),
            annotation: store.annotation(input.annotation)?,
            partition: None,
            lineage: input.lineage,
        });
    }
    let made = carried_out(work, &inputs, &lineage.steps, &mut Notes::new())?;
    let [made]: [Recording; 1] = made.try_into().map_err(|made: Vec<Recording>| {
        let reason = format!("its steps make {} recordings, not one", made.len());
        RepairError::Store(StoreError::Damaged { column: "document", reason })
    })?;
    let made = Recording { name: name.clone(), ..made };
    let new = made.entry();
    let same = new.info == entry.info;
    let missing = !work.folder.recording_path(entry.info.content).exists();
    if missing && same {
        parquet::write(work.folder, &made)?;
    }
    Ok(Replayed {
        recording: name.clone(),
        listed: entry.info.content,
        made: new.info.content,
        same,
        same_labels: new.annotation == entry.annotation,
        restored: missing && same,
    })
}
