//! The dialect of delimited text, found from its first lines.

use std::io::{ErrorKind, Read};

use super::super::time::{Decimal, TimeFormat};
use super::super::{LINE_BYTES_MAX, excerpt};
use super::{BLANKS, CsvErrorKind, Header, Options};

/// How much of a file is looked at.
const SAMPLE_BYTES: usize = 1 << 16;

/// How many lines of that.
const LINES_MAX: usize = 50;

const DELIMITERS: [(u8, &str); 4] = [(b',', "`,`"), (b';', "`;`"), (b'\t', "tab"), (b'|', "`|`")];

/// What the first lines say.
pub(super) struct Dialect {
    /// Where the table begins, behind a byte order mark and the lines above it.
    pub(super) start: usize,
    /// How many lines stand above it.
    pub(super) lines_above: u64,
    pub(super) delimiter: u8,
    pub(super) decimal: Decimal,
    pub(super) header_is_quoted: bool,
}

/// What the first lines of a text look like as a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The sign that divides the lines; none where each is one number.
    pub delimiter: Option<u8>,
    /// Lines that were looked at.
    pub lines: usize,
    /// Lines that the sign divides alike.
    pub alike: usize,
    /// Into how many cells.
    pub cells: usize,
}

/// Whether the first bytes of a text look like a table: one sign divides most lines into the same
/// number of cells, and half of these are numbers or dates. None where they do not.
pub fn look(sample: &[u8]) -> Option<Look> {
    let sample = &sample[..sample.len().min(SAMPLE_BYTES)];
    let start = if sample.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
    let lines = lines(&sample[start..]);
    let (_, body) = lines.split_first()?;
    let is_number = |cell: &[u8]| {
        let text = String::from_utf8_lossy(cell).trim().replace(',', ".");
        text.parse::<f64>().is_ok() || TimeFormat::date_time_ns(&text).is_some()
    };
    if lines.iter().all(|line| cells(line, BLANKS).count() == 1)
        && !body.is_empty()
        && body.iter().all(|line| is_number(line))
    {
        let (lines, alike) = (lines.len(), body.len());
        return Some(Look { delimiter: None, lines, alike, cells: 1 });
    }
    let divided = |delimiter: u8| {
        let counts: Vec<usize> = lines.iter().map(|line| cells(line, delimiter).count()).collect();
        let width = *counts.last()?;
        // A header that leaves out the name of the index is one cell short.
        let is_short = usize::from(counts[0] + 1 == width);
        let alike = counts.iter().filter(|count| **count == width).count() + is_short;
        let rows = lines.iter().zip(&counts).skip(1).filter(|(_, count)| **count == width);
        let of_rows: Vec<bool> =
            rows.flat_map(|(line, _)| cells(line, delimiter)).map(is_number).collect();
        let numbers = of_rows.iter().filter(|is_number| **is_number).count();
        let is_table = width > 1 && 10 * alike >= 8 * lines.len() && alike > 1;
        let found = Look { delimiter: Some(delimiter), lines: lines.len(), alike, cells: width };
        (is_table && 2 * numbers >= of_rows.len() && numbers > 0).then_some(found)
    };
    let known = DELIMITERS.iter().map(|(delimiter, _)| *delimiter);
    known.filter_map(divided).next().or_else(|| divided(BLANKS))
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
/// If the text is UTF-16 or empty, has lines above the table that nobody named, or delimiter or
/// decimal sign are in doubt.
pub(super) fn dialect(sample: &[u8], options: &Options) -> Result<Dialect, CsvErrorKind> {
    if sample.starts_with(&[0xff, 0xfe]) || sample.starts_with(&[0xfe, 0xff]) {
        return Err(CsvErrorKind::Encoding { line: 1 });
    }
    if let Some(at) = sample.iter().position(|byte| *byte == 0) {
        let above = sample[..at].iter().filter(|byte| **byte == b'\n').count();
        return Err(CsvErrorKind::Nul { line: above as u64 + 1 });
    }
    let lines_above = options.skip_lines.unwrap_or(0);
    let start = if sample.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
    let start = start + skipped_bytes(&sample[start..], lines_above)?;
    let lines = lines(&sample[start..]);
    let Some(header) = lines.first() else { return Err(CsvErrorKind::Empty) };
    if options.skip_lines.is_none()
        && let Some((last, found)) = preamble(&sample[start..], options.delimiter)
    {
        return Err(CsvErrorKind::Preamble { last, found });
    }
    let delimiter = match options.delimiter {
        Some(delimiter) => delimiter,
        None => delimiter(&lines)?,
    };
    let first = if options.header == Header::Row { 1 } else { 0 };
    let decimal = match options.decimal {
        Some(decimal) => decimal,
        None if delimiter == b',' => Decimal::Point,
        None => decimal(&lines[first..], delimiter)?,
    };
    let header_is_quoted = header.first() == Some(&b'"');
    Ok(Dialect { start, lines_above, delimiter, decimal, header_is_quoted })
}

/// Bytes of the first `count` lines.
fn skipped_bytes(sample: &[u8], count: u64) -> Result<usize, CsvErrorKind> {
    let mut start = 0;
    for _ in 0..count {
        let rest = &sample[start..];
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or(CsvErrorKind::Empty)?;
        start += end + 1;
    }
    Ok(start)
}

/// Most lines that may stand above a table to be recognised as such.
const PREAMBLE_MAX: usize = 40;

/// Lines above the table: those before a body of at least three rows that one delimiter splits
/// alike, of which it splits none like the body. The number of the last one, and what the first
/// one says.
fn preamble(sample: &[u8], given: Option<u8>) -> Option<(u64, String)> {
    let mut lines: Vec<(u64, &[u8])> = (1..).zip(sample.split(|byte| *byte == b'\n')).collect();
    if lines.len() > 2 && sample.len() >= SAMPLE_BYTES {
        lines.pop();
    }
    let is_filled = |line: &(u64, &[u8])| !line.1.trim_ascii().is_empty();
    let lines: Vec<_> =
        lines.into_iter().filter(is_filled).take(LINES_MAX + PREAMBLE_MAX).collect();
    let first = lines.first()?;
    let found_with = |delimiter: u8| {
        let count = |line: &(u64, &[u8])| cells(line.1.trim_ascii(), delimiter).count();
        let width = count(lines.last()?);
        let body = lines.iter().rposition(|line| count(line) != width)? + 1;
        // A header that leaves out the name of the index is one cell short.
        let is_named = body == 1 || lines[body - 1].1.starts_with(b"\"");
        let is_header = is_named && count(&lines[body - 1]) + 1 == width;
        let body = if is_header { body - 1 } else { body };
        let is_table = width > 1 && body <= PREAMBLE_MAX && lines.len() - body >= 3;
        let is_apart = lines[..body].iter().all(|line| count(line) != width);
        (is_table && body > 0 && is_apart).then(|| lines[body - 1].0)
    };
    let known = DELIMITERS.iter().map(|(delimiter, _)| *delimiter);
    // What one delimiter splits as a whole has nothing above it.
    let splits_all = |delimiter: u8| {
        let count = |line: &(u64, &[u8])| cells(line.1.trim_ascii(), delimiter).count();
        count(first) > 1 && lines.iter().all(|line| count(line) == count(first))
    };
    if known.clone().any(splits_all) {
        return None;
    }
    let last = match given {
        Some(delimiter) => found_with(delimiter),
        None => known.filter_map(found_with).min(),
    };
    last.map(|last| (last, excerpt(first.1.trim_ascii())))
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
        [] if lines.len() > 2 && fits(BLANKS) && most_frequent(lines[0]).is_none() => Ok(BLANKS),
        [] => Ok(most_frequent(lines[0]).unwrap_or(b',')),
        several => {
            let names: Vec<&str> = several.iter().map(|(_, name)| *name).collect();
            Err(CsvErrorKind::Delimiter { found: names.join(" or ") })
        }
    }
}

/// Where no delimiter fits every line, rows are torn or there is one column only: the delimiter
/// that the header has most of, so that the error about the torn row can name it.
fn most_frequent(header: &[u8]) -> Option<u8> {
    let (count, delimiter) = DELIMITERS
        .into_iter()
        .map(|(byte, _)| (cells(header, byte).count(), byte))
        .rev()
        .max_by_key(|(count, _)| *count)
        .expect("there are four delimiters");
    (count > 1).then_some(delimiter)
}

fn decimal(rows: &[&[u8]], delimiter: u8) -> Result<Decimal, CsvErrorKind> {
    let mut point = None;
    let mut comma = None;
    for cell in rows.iter().flat_map(|line| cells(line, delimiter)) {
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
    let is_blank = delimiter == BLANKS;
    line.split(move |byte| {
        is_quoted ^= *byte == b'"';
        (*byte == delimiter || is_blank && *byte == b'\t') && !is_quoted
    })
    .filter(move |cell| !is_blank || !cell.is_empty())
    .map(|cell| cell.strip_prefix(b"\"").and_then(|c| c.strip_suffix(b"\"")).unwrap_or(cell))
}
