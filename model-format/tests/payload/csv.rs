//! Delimited text.

use model_format::payload::csv::{BLANKS, CsvError, CsvErrorKind, Header, Options, Reader, look};
use model_format::payload::time::{Decimal, TimeFormat};
use model_format::payload::{COLUMNS_MAX, LINE_BYTES_MAX};
use proptest::prelude::*;

fn open(text: &str) -> Result<Reader<&[u8]>, CsvError> {
    Reader::open("x.csv", text.as_bytes(), &Options::default())
}

/// All numbers of a table, by row.
fn numbers(text: &str) -> Result<Vec<Vec<f32>>, CsvError> {
    let mut reader = open(text)?;
    let columns = reader.columns().len();
    let first = usize::from(reader.has_index());
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row()? {
        rows.push((first..columns).map(|column| row.number(column)).collect::<Result<_, _>>()?);
    }
    Ok(rows)
}

fn refusal(text: &str) -> String {
    numbers(text).unwrap_err().to_string()
}

#[test]
fn each_delimiter_is_found_from_the_first_lines() {
    for delimiter in [",", ";", "\t", "|"] {
        let text = "a,b\n1,2.5\n-3,4e2\n".replace(',', delimiter);
        let reader = open(&text).unwrap();
        assert_eq!(reader.delimiter(), delimiter.as_bytes()[0]);
        assert_eq!(reader.columns(), ["a", "b"]);
        assert_eq!(numbers(&text).unwrap(), [[1.0, 2.5], [-3.0, 400.0]]);
    }
}

#[test]
fn one_column_needs_no_delimiter() {
    assert_eq!(numbers("de_g\n-0.3145\n0.122\n").unwrap(), [[-0.3145], [0.122]]);
}

#[test]
fn a_decimal_comma_is_found_and_a_mixture_refused() {
    assert_eq!(numbers("a;b\n1,5;2\n").unwrap(), [[1.5, 2.0]]);
    assert_eq!(numbers("a;b\n1.5;2\n").unwrap(), [[1.5, 2.0]]);
    let message = refusal("a;b\n1,5;2\n1.5;2\n");
    assert!(message.contains("`1.5`") && message.contains("`--decimal point`"), "{message}");
    let options = Options { decimal: Some(Decimal::Comma), ..Options::default() };
    let mut reader = Reader::open("x", "a;b\n1,5;2.5\n".as_bytes(), &options).unwrap();
    let row = reader.next_row().unwrap().unwrap();
    assert_eq!(row.number(0).unwrap(), 1.5);
    assert!(row.number(1).unwrap_err().to_string().contains("decimal sign is the comma"));
}

#[test]
fn delimiters_that_fit_equally_well_are_refused() {
    let message = refusal("a;b,c\n1;2,5\n");
    assert!(message.contains("`,` or `;`") && message.contains("`--delimiter`"), "{message}");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_name() {
    let reader = open("\u{feff}a,b\r\n1,2\r\n").unwrap();
    assert_eq!(reader.columns(), ["a", "b"]);
    assert_eq!(numbers("\u{feff}a,b\r\n1,2\r\n").unwrap(), [[1.0, 2.0]]);
}

#[test]
fn index_columns_of_r_and_pandas_are_recognised() {
    for text in ["\"date\",\"x\"\n\"1\",5,6\n\"2\",7,8\n", ",date,x\n1,5,6\n2,7,8\n"] {
        let reader = open(text).unwrap();
        assert!(reader.has_index());
        assert_eq!(reader.columns(), ["", "date", "x"]);
        assert_eq!(numbers(text).unwrap(), [[5.0, 6.0], [7.0, 8.0]]);
    }
    let message = refusal("date,x\n1,5,6\n");
    assert!(message.contains("line 2 has 3 cells, the header row has 2"), "{message}");
}

#[test]
fn missing_values_are_nan_in_every_spelling() {
    let rows = numbers("a,b\n,1\nNaN,1\nna,1\nNULL,1\n \t,1\n").unwrap();
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| row[0].is_nan()));
}

#[test]
fn a_bad_cell_is_named_by_file_line_column_and_value() {
    let message = refusal("a,b\n1,2\n3,oops\n");
    assert_eq!(message, "x.csv: line 3, column `b`: \"oops\" is not a number");
    for value in ["inf", "1e39", "-Infinity"] {
        let message = refusal(&format!("a,b\n1,{value}\n"));
        assert!(message.contains("is not a finite 32-bit number"), "{message}");
    }
}

