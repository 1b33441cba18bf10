//! From recordings to tables: every recording replayed, every window's features or answers
//! computed, in parallel by recording and put together in the dataset's order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use model_format::manifest::Task;
use model_format::pipeline::Pipeline;
use model_format::signal::features::FeaturePlan;
use model_format::signal::stream::Drops;
use rayon::prelude::*;

use super::TrainError;
use super::replay::replay;
use super::settings::Selection;
use super::truth::Truth;
use crate::data_folder::DataFolder;
use crate::ingest::parquet;
use crate::progress::Progress;
use crate::recording::Recording;
use crate::store::Entry;

/// The most values that are computed of all windows together: 1 GiB.
const VALUES_MAX: u64 = 1 << 28;

/// Where a window lies, and what is true of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WindowInfo {
    /// Position in [`Extracted::recordings`].
    pub(crate) recording: u32,
    /// Which window of its segment it is.
    pub(crate) index: u64,
    /// Time of its segment's first sample.
    pub(crate) segment_start_ns: i64,
    /// Time of its first sample.
    pub(crate) start_ns: i64,
    /// Time of its last sample.
    pub(crate) end_ns: i64,
    /// First row of the recording that it covers.
    pub(crate) start_row: u64,
    /// First row after it.
    pub(crate) end_row: u64,
    /// Position in [`Extracted::classes`].
    pub(crate) class: Option<u32>,
    /// True where every row has that class.
    pub(crate) whole: bool,
    /// The target's value; NaN where there is none.
    pub(crate) value: f32,
}

/// What is computed of each window: takes its values and adds numbers to the list.
pub(crate) type Compute<'a> = Box<dyn FnMut(&[f32], &mut Vec<f32>) -> Result<(), TrainError> + 'a>;

/// The windows of some recordings with what was computed of them.
#[derive(Debug, Default)]
pub(crate) struct Extracted {
    /// Names of the recordings.
    pub(crate) recordings: Vec<String>,
    /// Names of the classes that windows have, sorted.
    pub(crate) classes: Vec<String>,
    /// The windows, in the order of recordings and time.
    pub(crate) windows: Vec<WindowInfo>,
    /// What was computed: features or answers, window by window.
    pub(crate) values: Vec<f32>,
    /// Smallest and largest value of each channel, window by window.
    pub(crate) ranges: Vec<(f32, f32)>,
    /// Samples that did not reach a segment, and why.
    pub(crate) drops: Drops,
}

/// One recording's part.
struct Part {
    recording: String,
    classes: Vec<String>,
    windows: Vec<WindowInfo>,
    values: Vec<f32>,
    ranges: Vec<(f32, f32)>,
    drops: Drops,
}

/// Computes the features of these recordings' windows on the current thread pool.
pub(crate) fn extract_features(
    folder: &DataFolder,
    entries: &[Entry],
    pipeline: &Pipeline,
    selection: &Selection,
    progress: &Progress,
) -> Result<Extracted, TrainError> {
    progress.stage("features", entries.len() as u64);
    let width = pipeline.features.len();
    extract(folder, entries, pipeline, selection, progress, &|| {
        let mut plan = FeaturePlan::new(pipeline)?;
        Ok(Box::new(move |window, values| {
            let start = values.len();
            values.resize(start + width, 0.0);
            plan.compute(window, &mut values[start..]);
            Ok(())
        }))
    })
}

/// Replays these recordings on the current thread pool; `start` makes what computes one recording.
pub(crate) fn extract<'a>(
    folder: &DataFolder,
    entries: &[Entry],
    pipeline: &Pipeline,
    selection: &Selection,
    progress: &Progress,
    start: &(dyn Fn() -> Result<Compute<'a>, TrainError> + Sync),
) -> Result<Extracted, TrainError> {
    let total = AtomicU64::new(0);
    let parts = entries
        .par_iter()
        .map(|entry| {
            progress.check()?;
            let recording = parquet::read(folder, entry)?;
            let part = extract_one(&recording, pipeline, selection, &total, start()?, progress)?;
            progress.step();
            Ok(part)
        })
        .collect::<Result<Vec<Part>, TrainError>>()?;
    Ok(join(parts))
}

