//! What a run will take, before anything is read: windows and memory.

use super::entries::entries;
use super::recipe::{recipe, seen_rows};
use super::settings::Settings;
use super::{HELD_OUT_MAX, TrainError, Work, kept_max};
use crate::store::{Entry, Store};
use model_format::pipeline::{Pipeline, Window};

/// What a window's place and truth take beside its numbers.
const WINDOW_BYTES: u64 = 128;

/// About how many windows these recordings have: gaps make them fewer.
pub(super) fn window_count(entries: &[Entry], pipeline: &Pipeline) -> u64 {
    let Window { length_samples, stride_samples } = pipeline.window;
    let count = |entry: &Entry| {
        let beyond = seen_rows(entry, &pipeline.rate).checked_sub(length_samples.into());
        beyond.map_or(0, |beyond| beyond / u64::from(stride_samples) + 1)
    };
    entries.iter().map(count).fold(0, u64::saturating_add)
}

/// The least memory that the run will take, in bytes: the recordings that are replayed at once,
/// and the features of all windows three times (as computed, as split, as the estimator orders
/// them), twice more for each fold that is learned from at once. What an estimator itself grows comes on top.
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
    let count = window_count(&entries.list, &pipeline);
    let mut largest = 0;
    for entry in &entries.list {
        let rows = entry.info.rows;
        // Times and values, as read and as columns.
        let width = entry.info.channels.len() as u64;
        largest = largest.max(rows.saturating_mul(2 * (8 + 4 * width)));
    }
    let folds = settings.insight.folds.map_or(0, |folds| (work.threads as u64).min(folds.into()));
    let window_bytes =
        (3 + 2 * folds) * 4 * pipeline.features.len() as u64 + 8 * channels + WINDOW_BYTES;
    let kept = kept_max(&pipeline, HELD_OUT_MAX) as u64;
    let kept_bytes = kept * u64::from(window.length_samples) * channels * 4;
    let at_once = (work.threads as u64).min(entries.list.len() as u64);
    Ok(count
        .saturating_mul(window_bytes)
        .saturating_add(largest.saturating_mul(at_once))
        .saturating_add(kept_bytes))
}
