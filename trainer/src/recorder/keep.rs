//! From a journal to recordings: read once for what there is, once more into files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use model_format::pipeline::machine::Machine;
use model_format::pipeline::{
    CHANNELS_MAX, Channel, Gap, Mismatch, Pipeline, Rate, TimeSource, Window,
};
use model_format::signal::stream::{Sample, Stream};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::journal::{Entry, Head, JournalReader};
use super::streams::{Row, StreamFacts, StreamPart, Streams};
use super::{Plan, RecordError};
use crate::ingest::parquet::ParquetError;
use crate::ingest::{Destination, Intake, RecordingReport, Whole};
use crate::recording::{LabelSpan, Role};
use crate::store::{ChannelInfo, OwnerId};
use crate::training::Work;

/// How far a stream's rate may be from the one that is asked for before it is resampled.
const RATE_TOLERANCE: f64 = 0.001;

/// Most values that wait in memory, of all recordings together.
const WAITING_VALUES_MAX: usize = 1 << 23;

/// Rows between two looks at what waits.
const LOOK_EVERY_ROWS: u64 = 1 << 14;

/// Entries between two looks at whether it shall end.
const CHECK_EVERY: u64 = 1 << 10;

/// What came of a journal.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Kept {
    /// Name of the dataset.
    pub(crate) dataset: String,
    /// Number of its newest version; none where no row had come.
    pub(crate) version: Option<u32>,
    /// The recordings, and what was found in them.
    pub(crate) recordings: Vec<RecordingReport>,
}

/// Reads a journal into a dataset, as a new version of it, and removes the journal. Where it is read
/// twice, nothing changes.
///
/// # Errors
/// The journal stays where it is.
pub(crate) fn keep(work: Work<'_>, path: &Path) -> Result<Kept, RecordError> {
    let _files = work.folder.use_files();
    let (head, _) = JournalReader::open(path)?;
    let plan = plan(&head, path)?;
    let mut counting = Streams::new(Arc::clone(&plan));
    work.progress.stage("look through", 0);
    replay(work, path, &mut counting, &mut |_| Ok(()))?;
    let mut writing: Vec<Writing<'_>> = Vec::with_capacity(counting.parts().len());
    for part in counting.parts() {
        writing.push(Writing::new(work, &plan, part, counting.facts(&part.stream)));
    }
    let mut streams = Streams::new(Arc::clone(&plan));
    let mut rows: u64 = 0;
    work.progress.stage("write", 0);
    replay(work, path, &mut streams, &mut |row| {
        rows += 1;
        if rows.is_multiple_of(LOOK_EVERY_ROWS) {
            relieve(&mut writing)?;
        }
        writing[row.recording].row(row)
    })?;
    let mut entries = Vec::new();
    let mut recordings = Vec::new();
    for one in writing {
        let Some((entry, report)) = one.finish(&head, &plan)? else { continue };
        entries.push(entry);
        recordings.push(report);
    }
    let store = work.folder.store();
    let version = match entries.is_empty() {
        true => None,
        false => Some(store.add_to_dataset(head.owner, &head.dataset, &entries)?.number),
    };
    let removed = fs::remove_file(path);
    removed.map_err(crate::data_folder::io_error(path))?;
    Ok(Kept { dataset: head.dataset, version, recordings })
}

/// Who has recorded a journal, and for which dataset.
///
/// # Errors
/// Where it has no whole head: then nothing had been recorded.
pub(super) fn head(path: &Path) -> Result<(OwnerId, String, i64), RecordError> {
    let (head, _) = JournalReader::open(path)?;
    Ok((head.owner, head.dataset, head.began_ms))
}

fn plan(head: &Head, path: &Path) -> Result<Arc<Plan>, RecordError> {
    let plan = head.settings.check().map_err(|error| RecordError::Journal {
        path: path.display().to_string(),
        reason: error.to_string(),
    });
    Ok(Arc::new(plan?))
}

