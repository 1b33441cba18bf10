//! Spectra and spectrograms of a span of a recording: power densities of segments under a Hann window
//! whose mean was taken out, one-sided, as SciPy's `welch` and `spectrogram` have them.

use model_format::signal::spectrum::{PowerSpectrum, hann};
use serde::Serialize;
use utoipa::ToSchema;

use super::LookError;
use crate::data_folder::DataFolder;
use crate::ingest::parquet::read_part;
use crate::recording::Recording;
use crate::store::Entry;

/// Rows of a segment: the fewest, the most, and how many where nothing else is said.
const SEGMENT_ROWS: (u64, u64, u64) = (8, 65_536, 1024);

/// Most values of a span.
const VALUES_MAX: u64 = 100_000_000;

/// Values that are read at once.
const VALUES_AT_ONCE: u64 = 1 << 20;

/// Most columns of a spectrogram, and how many where nothing else is said; most cells.
const COLUMNS: (u64, u64) = (2000, 500);
const CELLS_MAX: u64 = 1 << 21;

/// How far an interval may be from the period of the rate, in parts of it.
const INTERVAL_TOLERANCE: f64 = 0.5;

/// What is looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// The first row, and the first after the last one; the whole recording otherwise.
    pub(crate) from_row: Option<u64>,
    pub(crate) to_row: Option<u64>,
    /// Names of channels; all otherwise.
    pub(crate) channels: Option<Vec<String>>,
    /// Rows of a segment.
    pub(crate) segment_rows: Option<u64>,
    /// How much of a segment belongs to the next one as well, 0 to 0.95; half of it otherwise.
    pub(crate) overlap: Option<f64>,
}

/// How a span is cut into segments.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Segments {
    /// The first row.
    pub(crate) from_row: u64,
    /// The first row after the last one.
    pub(crate) to_row: u64,
    /// Rows per second.
    pub(crate) rate_hz: f64,
    /// Rows of a segment.
    pub(crate) segment_rows: u64,
    /// Rows from the beginning of one to that of the next.
    pub(crate) hop_rows: u64,
    /// How many segments there are.
    pub(crate) segments: u64,
    /// The frequency of each density, in hertz.
    pub(crate) frequencies_hz: Vec<f64>,
}

/// The mean power density of a span.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Spectrum {
    /// How it was cut.
    #[serde(flatten)]
    pub(crate) segments: Segments,
    /// The channels.
    pub(crate) channels: Vec<ChannelSpectrum>,
}

/// The spectrum of one channel.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ChannelSpectrum {
    /// Name.
    pub(crate) name: String,
    /// Unit of the channel, if known; densities are in its square per hertz.
    pub(crate) unit: Option<String>,
    /// The density at each frequency.
    pub(crate) density: Vec<f64>,
}

/// Power densities of one channel over time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Spectrogram {
    /// How it was cut.
    #[serde(flatten)]
    pub(crate) segments: Segments,
    /// Segments whose mean is a column; the last one may have fewer.
    pub(crate) segments_per_column: u64,
    /// Name of the channel.
    pub(crate) channel: String,
    /// Its unit, if known.
    pub(crate) unit: Option<String>,
    /// The middle of each column, in seconds from the first row of the span.
    pub(crate) time_s: Vec<f64>,
    /// For each column, the density at each frequency.
    pub(crate) columns: Vec<Vec<f64>>,
}

/// The mean density of every channel.
///
/// # Errors
/// Names the parameter to change, where values are missing, rows do not lie in a rate, or it is too
/// much at once.
pub(crate) fn spectrum(
    folder: &DataFolder,
    entry: &Entry,
    asked: &Asked,
) -> Result<Spectrum, LookError> {
    let positions = positions(entry, asked.channels.as_deref())?;
    let segments = segments(entry, asked, positions.len())?;
    let mut sums = vec![vec![0.0; segments.frequencies_hz.len()]; positions.len()];
    each_segment(folder, entry, &segments, &positions, &mut |channel, _, density| {
        for (sum, value) in sums[channel].iter_mut().zip(density) {
            *sum += value;
        }
    })?;
    let count = segments.segments as f64;
    let channels = positions.iter().zip(sums).map(|(&position, sums)| {
        let info = &entry.info.channels[position];
        ChannelSpectrum {
            name: info.name.clone(),
            unit: info.unit.clone(),
            density: sums.into_iter().map(|sum| sum / count).collect(),
        }
    });
    Ok(Spectrum { channels: channels.collect(), segments })
}

