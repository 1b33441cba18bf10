//! Delimited text: rows of typed cells, streaming, with errors that name line, column and value.
//!
//! A header row with unique names is required, unless the columns are named beside it. The
//! delimiter (`,` `;` tab `|`, or blanks) and, where it is not the comma, the decimal sign are
//! found from the first lines, or given. Lines above the table must be named: they are not skipped
//! in silence. A first column without a name (as pandas writes it, or as R does by leaving it out
//! of a quoted header) is the index column: it is there, with an empty name, but it is no signal.

mod bounded;
mod sniff;

use std::io::{Chain, Cursor, Read};

use bounded::{Bounded, TooLong};
pub use sniff::{Look, look};

use super::time::{Decimal, TimeFormat};
use super::{COLUMNS_MAX, LINE_BYTES_MAX, excerpt, listing};
use crate::nearest::did_you_mean;

/// What is known about a file beforehand; what is not given is found from its first lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The byte between two cells; [`BLANKS`] for any number of blanks.
    pub delimiter: Option<u8>,
    /// The decimal sign.
    pub decimal: Option<Decimal>,
    /// Lines above the table.
    pub skip_lines: Option<u64>,
    /// How the columns are named.
    pub header: Header,
}

/// How columns are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// By the first row.
    #[default]
    Row,
    /// There is no such row: `column_1`, `column_2`, …
    Numbered,
    /// There is no such row, and these are the names.
    Named(Vec<String>),
}

impl Header {
    /// The header that a user names: `numbered`, or names.
    pub fn of_names(names: Vec<String>) -> Self {
        match names.as_slice() {
            [] => Header::Row,
            [one] if one == "numbered" => Header::Numbered,
            _ => Header::Named(names),
        }
    }
}

/// The delimiter of tables whose cells are divided by one blank or several.
pub const BLANKS: u8 = b' ';

/// The delimiter that a user names: `,` `;` `tab` `|` or `blanks`.
///
/// # Errors
/// Says what is expected.
pub fn parse_delimiter(text: &str) -> Result<u8, &'static str> {
    match text {
        "," => Ok(b','),
        ";" => Ok(b';'),
        "|" => Ok(b'|'),
        "tab" | "\\t" | "\t" => Ok(b'\t'),
        "blanks" => Ok(BLANKS),
        _ => Err("`,`, `;`, `tab`, `|` or `blanks` is expected"),
    }
}

/// How a user names a delimiter.
pub fn delimiter_name(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "tab".to_owned(),
        BLANKS => "blanks".to_owned(),
        byte => char::from(byte).to_string(),
    }
}

/// Why a file or a row of it was refused.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {kind}")]
pub struct CsvError {
    /// The file, as it was named to [`Reader::open`].
    pub file: String,
    /// What is wrong with it; the message says it already, so it is no source of its own.
    pub kind: CsvErrorKind,
}

impl CsvError {
    /// True if only one row is bad, so that a reader may leave it out and go on.
    pub fn is_of_one_row(&self) -> bool {
        use CsvErrorKind::{Cell, Encoding, Width};
        matches!(self.kind, Cell { .. } | Encoding { .. } | Width { .. })
    }
}

