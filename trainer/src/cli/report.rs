//! What a command answers: text for people and the same as JSON; and tables in text.

use std::fmt::Write as _;

use serde_json::Value;

/// The answer of a command.
#[derive(Debug)]
pub(super) struct Report {
    /// For people.
    pub(super) text: String,
    /// For programs.
    pub(super) json: Value,
}

/// Lines of cells under a heading, columns aligned; numbers to the right.
#[derive(Debug)]
pub(super) struct TextTable {
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// An empty table with these headings.
    pub(super) fn new(heading: &[&str]) -> Self {
        TextTable { rows: vec![heading.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    /// Adds a line.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table as text, each line indented by two blanks.
    pub(super) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let body = &self.rows[1..];
        let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
        let width = |column| {
            self.rows.iter().map(|row| cell(row, column).chars().count()).max().unwrap_or(0)
        };
        let numeric = |column| {
            !body.is_empty()
                && body.iter().all(|row| {
                    let text = cell(row, column);
                    text.is_empty()
                        || text == "–"
                        || text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                })
        };
        let layout: Vec<(usize, bool)> =
            (0..columns).map(|column| (width(column), numeric(column))).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, &(width, numeric)) in layout.iter().enumerate() {
                let cell = cell(row, column);
                let _ = match numeric {
                    true => write!(line, "  {cell:>width$}"),
                    false => write!(line, "  {cell:<width$}"),
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// A moment for people, in UTC.
pub(super) fn moment(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(moment) => moment.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => ms.to_string(),
    }
}

/// The first digits of a digest: enough to tell two apart in a list.
pub(super) fn short(digest: model_format::id::Digest) -> String {
    digest.to_string().chars().take(12).collect()
}