fn extract_one(
    recording: &Recording,
    pipeline: &Pipeline,
    selection: &Selection,
    total: &AtomicU64,
    mut compute: Compute<'_>,
    progress: &Progress,
) -> Result<Part, TrainError> {
    let truth = Truth::new(recording, selection)?;
    let channels = pipeline.channels.len();
    let mut part = Part {
        recording: recording.name.clone(),
        classes: Vec::new(),
        windows: Vec::new(),
        values: Vec::new(),
        ranges: Vec::new(),
        drops: Drops::default(),
    };
    let mut failed = None;
    part.drops = replay(recording, pipeline, &mut |window, rows| {
        if failed.is_some() {
            return;
        }
        let before = part.values.len();
        let computed = compute(window.values, &mut part.values);
        failed = computed.err().or_else(|| progress.check().err().map(TrainError::from));
        let added = (part.values.len() - before) as u64;
        if total.fetch_add(added, Ordering::Relaxed) >= VALUES_MAX {
            failed = Some(TrainError::TooManyValues { limit: VALUES_MAX });
        }
        part.ranges.extend((0..channels).map(|channel| range(window.values, channel, channels)));
        let class = truth.class(&rows);
        part.windows.push(WindowInfo {
            recording: 0,
            index: window.index,
            segment_start_ns: window.segment_start_ns,
            start_ns: window.start_ns,
            end_ns: window.end_ns,
            start_row: rows.start as u64,
            end_row: rows.end as u64,
            class: class.map(|found| intern(&mut part.classes, found.class)),
            whole: class.is_some_and(|found| found.whole),
            value: truth.value(&rows),
        });
    })?;
    failed.map_or(Ok(part), Err)
}

fn intern(classes: &mut Vec<String>, class: &str) -> u32 {
    let known = classes.iter().position(|name| name == class);
    known.unwrap_or_else(|| {
        classes.push(class.to_owned());
        classes.len() - 1
    }) as u32
}

fn range(values: &[f32], channel: usize, channels: usize) -> (f32, f32) {
    let column = values.iter().skip(channel).step_by(channels);
    column.fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), &v| (min.min(v), max.max(v)))
}

fn join(parts: Vec<Part>) -> Extracted {
    let mut joined = Extracted::default();
    let mut classes: BTreeMap<String, u32> = BTreeMap::new();
    for class in parts.iter().flat_map(|part| &part.classes) {
        classes.insert(class.clone(), 0);
    }
    for (number, index) in classes.values_mut().enumerate() {
        *index = number as u32;
    }
    joined.values.reserve_exact(parts.iter().map(|part| part.values.len()).sum());
    for part in parts {
        let recording = joined.recordings.len() as u32;
        joined.recordings.push(part.recording);
        joined.windows.extend(part.windows.into_iter().map(|window| WindowInfo {
            recording,
            class: window.class.map(|class| classes[&part.classes[class as usize]]),
            ..window
        }));
        joined.values.extend_from_slice(&part.values);
        joined.ranges.extend(part.ranges);
        add(&mut joined.drops, &part.drops);
    }
    joined.classes = classes.into_keys().collect();
    joined
}

fn add(sum: &mut Drops, drops: &Drops) {
    sum.wrong_width += drops.wrong_width;
    sum.no_event_time += drops.no_event_time;
    sum.late += drops.late;
    sum.duplicate += drops.duplicate;
    sum.missing_value += drops.missing_value;
    sum.rate += drops.rate;
}

/// The raw values of some windows, by their positions in [`Extracted::windows`], ascending; the
/// recordings that they lie in are replayed once more.
pub(crate) fn raw_windows(
    folder: &DataFolder,
    entries: &[Entry],
    pipeline: &Pipeline,
    extracted: &Extracted,
    wanted: &[usize],
) -> Result<Vec<Vec<f32>>, TrainError> {
    let mut by_recording: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for &position in wanted {
        by_recording.entry(extracted.windows[position].recording).or_default().push(position);
    }
    let parts = by_recording
        .into_par_iter()
        .map(|(recording, positions)| {
            let first = extracted.windows.partition_point(|window| window.recording < recording);
            let mut next = positions.iter().map(|position| position - first).peekable();
            let mut windows = Vec::with_capacity(positions.len());
            let recording = parquet::read(folder, &entries[recording as usize])?;
            let mut number = 0;
            replay(&recording, pipeline, &mut |window, _| {
                if next.peek() == Some(&number) {
                    next.next();
                    windows.push(window.values.to_vec());
                }
                number += 1;
            })?;
            Ok(windows)
        })
        .collect::<Result<Vec<_>, TrainError>>()?;
    Ok(parts.into_iter().flatten().collect())
}

/// Refuses data of which nothing can be learned.
pub(super) fn check_windows(
    task: Task,
    estimator: &str,
    selection: &Selection,
    extracted: &Extracted,
) -> Result<(), TrainError> {
    if extracted.windows.is_empty() {
        let counts = extracted.drops.counts().filter(|(_, count)| *count > 0);
        let counts: Vec<String> =
            counts.map(|(reason, count)| format!("{count} were dropped as {reason}")).collect();
        let drops = match counts.is_empty() {
            true => "none was dropped".to_owned(),
            false => counts.join(", "),
        };
        return Err(TrainError::NoWindows { drops });
    }
    match (task, &selection.target) {
        (Task::Classification, _) if extracted.classes.is_empty() => {
            Err(TrainError::NoClasses { estimator: estimator.to_owned() })
        }
        (Task::Regression, Some(target))
            if !extracted.windows.iter().any(|window| window.value.is_finite()) =>
        {
            Err(TrainError::NoTargetValues { target: target.to_string() })
        }
        _ => Ok(()),
    }
}
