//! Rows on their way from a reader into a recording: counted for the report, handed on in groups, so
//! that a file of any length takes the memory of one group.

use std::collections::BTreeMap;

use super::blocks::BLOCK_ROWS;
use super::parquet::{GROUP_ROWS, ParquetError, RecordingWriter};
use super::report::{ChannelCount, Findings, RecordingReport};
use super::timing::TimingCount;
use super::{Destination, ImportedRecording};
use crate::recording::{ContentDigest, LabelSpan, RecordedChannel, Recording};
use crate::store::{Annotation, ChannelInfo, NewEntry, RecordingInfo};

/// Most values of a group of rows.
const GROUP_VALUES_MAX: usize = 1 << 22;

/// One recording on its way in.
pub(crate) struct Intake<'a> {
    destination: Destination<'a>,
    channels: Vec<ChannelInfo>,
    /// The rows since the last group, or all.
    time_ns: Vec<i64>,
    values: Vec<Vec<f32>>,
    /// Rows that were handed on.
    handed_on: u64,
    group_rows: usize,
    content: ContentDigest,
    timing: TimingCount,
    counts: Vec<ChannelCount>,
    start_ns: Option<i64>,
    end_ns: Option<i64>,
    writer: Option<RecordingWriter<'a>>,
}

/// What a recording is beside its rows.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    pub(crate) name: String,
    pub(crate) absolute_time: bool,
    pub(crate) rate_hz: Option<f64>,
    pub(crate) labels: Vec<LabelSpan>,
    pub(crate) tags: BTreeMap<String, String>,
    /// True where the rows' times come from the file.
    pub(crate) has_times: bool,
    pub(crate) left_out: Vec<String>,
    pub(crate) notes: Vec<String>,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(destination: Destination<'a>, channels: Vec<ChannelInfo>) -> Self {
        let width = channels.len();
        let group_rows = (GROUP_VALUES_MAX / (width + 2)).clamp(BLOCK_ROWS as usize, GROUP_ROWS);
        Intake {
            destination,
            time_ns: Vec::new(),
            values: vec![Vec::new(); width],
            handed_on: 0,
            group_rows: group_rows / BLOCK_ROWS as usize * BLOCK_ROWS as usize,
            content: ContentDigest::new(width),
            timing: TimingCount::default(),
            counts: vec![ChannelCount::default(); width],
            start_ns: None,
            end_ns: None,
            writer: None,
            channels,
        }
    }

    /// Rows up to now.
    pub(crate) fn rows(&self) -> u64 {
        self.handed_on + self.time_ns.len() as u64
    }

    /// Values that wait in memory to be handed on.
    pub(crate) fn waiting_values(&self) -> usize {
        self.time_ns.len() * (self.values.len() + 2)
    }

    /// True once it has a file that it writes to.
    pub(crate) fn is_being_written(&self) -> bool {
        self.writer.is_some()
    }

    /// Adds a row: its time, and a value of each channel.
    pub(crate) fn push<E: From<ParquetError>>(
        &mut self,
        time_ns: i64,
        mut value: impl FnMut(usize) -> Result<f32, E>,
    ) -> Result<(), E> {
        self.time_ns.push(time_ns);
        for (channel, values) in self.values.iter_mut().enumerate() {
            values.push(value(channel)?);
        }
        if self.time_ns.len() >= self.group_rows
            && matches!(self.destination, Destination::Folder(_))
        {
            self.hand_on(self.time_ns.len())?;
        }
        Ok(())
    }

    /// Hands on what waits, as far as it is whole blocks.
    pub(crate) fn relieve(&mut self) -> Result<(), ParquetError> {
        let blocks = self.time_ns.len() / BLOCK_ROWS as usize;
        self.hand_on(blocks * BLOCK_ROWS as usize)
    }

    fn hand_on(&mut self, rows: usize) -> Result<(), ParquetError> {
        let Destination::Folder(folder) = self.destination else { return Ok(()) };
        if rows == 0 {
            return Ok(());
        }
        self.count(rows);
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(RecordingWriter::begin(folder, self.channels.len())?),
        };
        let values: Vec<&[f32]> = self.values.iter().map(|values| &values[..rows]).collect();
        writer.add(&self.time_ns[..rows], &values)?;
        self.handed_on += rows as u64;
        self.time_ns.drain(..rows);
        for values in &mut self.values {
            values.drain(..rows);
        }
        Ok(())
    }

    fn count(&mut self, rows: usize) {
        let times = &self.time_ns[..rows];
        self.start_ns = self.start_ns.or(times.first().copied());
        self.end_ns = times.last().copied().or(self.end_ns);
        self.timing.add(times);
        self.content.add(times, self.values.iter().map(|values| &values[..rows]));
        for (count, values) in self.counts.iter_mut().zip(&self.values) {
            count.add(&values[..rows]);
        }
    }

    /// What the times up to now say, for a rate.
    pub(crate) fn rate_hz(&self) -> Option<f64> {
        let mut timing = self.timing.clone();
        timing.add(&self.time_ns);
        timing.finish().rate_hz
    }

    /// Time of the first row.
    pub(crate) fn start_ns(&self) -> Option<i64> {
        self.start_ns.or(self.time_ns.first().copied())
    }

    /// Ends the recording, and puts its file to its place.
    pub(crate) fn finish(mut self, whole: Whole) -> Result<ImportedRecording, ParquetError> {
        let rows = self.rows();
        let waiting = self.time_ns.len();
        match self.destination {
            Destination::Folder(_) => self.hand_on(waiting)?,
            Destination::Memory => self.count(waiting),
        }
        let content = self.content.finish(whole.absolute_time, whole.rate_hz, &self.channels);
        if let Destination::Folder(folder) = self.destination {
            let writer = match self.writer.take() {
                Some(writer) => writer,
                None => RecordingWriter::begin(folder, self.channels.len())?,
            };
            writer.finish(content)?;
        }
        let samples = matches!(self.destination, Destination::Memory).then(|| Recording {
            name: whole.name.clone(),
            channels: self
                .channels
                .iter()
                .zip(std::mem::take(&mut self.values))
                .map(|(channel, values)| RecordedChannel {
                    name: channel.name.clone(),
                    unit: channel.unit.clone(),
                    role: channel.role,
                    values,
                })
                .collect(),
            time_ns: std::mem::take(&mut self.time_ns),
            absolute_time: whole.absolute_time,
            rate_hz: whole.rate_hz,
            labels: whole.labels.clone(),
            label_sets: BTreeMap::new(),
            tags: whole.tags.clone(),
        });
        let info = RecordingInfo {
            name: whole.name,
            content,
            rows,
            rate_hz: whole.rate_hz,
            absolute_time: whole.absolute_time,
            channels: self.channels,
        };
        let (labels, tags) = (whole.labels, whole.tags);
        let annotation = Annotation { labels, label_sets: BTreeMap::new(), tags };
        let entry = NewEntry { info, annotation, lineage: None };
        let findings = Findings {
            timing: whole.has_times.then(|| self.timing.finish()),
            start_ns: self.start_ns,
            end_ns: self.end_ns,
            channels: self.counts,
            left_out: whole.left_out,
            notes: whole.notes,
        };
        let report = RecordingReport::new(&entry, findings);
        Ok(ImportedRecording { entry, report, samples })
    }
}
