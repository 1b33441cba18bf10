//! Where a message's times stand: under a name that was told, or one that leaves no doubt.

use crate::payload::json_lines::Leaf;
use crate::payload::time::TimeFormat;

/// Names, without a unit, under which a time is looked for where none was told.
const NAMES: [&str; 7] = ["t", "ts", "time", "timestamp", "datetime", "event_time", "epoch"];
const SEPARATORS: [char; 7] = ['_', ' ', '(', '[', '.', '-', '/'];

/// Where the times of messages stand and how they are written.
#[derive(Clone, Debug, Default)]
pub struct Times {
    name: Option<String>,
    format: Option<TimeFormat>,
}

/// A time in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    /// Nanoseconds since 1970 UTC, or since the start of a recording.
    pub time_ns: i64,
    /// True where it counts from 1970.
    pub is_absolute: bool,
}

/// What a name may be for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    /// It is the time, in this format if it is known.
    Time(Option<TimeFormat>),
    /// It is the time where it is a number in this unit, or a date-time.
    PerhapsTime(Option<TimeFormat>),
    Value,
}

/// A leaf, as its name's role has it.
pub(super) enum Reading {
    Time(EventTime),
    BadTime,
    Value,
}

impl Times {
    /// The time stands under this name (nested ones as `a.b`), in this format; without one, the
    /// name's unit or the text says it.
    pub fn named(name: &str, format: Option<TimeFormat>) -> Self {
        Times { name: Some(name.to_owned()), format }
    }

    /// The time stands under `t`, `time`, `timestamp` and the like, where unit or text leave no
    /// doubt: `t_ms`, `timestamp_ns`, `time` with ISO 8601.
    pub fn found() -> Self {
        Times::default()
    }

    /// Times have this unit, in a format that has a place of its own for them.
    pub fn in_unit(format: TimeFormat) -> Self {
        Times { name: None, format: Some(format) }
    }

    /// The name that was told.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The format that was told.
    pub(super) fn format(&self) -> Option<TimeFormat> {
        self.format
    }

    pub(super) fn role(&self, name: &str) -> Role {
        let of_numbers = TimeFormat::unambiguous(name, "0");
        match &self.name {
            Some(told) if told == name => Role::Time(self.format),
            Some(_) => Role::Value,
            None if is_time_name(name) => Role::PerhapsTime(of_numbers),
            None => Role::Value,
        }
    }
}

fn is_time_name(name: &str) -> bool {
    let is_one = |name: &str| NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
    let trimmed = name.trim_end_matches([' ', ')', ']']);
    let stem = trimmed.rsplit_once(SEPARATORS).map(|(stem, _)| stem.trim_end_matches(SEPARATORS));
    is_one(trimmed) || stem.is_some_and(is_one)
}

impl Role {
    /// What `leaf` under `name` is.
    pub(super) fn read(self, name: &str, leaf: Leaf<'_>) -> Reading {
        let of_text = |text: &str| TimeFormat::unambiguous(name, text);
        let format = match (self, leaf) {
            (Role::Value, _) => return Reading::Value,
            (Role::Time(Some(format)), _) => Some(format),
            (Role::Time(None), Leaf::Text(text)) => of_text(text),
            (Role::Time(None), _) => of_text("0"),
            (Role::PerhapsTime(_), Leaf::Text(text)) => {
                return TimeFormat::date_time_ns(text).map_or(Reading::Value, |time_ns| {
                    Reading::Time(EventTime { time_ns, is_absolute: true })
                });
            }
            (Role::PerhapsTime(Some(format)), _) => Some(format),
            (Role::PerhapsTime(None), _) => return Reading::Value,
        };
        let Some(format) = format else { return Reading::BadTime };
        match leaf.to_time_ns(format) {
            Ok(time_ns) => {
                Reading::Time(EventTime { time_ns, is_absolute: format.is_absolute(time_ns) })
            }
            Err(_) => Reading::BadTime,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_whose_name_ends_like_a_unit_are_no_times() {
        for name in ["velocity_m/s", "stress_ms", "temperature.s", "s", "acc.x"] {
            assert!(matches!(Times::found().role(name), Role::Value), "{name}");
        }
        for name in ["t_ms", "Time (s)", "timestamp", "ts[us]", "event_time_ns"] {
            assert!(matches!(Times::found().role(name), Role::PerhapsTime(_)), "{name}");
        }
        assert!(matches!(Times::named("acc.x", None).role("t_ms"), Role::Value));
    }
}