/// Densities of one channel over time, in at most so many columns.
///
/// # Errors
/// As [`spectrum`], and where more than one channel is asked for.
pub(crate) fn spectrogram(
    folder: &DataFolder,
    entry: &Entry,
    asked: &Asked,
    columns_max: Option<u64>,
) -> Result<Spectrogram, LookError> {
    let positions = positions(entry, asked.channels.as_deref())?;
    let &[position] = positions.as_slice() else {
        let change = format!("{} are asked for: name the one to look at", positions.len());
        return Err(LookError::asked("channels", change));
    };
    let columns_max = columns_max.unwrap_or(COLUMNS.1);
    if !(1..=COLUMNS.0).contains(&columns_max) {
        let change = format!("{columns_max}: 1 to {} are given", COLUMNS.0);
        return Err(LookError::asked("columns", change));
    }
    let segments = segments(entry, asked, 1)?;
    let per_column = segments.segments.div_ceil(columns_max);
    let count = segments.segments.div_ceil(per_column);
    let bins = segments.frequencies_hz.len();
    if count * bins as u64 > CELLS_MAX {
        let change = format!(
            "{count} columns of {bins} frequencies are more than {CELLS_MAX} values: ask for fewer \
             columns, or shorter segments"
        );
        return Err(LookError::asked("columns", change));
    }
    let mut columns = vec![vec![0.0; bins]; count as usize];
    each_segment(folder, entry, &segments, &[position], &mut |_, number, density| {
        let column = number / per_column;
        let of_column = per_column.min(segments.segments - column * per_column) as f64;
        for (sum, value) in columns[column as usize].iter_mut().zip(density) {
            *sum += value / of_column;
        }
    })?;
    let middle = |column: u64| {
        let (first, last) =
            (column * per_column, ((column + 1) * per_column).min(segments.segments) - 1);
        let start = segments.hop_rows as f64 * (first + last) as f64 / 2.0;
        (start + segments.segment_rows as f64 / 2.0) / segments.rate_hz
    };
    let info = &entry.info.channels[position];
    Ok(Spectrogram {
        segments_per_column: per_column,
        channel: info.name.clone(),
        unit: info.unit.clone(),
        time_s: (0..count).map(middle).collect(),
        columns,
        segments,
    })
}

