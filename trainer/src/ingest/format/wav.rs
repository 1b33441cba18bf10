//! WAV: sound and vibration as sound cards record them; values are parts of full scale.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;

use hound::{Sample, SampleFormat, WavReader};
use model_format::payload::time::row_time_ns;

use super::super::acquired::{Acquired, NameIsLabel, check_options};
use super::super::files::PlannedFile;
use super::super::intake::Intake;
use super::super::{ImportError, ImportOptions, ImportedFile, Reading};

/// Most channels of a file.
const CHANNELS_MAX: u16 = 256;

/// Rows between two reports of progress.
const PROGRESS_ROWS: u64 = 1 << 14;

pub(super) fn import(
    file: &PlannedFile,
    options: &ImportOptions,
    reading: &mut Reading<'_>,
) -> Result<(ImportedFile, bool), ImportError> {
    check_options(file, options, true)?;
    let reader = WavReader::open(&file.path).map_err(|error| wrong(file, &error))?;
    let spec = reader.spec();
    if spec.channels == 0 || spec.channels > CHANNELS_MAX || spec.sample_rate == 0 {
        let reason = format!(
            "it says {} channels at {} Hz; 1 to {CHANNELS_MAX} channels are read",
            spec.channels, spec.sample_rate
        );
        return Err(ImportError::Form { path: file.path.clone(), reason });
    }
    let name = |number: u16| match spec.channels {
        1 => "audio".to_owned(),
        _ => format!("audio_{}", number + 1),
    };
    let acquired = Acquired {
        suffix: String::new(),
        channels: (0..spec.channels).map(|number| (name(number), None)).collect(),
        rate_hz: Some(f64::from(spec.sample_rate)),
        label: None,
        tags: BTreeMap::new(),
        left_out: Vec::new(),
        notes: vec![format!("values are parts of full scale ({} bits)", spec.bits_per_sample)],
    };
    let mut intake = acquired.intake(file, options, reading)?;
    let is_whole = match spec.sample_format {
        SampleFormat::Float => push::<f32>(file, reader, 1.0, &mut intake, reading)?,
        SampleFormat::Int => {
            let full_scale = (1_u64 << spec.bits_per_sample.clamp(1, 32).saturating_sub(1)) as f32;
            push::<i32>(file, reader, full_scale, &mut intake, reading)?
        }
    };
    let recording = acquired.finish(file, options, intake, false, false, NameIsLabel::No)?;
    Ok((ImportedFile { path: file.path.clone(), recordings: vec![recording] }, is_whole))
}

/// A sample in the file, as a number.
trait Number: Sample {
    fn number(self) -> f32;
}

impl Number for f32 {
    fn number(self) -> f32 {
        self
    }
}

impl Number for i32 {
    fn number(self) -> f32 {
        self as f32
    }
}

fn push<S: Number>(
    file: &PlannedFile,
    mut reader: WavReader<BufReader<File>>,
    full_scale: f32,
    intake: &mut Intake<'_>,
    reading: &mut Reading<'_>,
) -> Result<bool, ImportError> {
    let spec = reader.spec();
    let rate_hz = Some(f64::from(spec.sample_rate));
    let row_bytes = u64::from(spec.channels) * u64::from(spec.bits_per_sample.div_ceil(8));
    let rows = u64::from(reader.duration());
    let mut samples = reader.samples::<S>();
    for row in 0..rows {
        if reading.rows_max.is_some_and(|rows_max| row >= rows_max) {
            return Ok(false);
        }
        intake.push(row_time_ns(row, rate_hz), |_| {
            let sample = samples.next().ok_or_else(|| ImportError::Form {
                path: file.path.clone(),
                reason: format!("it ends in row {row} of {rows}: was it cut off?"),
            })?;
            let value = sample.map_err(|error| wrong(file, &error))?.number() / full_scale;
            Ok::<_, ImportError>(if value.is_finite() { value } else { f32::NAN })
        })?;
        if row.is_multiple_of(PROGRESS_ROWS) {
            (reading.progress)(row * row_bytes)?;
        }
    }
    Ok(true)
}

fn wrong(file: &PlannedFile, error: &hound::Error) -> ImportError {
    let reason = match error {
        hound::Error::Unsupported => {
            "its encoding is not read: save it as PCM of 8 to 32 bits, or as 32-bit floats"
                .to_owned()
        }
        error => format!("is no WAV file that can be read: {error}"),
    };
    ImportError::Form { path: file.path.clone(), reason }
}
