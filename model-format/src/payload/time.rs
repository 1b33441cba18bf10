//! Times in payloads: numbers in a stated unit, or date-times, as nanoseconds.

use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFormat {
    /// A number of seconds.
    Seconds,
    /// A number of milliseconds.
    Milliseconds,
    /// A number of microseconds.
    Microseconds,
    /// A number of nanoseconds.
    Nanoseconds,
    /// ISO 8601, or the same with a blank between date and time. Without an offset it is UTC.
    DateTime,
}

/// The sign between the whole and the fraction of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decimal {
    /// `1.5`
    #[default]
    Point,
    /// `1,5`
    Comma,
}

/// Text that is not a time in the stated format, or a name of a format that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not a number.
    #[error("is not a number of {0}")]
    Number(TimeFormat),
    /// Not a date-time.
    #[error(
        "is not a date-time: `2026-11-24T09:30:00.250Z` or `2026-11-24 09:30:00.250` is expected"
    )]
    DateTime,
    /// Beyond what 64 bits of nanoseconds hold.
    #[error("lies outside the years 1678 to 2262, which 64-bit nanoseconds can hold")]
    Range,
    /// Not the name of a format.
    #[error("is not a time unit: s, ms, us, ns or datetime is expected")]
    Unit,
}

/// Numeric times from here on (2000-01-01) are read as counted from 1970: below, a machine's own
/// clock or a recording's start is the likelier zero.
const ABSOLUTE_FROM_NS: i64 = 946_684_800_000_000_000;

impl TimeFormat {
    /// The nanoseconds that `text` says, rounded to the nearest. `decimal` applies to numbers.
    ///
    /// # Errors
    /// [`TimeError::Number`], [`TimeError::DateTime`] or [`TimeError::Range`].
    pub fn parse(self, text: &str, decimal: Decimal) -> Result<i64, TimeError> {
        match self.digits() {
            Some(digits) => parse_number(text, decimal, digits).map_err(|error| match error {
                NumberError::Syntax => TimeError::Number(self),
                NumberError::Range => TimeError::Range,
            }),
            None => parse_date_time(text),
        }
    }

    /// The nanoseconds of a whole number in this unit.
    ///
    /// # Errors
    /// [`TimeError::Range`], or [`TimeError::DateTime`] where a date-time is expected.
    pub fn of_integer(self, value: i64) -> Result<i64, TimeError> {
        let digits = self.digits().ok_or(TimeError::DateTime)?;
        let scale = [1, 1_000, 1_000_000, 1_000_000_000][digits / 3];
        value.checked_mul(scale).ok_or(TimeError::Range)
    }

    /// The nanoseconds of a number in this unit, rounded to the nearest.
    ///
    /// # Errors
    /// As [`TimeFormat::of_integer`].
    pub fn of_number(self, value: f64) -> Result<i64, TimeError> {
        let digits = self.digits().ok_or(TimeError::DateTime)?;
        scaled(value, digits).ok_or(TimeError::Range)
    }

    /// The format that a column's name and its first value leave no doubt about: a date-time, or
    /// a number in a column whose name ends in a unit (`t_ms`, `time (s)`, `timestamp[us]`).
    pub fn unambiguous(column: &str, value: &str) -> Option<TimeFormat> {
        if value.trim().parse::<f64>().is_err() {
            return parse_date_time(value).is_ok().then_some(TimeFormat::DateTime);
        }
        let name = column.trim_end_matches([' ', ')', ']']);
        let (_, unit) = name.rsplit_once(['_', ' ', '(', '[', '.', '-', '/'])?;
        match unit.parse() {
            Ok(TimeFormat::DateTime) | Err(_) => None,
            Ok(format) => Some(format),
        }
    }

    /// The nanoseconds of a date-time; none where `text` is a number or anything else.
    pub(crate) fn date_time_ns(text: &str) -> Option<i64> {
        let is_number = text.trim().parse::<f64>().is_ok();
        (!is_number).then(|| parse_date_time(text).ok()).flatten()
    }

    /// True if a time in this format counts from 1970 and not from the start of a recording.
    pub fn is_absolute(self, time_ns: i64) -> bool {
        self == TimeFormat::DateTime || time_ns >= ABSOLUTE_FROM_NS
    }

