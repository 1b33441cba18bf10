//! The answers of a model, window by window, with the truth beside them: one file of CSV for each
//! evaluation and for each run.
//!
//! The first columns are those of `cirame-edge run`. A file has one line per window, in the order of
//! recordings and time; `read` reads it back.

use std::path::Path;

use learn::metrics::anomaly::is_alarm;
use learn::metrics::classification::largest;
use model_format::id::{Digest, result_id};
use model_format::manifest::Task;
use model_format::payload::time::rfc3339;

use crate::data_folder::{FolderError, write_atomically_with};
use crate::store::Entry;
use crate::training::{Extracted, Part, WindowInfo};

mod read;

pub(crate) use read::{AnsweredWindow, AnswersFile, Asked, ReadError, residual};

/// The name of the device in the ids of results: the same that `cirame-edge run` uses.
const DEVICE: &str = "local";

/// Columns that every file begins with.
const PLACE: [&str; 7] = ["id", "recording", "start", "end", "from_row", "to_row", "index"];

/// The column of the part, last in the files of runs.
const PART: &str = "part";

/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 1 << 18;

/// Answers with what is known of their windows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answers<'a> {
    /// Digest of the artifact that answered.
    pub(crate) artifact_sha256: Digest,
    /// What the model answers.
    pub(crate) task: Task,
    /// The model's classes, by label index.
    pub(crate) classes: &'a [String],
    /// The recordings of `extracted`.
    pub(crate) entries: &'a [Entry],
    /// The windows.
    pub(crate) extracted: &'a Extracted,
    /// The answers of all windows of `extracted`.
    pub(crate) numbers: &'a [f32],
    /// Positions of the windows that are written.
    pub(crate) windows: &'a [usize],
    /// What each window of `extracted` was for; none in an evaluation.
    pub(crate) parts: Option<&'a [Part]>,
    /// The class that is normal, for anomaly detectors.
    pub(crate) normal: Option<&'a str>,
}

impl Answers<'_> {
    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<(), FolderError> {
        write_atomically_with(path, |file| {
            let mut writer =
                csv::WriterBuilder::new().buffer_capacity(BUFFER_BYTES).from_writer(file);
            let header = header(self.task, self.classes, self.parts.is_some());
            writer.write_record(header).map_err(std::io::Error::from)?;
            let mut line = Vec::new();
            for &window in self.windows {
                line.clear();
                self.fill(window, &mut line);
                writer.write_record(&line).map_err(std::io::Error::from)?;
            }
            writer.flush()
        })
    }

    fn fill(&self, position: usize, line: &mut Vec<String>) {
        let window = &self.extracted.windows[position];
        let entry = &self.entries[window.recording as usize];
        let recording = &self.extracted.recordings[window.recording as usize];
        let time = |time_ns: i64| match entry.info.absolute_time {
            true => rfc3339(time_ns),
            false => format!("{}", time_ns as f64 / 1e9),
        };
        let WindowInfo { segment_start_ns, index, .. } = *window;
        let id = result_id(DEVICE, &self.artifact_sha256, recording, segment_start_ns, index);
        line.extend([
            id.to_string(),
            recording.clone(),
            time(window.start_ns),
            time(window.end_ns),
            window.start_row.to_string(),
            window.end_row.to_string(),
            index.to_string(),
        ]);
        let width = self.classes.len().max(1);
        self.answer(window, &self.numbers[position * width..(position + 1) * width], line);
        line.push(entry.recording_id.to_string());
        line.extend(self.parts.map(|parts| parts[position].name().to_owned()));
    }

    fn answer(&self, window: &WindowInfo, numbers: &[f32], line: &mut Vec<String>) {
        let class = window.class.map(|class| &self.extracted.classes[class as usize]);
        match self.task {
            Task::Classification => {
                line.push(self.classes[largest(numbers)].clone());
                line.extend(numbers.iter().map(f32::to_string));
                line.push(class.cloned().unwrap_or_default());
            }
            Task::Regression => {
                line.push(numbers[0].to_string());
                let truth = Some(window.value).filter(|value| value.is_finite());
                line.push(truth.map(|value| value.to_string()).unwrap_or_default());
            }
            Task::Anomaly => {
                line.push(numbers[0].to_string());
                line.push(is_alarm(numbers[0]).to_string());
                let truth = class.zip(self.normal).map(|(class, normal)| class != normal);
                line.push(truth.map(|anomaly| anomaly.to_string()).unwrap_or_default());
            }
        }
    }
}

/// The columns of a file.
fn header(task: Task, classes: &[String], parts: bool) -> Vec<String> {
    let mut header: Vec<String> = PLACE.map(str::to_owned).to_vec();
    match task {
        Task::Classification => {
            header.push("class".to_owned());
            header.extend(classes.iter().map(|class| format!("probability_{class}")));
            header.push("true_class".to_owned());
        }
        Task::Regression => header.extend(["value", "true_value"].map(str::to_owned)),
        Task::Anomaly => header.extend(["score", "anomaly", "true_anomaly"].map(str::to_owned)),
    }
    header.push("recording_id".to_owned());
    header.extend(parts.then(|| PART.to_owned()));
    header
}