/// What is wrong with a file of delimited text.
#[derive(Debug, thiserror::Error)]
pub enum CsvErrorKind {
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Io(std::io::Error),
    /// Nothing in it.
    #[error("is empty: a header row with column names is expected")]
    Empty,
    /// UTF-16, or another encoding than UTF-8.
    #[error(
        "line {line} is not UTF-8 text: save the file as UTF-8, or say how it is written, for \
         example with `--encoding windows-1252`"
    )]
    Encoding {
        /// Line in the file, from 1.
        line: u64,
    },
    /// The first line holds numbers.
    #[error(
        "the first line holds no column names but numbers ({found}): name the columns with \
         `--columns a,b,c`, number them with `--columns numbered`, or put a header row above"
    )]
    HeaderMissing {
        /// The first line.
        found: String,
    },
    /// Lines that do not belong to the table.
    #[error(
        "line {last} and what is above it do not belong to the table ({found}): add \
         `--skip-lines {last}`, or remove them"
    )]
    Preamble {
        /// The last of them.
        last: u64,
        /// What stands there.
        found: String,
    },
    /// Bytes that no text has.
    #[error("line {line} has NUL bytes: this is no text, or it was cut off while it was written")]
    Nul {
        /// Line in the file, from 1.
        line: u64,
    },
    /// The rows have another number of cells than there are names.
    #[error("{names} columns are named, but the first row has {found} cells")]
    Names {
        /// How many names there are.
        names: usize,
        /// How many cells.
        found: usize,
    },
    /// A column in the middle has no name.
    #[error("column {position} has no name in the header row: give it one")]
    Unnamed {
        /// Position of the column, from 1.
        position: usize,
    },
    /// Two columns have the same name.
    #[error("columns {first} and {second} are both called `{name}`: rename one")]
    Duplicate {
        /// The name.
        name: String,
        /// Position of the one, from 1.
        first: usize,
        /// Position of the other.
        second: usize,
    },
    /// More columns than [`COLUMNS_MAX`].
    #[error("has {found} columns; at most {COLUMNS_MAX} are read")]
    Columns {
        /// How many there are.
        found: usize,
    },
    /// A row longer than [`LINE_BYTES_MAX`].
    #[error(
        "the row at line {line} is longer than {LINE_BYTES_MAX} bytes: is a quotation mark open?"
    )]
    LineTooLong {
        /// Line at which the row begins.
        line: u64,
    },
    /// Several delimiters explain the first lines equally well.
    #[error("the first lines may be split at {found}: add `--delimiter` with one of them")]
    Delimiter {
        /// The candidates.
        found: String,
    },
    /// Numbers with both decimal signs.
    #[error("has numbers like `{point}` and like `{comma}`: add `--decimal point` or `comma`")]
    Decimal {
        /// A number with a point.
        point: String,
        /// A number with a comma.
        comma: String,
    },
    /// A row with another number of cells than the header.
    #[error("line {line} has {found} cells, the header row has {expected}")]
    Width {
        /// Line in the file, from 1.
        line: u64,
        /// Cells in the row.
        found: usize,
        /// Columns in the header.
        expected: usize,
    },
    /// A cell that does not hold what it should.
    #[error("line {line}, column `{column}`: \"{value}\" {reason}")]
    Cell {
        /// Line in the file, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no column of this name.
    #[error("has no column `{column}`{hint} Its columns are {columns}")]
    Unknown {
        /// The name that was asked for.
        column: String,
        /// The names that look like it, as the end of the sentence.
        hint: String,
        /// All names.
        columns: String,
    },
}

/// Reads rows from delimited text. Memory: one row and the first 64 KiB.
pub struct Reader<R> {
    file: String,
    input: csv::Reader<Bounded<Chain<Cursor<Vec<u8>>, R>>>,
    columns: Vec<String>,
    has_index: bool,
    delimiter: u8,
    decimal: Decimal,
    record: csv::ByteRecord,
    /// The first data row is read ahead, to recognise an index column.
    ahead: bool,
    /// Lines above the table, which the tokeniser does not see.
    lines_above: u64,
}

/// One row. Columns are named by their position in [`Reader::columns`].
pub struct Row<'a> {
    file: &'a str,
    columns: &'a [String],
    decimal: Decimal,
    record: &'a csv::ByteRecord,
    lines_above: u64,
}