#[test]
fn after_a_bad_row_the_next_one_can_be_read() {
    let mut reader = open("a,b\n1,2\n3\n4,5\n").unwrap();
    assert!(reader.next_row().unwrap().is_some());
    let error = reader.next_row().err().unwrap();
    assert!(error.is_of_one_row(), "{error}");
    assert_eq!(reader.next_row().unwrap().unwrap().number(1).unwrap(), 5.0);
    assert!(reader.next_row().unwrap().is_none());
}

#[test]
fn headers_that_cannot_be_used_are_refused() {
    for (text, part) in [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("1,2\n3,4\n", "holds no column names but numbers (1 2)"),
        ("1 1 -0.7\n1 2 0.3\n", "holds no column names but numbers (1 1 -0.7)"),
        ("a,,b\n1,2,3\n", "column 2 has no name"),
        ("a,b,a\n1,2,3\n", "columns 1 and 3 are both called `a`"),
    ] {
        assert!(refusal(text).contains(part), "{}", refusal(text));
    }
    let error = Reader::open("x", &b"\xff\xfea\0,\0"[..], &Options::default()).err().unwrap();
    assert!(error.to_string().contains("save the file as UTF-8"), "{error}");
    let error = Reader::open("x", &b"a,\xb0C\n1,2\n"[..], &Options::default()).err().unwrap();
    assert!(error.to_string().contains("line 1 is not UTF-8"), "{error}");
}

#[test]
fn bounds_on_columns_and_rows_hold() {
    let names: Vec<String> = (0..=COLUMNS_MAX).map(|index| format!("c{index}")).collect();
    let error = open(&names.join(",")).err().unwrap();
    assert!(matches!(error.kind, CsvErrorKind::Columns { found } if found == COLUMNS_MAX + 1));
    let open_quote = format!("a,b\n1,2\n1,\"{}", "x\n".repeat(LINE_BYTES_MAX));
    let mut reader = open(&open_quote).unwrap();
    assert!(reader.next_row().unwrap().is_some());
    let error = reader.next_row().err().unwrap();
    assert!(matches!(error.kind, CsvErrorKind::LineTooLong { .. }), "{error}");
    let mut endless = std::io::Read::chain("a,b\n1,2\n".as_bytes(), std::io::repeat(b'1'));
    let mut reader = Reader::open("x", &mut endless, &Options::default()).unwrap();
    assert!(reader.next_row().unwrap().is_some());
    assert!(reader.next_row().is_err());
}

#[test]
fn an_unknown_column_is_refused_with_the_nearest() {
    let reader = open("accX,accY\n1,2\n").unwrap();
    let message = reader.column("accx").unwrap_err().to_string();
    assert!(message.contains("no column `accx`; did you mean \"accX\""), "{message}");
    assert!(reader.column("").is_err());
}

#[test]
fn times_are_read_and_bad_ones_named() {
    let mut reader = open("t,x\n2020-02-08 18:50:47,1\nsoon,1\n").unwrap();
    let row = reader.next_row().unwrap().unwrap();
    assert_eq!(row.time_ns(0, TimeFormat::DateTime).unwrap(), 1_581_187_847_000_000_000);
    let row = reader.next_row().unwrap().unwrap();
    let message = row.time_ns(0, TimeFormat::DateTime).unwrap_err().to_string();
    assert!(message.contains("line 3, column `t`: \"soon\" is not a date-time"), "{message}");
}

/// Gives one byte at a time, like a slow pipe.
struct Drip<'a>(&'a [u8]);

impl std::io::Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.len().min(buffer.len()).min(1);
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

