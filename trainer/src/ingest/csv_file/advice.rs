//! Refusals of CSV files, filled in with what was found and with the options that would help.

use std::fs::File;

use model_format::payload::csv::Reader;
use model_format::payload::time::TimeFormat;

use super::super::files::PlannedFile;
use super::super::{ImportError, labels, names};

/// How many names a message lists.
const NAMES_MAX: usize = 20;

/// A column as a refusal shows it: its name and its first value.
struct Seen {
    name: String,
    value: String,
}

impl Seen {
    fn is_number(&self) -> bool {
        self.value.is_empty() || self.value.replace(',', ".").parse::<f64>().is_ok()
    }

    /// True if its name or first value looks like a time.
    fn may_be_time(&self) -> bool {
        TimeFormat::unambiguous(&self.name, &self.value).is_some() || names::is_time(&self.name)
    }
}

fn seen(reader: &mut Reader<File>) -> Vec<Seen> {
    let names = reader.columns().to_vec();
    let row = reader.peek_row().ok().flatten();
    let value = |column| row.as_ref().and_then(|row| row.text(column).ok()).unwrap_or("");
    let columns = names.into_iter().enumerate();
    columns.map(|(index, name)| Seen { name, value: value(index).to_owned() }).collect()
}

fn listing(columns: &[Seen]) -> String {
    let named = columns.iter().filter(|column| !column.name.is_empty());
    let names: Vec<String> =
        named.take(NAMES_MAX).map(|column| format!("`{}`", column.name)).collect();
    match columns.len().saturating_sub(NAMES_MAX) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

pub(super) fn no_time(file: &PlannedFile, reader: &mut Reader<File>) -> ImportError {
    let columns = seen(reader);
    let found = format!(
        "no time column is named and no rate is given; the columns are {}",
        listing(&columns)
    );
    let time = match columns.iter().find(|column| column.may_be_time()) {
        Some(column) => {
            format!("`--time {}` (its first value is {})", quoted(&column.name), { &column.value })
        }
        None => "`--time COLUMN`".to_owned(),
    };
    let advice = format!(
        "add {time}, or `--rate-hz HZ` with the true samples per second, or `--rate-hz none` if \
         the rows have no rate"
    );
    file.undecided(found, advice)
}

pub(super) fn no_time_unit(file: &PlannedFile, column: &str, first: &str) -> ImportError {
    if first.parse::<f64>().is_ok() {
        let found = format!("the time column `{column}` holds numbers ({first} is the first)");
        return file.undecided(found, "add `--time-unit s`, `ms`, `us` or `ns`");
    }
    let found = format!("the time column `{column}` holds {first:?}");
    file.undecided(
        found,
        "it must hold numbers or ISO 8601 date-times, such as 2026-11-24 09:30:00.250; name \
         another column, or give the rate with `--rate-hz`",
    )
}

pub(super) fn no_label(file: &PlannedFile, reader: &mut Reader<File>) -> ImportError {
    let columns = seen(reader);
    let texts = columns.iter().filter(|column| !column.is_number() && !column.may_be_time());
    let by_name = columns.iter().filter(|column| names::is_label(&column.name));
    let candidate = by_name.chain(texts).next();
    let column = match candidate {
        Some(column) => format!(
            "`--label-from column:{}` (its first value is {})",
            quoted(&column.name),
            column.value
        ),
        None => "`--label-from column:NAME`".to_owned(),
    };
    let folder = file.path.parent().and_then(|folder| folder.file_name());
    let folder = folder.map(|name| format!(" ({})", name.display())).unwrap_or_default();
    let found = format!("it is not said where the label is; the columns are {}", listing(&columns));
    let advice = format!(
        "add {column}, `--label-from filename` ({}), `--label-from folder`{folder}, \
         `--label-from value:CLASS`, `--label-from none` for data without labels, or \
         `--target-column COLUMN` for a regression",
        labels::before_dot(&file.path)
    );
    file.undecided(found, advice)
}

pub(super) fn not_a_number(file: &PlannedFile, column: &str, found: &str) -> ImportError {
    let column = quoted(column);
    let advice = format!(
        "correct it; or, if the column holds the class, add `--label-from column:{column}`; if it \
         is not needed, add `--ignore-column {column}`"
    );
    file.undecided(found, advice)
}

/// A name as it must be written in a shell.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || ['_', '-', '.'].contains(&c);
    if name.chars().all(is_plain) { name.to_owned() } else { format!("'{name}'") }
}