/// Positions of the channels that are asked for.
fn positions(entry: &Entry, names: Option<&[String]>) -> Result<Vec<usize>, LookError> {
    let channels = &entry.info.channels;
    let Some(names) = names else { return Ok((0..channels.len()).collect()) };
    let position = |name: &String| {
        channels.iter().position(|channel| channel.name == *name).ok_or_else(|| {
            let known = channels.iter().map(|channel| channel.name.as_str());
            let hint = crate::nearest::hint(&crate::nearest::nearest(name, known));
            LookError::asked("channels", format!("there is no channel {name:?}{hint}"))
        })
    };
    let mut found = names.iter().map(position).collect::<Result<Vec<_>, _>>()?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn segments(entry: &Entry, asked: &Asked, channels: usize) -> Result<Segments, LookError> {
    let error = |field, change: String| Err(LookError::asked(field, change));
    let Some(rate_hz) = entry.info.rate_hz else {
        let change = "the recording has no rate, so it has no spectrum: resample it first";
        return error("recording", change.to_owned());
    };
    let rows = entry.info.rows;
    let (from_row, to_row) = (asked.from_row.unwrap_or(0), asked.to_row.unwrap_or(rows));
    if from_row >= to_row || to_row > rows {
        let change = format!("rows {from_row}..{to_row}: the recording has 0..{rows}");
        return error("from_row", change);
    }
    let span = to_row - from_row;
    if span.saturating_mul(channels as u64) > VALUES_MAX {
        let change = format!("{span} rows of {channels} channels: at most {VALUES_MAX} values");
        return error("to_row", change);
    }
    let (least, most, usual) = SEGMENT_ROWS;
    let segment_rows = asked.segment_rows.unwrap_or(usual.min(span).max(least));
    if !(least..=most).contains(&segment_rows) || segment_rows > span {
        let change = format!(
            "{segment_rows} rows: {least} to {most} are taken, and no more than the {span} of the span"
        );
        return error("segment_rows", change);
    }
    let overlap = asked.overlap.unwrap_or(0.5);
    if !(0.0..=0.95).contains(&overlap) {
        return error("overlap", format!("{overlap}: 0 to 0.95 is taken"));
    }
    let shared = (segment_rows as f64 * overlap) as u64;
    let hop_rows = segment_rows - shared.min(segment_rows - 1);
    let bins = segment_rows / 2 + 1;
    let step = rate_hz / segment_rows as f64;
    Ok(Segments {
        from_row,
        to_row,
        rate_hz,
        segment_rows,
        hop_rows,
        segments: (span - segment_rows) / hop_rows + 1,
        frequencies_hz: (0..bins).map(|bin| bin as f64 * step).collect(),
    })
}

/// Hands out the density of every segment: which channel, which segment, its values.
fn each_segment(
    folder: &DataFolder,
    entry: &Entry,
    segments: &Segments,
    positions: &[usize],
    each: &mut dyn FnMut(usize, u64, &[f64]),
) -> Result<(), LookError> {
    let length = segments.segment_rows as usize;
    let mut density = Density::new(length, segments.rate_hz);
    let rows_at_once = VALUES_AT_ONCE / positions.len().max(1) as u64;
    let at_once = (rows_at_once.saturating_sub(segments.segment_rows) / segments.hop_rows).max(1);
    let mut number = 0;
    while number < segments.segments {
        let last = (number + at_once).min(segments.segments) - 1;
        let from = segments.from_row + number * segments.hop_rows;
        let to = segments.from_row + last * segments.hop_rows + segments.segment_rows;
        let part = read_part(folder, entry, from..to, positions)?;
        check(&part, from, segments.rate_hz)?;
        for segment in number..=last {
            let start = ((segment - number) * segments.hop_rows) as usize;
            for (channel, recorded) in part.channels.iter().enumerate() {
                each(channel, segment, density.of(&recorded.values[start..start + length]));
            }
        }
        number = last + 1;
    }
    Ok(())
}

/// Rows must lie in their rate, and have all values.
fn check(part: &Recording, from: u64, rate_hz: f64) -> Result<(), LookError> {
    for channel in &part.channels {
        if let Some(row) = channel.values.iter().position(|value| !value.is_finite()) {
            let change = format!(
                "channel {:?} has no value in row {}: look at another span, or fill it first",
                channel.name,
                from + row as u64
            );
            return Err(LookError::asked("from_row", change));
        }
    }
    let period_ns = 1e9 / rate_hz;
    let is_off = |pair: &[i64]| {
        let interval_ns = pair[1].saturating_sub(pair[0]) as f64;
        (interval_ns / period_ns - 1.0).abs() > INTERVAL_TOLERANCE
    };
    if let Some(row) = part.time_ns.windows(2).position(is_off) {
        let change = format!(
            "between the rows {} and {} lies another time than {rate_hz} Hz gives: look at a span \
             without the gap, or resample first",
            from + row as u64,
            from + row as u64 + 1
        );
        return Err(LookError::asked("from_row", change));
    }
    Ok(())
}

/// The power density of one segment.
struct Density {
    power: PowerSpectrum,
    hann: Vec<f64>,
    scale: f64,
    values: Vec<f64>,
    density: Vec<f64>,
}

impl Density {
    fn new(length: usize, rate_hz: f64) -> Self {
        let hann = hann(length);
        let energy: f64 = hann.iter().map(|weight| weight * weight).sum();
        Density {
            power: PowerSpectrum::new(length),
            hann,
            scale: 1.0 / (rate_hz * energy),
            values: vec![0.0; length],
            density: vec![0.0; length / 2 + 1],
        }
    }

    fn of(&mut self, values: &[f32]) -> &[f64] {
        let mean = values.iter().copied().map(f64::from).sum::<f64>() / values.len() as f64;
        for (value, found) in self.values.iter_mut().zip(values) {
            *value = f64::from(*found) - mean;
        }
        self.power.compute(&self.values);
        // The window brings back a little of the mean that was taken out.
        let zero: f64 =
            self.values.iter().zip(&self.hann).map(|(value, weight)| value * weight).sum();
        self.density[0] = self.scale * zero * zero;
        for (density, power) in self.density[1..].iter_mut().zip(self.power.power()) {
            *density = self.scale * power;
        }
        &self.density
    }
}

#[cfg(test)]
mod tests;