impl<R: Read> Reader<R> {
    /// Reads the header of `input`; `file` is its name in errors.
    ///
    /// # Errors
    /// If there is no usable header, or delimiter or decimal sign are in doubt.
    pub fn open(file: &str, mut input: R, options: &Options) -> Result<Self, CsvError> {
        let fail = |kind| CsvError { file: file.to_owned(), kind };
        let sample = sniff::sample(&mut input).map_err(|error| fail(CsvErrorKind::Io(error)))?;
        let found = sniff::dialect(&sample, options).map_err(fail)?;
        let mut head = Cursor::new(sample);
        head.set_position(found.start as u64);
        let bounded = Bounded::new(head.chain(input), found.delimiter == BLANKS);
        let input = csv::ReaderBuilder::new()
            .delimiter(found.delimiter)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 16)
            .from_reader(bounded);
        let mut reader = Reader {
            file: file.to_owned(),
            input,
            columns: Vec::new(),
            has_index: false,
            delimiter: found.delimiter,
            decimal: found.decimal,
            record: csv::ByteRecord::new(),
            ahead: false,
            lines_above: found.lines_above,
        };
        match &options.header {
            Header::Row => reader.read_header(found.header_is_quoted)?,
            header => reader.name_columns(header)?,
        }
        Ok(reader)
    }

    /// Names the columns of a table that has no header row.
    fn name_columns(&mut self, header: &Header) -> Result<(), CsvError> {
        self.ahead = self.read_record()?;
        if !self.ahead {
            return Err(self.error(CsvErrorKind::Empty));
        }
        let found = self.record.len();
        if found > COLUMNS_MAX {
            return Err(self.error(CsvErrorKind::Columns { found }));
        }
        self.columns = match header {
            Header::Named(names) if names.len() != found => {
                return Err(self.error(CsvErrorKind::Names { names: names.len(), found }));
            }
            Header::Named(names) => names.clone(),
            Header::Row | Header::Numbered => (1..=found).map(|n| format!("column_{n}")).collect(),
        };
        check_names(&self.columns).map_err(|kind| self.error(kind))
    }

    /// The columns' names, in the order of the file. The index column's name is empty.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// True if the first column is an index without a name.
    pub fn has_index(&self) -> bool {
        self.has_index
    }

    /// The byte between two cells.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The decimal sign.
    pub fn decimal(&self) -> Decimal {
        self.decimal
    }

    /// How many bytes of the file the rows up to now took.
    pub fn position_bytes(&self) -> u64 {
        self.input.position().byte()
    }

    /// Position of the column `name`.
    ///
    /// # Errors
    /// [`CsvErrorKind::Unknown`], with the nearest names.
    pub fn column(&self, name: &str) -> Result<usize, CsvError> {
        self.columns.iter().position(|column| column == name && !name.is_empty()).ok_or_else(|| {
            let names = self.columns.iter().map(String::as_str).filter(|name| !name.is_empty());
            let hint = match did_you_mean(name, names) {
                hint if hint.is_empty() => ".".to_owned(),
                hint => hint,
            };
            self.error(CsvErrorKind::Unknown {
                column: name.to_owned(),
                hint,
                columns: listing(&self.columns),
            })
        })
    }

    /// The next row; none at the end. After an error of one row the next one can be read, unless
    /// the error is [`CsvErrorKind::Io`] or [`CsvErrorKind::LineTooLong`].
    ///
    /// # Errors
    /// If the file cannot be read, or the row is too long or has another width than the header.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, CsvError> {
        if !self.ahead && !self.read_record()? {
            return Ok(None);
        }
        self.ahead = false;
        self.whole_row().map(Some)
    }

    /// The next row without moving on; none at the end.
    ///
    /// # Errors
    /// As [`Reader::next_row`].
    pub fn peek_row(&mut self) -> Result<Option<Row<'_>>, CsvError> {
        if !self.ahead {
            self.ahead = self.read_record()?;
        }
        if self.ahead { self.whole_row().map(Some) } else { Ok(None) }
    }

    fn whole_row(&self) -> Result<Row<'_>, CsvError> {
        let (found, expected) = (self.record.len(), self.columns.len());
        if found != expected {
            return Err(self.error(CsvErrorKind::Width { line: self.line(), found, expected }));
        }
        Ok(self.row())
    }

    fn row(&self) -> Row<'_> {
        Row {
            file: &self.file,
            columns: &self.columns,
            decimal: self.decimal,
            record: &self.record,
            lines_above: self.lines_above,
        }
    }

    /// The row that was read last, by [`Reader::next_row`] or [`Reader::peek_row`].
    pub fn current(&self) -> Row<'_> {
        self.row()
    }

    fn read_header(&mut self, is_quoted: bool) -> Result<(), CsvError> {
        if !self.read_record()? {
            return Err(self.error(CsvErrorKind::Empty));
        }
        if self.record.len() > COLUMNS_MAX {
            return Err(self.error(CsvErrorKind::Columns { found: self.record.len() }));
        }
        let mut columns = Vec::with_capacity(self.record.len() + 1);
        for cell in &self.record {
            let name = std::str::from_utf8(cell)
                .map_err(|_| self.error(CsvErrorKind::Encoding { line: self.line() }))?;
            columns.push(name.trim().to_owned());
        }
        // Blanks do not divide columns, but a table that has them there has no header either.
        let mut words = columns.iter().flat_map(|name| name.split_whitespace()).peekable();
        if words.peek().is_some() && words.all(|word| word.parse::<f64>().is_ok()) {
            let found = excerpt(columns.join(" ").as_bytes());
            return Err(self.error(CsvErrorKind::HeaderMissing { found }));
        }
        self.ahead = self.read_record()?;
        if self.ahead && is_quoted && self.record.len() == columns.len() + 1 {
            columns.insert(0, String::new());
        }
        self.has_index = columns.len() > 1 && columns[0].is_empty();
        check_names(&columns).map_err(|kind| self.error(kind))?;
        self.columns = columns;
        Ok(())
    }

    /// Reads one record within the bound on its length; false at the end.
    fn read_record(&mut self) -> Result<bool, CsvError> {
        self.input.get_mut().allow(LINE_BYTES_MAX);
        match self.input.read_byte_record(&mut self.record) {
            Ok(more) => Ok(more),
            Err(error) => Err(self.error(match error.into_kind() {
                csv::ErrorKind::Io(error) if error.get_ref().is_some_and(|e| e.is::<TooLong>()) => {
                    CsvErrorKind::LineTooLong {
                        line: self.lines_above + self.input.position().line(),
                    }
                }
                csv::ErrorKind::Io(error) => CsvErrorKind::Io(error),
                // Width, encoding and seeking are not asked of the tokeniser.
                other => CsvErrorKind::Io(std::io::Error::other(format!("{other:?}"))),
            })),
        }
    }

    fn line(&self) -> u64 {
        self.lines_above + self.record.position().map_or(0, csv::Position::line)
    }

    fn error(&self, kind: CsvErrorKind) -> CsvError {
        CsvError { file: self.file.clone(), kind }
    }
}

