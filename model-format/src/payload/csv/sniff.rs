//! The dialect of delimited text, found from its first lines.

use std::io::{ErrorKind, Read};

use super::super::time::Decimal;
use super::super::{LINE_BYTES_MAX, excerpt};
use super::{CsvErrorKind, Options};

/// How much of a file is looked at.
const SAMPLE_BYTES: usize = 1 << 16;

/// How many lines of that.
const LINES_MAX: usize = 50;

const DELIMITERS: [(u8, &str); 4] = [(b',', "`,`"), (b';', "`;`"), (b'\t', "tab"), (b'|', "`|`")];

/// What the first lines say.
pub(super) struct Dialect {
    /// Where the text begins, behind a byte order mark.
    pub(super) start: usize,
    pub(super) delimiter: u8,
    pub(super) decimal: Decimal,
    pub(super) header_is_quoted: bool,
}

/// The first bytes of a file: 64 KiB, or what a pipe has as soon as it holds header and one row.
pub(super) fn sample(input: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut sample = vec![0; SAMPLE_BYTES];
    let mut length = 0;
    loop {
        match input.read(&mut sample[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        let line_count = sample[..length].iter().filter(|byte| **byte == b'\n').count();
        if length == sample.len() && (line_count > 0 || length > LINE_BYTES_MAX) {
            break;
        }
        // A file or a busy pipe fills the sample; a live source must not wait for that.
        if length < sample.len() && line_count > 1 {
            break;
        }
        if length == sample.len() {
            sample.resize(2 * length, 0);
        }
    }
    sample.truncate(length);
    Ok(sample)
}

/// # Errors
/// If the text is UTF-16 or empty, or delimiter or decimal sign are in doubt.
pub(super) fn dialect(sample: &[u8], options: &Options) -> Result<Dialect, CsvErrorKind> {
    if sample.starts_with(&[0xff, 0xfe]) || sample.starts_with(&[0xfe, 0xff]) {
        return Err(CsvErrorKind::Encoding { line: 1 });
    }
    let start = if sample.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
    let lines = lines(&sample[start..]);
    let Some(header) = lines.first() else { return Err(CsvErrorKind::Empty) };
    let delimiter = match options.delimiter {
        Some(delimiter) => delimiter,
        None => delimiter(&lines)?,
    };
    let decimal = match options.decimal {
        Some(decimal) => decimal,
        None if delimiter == b',' => Decimal::Point,
        None => decimal(&lines, delimiter)?,
    };
    let header_is_quoted = header.first() == Some(&b'"');
    Ok(Dialect { start, delimiter, decimal, header_is_quoted })
}

/// The first lines that are not blank; the last one is left out where it may be cut off.
fn lines(sample: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = sample.split(|byte| *byte == b'\n').collect();
    if lines.len() > 2 && sample.len() >= SAMPLE_BYTES {
        lines.pop();
    }
    lines
        .into_iter()
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .take(LINES_MAX)
        .collect()
}

/// The delimiter that splits every line like the header (or, for an index column without a name,
/// into one cell more).
fn delimiter(lines: &[&[u8]]) -> Result<u8, CsvErrorKind> {
    let fits = |delimiter: u8| {
        let in_header = cells(lines[0], delimiter).count();
        in_header > 1
            && lines[1..].iter().all(|line| {
                let found = cells(line, delimiter).count();
                found == in_header || found == in_header + 1
            })
    };
    let found: Vec<_> = DELIMITERS.into_iter().filter(|(byte, _)| fits(*byte)).collect();
    match found.as_slice() {
        [(delimiter, _)] => Ok(*delimiter),
        [] => Ok(most_frequent(lines[0])),
        several => {
            let names: Vec<&str> = several.iter().map(|(_, name)| *name).collect();
            Err(CsvErrorKind::Delimiter { found: names.join(" or ") })
        }
    }
}

/// Where no delimiter fits every line, rows are torn or there is one column only: the delimiter
/// that the header has most of, so that the error about the torn row can name it.
fn most_frequent(header: &[u8]) -> u8 {
    let (count, delimiter) = DELIMITERS
        .into_iter()
        .map(|(byte, _)| (cells(header, byte).count(), byte))
        .rev()
        .max_by_key(|(count, _)| *count)
        .expect("there are four delimiters");
    if count > 1 { delimiter } else { b',' }
}

fn decimal(lines: &[&[u8]], delimiter: u8) -> Result<Decimal, CsvErrorKind> {
    let mut point = None;
    let mut comma = None;
    for cell in lines[1..].iter().flat_map(|line| cells(line, delimiter)) {
        if has_number_around(cell, b'.') {
            point.get_or_insert(cell);
        } else if has_number_around(cell, b',') {
            comma.get_or_insert(cell);
        }
    }
    match (point, comma) {
        (Some(point), Some(comma)) => {
            Err(CsvErrorKind::Decimal { point: excerpt(point), comma: excerpt(comma) })
        }
        (None, Some(_)) => Ok(Decimal::Comma),
        _ => Ok(Decimal::Point),
    }
}

/// True for digits, one `mark`, digits.
fn has_number_around(cell: &[u8], mark: u8) -> bool {
    let cell = cell.trim_ascii();
    let cell = cell.strip_prefix(b"-").unwrap_or(cell);
    let mut parts = cell.split(|byte| *byte == mark);
    let is_digits = |part: Option<&[u8]>| {
        part.is_some_and(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
    };
    is_digits(parts.next()) && is_digits(parts.next()) && parts.next().is_none()
}

/// The cells of a line, split at `delimiter` outside quotation marks; without the marks.
fn cells(line: &[u8], delimiter: u8) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    line.split(move |byte| {
        is_quoted ^= *byte == b'"';
        *byte == delimiter && !is_quoted
    })
    .map(|cell| cell.strip_prefix(b"\"").and_then(|c| c.strip_suffix(b"\"")).unwrap_or(cell))
}