/// Gives every entry of the journal to the streams.
fn replay(
    work: Work<'_>,
    path: &Path,
    streams: &mut Streams,
    each: &mut dyn FnMut(Row<'_>) -> Result<(), ParquetError>,
) -> Result<(), RecordError> {
    let (_, mut reader) = JournalReader::open(path)?;
    let mut failed = None;
    let mut entries: u64 = 0;
    let mut sink = |row: Row<'_>| {
        if failed.is_none() {
            failed = each(row).err();
        }
    };
    while let Some(entry) = reader.next()? {
        match entry {
            Entry::Message { arrival_ns, topic, payload } => {
                // Nobody is asked for births of what was published long ago.
                let _ = streams.message(arrival_ns, topic, payload, &mut sink);
            }
            Entry::Label(class) => {
                streams.label(class);
            }
            Entry::Lost => streams.lose_connection(),
        }
        entries += 1;
        if entries.is_multiple_of(CHECK_EVERY) {
            work.progress.check()?;
            let (read, length) = reader.place();
            work.progress.reach(read, length);
        }
    }
    streams.finish(&mut sink);
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// Hands on what waits where it is much.
fn relieve(writing: &mut [Writing<'_>]) -> Result<(), ParquetError> {
    let waiting: usize = writing.iter().map(|one| one.intake.waiting_values()).sum();
    if waiting > WAITING_VALUES_MAX {
        let mean = waiting / writing.len().max(1);
        for one in writing.iter_mut().filter(|one| one.intake.waiting_values() >= mean) {
            one.intake.relieve()?;
        }
    }
    Ok(())
}

/// One recording that is being written.
struct Writing<'a> {
    intake: Intake<'a>,
    part: StreamPart,
    facts: StreamFacts,
    labels: Vec<LabelSpan>,
    resampled: Option<Resampled>,
    notes: Vec<String>,
}

/// Rows on their way to another rate. Their classes follow by time.
struct Resampled {
    stream: Stream,
    /// Classes by the time of the first row that has them.
    classes: Vec<(i64, Option<Arc<str>>)>,
    place: usize,
}

impl<'a> Writing<'a> {
    fn new(work: Work<'a>, plan: &Plan, part: &StreamPart, facts: StreamFacts) -> Self {
        let channels = facts.channels.iter().map(|(name, unit)| ChannelInfo {
            name: name.clone(),
            unit: unit.clone(),
            role: Role::Input,
        });
        let intake = Intake::new(Destination::Folder(work.folder), channels.collect());
        let mut notes = Vec::new();
        let resampled = plan.rate_hz.and_then(|hz| match resampler(&facts, part, hz) {
            Ok(stream) => Some(Resampled { stream, classes: Vec::new(), place: 0 }),
            Err(reason) => {
                notes.push(format!("not resampled to {hz} Hz: {reason}"));
                None
            }
        });
        Writing { intake, part: part.clone(), facts, labels: Vec::new(), resampled, notes }
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), ParquetError> {
        let Writing { intake, labels, resampled, facts, .. } = self;
        let Some(Resampled { stream, classes, place }) = resampled else {
            return add(intake, labels, (row.time_ns, row.values), row.class);
        };
        if classes.last().is_none_or(|(_, class)| class.as_ref() != row.class) {
            classes.push((row.time_ns, row.class.cloned()));
        }
        // Rows at the beginning may not have had all channels yet: then the stream says so.
        let mut values = row.values.to_vec();
        values.resize(facts.channels.len(), f32::NAN);
        let sample =
            Sample { event_ns: Some(row.time_ns), arrival_ns: row.time_ns, values: &values };
        let mut added = Ok(());
        stream.push(sample, &mut |window| {
            let class = class_at(classes, place, window.start_ns);
            if added.is_ok() {
                added = add(intake, labels, (window.start_ns, window.values), class);
            }
        });
        added
    }

    /// Ends the recording; none where it has no rows.
    fn finish(
        mut self,
        head: &Head,
        plan: &Plan,
    ) -> Result<Option<(crate::store::NewEntry, RecordingReport)>, ParquetError> {
        let mut added = Ok(());
        if let Some(Resampled { stream, classes, place }) = &mut self.resampled {
            let (intake, labels) = (&mut self.intake, &mut self.labels);
            stream.finish(&mut |window| {
                let class = class_at(classes, place, window.start_ns);
                if added.is_ok() {
                    added = add(intake, labels, (window.start_ns, window.values), class);
                }
            });
        }
        added?;
        let mut left_out = Vec::new();
        if let Some(Resampled { stream, .. }) = &self.resampled {
            let drops = stream.drops().counts().filter(|(_, count)| *count > 0);
            left_out.extend(drops.map(|(reason, count)| format!("{count} rows: {reason}")));
            let resampled_hz = plan.rate_hz.unwrap_or_default();
            let measured = stream.measured_hz().map(|hz| format!(" from {hz:.6} Hz"));
            let measured = measured.unwrap_or_default();
            self.notes.push(format!("resampled to {resampled_hz} Hz{measured}, anti-aliased"));
        }
        if self.facts.is_by_arrival {
            self.notes
                .push("samples carry no time: the rows have that of their arrival".to_owned());
        }
        if self.intake.rows() == 0 {
            return Ok(None);
        }
        let whole = Whole {
            name: name(head, &self.part),
            absolute_time: self.facts.is_absolute,
            rate_hz: match &self.resampled {
                Some(_) => plan.rate_hz,
                None => self.intake.rate_hz(),
            },
            labels: self.labels,
            tags: plan.tags.clone(),
            has_times: true,
            left_out,
            notes: self.notes,
        };
        let kept = self.intake.finish(whole)?;
        Ok(Some((kept.entry, kept.report)))
    }
}

/// `2026-11-28T09-30-00.123Z/3.pump`, and `.2` where the stream's clock was set back.
fn name(head: &Head, part: &StreamPart) -> String {
    let time = jiff::Timestamp::from_millisecond(head.began_ms).unwrap_or_default();
    let time = time.strftime("%Y-%m-%dT%H-%M-%S%.3fZ");
    match part.number {
        1 => format!("{time}/{}", part.stream),
        number => format!("{time}/{}.{number}", part.stream),
    }
}

/// The class of the rows from a time on; times only rise.
fn class_at<'c>(
    classes: &'c [(i64, Option<Arc<str>>)],
    place: &mut usize,
    time_ns: i64,
) -> Option<&'c Arc<str>> {
    while classes.get(*place + 1).is_some_and(|(from_ns, _)| *from_ns <= time_ns) {
        *place += 1;
    }
    classes.get(*place)?.1.as_ref()
}