fn check_names(columns: &[String]) -> Result<(), CsvErrorKind> {
    let mut positions = std::collections::HashMap::new();
    for (index, name) in columns.iter().enumerate() {
        if name.is_empty() && (index > 0 || columns.len() == 1) {
            return Err(CsvErrorKind::Unnamed { position: index + 1 });
        }
        if let Some(first) = positions.insert(name.as_str(), index + 1) {
            let name = name.clone();
            return Err(CsvErrorKind::Duplicate { name, first, second: index + 1 });
        }
    }
    Ok(())
}

impl<'a> Row<'a> {
    /// Line in the file, from 1, at which the row begins.
    pub fn line(&self) -> u64 {
        self.lines_above + self.record.position().map_or(0, csv::Position::line)
    }

    /// The text of a cell, without blanks around it.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn text(&self, column: usize) -> Result<&str, CsvError> {
        match std::str::from_utf8(&self.record[column]) {
            Ok(text) => Ok(text.trim()),
            Err(_) => Err(self.error(CsvErrorKind::Encoding { line: self.line() })),
        }
    }

    /// [`Row::text`], which lives as long as the reader does not move on.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn into_text(self, column: usize) -> Result<&'a str, CsvError> {
        match std::str::from_utf8(&self.record[column]) {
            Ok(text) => Ok(text.trim()),
            Err(_) => Err(self.error(CsvErrorKind::Encoding { line: self.line() })),
        }
    }

    /// The number in a cell. An empty cell, `NaN`, `NA` and `null` (in any case) are NaN.
    ///
    /// # Errors
    /// If it is no number, or not a finite one that 32 bits can hold.
    pub fn number(&self, column: usize) -> Result<f32, CsvError> {
        if let Some(value) = plain_decimal(&self.record[column], self.decimal) {
            return Ok(value as f32);
        }
        let text = self.text(column)?;
        let value = match self.decimal {
            Decimal::Point => text.parse::<f64>(),
            Decimal::Comma if text.contains('.') => {
                return Err(self.cell_error(
                    column,
                    "has a point, but this file's decimal sign is \
                    the comma: add `--decimal point` if that is wrong",
                ));
            }
            Decimal::Comma => text.replace(',', ".").parse::<f64>(),
        };
        match value {
            Ok(value) if value.is_nan() || (value as f32).is_finite() => Ok(value as f32),
            Ok(_) => Err(self.cell_error(column, "is not a finite 32-bit number")),
            Err(_) if is_missing(text) => Ok(f32::NAN),
            Err(_) => Err(self.cell_error(column, "is not a number")),
        }
    }

    /// The time in a cell, in nanoseconds.
    ///
    /// # Errors
    /// If the cell does not hold a time in this format.
    pub fn time_ns(&self, column: usize, format: TimeFormat) -> Result<i64, CsvError> {
        let text = self.text(column)?;
        format
            .parse(text, self.decimal)
            .map_err(|reason| self.cell_error(column, &reason.to_string()))
    }

    /// An error about one cell of this row.
    pub fn cell_error(&self, column: usize, reason: &str) -> CsvError {
        self.error(CsvErrorKind::Cell {
            line: self.line(),
            column: excerpt(self.columns[column].as_bytes()),
            value: excerpt(&self.record[column]),
            reason: reason.to_owned(),
        })
    }

    fn error(&self, kind: CsvErrorKind) -> CsvError {
        CsvError { file: self.file.to_owned(), kind }
    }
}

