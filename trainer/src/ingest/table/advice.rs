//! Refusals of tables, filled in with what was found and with the options that would help.

use model_format::payload::time::TimeFormat;

use super::super::files::PlannedFile;
use super::super::{ImportError, labels, names};
use super::Table;

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

fn seen<T: Table + ?Sized>(table: &mut T) -> Vec<Seen> {
    let has_row = table.peek().is_ok_and(|has_row| has_row);
    let value = |column| match has_row {
        true => table.text(column).map(|text| text.into_owned()).unwrap_or_default(),
        false => String::new(),
    };
    let columns = table.columns().iter().enumerate();
    columns.map(|(index, name)| Seen { name: name.clone(), value: value(index) }).collect()
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

pub(super) fn no_time<T: Table + ?Sized>(file: &PlannedFile, table: &mut T) -> ImportError {
    let columns = seen(table);
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

pub(super) fn no_label<T: Table + ?Sized>(file: &PlannedFile, table: &mut T) -> ImportError {
    let columns = seen(table);
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
