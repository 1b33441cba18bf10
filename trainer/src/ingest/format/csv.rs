//! Delimited text as a table, in the encodings in which loggers write it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek as _};

use encoding_rs_io::DecodeReaderBytesBuilder;
use model_format::payload::csv::Reader;
use model_format::payload::time::{Decimal, TimeFormat};

use super::super::files::{PlannedFile, io_error};
use super::super::options::Encoding;
use super::super::table::{Table, csv_error};
use super::super::{ImportError, ImportOptions};

/// A file of delimited text.
pub(super) struct CsvTable {
    file: PlannedFile,
    reader: Reader<Box<dyn Read>>,
}

pub(super) fn open(
    file: &PlannedFile,
    options: &ImportOptions,
) -> Result<Box<dyn Table>, ImportError> {
    Ok(Box::new(CsvTable::open(file, options)?))
}

impl CsvTable {
    pub(super) fn open(file: &PlannedFile, options: &ImportOptions) -> Result<Self, ImportError> {
        let failed = |source| io_error(&file.path, source);
        let mut input = File::open(&file.path).map_err(failed)?;
        let name = file.path.display().to_string();
        let encoding = match options.encoding {
            Some(encoding) => Some(encoding),
            None => marked_utf16(&mut input).map_err(failed)?,
        };
        let input: Box<dyn Read> = match encoding.and_then(Encoding::decoder) {
            None => Box::new(input),
            Some(decoder) => Box::new(
                DecodeReaderBytesBuilder::new()
                    .encoding(Some(decoder))
                    .bom_override(true)
                    .build(input),
            ),
        };
        let reader = Reader::open(&name, input, &options.dialect)?;
        Ok(CsvTable { file: file.clone(), reader })
    }
}

/// UTF-16 is found by the mark at its beginning.
fn marked_utf16(input: &mut File) -> std::io::Result<Option<Encoding>> {
    let mut mark = Vec::new();
    input.by_ref().take(2).read_to_end(&mut mark)?;
    input.rewind()?;
    Ok(match mark.as_slice() {
        [0xff, 0xfe] => Some(Encoding::Utf16Le),
        [0xfe, 0xff] => Some(Encoding::Utf16Be),
        _ => None,
    })
}

impl Table for CsvTable {
    fn columns(&self) -> &[String] {
        self.reader.columns()
    }

    fn has_index(&self) -> bool {
        self.reader.has_index()
    }

    fn dialect(&self) -> Option<(u8, Decimal)> {
        Some((self.reader.delimiter(), self.reader.decimal()))
    }

    #[inline]
    fn next(&mut self) -> Result<bool, ImportError> {
        match self.reader.next_row() {
            Ok(row) => Ok(row.is_some()),
            Err(error) => Err(csv_error(&self.file, error)),
        }
    }

    fn peek(&mut self) -> Result<bool, ImportError> {
        Ok(self.reader.peek_row()?.is_some())
    }

    fn line(&self) -> u64 {
        self.reader.current().line()
    }

    #[inline]
    fn text(&self, column: usize) -> Result<Cow<'_, str>, ImportError> {
        let text = self.reader.current().into_text(column);
        text.map(Cow::Borrowed).map_err(|error| csv_error(&self.file, error))
    }

    #[inline]
    fn number(&self, column: usize) -> Result<f32, ImportError> {
        let number = self.reader.current().number(column);
        number.map_err(|error| csv_error(&self.file, error))
    }

    #[inline]
    fn time_ns(&self, column: usize, format: TimeFormat) -> Result<i64, ImportError> {
        let time_ns = self.reader.current().time_ns(column, format);
        time_ns.map_err(|error| csv_error(&self.file, error))
    }

    fn cell_error(&self, column: usize, reason: &str) -> ImportError {
        csv_error(&self.file, self.reader.current().cell_error(column, reason))
    }

    fn done_bytes(&self) -> u64 {
        self.reader.position_bytes()
    }

    fn column(&self, name: &str) -> Result<usize, ImportError> {
        Ok(self.reader.column(name)?)
    }
}
