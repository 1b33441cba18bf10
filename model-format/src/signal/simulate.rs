//! Simulated machines: seeded, labelled signals for tests and demonstrations.
//!
//! Each generator is an iterator over samples and a pure function of its configuration: the same
//! configuration gives the same bits on every machine.
//!
//! | module | machine |
//! |---|---|
//! | [`vibration`] | a motor-driven pump with an accelerometer; its bearing is a 6205 ([`bearing`](super::bearing)) |
//! | [`process`] | the slow signals of the same plant, with a regression target |
//! | [`compressor`] | an air compressor that loads and unloads |
//! | [`furnace`] | temperatures of a furnace, with drift, with a regression target |
//! | [`motion`] | a hand that moves an accelerometer |
//!
//! [`chaos`] makes trouble on the way.

pub mod chaos;
pub mod compressor;
pub mod fault;
pub mod furnace;
pub mod motion;
mod noise;
pub mod process;
pub mod vibration;

/// One channel of a simulated machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulatedChannel {
    /// Its name.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// True for what a regression shall predict.
    pub is_target: bool,
}

/// One row of a simulated machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimulatedSample<const CHANNELS: usize> {
    /// Nanoseconds since the start.
    pub time_ns: i64,
    /// The values, in the order of the generator's channels.
    pub values: [f32; CHANNELS],
    /// What the machine is doing at this moment.
    pub label: &'static str,
}

/// A configuration that no machine can have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} is {found}: {expected}")]
pub struct SimulationError {
    /// Name of the field.
    pub field: &'static str,
    /// What it holds.
    pub found: f64,
    /// What it may hold.
    pub expected: &'static str,
}

/// Longest simulation, in rows.
const ROWS_MAX: f64 = 1e9;

/// How many rows `duration_s` has at `rate_hz`, if both make sense.
fn rows(duration_s: f64, rate_hz: f64) -> Result<u64, SimulationError> {
    let error = |field, found, expected| Err(SimulationError { field, found, expected });
    let rows = (duration_s * rate_hz).round();
    if !(rate_hz > 0.0 && rate_hz.is_finite()) {
        return error("rate_hz", rate_hz, "a number above 0 is expected");
    }
    if !(0.0..=ROWS_MAX).contains(&rows) {
        return error("duration_s", duration_s, "0 to 1e9 rows at the rate are expected");
    }
    Ok(rows as u64)
}

/// Checks a value that must lie between 0 and 1.
fn fraction(field: &'static str, found: f64) -> Result<f64, SimulationError> {
    match found {
        0.0..=1.0 => Ok(found),
        _ => Err(SimulationError { field, found, expected: "0 to 1 is expected" }),
    }
}
