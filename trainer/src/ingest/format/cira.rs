//! CiRA CBOR: recordings of the predecessor.

use std::collections::BTreeMap;

use model_format::payload::cira::{CiraFile, FILE_BYTES_MAX};

use super::super::acquired::{Acquired, NameIsLabel, check_options};
use super::super::files::{PlannedFile, read_whole};
use super::super::{ImportError, ImportOptions, ImportedFile, RateOption, Reading};

/// The one channel of the layout that has no names.
const CHANNEL: &str = "value";

pub(super) fn import(
    file: &PlannedFile,
    options: &ImportOptions,
    reading: &mut Reading<'_>,
) -> Result<(ImportedFile, bool), ImportError> {
    check_options(file, options, false)?;
    let bytes = read_whole(&file.path, FILE_BYTES_MAX as u64)?;
    let read = CiraFile::read(&bytes);
    let read = read.map_err(|error| ImportError::Form {
        path: file.path.clone(),
        reason: error.to_string(),
    })?;
    let mut recordings = Vec::new();
    match read {
        CiraFile::Samples(samples) => {
            let rate_hz = rate(file, options, None)?;
            let several = samples.len() > 1;
            for (number, sample) in samples.into_iter().enumerate() {
                let suffix = if several { format!("#{}", number + 1) } else { String::new() };
                let channels = vec![(CHANNEL.to_owned(), None)];
                let acquired = acquired(suffix, channels, rate_hz, sample.class);
                let value = |row: usize, _: usize| sample.values[row];
                let rows = sample.values.len();
                recordings.push(acquired.at_rate(
                    file,
                    options,
                    reading,
                    rows,
                    value,
                    NameIsLabel::Yes,
                )?);
            }
        }
        CiraFile::Channels { rate_hz, label, channels } => {
            let rate_hz = rate(file, options, rate_hz)?;
            let rows = channels.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
            let names = channels.iter().map(|(name, _)| (name.clone(), None)).collect();
            let mut acquired = acquired(String::new(), names, rate_hz, label);
            for (name, values) in channels.iter().filter(|(_, values)| values.len() < rows) {
                let missing = rows - values.len();
                acquired.notes.push(format!("`{name}` ends {missing} rows before the others"));
            }
            let value = |row: usize, channel: usize| {
                channels[channel].1.get(row).copied().unwrap_or(f32::NAN)
            };
            recordings.push(acquired.at_rate(
                file,
                options,
                reading,
                rows,
                value,
                NameIsLabel::Yes,
            )?);
        }
    }
    Ok((ImportedFile { path: file.path.clone(), recordings }, true))
}

fn acquired(
    suffix: String,
    channels: Vec<(String, Option<String>)>,
    rate_hz: Option<f64>,
    label: Option<String>,
) -> Acquired {
    let tags = BTreeMap::new();
    Acquired { suffix, channels, rate_hz, label, tags, left_out: Vec::new(), notes: Vec::new() }
}

/// The rate that the file says or the options do; both must agree.
fn rate(
    file: &PlannedFile,
    options: &ImportOptions,
    said: Option<f64>,
) -> Result<Option<f64>, ImportError> {
    match (options.rate, said) {
        (Some(RateOption::Hz(given)), Some(said)) if given != said => {
            let found = format!("it says {said} Hz, --rate-hz says {given}");
            Err(file.undecided(found, "correct the rate or leave it out"))
        }
        (Some(RateOption::Hz(given)), _) => Ok(Some(given)),
        (Some(RateOption::None), _) => Ok(None),
        (None, Some(said)) => Ok(Some(said)),
        (None, None) => Err(file.undecided(
            "it does not say how many samples there are in a second",
            "add `--rate-hz HZ` with the true rate, or `--rate-hz none`",
        )),
    }
}
