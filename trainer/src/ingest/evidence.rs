//! Evidence: what the first rows of tables say about their columns, and what they are proposed to be.

mod roles;
mod scan;

use serde::Serialize;
use utoipa::ToSchema;

use super::{ImportError, ImportSettings, PlannedFile};

/// Rows that are looked at in one file.
pub const ROWS_MAX: u64 = 2000;

/// A table, and what its columns are proposed to be.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PreviewedTable {
    /// The file that this was found in.
    pub file: String,
    /// The sign between two cells: `,` `;` `tab` `|` or `blanks`; none where a format has no such sign.
    pub delimiter: Option<String>,
    /// The decimal sign: `point` or `comma`; none where a format has its own.
    pub decimal: Option<String>,
    /// Rows that were looked at, of all files that were.
    pub rows_read: u64,
    /// The columns, in the order of the file.
    pub columns: Vec<PreviewedColumn>,
}

/// A column, and what it is proposed to be.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PreviewedColumn {
    /// Name; empty for an index column.
    pub name: String,
    /// What is in it.
    pub kind: ColumnKind,
    /// The first different values, as they are written; at most five.
    pub examples: Vec<String>,
    /// Rows without a value.
    pub missing: u64,
    /// What it is for, as the options say or as it is proposed.
    pub role: ColumnRole,
    /// Unit, if known.
    pub unit: Option<String>,
    /// Why, in words.
    pub evidence: String,
}

/// What is in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// Numbers, nine of ten cells at least.
    Number,
    /// Date-times.
    DateTime,
    /// Other text.
    Text,
    /// Nothing.
    Empty,
}

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColumnRole {
    /// The time of each row.
    Time,
    /// A model input.
    Channel,
    /// The class of each row.
    Label,
    /// What a regression predicts.
    Target,
    /// Tells recordings apart.
    Recording,
    /// Left out.
    Ignored,
    /// Somebody has to say.
    Undecided,
}

/// An option that was not given, with a value for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Proposal {
    /// The field of the options.
    pub option: String,
    /// The value; for a list one item of it, for units `channel=unit`.
    pub value: String,
    /// Why.
    pub reason: String,
}

/// What the beginnings of tables say.
#[derive(Debug)]
pub struct Evidence {
    /// The columns, where there is a table with a header.
    pub table: Option<PreviewedTable>,
    /// What is proposed.
    pub proposals: Vec<Proposal>,
}

/// Looks at the first rows of the tables `scanned` and at the names of all `tables`, and completes
/// `settings` by what is proposed. What is given stays, and so do the fields that are `decided`.
///
/// # Errors
/// Where the first table has no usable header, or a file cannot be read.
pub fn propose(
    tables: &[&PlannedFile],
    scanned: &[&PlannedFile],
    settings: &mut ImportSettings,
    decided: &[String],
) -> Result<Evidence, ImportError> {
    let options = settings.parse().unwrap_or_default();
    match scan::scan(scanned, &options)? {
        Some(scan) => Ok(roles::decide(&scan, tables, settings, decided)),
        None => Ok(Evidence { table: None, proposals: Vec::new() }),
    }
}

#[cfg(test)]
mod tests;
