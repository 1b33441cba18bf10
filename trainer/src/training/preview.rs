//! What settings come to on a dataset, before anything is learned: the pipeline, the split that a run
//! will have, and the windows of one recording.

use model_format::pipeline::Pipeline;
use serde::Serialize;
use serde_json::Map;
use utoipa::ToSchema;

use super::choose_labels;
use super::estimate::window_count;
use super::extract::{Extracted, extract};
use super::insight::Insight;
use super::recipe::check_target;
use super::replay::replay;
use super::settings::{PipelineSettings, Selection, Settings};
use super::spans::{Part, RecordingParts, parts_of_windows, split_of};
use super::truth::Truth;
use super::{Start, TrainError, Work, in_pool, propose_target};
use crate::ingest::parquet;
use crate::store::{DatasetVersion, RecordingId, StoreError};
use learn::estimator::Estimator;

/// The most channel values whose split is told before a run.
const SPLIT_VALUES_MAX: u64 = 20_000_000;

/// The most windows whose split is told before a run.
const SPLIT_WINDOWS_MAX: u64 = 1_000_000;

/// The most windows that are drawn.
const DRAWN_MAX: usize = 2000;

/// What is tried out.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    /// Name of the dataset.
    pub(crate) dataset: String,
    /// Its version; the newest where absent.
    pub(crate) dataset_version: Option<u32>,
    /// From samples to features.
    pub(crate) pipeline: PipelineSettings,
    /// The estimator whose run's split is asked for.
    pub(crate) estimator: Option<String>,
    /// What the windows are, and which are for what.
    pub(crate) selection: Selection,
    /// The run's seed.
    pub(crate) seed: u64,
    /// The recording whose windows are asked for.
    pub(crate) recording: Option<RecordingId>,
}

/// What settings come to on a dataset.
pub(crate) struct Previewed {
    /// The pipeline, with all that was left open decided.
    pub(crate) pipeline: Pipeline,
    /// What was decided, in sentences.
    pub(crate) notes: Vec<String>,
    /// About how many windows there are; gaps make them fewer.
    pub(crate) windows: u64,
    /// The split that a run with these settings will have.
    pub(crate) split: Option<Vec<RecordingParts>>,
    /// Why there is no split although an estimator is named.
    pub(crate) split_omitted: Option<String>,
    /// The windows of the recording that was asked for.
    pub(crate) drawn: Option<DrawnRecording>,
}

/// A recording with its windows.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DrawnRecording {
    /// Name of the recording.
    pub recording: String,
    /// Its identifier.
    pub recording_id: RecordingId,
    /// The first 2000 of its windows.
    pub windows: Vec<DrawnWindow>,
    /// How many it has.
    pub windows_total: u64,
}

/// Where a window lies.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DrawnWindow {
    /// First row that it covers.
    pub from_row: u64,
    /// First row after it.
    pub to_row: u64,
    /// Its class, where the labels give it one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What it will be for, where the split is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

/// The windows of all recordings, and what each will be for.
struct Assigned {
    extracted: Extracted,
    parts: Vec<Part>,
}

/// Tries settings out on a dataset version.
///
/// # Errors
/// The refusals of a run that concern its pipeline. Where it is the split that is refused, that is told
/// as [`Previewed::split_omitted`].
pub(crate) fn preview(work: Work<'_>, tried: &Tried) -> Result<Previewed, TrainError> {
    let store = work.folder.store();
    let version = store.dataset_version(work.owner, &tried.dataset, tried.dataset_version)?;
    let mut settings = Settings {
        dataset: tried.dataset.clone(),
        dataset_version: Some(version.number),
        estimator: tried.estimator.clone().unwrap_or_default(),
        parameters: Map::new(),
        pipeline: tried.pipeline.clone(),
        selection: tried.selection.clone(),
        seed: tried.seed,
        insight: Insight::default(),
    };
    if let Some(name) = &tried.estimator {
        let estimator = learn::catalogue::estimator(name, &settings.parameters)?;
        propose_target(store, work.owner, &mut settings, estimator.as_ref())?;
    }
    let mut start = Start::of(work, &settings, &version)?;
    let windows = window_count(&start.entries.list, &start.pipeline);
    let (mut assigned, mut split_omitted) = (None, None);
    if let Some(name) = &tried.estimator {
        let estimator = learn::catalogue::estimator(name, &settings.parameters)?;
        start.resolve();
        match assign(work, &settings, estimator.as_ref(), &start, windows)? {
            Ok(found) => assigned = Some(found),
            Err(reason) => split_omitted = Some(reason),
        }
    }
    let split = assigned.as_ref().map(|Assigned { extracted, parts }| {
        split_of(&start.entries.list, extracted, parts, &mut start.notes)
    });
    let drawn = tried.recording.map(|id| draw(work, &start, &version, id, assigned.as_ref()));
    let drawn = drawn.transpose()?;
    let Start { pipeline, notes, .. } = start;
    Ok(Previewed { pipeline, notes, windows, split, split_omitted, drawn })
}