    /// Decimal digits from this unit down to the nanosecond.
    fn digits(self) -> Option<usize> {
        match self {
            TimeFormat::Seconds => Some(9),
            TimeFormat::Milliseconds => Some(6),
            TimeFormat::Microseconds => Some(3),
            TimeFormat::Nanoseconds => Some(0),
            TimeFormat::DateTime => None,
        }
    }
}

impl FromStr for Decimal {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "point" | "." => Ok(Decimal::Point),
            "comma" | "," => Ok(Decimal::Comma),
            _ => Err("`point` or `comma` is expected"),
        }
    }
}

impl std::fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            TimeFormat::Seconds => "seconds",
            TimeFormat::Milliseconds => "milliseconds",
            TimeFormat::Microseconds => "microseconds",
            TimeFormat::Nanoseconds => "nanoseconds",
            TimeFormat::DateTime => "a date-time",
        })
    }
}

impl FromStr for TimeFormat {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        const NAMES: [(TimeFormat, &[&str]); 5] = [
            (TimeFormat::Seconds, &["s", "sec", "seconds"]),
            (TimeFormat::Milliseconds, &["ms", "msec", "milliseconds"]),
            (TimeFormat::Microseconds, &["us", "µs", "usec", "microseconds"]),
            (TimeFormat::Nanoseconds, &["ns", "nsec", "nanoseconds"]),
            (TimeFormat::DateTime, &["datetime"]),
        ];
        let is_meant = |name: &&str| name.eq_ignore_ascii_case(text);
        let found = NAMES.iter().find(|(_, names)| names.iter().any(is_meant));
        found.map(|(format, _)| *format).ok_or(TimeError::Unit)
    }
}

/// Time of row `row` (from 0) of a recording that has no times: from its start at `rate_hz`, or
/// one second per row where there is no rate either.
pub fn row_time_ns(row: u64, rate_hz: Option<f64>) -> i64 {
    (row as f64 * 1e9 / rate_hz.unwrap_or(1.0)).round() as i64
}

/// `time_ns` since 1970 as RFC 3339 text in UTC, with as many decimals as it needs.
pub fn rfc3339(time_ns: i64) -> String {
    Timestamp::from_nanosecond(i128::from(time_ns))
        .expect("64-bit nanoseconds lie within jiff's years -9999 to 9999")
        .to_string()
}

enum NumberError {
    Syntax,
    Range,
}

