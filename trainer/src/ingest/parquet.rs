//! Recordings as Parquet files: one column of times, one column per channel.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use model_format::id::Digest;
use polars::prelude::{
    BatchedWriter, Column, DataFrame, DataType, Field, IntoColumn as _, NamedFrom as _,
    ParquetReader, ParquetWriter, PolarsError, Schema, SerReader as _, Series,
};

use super::blocks::{self, Blocks};
use crate::data_folder::{DataFolder, FolderError, Writing, io_error};
use crate::recording::{RecordedChannel, Recording};
use crate::store::Entry;

/// Rows of a row group. A part of a recording is read by whole groups, so they are small.
pub(super) const GROUP_ROWS: usize = 1 << 16;

/// The column of times. Channels are numbered, since any name is allowed for a channel.
const TIME_COLUMN: &str = "time_ns";

/// Why a recording cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ParquetError {
    /// The data folder refused.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The file cannot be read.
    #[error("recording {recording:?}: {}: {reason}", path.display())]
    Read {
        /// Name of the recording.
        recording: String,
        /// The file.
        path: PathBuf,
        /// What was wrong.
        reason: String,
    },
}

/// Writes a recording's samples into the data folder, unless they lie there already.
pub(crate) fn write(folder: &DataFolder, recording: &Recording) -> Result<(), ParquetError> {
    let content = recording.content();
    if folder.recording_path(content).exists() {
        return Ok(());
    }
    let values: Vec<&[f32]> = recording.channels.iter().map(|c| c.values.as_slice()).collect();
    let mut writer = RecordingWriter::begin(folder, values.len())?;
    let rows = recording.rows();
    for from in (0..rows).step_by(GROUP_ROWS) {
        let to = (from + GROUP_ROWS).min(rows);
        let part: Vec<&[f32]> = values.iter().map(|values| &values[from..to]).collect();
        writer.add(&recording.time_ns[from..to], &part)?;
    }
    writer.finish(content)
}

/// The file of a recording, written group by group.
pub(super) struct RecordingWriter<'a> {
    folder: &'a DataFolder,
    writing: Writing,
    writer: BatchedWriter<Noting>,
    noted: Noted,
    blocks: Blocks,
    rows: u64,
}

/// The first failure of a file: polars tells it as text, and a full disk must be told from others.
type Noted = Arc<Mutex<Option<io::Error>>>;

struct Noting {
    file: File,
    failed: Noted,
}

impl Noting {
    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let (kind, text) = (error.kind(), error.to_string());
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            io::Error::new(kind, text)
        })
    }
}

impl io::Write for Noting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.flush();
        self.note(flushed)
    }
}

impl<'a> RecordingWriter<'a> {
    /// Begins a file of so many channels.
    pub(super) fn begin(folder: &'a DataFolder, channels: usize) -> Result<Self, ParquetError> {
        let datasets = folder.recordings_path();
        let writing = Writing::begin(&datasets)?;
        let failed = Noted::default();
        let file = writing.file().map_err(io_error(&datasets))?;
        let noting = Noting { file, failed: failed.clone() };
        let times = std::iter::once((TIME_COLUMN.into(), DataType::Int64));
        let names = (0..channels).map(|number| (channel_column(number).into(), DataType::Float32));
        let schema: Schema =
            times.chain(names).map(|(name, kind)| Field::new(name, kind)).collect();
        let writer = ParquetWriter::new(noting).batched(&schema);
        let writer = writer.map_err(|error| io_error(&datasets)(io::Error::other(error)))?;
        let blocks = Blocks::new(channels);
        Ok(RecordingWriter { folder, writing, writer, noted: failed, blocks, rows: 0 })
    }

    /// Adds a group of rows; all but the last one are whole blocks.
    pub(super) fn add(&mut self, time_ns: &[i64], values: &[&[f32]]) -> Result<(), ParquetError> {
        if time_ns.is_empty() {
            return Ok(());
        }
        self.blocks.append(time_ns, values.iter().copied());
        self.rows += time_ns.len() as u64;
        let mut columns = vec![Series::new(TIME_COLUMN.into(), time_ns).into_column()];
        for (number, values) in values.iter().enumerate() {
            columns.push(Series::new(channel_column(number).into(), *values).into_column());
        }
        let frame = DataFrame::new(time_ns.len(), columns);
        let written = frame.and_then(|frame| self.writer.write_batch(&frame));
        written.map_err(|error| self.failed(error))
    }

