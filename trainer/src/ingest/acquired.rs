//! Recordings of files that say themselves what is in them: the label from `info.labels`, from the
//! file, from its name; the partition from `info.labels` or the folder.

use std::collections::BTreeMap;

use model_format::payload::time::row_time_ns;

use super::files::PlannedFile;
use super::info_labels::{FileLabels, PARTITION, partition_by_folder};
use super::intake::{Intake, Whole};
use super::{ImportError, ImportOptions, ImportedRecording, RateOption, Reading, labels};
use crate::recording::{LabelSpan, Role};
use crate::store::ChannelInfo;

/// One recording as its file has it.
pub(super) struct Acquired {
    /// What stands behind the file's name; empty where the file holds one recording.
    pub(super) suffix: String,
    /// Names and units.
    pub(super) channels: Vec<(String, Option<String>)>,
    pub(super) rate_hz: Option<f64>,
    /// The class that the file itself names.
    pub(super) label: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) left_out: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Whether the name of a file is the label where nothing else says it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NameIsLabel {
    Yes,
    No,
}

/// Options that say something about a table do not fit a file that says it itself.
pub(super) fn check_options(
    file: &PlannedFile,
    options: &ImportOptions,
    has_rate: bool,
) -> Result<(), ImportError> {
    let title = file.format.title();
    if let Some((column, option)) = options.named_columns().next() {
        let found = format!("{option} names the column `{column}`, but this is {title}");
        return Err(file.undecided(found, format!("leave {option} out, or import it apart")));
    }
    if let (true, Some(RateOption::Hz(_) | RateOption::None)) = (has_rate, options.rate) {
        let found = format!("--rate-hz is given, but {title} has its interval in the file");
        return Err(file.undecided(found, "leave --rate-hz out, or import it apart"));
    }
    Ok(())
}

/// The classes that `info.labels` or the name gives a file, as far as they are known without reading
/// it.
pub(super) fn classes(file: &PlannedFile, name: NameIsLabel) -> Result<Vec<String>, ImportError> {
    match FileLabels::find(file)? {
        Some(labels) => Ok(labels.classes()),
        None if name == NameIsLabel::Yes => Ok(vec![labels::before_dot(&file.path).to_owned()]),
        None => Ok(Vec::new()),
    }
}

impl Acquired {
    /// The place that rows are pushed to.
    pub(super) fn intake<'a>(
        &self,
        file: &PlannedFile,
        options: &ImportOptions,
        reading: &Reading<'a>,
    ) -> Result<Intake<'a>, ImportError> {
        file.check_units(options, self.channels.iter().map(|(name, _)| name.as_str()))?;
        let channel = |(name, unit): &(String, Option<String>)| ChannelInfo {
            name: name.clone(),
            unit: options.units.get(name).or(unit.as_ref()).cloned(),
            role: Role::Input,
        };
        Ok(Intake::new(reading.destination, self.channels.iter().map(channel).collect()))
    }

    /// The recording of rows that lie at its rate.
    pub(super) fn at_rate(
        self,
        file: &PlannedFile,
        options: &ImportOptions,
        reading: &Reading<'_>,
        rows: usize,
        value: impl Fn(usize, usize) -> f32,
        name: NameIsLabel,
    ) -> Result<ImportedRecording, ImportError> {
        let mut intake = self.intake(file, options, reading)?;
        for row in 0..rows {
            let time_ns = row_time_ns(row as u64, self.rate_hz);
            intake.push(time_ns, |channel| Ok::<_, ImportError>(value(row, channel)))?;
        }
        self.finish(file, options, intake, false, false, name)
    }

    /// Ends the recording with its labels and tags.
    pub(super) fn finish(
        self,
        file: &PlannedFile,
        options: &ImportOptions,
        intake: Intake<'_>,
        has_times: bool,
        absolute_time: bool,
        name: NameIsLabel,
    ) -> Result<ImportedRecording, ImportError> {
        let mut facts = labels::facts(file, options)?;
        let (spans, category) = self.labels(file, options, intake.rows(), name)?;
        let spans = spans.unwrap_or_else(|| labels::whole(facts.class.as_deref(), intake.rows()));
        if let Some(partition) = partition_by_folder(file).or(category) {
            facts.tags.entry(PARTITION.to_owned()).or_insert(partition);
        }
        for (name, value) in self.tags {
            facts.tags.entry(name).or_insert(value);
        }
        Ok(intake.finish(Whole {
            name: format!("{}{}", file.name, self.suffix),
            absolute_time,
            rate_hz: self.rate_hz,
            labels: spans,
            tags: facts.tags,
            has_times,
            left_out: self.left_out,
            notes: self.notes,
        })?)
    }

    /// Labels, and the category of `info.labels`; none where the options say the label.
    fn labels(
        &self,
        file: &PlannedFile,
        options: &ImportOptions,
        rows: u64,
        name: NameIsLabel,
    ) -> Result<(Option<Vec<LabelSpan>>, Option<String>), ImportError> {
        if options.label_from.is_some() {
            return Ok((None, None));
        }
        if let Some(found) = FileLabels::find(file)? {
            return Ok((Some(found.spans(file, rows)?), found.partition()));
        }
        let class = match (&self.label, name) {
            (Some(label), _) => label.as_str(),
            (None, NameIsLabel::Yes) => labels::before_dot(&file.path),
            (None, NameIsLabel::No) => {
                let found = "it is not said where the label is";
                let advice = format!(
                    "add `--label-from filename` ({}), `--label-from folder`, `--label-from \
                     value:CLASS`, or `--label-from none` for data without labels",
                    labels::before_dot(&file.path)
                );
                return Err(file.undecided(found, advice));
            }
        };
        Ok((Some(labels::whole(Some(class), rows)), None))
    }
}
