//! What settings come to on a dataset, before anything is read: pipeline, windows, memory.

use super::entries::entries;
use super::recipe::{Recipe, recipe};
use super::settings::{PipelineSettings, Selection, Settings};
use super::{HELD_OUT_MAX, TrainError, Work, kept_max};
use crate::store::{DatasetVersion, Store};
use model_format::pipeline::{Pipeline, Window};

/// What a window's place and truth take beside its numbers.
const WINDOW_BYTES: u64 = 128;

/// What pipeline settings come to on a dataset.
pub(crate) struct Previewed {
    /// The pipeline, with all that was left open decided.
    pub(crate) pipeline: Pipeline,
    /// What was decided, in sentences.
    pub(crate) notes: Vec<String>,
    /// About how many windows there are; gaps make them fewer.
    pub(crate) windows: u64,
}

/// Tries pipeline settings out on a dataset version.
///
/// # Errors
/// The refusals of a run that need no samples.
pub(crate) fn preview(
    settings: &PipelineSettings,
    version: &DatasetVersion,
) -> Result<Previewed, TrainError> {
    if version.entries.is_empty() {
        let dataset = version.dataset.clone();
        return Err(TrainError::NoRecordings { dataset, filtered: false });
    }
    let selection = Selection::default();
    let Recipe { pipeline, notes } = recipe(settings, &selection, &version.entries)?;
    let windows = version.entries.iter().map(|entry| windows(entry.info.rows, &pipeline)).sum();
    Ok(Previewed { pipeline, notes, windows })
}

/// How many windows so many rows have, where there is no gap.
fn windows(rows: u64, pipeline: &Pipeline) -> u64 {
    let Window { length_samples, stride_samples } = pipeline.window;
    match rows.checked_sub(length_samples.into()) {
        None => 0,
        Some(beyond) => beyond / u64::from(stride_samples) + 1,
    }
}

/// The least memory that the run will take, in bytes: the recordings that are replayed at once,
/// and the features of all windows three times (as computed, as split, as the estimator orders
/// them). What an estimator itself grows comes on top.
///
/// # Errors
/// The refusals of a run that need no samples.
pub(crate) fn memory_bytes(work: Work<'_>, settings: &Settings) -> Result<u64, TrainError> {
    let store: &Store = work.folder.store();
    let version = store.dataset_version(work.owner, &settings.dataset, settings.dataset_version)?;
    let entries = entries(work, settings, &version)?;
    let pipeline = recipe(&settings.pipeline, &settings.selection, &entries.list)?.pipeline;
    let window = &pipeline.window;
    let channels = pipeline.channels.len() as u64;
    let mut count = 0;
    let mut largest = 0;
    for entry in &entries.list {
        let rows = entry.info.rows;
        count += windows(rows, &pipeline);
        // Times and values, as read and as columns.
        let width = entry.info.channels.len() as u64;
        largest = largest.max(rows.saturating_mul(2 * (8 + 4 * width)));
    }
    let window_bytes = 3 * 4 * pipeline.features.len() as u64 + 8 * channels + WINDOW_BYTES;
    let kept = kept_max(&pipeline, HELD_OUT_MAX) as u64;
    let kept_bytes = kept * u64::from(window.length_samples) * channels * 4;
    let at_once = (work.threads as u64).min(entries.list.len() as u64);
    Ok(count
        .saturating_mul(window_bytes)
        .saturating_add(largest.saturating_mul(at_once))
        .saturating_add(kept_bytes))
}
