//! Influx line protocol: `measurement,tag=value field=1.5,other=2i 1556813561098000000`.
//!
//! Each line is a row: its fields are values of the channels called so. Integers (`2i`, `2u`) and
//! floats are numbers, true and false are 1 and 0, text is no number. A time counts from 1970, in
//! nanoseconds where no unit was told.

use super::{Builder, Cell, EventTime, Fault, MessageError};
use crate::payload::excerpt;
use crate::payload::format::Format;
use crate::payload::time::TimeFormat;

pub(super) fn read(payload: &[u8], builder: &mut Builder<'_>) -> Result<(), MessageError> {
    let text = std::str::from_utf8(payload).map_err(|error| MessageError::Unreadable {
        format: Format::Influx,
        detail: format!("byte {} is not UTF-8", error.valid_up_to()),
    })?;
    let mut lines = Lines { rest: text, line: 1, series: "" };
    while lines.skip_to_line() {
        let line = lines.line;
        let read = lines.read_line(builder).map_err(|detail| MessageError::Unreadable {
            format: Format::Influx,
            detail: format!("line {line}: {detail}"),
        })?;
        if !read {
            break;
        }
    }
    Ok(())
}

struct Lines<'t> {
    rest: &'t str,
    /// From 1.
    line: usize,
    /// Measurement and tags of the line before, as they were written.
    series: &'t str,
}

impl<'t> Lines<'t> {
    /// Skips blank lines and comments; false at the end.
    fn skip_to_line(&mut self) -> bool {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r']);
            match self.rest.bytes().next() {
                None => return false,
                Some(b'\n') => self.next_line(),
                Some(b'#') => {
                    let end = self.rest.find('\n').unwrap_or(self.rest.len());
                    self.rest = &self.rest[end..];
                }
                Some(_) => return true,
            }
        }
    }

    fn next_line(&mut self) {
        self.rest = &self.rest[1..];
        self.line += 1;
    }

    /// Reads one line as a sample; false where a bound is met.
    fn read_line(&mut self, builder: &mut Builder<'_>) -> Result<bool, String> {
        self.read_series(builder)?;
        let mut fault = None;
        loop {
            let name = self.token(KEY_ENDS);
            if name.is_empty() {
                return Err("a field has no name".to_owned());
            }
            if !self.take(b'=') {
                return Err(format!("the field `{}` has no value", excerpt(name.as_bytes())));
            }
            let cell = self.value()?;
            let Some(place) = place(name, builder) else { return Ok(false) };
            if !builder.push_once(place, cell) {
                fault = Some(Fault::Twice);
            }
            if !self.take(b',') {
                break;
            }
        }
        let time = match self.time(builder.times.format())? {
            None => None,
            Some(Ok(time)) => Some(time),
            Some(Err(found)) => {
                fault = Some(found);
                None
            }
        };
        Ok(builder.end_sample(time, fault, false))
    }

    /// Measurement and tags, up to the first field.
    fn read_series(&mut self, builder: &mut Builder<'_>) -> Result<(), String> {
        let start = self.rest;
        let measurement = self.token(MEASUREMENT_ENDS);
        if measurement.is_empty() {
            return Err("there is no measurement".to_owned());
        }
        let mut tags = self.clone_at();
        while self.take(b',') {
            let name = self.token(KEY_ENDS);
            let has_value = self.take(b'=');
            let value = self.token(KEY_ENDS);
            if name.is_empty() || !has_value || value.is_empty() || self.rest.starts_with('=') {
                let name = excerpt(name.as_bytes());
                return Err(format!("the tag `{name}` is not of the form name=value"));
            }
        }
        let series = &start[..start.len() - self.rest.len()];
        if !self.take_blanks() {
            return Err("there are no fields".to_owned());
        }
        if series == self.series {
            return Ok(());
        }
        self.series = series;
        let all = &mut builder.message.series;
        all.begin(|out| unescape(measurement, MEASUREMENT_ESCAPES, out));
        while tags.take(b',') {
            let name = tags.token(KEY_ENDS);
            tags.take(b'=');
            let value = tags.token(KEY_ENDS);
            let write = |text: &'t str| move |out: &mut String| unescape(text, KEY_ESCAPES, out);
            all.tag(write(name), write(value));
        }
        Ok(())
    }

    fn clone_at(&self) -> Lines<'t> {
        Lines { ..*self }
    }

    /// What stands before the first of `ends` that is not escaped.
    fn token(&mut self, ends: &[u8]) -> &'t str {
        let bytes = self.rest.as_bytes();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\\' if bytes.get(at + 1).is_some_and(|next| *next != b'\n') => at += 2,
                byte if ends.contains(byte) => break,
                _ => at += 1,
            }
        }
        // A backslash may stand before a sign of several bytes.
        while !self.rest.is_char_boundary(at) {
            at += 1;
        }
        let (token, rest) = self.rest.split_at(at);
        self.rest = rest;
        token
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.rest.as_bytes().first() == Some(&byte);
        if is_there {
            self.rest = &self.rest[1..];
        }
        is_there
    }

    fn take_blanks(&mut self) -> bool {
        let rest = self.rest.trim_start_matches(' ');
        let is_there = rest.len() < self.rest.len();
        self.rest = rest;
        is_there && !matches!(rest.bytes().next(), None | Some(b'\n' | b'\r'))
    }

    fn value(&mut self) -> Result<Cell, String> {
        if self.take(b'"') {
            return self.quoted().map(|()| Cell::Other);
        }
        let end = self.rest.find([',', ' ', '\n', '\r']).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        number(text).ok_or_else(|| {
            let text = excerpt(text.as_bytes());
            format!("`{text}` is no value: a number, 5i, true, false or \"text\" is expected")
        })
    }

    /// Text up to its closing quote; lines may end in it.
    fn quoted(&mut self) -> Result<(), String> {
        let bytes = self.rest.as_bytes();
        let mut at = 0;
        let mut lines = 0;
        loop {
            match (bytes.get(at), bytes.get(at + 1)) {
                (None, _) => return Err("a text has no closing quote".to_owned()),
                (Some(b'"'), _) => break,
                (Some(b'\\'), Some(b'"' | b'\\')) => at += 2,
                (Some(byte), _) => {
                    lines += usize::from(*byte == b'\n');
                    at += 1;
                }
            }
        }
        self.rest = &self.rest[at + 1..];
        self.line += lines;
        match self.rest.bytes().next() {
            None | Some(b',' | b' ' | b'\n' | b'\r') => Ok(()),
            Some(_) => Err("something stands behind the closing quote of a text".to_owned()),
        }
    }

    /// The time at the end of the line, if there is one.
    fn time(
        &mut self,
        format: Option<TimeFormat>,
    ) -> Result<Option<Result<EventTime, Fault>>, String> {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let text = text.trim_matches([' ', '\r']);
        if text.is_empty() {
            return Ok(None);
        }
        let wrong =
            || format!("`{}` is no time: a whole number is expected", excerpt(text.as_bytes()));
        if !text.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let Ok(time) = text.parse::<i64>() else { return Ok(Some(Err(Fault::Time))) };
        let time = format.unwrap_or(TimeFormat::Nanoseconds).of_integer(time);
        let time = time.map(|time_ns| EventTime { time_ns, is_absolute: true });
        Ok(Some(time.map_err(|_| Fault::Time)))
    }
}