/// Divides the windows as a run does, from the same stream; or says why not.
fn assign(
    work: Work<'_>,
    settings: &Settings,
    estimator: &dyn Estimator,
    start: &Start,
    windows: u64,
) -> Result<Result<Assigned, String>, TrainError> {
    let entries = &start.entries.list;
    let values = entries.iter().map(|e| e.info.rows.saturating_mul(e.info.channels.len() as u64));
    let values = values.fold(0, u64::saturating_add);
    if let Some(reason) = too_much(values, windows) {
        return Ok(Err(reason));
    }
    let assigned = in_pool(work.threads, || {
        check_target(settings, estimator, entries)?;
        let Start { pipeline, selection, .. } = start;
        let extracted = extract(work.folder, entries, pipeline, selection, work.progress, &|| {
            Ok(Box::new(|_, _| Ok(())))
        })?;
        let partition = start.partition(settings, estimator, &extracted)?;
        let parts = parts_of_windows(&partition, extracted.windows.len());
        Ok(Assigned { extracted, parts })
    });
    match assigned {
        Ok(assigned) => Ok(Ok(assigned)),
        Err(
            error @ (TrainError::Store(_)
            | TrainError::Folder(_)
            | TrainError::Recording(_)
            | TrainError::Cancelled(_)
            | TrainError::Threads { .. }),
        ) => Err(error),
        Err(refusal) => Ok(Err(refusal.to_string())),
    }
}

/// Why a split is not told before a run, if there is too much to replay for it.
fn too_much(values: u64, windows: u64) -> Option<String> {
    (values > SPLIT_VALUES_MAX || windows > SPLIT_WINDOWS_MAX).then(|| {
        format!(
            "the recordings have {values} values and about {windows} windows: the split of more than \
             {SPLIT_VALUES_MAX} values or {SPLIT_WINDOWS_MAX} windows is told by the run alone"
        )
    })
}

/// The windows of one recording of the dataset.
fn draw(
    work: Work<'_>,
    start: &Start,
    version: &DatasetVersion,
    id: RecordingId,
    assigned: Option<&Assigned>,
) -> Result<DrawnRecording, TrainError> {
    let position = start.entries.list.iter().position(|entry| entry.recording_id == id);
    let entry = match position {
        Some(position) => Some(&start.entries.list[position]),
        None => version.entries.iter().find(|entry| entry.recording_id == id),
    };
    let mut entry = entry.cloned().ok_or_else(|| StoreError::Unknown {
        kind: "recording in this version of the dataset",
        name: id.to_string(),
        nearest: Vec::new(),
    })?;
    if position.is_none() {
        choose_labels(std::slice::from_mut(&mut entry), start.selection.label_set.as_deref());
    }
    let recording = parquet::read(work.folder, &entry)?;
    let selection = Selection { target: None, ..start.selection.clone() };
    let truth = Truth::new(&recording, &selection)?;
    let parts = position.zip(assigned).map(|(position, Assigned { extracted, parts })| {
        let before = |window: &super::WindowInfo| (window.recording as usize) < position;
        &parts[extracted.windows.partition_point(before)..]
    });
    let mut windows = Vec::new();
    let mut windows_total = 0;
    replay(&recording, &start.pipeline, &mut |_, rows| {
        if windows_total < DRAWN_MAX {
            windows.push(DrawnWindow {
                from_row: rows.start as u64,
                to_row: rows.end as u64,
                class: truth.class(&rows).map(|found| found.class.to_owned()),
                part: parts.map(|parts| parts[windows_total]),
            });
        }
        windows_total += 1;
    })?;
    Ok(DrawnRecording {
        recording: entry.info.name.clone(),
        recording_id: id,
        windows,
        windows_total: windows_total as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_is_told_up_to_both_bounds_and_the_refusal_has_the_figures() {
        assert_eq!(too_much(SPLIT_VALUES_MAX, SPLIT_WINDOWS_MAX), None);
        assert!(too_much(SPLIT_VALUES_MAX + 1, 0).unwrap().contains("20000001 values"));
        assert!(too_much(0, SPLIT_WINDOWS_MAX + 1).unwrap().contains("1000001 windows"));
    }
}