fn add(
    intake: &mut Intake<'_>,
    labels: &mut Vec<LabelSpan>,
    (time_ns, values): (i64, &[f32]),
    class: Option<&Arc<str>>,
) -> Result<(), ParquetError> {
    let row = intake.rows();
    if let Some(class) = class {
        match labels.last_mut().filter(|span| span.to_row == row && span.class == **class) {
            Some(span) => span.to_row = row + 1,
            None => {
                labels.push(LabelSpan { from_row: row, to_row: row + 1, class: class.to_string() })
            }
        }
    }
    intake.push(time_ns, |channel| Ok(values.get(channel).copied().unwrap_or(f32::NAN)))
}

/// What brings rows to another rate: the stream of a device, with windows of one row.
fn resampler(facts: &StreamFacts, part: &StreamPart, hz: f64) -> Result<Stream, String> {
    let count = facts.channels.len();
    if !part.is_complete {
        return Err("its channels come at different times: bring them together first".to_owned());
    }
    if count > CHANNELS_MAX {
        return Err(format!("it has {count} channels, and {CHANNELS_MAX} is the most"));
    }
    let channels = facts.channels.iter().map(|(name, _)| Channel {
        name: name.clone(),
        unit: None,
        align: None,
    });
    let pipeline = Pipeline {
        channels: channels.collect(),
        time: TimeSource::Event,
        lateness_ms: 0,
        rate: Rate::Fixed { hz, tolerance: RATE_TOLERANCE, mismatch: Mismatch::Resample },
        gap: Gap::default(),
        window: Window { length_samples: 1, stride_samples: 1 },
        machine: Machine::default(),
        features: Vec::new(),
    };
    Stream::new(&pipeline).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
