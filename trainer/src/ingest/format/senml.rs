//! SenML packs (RFC 8428) in JSON and CBOR: records of one time make one row.

use std::collections::BTreeMap;

use model_format::payload::Format;
use model_format::payload::message::{
    Arrival, Cell, Fault, MESSAGE_BYTES_MAX, Message, Reading as MessageReading,
};
use model_format::payload::time::TimeFormat;

use super::super::acquired::{Acquired, NameIsLabel, check_options};
use super::super::files::{PlannedFile, read_whole};
use super::super::table::rate;
use super::super::{ImportError, ImportOptions, ImportedFile, Reading};
use super::FileFormat;

pub(super) fn import(
    file: &PlannedFile,
    options: &ImportOptions,
    reading: &mut Reading<'_>,
) -> Result<(ImportedFile, bool), ImportError> {
    check_options(file, options, false)?;
    let bytes = read_whole(&file.path, MESSAGE_BYTES_MAX as u64)?;
    let format = match file.format {
        FileFormat::SenmlCbor => Format::SenmlCbor,
        _ => Format::SenmlJson,
    };
    let mut message = Message::default();
    let how = MessageReading { format, ..MessageReading::default() };
    // Nobody knows when the file came: relative times count from its own beginning.
    let read = message.read(&bytes, &how, Arrival::default());
    read.map_err(|error| ImportError::Form { path: file.path.clone(), reason: error.to_string() })?;
    let pack = Pack::of(&message);
    let channels: Vec<(String, Option<String>)> = pack
        .places
        .iter()
        .map(|(place, name)| (name.clone(), message.unit(*place).map(str::to_owned)))
        .collect();
    if channels.is_empty() {
        return Err(file.undecided("no record in it has a number", "import something else"));
    }
    let acquired = Acquired {
        suffix: String::new(),
        channels,
        rate_hz: None,
        label: None,
        tags: BTreeMap::new(),
        left_out: pack.left_out,
        notes: Vec::new(),
    };
    let mut intake = acquired.intake(file, options, reading)?;
    for (time_ns, row) in &pack.rows {
        intake.push(*time_ns, |channel| Ok::<_, ImportError>(row[channel]))?;
    }
    let rate_hz = rate(file, options, Some(intake.rate_hz()))?;
    let is_absolute = intake.start_ns().is_some_and(|ns| TimeFormat::Seconds.is_absolute(ns));
    let acquired = Acquired { rate_hz, ..acquired };
    let recording = acquired.finish(file, options, intake, true, is_absolute, NameIsLabel::No)?;
    Ok((ImportedFile { path: file.path.clone(), recordings: vec![recording] }, true))
}

/// The records of a pack, put together by time.
struct Pack {
    /// The places of the names that have numbers, with the names.
    places: Vec<(u32, String)>,
    rows: BTreeMap<i64, Vec<f32>>,
    left_out: Vec<String>,
}

impl Pack {
    fn of(message: &Message) -> Self {
        let mut has_number = vec![false; message.places()];
        for (place, cell) in message.samples().flat_map(|sample| sample.cells) {
            has_number[*place as usize] |= matches!(cell, Cell::Number(_));
        }
        let names = message.names();
        let places: Vec<(u32, String)> = names
            .filter(|(place, _)| has_number[*place as usize])
            .map(|(place, name)| (place, name.to_owned()))
            .collect();
        let mut channel_of = vec![None; message.places()];
        for (channel, (place, _)) in places.iter().enumerate() {
            channel_of[*place as usize] = Some(channel);
        }
        let mut rows = BTreeMap::<i64, Vec<f32>>::new();
        let (mut without_number, mut without_time, mut twice) = (0_u64, 0_u64, 0_u64);
        for sample in message.samples() {
            let time = sample.time.filter(|_| sample.fault != Some(Fault::Time));
            let Some(time) = time else {
                without_time += 1;
                continue;
            };
            for (place, cell) in sample.cells {
                let (Some(channel), Cell::Number(value)) = (channel_of[*place as usize], cell)
                else {
                    without_number += 1;
                    continue;
                };
                let row = rows.entry(time.time_ns).or_insert_with(|| vec![f32::NAN; places.len()]);
                twice += u64::from(!row[channel].is_nan());
                row[channel] = *value;
            }
        }
        let mut left_out = Vec::new();
        for (count, reason) in [
            (without_number, "records hold text, data or no number"),
            (without_time, "records have no time that can be read"),
            (twice, "records come again with the same name and time: the last one is kept"),
        ] {
            if count > 0 {
                left_out.push(format!("{count} {reason}"));
            }
        }
        Pack { places, rows, left_out }
    }
}
