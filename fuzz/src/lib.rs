//! What must hold whatever the bytes are: no panic, every bound, the same answer each time.
//!
//! A new target is a file in `src/bin` that calls `fuzz_target!`, and a folder of small files in
//! `corpus` called like it; `tools/fuzz.sh` finds both.

use std::cell::RefCell;
use std::collections::HashSet;

use model_format::payload::message::{
    Arrival, Cell, Message, MESSAGE_BYTES_MAX, MessageError, NAME_BYTES_MAX, Reading, SAMPLES_MAX,
    Times, VALUES_MAX,
};
use model_format::payload::time::TimeFormat;
use model_format::payload::{COLUMNS_MAX, Format};

/// When messages arrive.
const ARRIVAL: Arrival<'static> =
    Arrival { time_ns: 1_767_225_700_000_000_000, channel: Some("topic") };

thread_local! {
    /// Reads every message of a run.
    static REUSED: RefCell<Message> = RefCell::default();
}

/// Reads a message under every kind of options that its format has.
pub fn message(format: Format, payload: &[u8]) {
    let plain = Reading { format, ..Reading::default() };
    read_message(&plain, payload);
    if format.takes_positions() {
        let positions = ["t_ms", "x", "value", "name"].map(str::to_owned).to_vec();
        read_message(&Reading { positions, ..plain.clone() }, payload);
    }
    if format.takes_time_name() {
        let times = Times::named("t", None);
        read_message(&Reading { times, ..plain.clone() }, payload);
    } else if format.takes_time_unit() {
        let times = Times::in_unit(TimeFormat::Seconds);
        read_message(&Reading { times, ..plain }, payload);
    }
}

fn read_message(reading: &Reading, payload: &[u8]) {
    assert_eq!(reading.check(), Ok(()));
    let mut fresh = Message::default();
    let read = fresh.read(payload, reading, ARRIVAL);
    check_message(&fresh, &read);
    REUSED.with_borrow_mut(|reused| {
        assert_eq!(reused.read(payload, reading, ARRIVAL), read);
        assert_same(&fresh, reused);
    });
}

fn check_message(message: &Message, read: &Result<(), MessageError>) {
    if let Err(error) = read {
        assert!(message.is_empty() && message.names().next().is_none());
        assert!(MessageError::REASONS.contains(&error.reason()));
        assert!(error.to_string().len() < 3000, "a long error");
    }
    check_samples(message);
}

/// The bounds of what a message holds.
pub fn check_samples(message: &Message) {
    assert!(message.len() <= SAMPLES_MAX && message.places() <= COLUMNS_MAX);
    let mut names = HashSet::new();
    for (place, name) in message.names() {
        assert!((place as usize) < message.places());
        assert!(name.len() <= NAME_BYTES_MAX && names.insert(name), "{name} twice");
        assert!(message.unit(place).is_none_or(|unit| unit.len() <= NAME_BYTES_MAX));
    }
    let mut cells = 0;
    for sample in message.samples() {
        cells += sample.cells.len();
        assert!(!sample.is_named_value || sample.cells.len() == 1);
        for (place, cell) in sample.cells {
            assert!((*place as usize) < message.places());
            assert!(!matches!(cell, Cell::Number(value) if value.is_infinite()));
        }
        if let Some(series) = sample.series {
            assert!(series.measurement().len() <= MESSAGE_BYTES_MAX);
            assert!(series.tags().all(|(name, value)| !name.is_empty() && !value.is_empty()));
        }
    }
    assert!(cells <= VALUES_MAX);
}

/// Two messages hold the same.
pub fn assert_same(one: &Message, other: &Message) {
    assert!(one.names().eq(other.names()));
    assert_eq!((one.len(), one.places()), (other.len(), other.places()));
    for (place, _) in one.names() {
        assert_eq!(one.unit(place), other.unit(place));
    }
    for (one, other) in one.samples().zip(other.samples()) {
        let facts = |sample: &model_format::payload::message::MessageSample<'_>| {
            (sample.time, sample.fault, sample.is_named_value, sample.cells.len())
        };
        assert_eq!(facts(&one), facts(&other));
        for (one, other) in one.cells.iter().zip(other.cells) {
            assert!(one.0 == other.0 && bits(one.1) == bits(other.1));
        }
        match (one.series, other.series) {
            (Some(one), Some(other)) => {
                assert_eq!(one.measurement(), other.measurement());
                assert!(one.tags().eq(other.tags()));
            }
            (None, None) => {}
            _ => panic!("one has a series, the other none"),
        }
    }
}

fn bits(cell: Cell) -> Option<u32> {
    match cell {
        Cell::Number(value) => Some(value.to_bits()),
        Cell::Other => None,
    }
}