#[test]
fn a_slow_pipe_reads_like_a_file() {
    let text = "a;b\n1;2\n3;4\n5;6";
    let mut reader = Reader::open("x", Drip(text.as_bytes()), &Options::default()).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().unwrap() {
        rows.push(vec![row.number(0).unwrap(), row.number(1).unwrap()]);
    }
    assert_eq!(rows, numbers(text).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_written_is_read(rows in prop::collection::vec((-1e30f32..1e30, -1.0f32..1.0), 1..50)) {
        let mut text = "a;b\n".to_owned();
        for (a, b) in &rows {
            text += &format!("{a};{b}\n");
        }
        let read = numbers(&text).unwrap();
        let expected: Vec<Vec<f32>> = rows.iter().map(|(a, b)| vec![*a, *b]).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn every_decimal_is_read_to_the_bit(text in "-?[0-9]{0,18}([.][0-9]{0,18})?(e-?[0-9])?") {
        let read = numbers(&format!("a,b\n1,{text}\n"));
        match text.parse::<f64>() {
            Ok(value) => prop_assert_eq!(read.unwrap()[0][1].to_bits(), (value as f32).to_bits()),
            Err(_) if text.is_empty() => prop_assert!(read.unwrap()[0][1].is_nan()),
            Err(_) => prop_assert!(read.is_err()),
        }
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes in prop::collection::vec(prop::sample::select(
        b"a1,;\t|\"\n\r. -e\xff\xef\xbb\xbf".to_vec()), 0..200)) {
        let Ok(mut reader) = Reader::open("x", &bytes[..], &Options::default()) else {
            return Ok(());
        };
        let columns = reader.columns().len();
        for _ in 0..200 {
            let Ok(Some(row)) = reader.next_row() else { continue };
            for column in 0..columns {
                let _ = (row.number(column), row.text(column));
                let _ = row.time_ns(column, TimeFormat::Seconds);
            }
        }
    }
}

#[test]
fn lines_above_the_table_are_told_and_left_out_if_named() {
    let text = "Logger: 7\nstart;2026\n\na;b;c\n1;2;3\n4;5;6\n7;8;9\n";
    let message = refusal(text);
    assert!(message.contains("line 2") && message.contains("`--skip-lines 2`"), "{message}");
    let options = Options { skip_lines: Some(2), ..Options::default() };
    let mut reader = Reader::open("x", text.as_bytes(), &options).unwrap();
    assert_eq!(reader.columns(), ["a", "b", "c"]);
    assert_eq!(reader.next_row().unwrap().unwrap().line(), 5);
    let torn = "a,b\n1,2\n3\n4,5\n6,7\n";
    assert!(refusal(torn).contains("line 3 has 1 cells"), "a torn row is no line above a table");
}

#[test]
fn columns_without_a_header_row_are_named_or_numbered() {
    let open = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let options = Options { header: Header::of_names(names), ..Options::default() };
        Reader::open("x", "1,2\n3,4\n".as_bytes(), &options)
    };
    assert_eq!(open(&["numbered"]).unwrap().columns(), ["column_1", "column_2"]);
    let mut named = open(&["a", "b"]).unwrap();
    assert_eq!(named.next_row().unwrap().unwrap().number(1).unwrap(), 2.0);
    let refused = open(&["a", "b", "c"]).err().unwrap().to_string();
    assert!(refused.contains("3 columns are named, but the first row has 2 cells"), "{refused}");
}

#[test]
fn blanks_divide_cells_however_many_there_are() {
    let text = "unit cycle  s1\n 1   1 0.5 \n 1\t2  0.25\n";
    let reader = open(text).unwrap();
    assert_eq!((reader.delimiter(), reader.columns().len()), (BLANKS, 3));
    assert_eq!(numbers(text).unwrap(), [[1.0, 1.0, 0.5], [1.0, 2.0, 0.25]]);
    // A header of two words over one column is a name with a blank in it.
    assert_eq!(open("motor current\n1\n2\n").unwrap().columns(), ["motor current"]);
}

#[test]
fn tables_are_told_from_prose() {
    let cells = |text: &str| look(text.as_bytes()).map(|found| (found.delimiter, found.cells));
    assert_eq!(cells("a;b\n1;2\n3;4\n"), Some((Some(b';'), 2)));
    assert_eq!(cells("1 2 3\n4 5 6\n7 8 9\n"), Some((Some(BLANKS), 3)));
    assert_eq!(cells("rul\n1\n2\n"), Some((None, 1)));
    assert_eq!(cells("2026-01-05 08:00:00,1\n2026-01-05 08:00:01,2\n"), Some((Some(b','), 2)));
    assert_eq!(cells("# Sources\n\nThis data, as it is, comes from\nsomewhere, or not.\n"), None);
    assert_eq!(cells(""), None);
}