    /// Puts the file to its place, with the blocks of a long recording.
    pub(super) fn finish(self, content: Digest) -> Result<(), ParquetError> {
        let finished = self.writer.finish();
        finished.map_err(|error| self.failed(error))?;
        let RecordingWriter { folder, writing, blocks, rows, .. } = self;
        let path = folder.recording_path(content);
        if path.exists() {
            return Ok(());
        }
        folder.expect_recording(content)?;
        writing.finish(&path)?;
        blocks::write(folder, &blocks, rows, content)
    }

    fn failed(&self, error: PolarsError) -> ParquetError {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner).take();
        let source = noted.unwrap_or_else(|| io::Error::other(error));
        ParquetError::Folder(io_error(&self.folder.recordings_path())(source))
    }
}

/// Reads what a dataset version lists, and checks that it is what the digest says.
pub(crate) fn read(folder: &DataFolder, entry: &Entry) -> Result<Recording, ParquetError> {
    let path = folder.recording_path(entry.info.content);
    let damaged = |reason: String| ParquetError::Read {
        recording: entry.info.name.clone(),
        path: path.clone(),
        reason,
    };
    let file = File::open(&path).map_err(|error| damaged(error.to_string()))?;
    let frame = ParquetReader::new(file).finish().map_err(|error| damaged(error.to_string()))?;
    let column = |name: &str| frame.column(name).map_err(|error| damaged(error.to_string()));
    let time_ns = integers(column(TIME_COLUMN)?).map_err(|error| damaged(error.to_string()))?;
    let mut channels = Vec::with_capacity(entry.info.channels.len());
    for (number, info) in entry.info.channels.iter().enumerate() {
        let values =
            floats(column(&channel_column(number))?).map_err(|error| damaged(error.to_string()))?;
        channels.push(RecordedChannel {
            name: info.name.clone(),
            unit: info.unit.clone(),
            role: info.role,
            values,
        });
    }
    let recording = Recording {
        name: entry.info.name.clone(),
        channels,
        time_ns,
        absolute_time: entry.info.absolute_time,
        rate_hz: entry.info.rate_hz,
        labels: entry.annotation.labels.clone(),
        label_sets: entry.annotation.label_sets.clone(),
        tags: entry.annotation.tags.clone(),
    };
    if recording.content() != entry.info.content {
        let advice = "its content is not what its name says: the file is damaged, import it again";
        return Err(damaged(advice.to_owned()));
    }
    Ok(recording)
}

/// Reads some rows of some channels, for looking at: the digest is not checked.
pub(crate) fn read_part(
    folder: &DataFolder,
    entry: &Entry,
    rows: std::ops::Range<u64>,
    channels: &[usize],
) -> Result<Recording, ParquetError> {
    let path = folder.recording_path(entry.info.content);
    let damaged = |reason: String| ParquetError::Read {
        recording: entry.info.name.clone(),
        path: path.clone(),
        reason,
    };
    let file = File::open(&path).map_err(|error| damaged(error.to_string()))?;
    let columns = std::iter::once(TIME_COLUMN.to_owned());
    let columns = columns.chain(channels.iter().map(|&number| channel_column(number)));
    let frame = ParquetReader::new(file)
        .with_columns(Some(columns.collect()))
        .with_slice(Some((rows.start as usize, (rows.end - rows.start) as usize)))
        .finish()
        .map_err(|error| damaged(error.to_string()))?;
    let column = |name: &str| frame.column(name).map_err(|error| damaged(error.to_string()));
    let time_ns = integers(column(TIME_COLUMN)?).map_err(|error| damaged(error.to_string()))?;
    let read = |&number: &usize| {
        let info = &entry.info.channels[number];
        let values = floats(column(&channel_column(number))?);
        Ok(RecordedChannel {
            name: info.name.clone(),
            unit: info.unit.clone(),
            role: info.role,
            values: values.map_err(|error| damaged(error.to_string()))?,
        })
    };
    Ok(Recording {
        name: entry.info.name.clone(),
        channels: channels.iter().map(read).collect::<Result<_, ParquetError>>()?,
        time_ns,
        absolute_time: entry.info.absolute_time,
        rate_hz: entry.info.rate_hz,
        labels: Vec::new(),
        label_sets: std::collections::BTreeMap::new(),
        tags: std::collections::BTreeMap::new(),
    })
}