/// Exact where the text is a plain decimal number; through f64 where it has an exponent.
fn parse_number(text: &str, decimal: Decimal, digits: usize) -> Result<i64, NumberError> {
    let text = text.trim();
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mark = if decimal == Decimal::Comma { ',' } else { '.' };
    let (whole, fraction) = unsigned.split_once(mark).unwrap_or((unsigned, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return parse_exponent(text, decimal, digits);
    }
    if whole.is_empty() && fraction.is_empty() {
        return Err(NumberError::Syntax);
    }
    let mut value: i64 = 0;
    let mut push = |digit: u8| {
        value = value.checked_mul(10).and_then(|v| v.checked_add(i64::from(digit - b'0')))?;
        Some(())
    };
    let fraction = fraction.as_bytes();
    whole.bytes().try_for_each(&mut push).ok_or(NumberError::Range)?;
    for place in 0..digits {
        push(*fraction.get(place).unwrap_or(&b'0')).ok_or(NumberError::Range)?;
    }
    if fraction.get(digits).is_some_and(|digit| *digit >= b'5') {
        value = value.checked_add(1).ok_or(NumberError::Range)?;
    }
    Ok(if negative { -value } else { value })
}

fn parse_exponent(text: &str, decimal: Decimal, digits: usize) -> Result<i64, NumberError> {
    let plain = match decimal {
        Decimal::Point => text.to_owned(),
        Decimal::Comma if text.contains('.') => return Err(NumberError::Syntax),
        Decimal::Comma => text.replace(',', "."),
    };
    let value: f64 = plain.parse().map_err(|_| NumberError::Syntax)?;
    scaled(value, digits).ok_or(NumberError::Range)
}

/// `value` with the point moved by `digits`, if the result fits.
fn scaled(value: f64, digits: usize) -> Option<i64> {
    let ns = (value * [1.0, 1e3, 1e6, 1e9][digits / 3]).round();
    // 2^63 is the first value beyond; NaN fails the comparison too.
    (ns.abs() < 9_223_372_036_854_775_808.0).then_some(ns as i64)
}

fn parse_date_time(text: &str) -> Result<i64, TimeError> {
    let text = text.trim();
    // A reading that fails allocates its error: the likelier one comes first.
    let timestamp = match has_offset(text).then(|| text.parse::<Timestamp>()) {
        Some(Ok(timestamp)) => timestamp,
        _ => {
            let civil: civil::DateTime = text.parse().map_err(|_| TimeError::DateTime)?;
            TimeZone::UTC.to_timestamp(civil).map_err(|_| TimeError::Range)?
        }
    };
    i64::try_from(timestamp.as_nanosecond()).map_err(|_| TimeError::Range)
}

/// Without a `Z` or a sign behind the date, no text says how far it is from UTC.
fn has_offset(text: &str) -> bool {
    text.bytes().skip("2026-11-24".len()).any(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_in_every_unit() {
        let cases = [
            (TimeFormat::Seconds, "1655405126.000000001", 1_655_405_126_000_000_001),
            (TimeFormat::Seconds, "0.30000000000000004", 300_000_000),
            (TimeFormat::Seconds, "-1.5", -1_500_000_000),
            (TimeFormat::Seconds, "1.5e-3", 1_500_000),
            (TimeFormat::Milliseconds, "16", 16_000_000),
            (TimeFormat::Microseconds, "0.0006", 1),
            (TimeFormat::Nanoseconds, "9223372036854775807", i64::MAX),
        ];
        for (format, text, expected) in cases {
            assert_eq!(format.parse(text, Decimal::Point), Ok(expected), "{text}");
        }
        assert_eq!(TimeFormat::Seconds.parse("1,25", Decimal::Comma), Ok(1_250_000_000));
        assert_eq!(TimeFormat::Milliseconds.of_integer(16), Ok(16_000_000));
        assert_eq!(TimeFormat::Seconds.of_integer(i64::MAX), Err(TimeError::Range));
        assert_eq!(TimeFormat::Seconds.of_number(0.25), Ok(250_000_000));
        assert_eq!(TimeFormat::DateTime.of_number(0.25), Err(TimeError::DateTime));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "-", ".", "x", "1.5.2", "nan"] {
            assert!(TimeFormat::Seconds.parse(text, Decimal::Point).is_err(), "{text}");
        }
        assert_eq!(TimeFormat::Seconds.parse("99999999999", Decimal::Point), Err(TimeError::Range));
        assert_eq!(TimeFormat::Seconds.parse("1e300", Decimal::Point), Err(TimeError::Range));
        assert_eq!(
            TimeFormat::DateTime.parse("24.11.2026", Decimal::Point),
            Err(TimeError::DateTime)
        );
        assert_eq!(
            TimeFormat::DateTime.parse("9000-01-01 00:00:00", Decimal::Point),
            Err(TimeError::Range)
        );
    }

    #[test]
    fn date_times_with_and_without_offset_are_read() {
        let base = 1_581_187_847_000_000_000;
        for (text, ns) in [
            ("2020-02-08 18:50:47", base),
            ("2020-02-08T18:50:47Z", base),
            ("2020-02-08T20:50:47+02:00", base),
            ("2020-02-08 18:50:47.250", base + 250_000_000),
        ] {
            assert_eq!(TimeFormat::DateTime.parse(text, Decimal::Point), Ok(ns), "{text}");
        }
        assert_eq!(rfc3339(base + 250_000_000), "2020-02-08T18:50:47.25Z");
    }

    #[test]
    fn a_unit_is_taken_from_a_name_only_where_it_is_certain() {
        assert_eq!(TimeFormat::unambiguous("t_ms", "0"), Some(TimeFormat::Milliseconds));
        assert_eq!(TimeFormat::unambiguous("Time (s)", "0.5"), Some(TimeFormat::Seconds));
        assert_eq!(TimeFormat::unambiguous("ts[us]", "5"), Some(TimeFormat::Microseconds));
        assert_eq!(TimeFormat::unambiguous("timestamp", "0"), None);
        assert_eq!(TimeFormat::unambiguous("t", "0"), None);
        assert_eq!(
            TimeFormat::unambiguous("when", "2020-02-08 18:50:47"),
            Some(TimeFormat::DateTime)
        );
        assert_eq!(TimeFormat::unambiguous("t_ms", "yesterday"), None);
    }

    #[test]
    fn rows_without_times_lie_at_the_rate() {
        assert_eq!(row_time_ns(3, Some(62.5)), 48_000_000);
        assert_eq!(row_time_ns(3, None), 3_000_000_000);
    }
}