/// What ends a measurement, and a name or a value of a tag or the name of a field.
const MEASUREMENT_ENDS: &[u8] = b", \n";
const KEY_ENDS: &[u8] = b", =\n";

/// Signs that a backslash makes ordinary in a measurement, and in names and values of tags and
/// names of fields; before any other it is itself.
const MEASUREMENT_ESCAPES: &[u8] = b", ";
const KEY_ESCAPES: &[u8] = b", =";

fn unescape(text: &str, escapes: &[u8], out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.bytes().next() {
            Some(next) if escapes.contains(&next) => {
                out.push(next.into());
                rest = &rest[1..];
            }
            _ => out.push('\\'),
        }
    }
    out.push_str(rest);
}

/// The place of a field's name.
fn place(name: &str, builder: &mut Builder<'_>) -> Option<u32> {
    if !name.contains('\\') {
        return builder.place(name);
    }
    let mut path = std::mem::take(&mut builder.message.scratch.path);
    path.clear();
    unescape(name, KEY_ESCAPES, &mut path);
    let place = builder.place(&path);
    builder.message.scratch.path = path;
    place
}

/// A value that is no text.
fn number(text: &str) -> Option<Cell> {
    match text {
        "t" | "T" | "true" | "True" | "TRUE" => return Some(Cell::Number(1.0)),
        "f" | "F" | "false" | "False" | "FALSE" => return Some(Cell::Number(0.0)),
        _ => {}
    }
    let value = match text.as_bytes().split_last()? {
        (b'i', _) => text[..text.len() - 1].parse::<i64>().ok()? as f64,
        (b'u', _) => text[..text.len() - 1].parse::<u64>().ok()? as f64,
        // Words that Rust reads as numbers, such as `inf`, are none in line protocol.
        (last, _) if last.is_ascii_alphabetic() => return None,
        _ => text.parse::<f64>().ok()?,
    };
    let narrow = value as f32;
    Some(if narrow.is_finite() { Cell::Number(narrow) } else { Cell::Other })
}
