#![no_main]

use model_format::payload::COLUMNS_MAX;
use model_format::payload::csv::{Options, Reader};
use model_format::payload::time::TimeFormat;

libfuzzer_sys::fuzz_target!(|data: &[u8]| assert_eq!(read(data), read(data)));

/// Every cell of every row, by bits; rows at fault are skipped.
fn read(data: &[u8]) -> Vec<Option<u32>> {
    let mut found = Vec::new();
    let Ok(mut reader) = Reader::open("x", data, &Options::default()) else { return found };
    let columns = reader.columns().len();
    assert!(columns <= COLUMNS_MAX);
    loop {
        match reader.next_row() {
            Ok(None) => return found,
            Ok(Some(row)) => {
                for column in 0..columns {
                    found.push(row.number(column).ok().map(f32::to_bits));
                    let _ = (row.text(column), row.time_ns(column, TimeFormat::Seconds));
                    let _ = row.time_ns(column, TimeFormat::DateTime);
                }
            }
            Err(error) if error.is_of_one_row() => found.push(None),
            Err(_) => return found,
        }
    }
}