fn channel_column(number: usize) -> String {
    format!("channel_{number}")
}

fn integers(column: &Column) -> Result<Vec<i64>, PolarsError> {
    Ok(column.i64()?.into_no_null_iter().collect())
}

fn floats(column: &Column) -> Result<Vec<f32>, PolarsError> {
    Ok(column.f32()?.into_no_null_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::recording::{LabelSpan, Role};
    use crate::store::OwnerId;

    fn recording() -> Recording {
        Recording {
            name: "a/b.csv".to_owned(),
            channels: vec![RecordedChannel {
                name: "time_ns".to_owned(),
                unit: Some("g".to_owned()),
                role: Role::Input,
                values: vec![1.0, f32::NAN, -0.0],
            }],
            time_ns: vec![0, 10, 20],
            absolute_time: false,
            rate_hz: Some(1e8),
            labels: vec![LabelSpan { from_row: 0, to_row: 3, class: "idle".to_owned() }],
            label_sets: BTreeMap::new(),
            tags: BTreeMap::from([("partition".to_owned(), "testing".to_owned())]),
        }
    }

    #[test]
    fn a_recording_comes_back_as_it_was_written() {
        let path = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(path.path()).unwrap();
        let recording = recording();
        write(&folder, &recording).unwrap();
        write(&folder, &recording).unwrap();
        let version =
            folder.store().add_to_dataset(OwnerId::LOCAL, "d", &[recording.entry()]).unwrap();
        let read = read(&folder, &version.entries[0]).unwrap();
        assert_eq!(read.content(), recording.content());
        assert_eq!((read.labels, read.tags), (recording.labels, recording.tags));
        assert_eq!(version.entries[0].partition.as_deref(), Some("testing"));
    }

    #[test]
    fn a_damaged_recording_is_refused_by_name() {
        let path = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(path.path()).unwrap();
        let (mut recording, mut other) = (recording(), recording());
        write(&folder, &recording).unwrap();
        other.channels[0].values[0] = 2.0;
        write(&folder, &other).unwrap();
        std::fs::copy(
            folder.recording_path(other.content()),
            folder.recording_path(recording.content()),
        )
        .unwrap();
        recording.name = "the one".to_owned();
        let version =
            folder.store().add_to_dataset(OwnerId::LOCAL, "d", &[recording.entry()]).unwrap();
        let refused = read(&folder, &version.entries[0]).unwrap_err().to_string();
        assert!(refused.contains("the one") && refused.contains("damaged"), "{refused}");
    }

    #[test]
    fn adding_the_same_again_makes_no_version_and_a_new_label_makes_one() {
        let path = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(path.path()).unwrap();
        let mut recording = recording();
        let first =
            folder.store().add_to_dataset(OwnerId::LOCAL, "d", &[recording.entry()]).unwrap();
        let again =
            folder.store().add_to_dataset(OwnerId::LOCAL, "d", &[recording.entry()]).unwrap();
        assert_eq!((first.number, again.number), (1, 1));
        recording.labels.clear();
        let second =
            folder.store().add_to_dataset(OwnerId::LOCAL, "d", &[recording.entry()]).unwrap();
        assert_eq!((second.number, second.entries.len()), (2, 1));
        let kept = folder.store().dataset_version(OwnerId::LOCAL, "d", Some(1)).unwrap();
        assert_eq!((kept.digest, kept.entries[0].annotation.labels.len()), (first.digest, 1));
    }
}