/// The value of digits with at most one decimal sign among them, if 64-bit floats hold the digits
/// and the power of ten exactly: the division then rounds once, so that the result is what the
/// general parser gives, in a third of the time. None means that the general parser must decide.
fn plain_decimal(cell: &[u8], decimal: Decimal) -> Option<f64> {
    /// Digits that always fit 53 bits.
    const DIGITS_MAX: usize = 15;
    const POWERS: [f64; DIGITS_MAX + 1] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let mark = if decimal == Decimal::Comma { b',' } else { b'.' };
    let (is_negative, unsigned) = match cell {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, cell),
    };
    if unsigned.len() > DIGITS_MAX + 1 {
        return None;
    }
    let mut digits = 0u64;
    let mut count = 0;
    let mut whole = None;
    for byte in unsigned {
        match byte {
            b'0'..=b'9' => {
                digits = 10 * digits + u64::from(byte - b'0');
                count += 1;
            }
            _ if *byte == mark && whole.is_none() => whole = Some(count),
            _ => return None,
        }
    }
    if !(1..=DIGITS_MAX).contains(&count) {
        return None;
    }
    let value = digits as f64 / POWERS[count - whole.unwrap_or(count)];
    Some(if is_negative { -value } else { value })
}

/// True for the ways in which tables write that there is no value.
fn is_missing(text: &str) -> bool {
    text.is_empty() || ["na", "null"].iter().any(|word| text.eq_ignore_ascii_case(word))
}
