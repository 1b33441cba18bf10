//! How files are to be read, as programs say it: the fields of a request.

use std::collections::BTreeMap;
use std::str::FromStr;

use model_format::payload::csv;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ImportOptions, TimeOption};
use crate::recording::check_tags;

/// A field that cannot be understood, or fields that do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SettingsError {
    /// The field, where it is one.
    pub field: Option<&'static str>,
    /// What was found and what to change.
    pub reason: String,
}

/// How files are to be read: the options of `cirame-trainer import`, by the same names. What a file
/// does not say itself (Edge Impulse files say almost everything, CSV files almost nothing) must be
/// said here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImportSettings {
    /// Tables: the column with the time of each row.
    pub time: Option<String>,
    /// Tables: unit of the time column: `s`, `ms`, `us`, `ns` or `datetime`.
    pub time_unit: Option<String>,
    /// Tables: samples per second for files without times, as text, or `none` for rows without a rate.
    pub rate_hz: Option<String>,
    /// Where the label stands: `folder`, `filename`, `filename:PATTERN`, `column:NAME`,
    /// `value:CLASS` or `none`.
    pub label_from: Option<String>,
    /// Tags from the file's name: `gt_{year}`.
    pub tags_from: Option<String>,
    /// Tags of all recordings.
    pub tags: BTreeMap<String, String>,
    /// Tables: a column whose values tell recordings apart.
    pub recording_column: Option<String>,
    /// Tables: columns that a regression shall predict.
    pub target_columns: Vec<String>,
    /// Units by channel.
    pub units: BTreeMap<String, String>,
    /// Tables: columns to leave out.
    pub ignore_columns: Vec<String>,
    /// CSV: the sign between two cells: `,` `;` `tab` `|` or `blanks`; found otherwise.
    pub delimiter: Option<String>,
    /// CSV: the decimal sign: `point` or `comma`; found otherwise.
    pub decimal: Option<String>,
    /// What the files are, where their first bytes say something else.
    pub format: Option<String>,
    /// CSV: lines above the table, to be left out.
    pub skip_lines: Option<u64>,
    /// CSV without a header row: the names of its columns, or `numbered` alone.
    pub columns: Vec<String>,
    /// CSV: how it is written: `utf-8`, `utf-16le`, `utf-16be` or `windows-1252`.
    pub encoding: Option<String>,
    /// XLSX: the sheet.
    pub sheet: Option<String>,
    /// Tables: each row is a window with the values of these axes, sample after sample.
    pub window_axes: Vec<String>,
    /// Edge Impulse: the key that files are signed with. It is kept with the job.
    pub hmac_key: Option<String>,
    /// Leave files out that are refused, and say why, instead of importing none.
    pub skip_refused: bool,
}

impl ImportSettings {
    /// Refuses names that are none of a field.
    ///
    /// # Errors
    /// With the name, and the one that it looks like.
    pub fn check_fields(names: &[String]) -> Result<(), SettingsError> {
        let fields = serde_json::to_value(Self::default()).expect("plain data has a JSON form");
        let known = |name: &str| fields.get(name).is_some();
        let Some(name) = names.iter().find(|name| !known(name)) else { return Ok(()) };
        let all = fields.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        let hint = crate::nearest::hint(&crate::nearest::nearest(name, all));
        let reason = format!("decided: the options have no field {name:?}{hint}");
        Err(SettingsError { field: Some("decided"), reason })
    }

    /// The options that these settings name.
    ///
    /// # Errors
    /// With the field that cannot be understood.
    pub fn parse(&self) -> Result<ImportOptions, SettingsError> {
        let time_unit = parse_field("time_unit", self.time_unit.as_ref())?;
        if self.time.is_none() && time_unit.is_some() {
            return Err(refused("time_unit", &"is given without time"));
        }
        check_tags(&self.tags).map_err(|change| refused("tags", &change))?;
        let delimiter = self.delimiter.as_deref().map(csv::parse_delimiter).transpose();
        let options = ImportOptions {
            time: self.time.clone().map(|column| TimeOption { column, format: time_unit }),
            rate: parse_field("rate_hz", self.rate_hz.as_ref())?,
            label_from: parse_field("label_from", self.label_from.as_ref())?,
            tags_from: parse_field("tags_from", self.tags_from.as_ref())?,
            tags: self.tags.clone(),
            recording_column: self.recording_column.clone(),
            target_columns: self.target_columns.clone(),
            units: self.units.clone(),
            ignore_columns: self.ignore_columns.clone(),
            dialect: csv::Options {
                delimiter: delimiter.map_err(|error| refused("delimiter", &error))?,
                decimal: parse_field("decimal", self.decimal.as_ref())?,
                skip_lines: self.skip_lines,
                header: csv::Header::of_names(self.columns.clone()),
            },
            format: parse_field("format", self.format.as_ref())?,
            encoding: parse_field("encoding", self.encoding.as_ref())?,
            sheet: self.sheet.clone(),
            window_axes: self.window_axes.clone(),
            hmac_key: self.hmac_key.clone(),
            skip_refused: self.skip_refused,
        };
        options.check().map_err(|error| SettingsError {
            field: None,
            reason: in_words_of_settings(&error.to_string()),
        })?;
        Ok(options)
    }
}

fn parse_field<T: FromStr>(
    name: &'static str,
    text: Option<&String>,
) -> Result<Option<T>, SettingsError>
where
    T::Err: std::fmt::Display,
{
    text.map(|text| text.parse()).transpose().map_err(|error| refused(name, &error))
}

fn refused(field: &'static str, error: &dyn std::fmt::Display) -> SettingsError {
    let reason = format!("{field}: {}", in_words_of_settings(&error.to_string()));
    SettingsError { field: Some(field), reason }
}

/// The options of the command line with their fields.
const FIELDS: [(&str, &str); 17] = [
    ("--time-unit", "time_unit"),
    ("--time", "time"),
    ("--rate-hz", "rate_hz"),
    ("--label-from", "label_from"),
    ("--tags-from", "tags_from"),
    ("--recording-column", "recording_column"),
    ("--target-column", "target_columns"),
    ("--ignore-column", "ignore_columns"),
    ("--delimiter", "delimiter"),
    ("--decimal", "decimal"),
    ("--format", "format"),
    ("--skip-lines", "skip_lines"),
    ("--columns", "columns"),
    ("--encoding", "encoding"),
    ("--sheet", "sheet"),
    ("--window-axes", "window_axes"),
    ("--hmac-key", "hmac_key"),
];

/// A refusal that names options of the command line, with the fields of settings in their place:
/// `--time t_ms` becomes `time: t_ms`.
pub fn in_words_of_settings(text: &str) -> String {
    let units = text.replace("`--unit ", "`units: ").replace("--unit names", "units names");
    FIELDS.iter().fold(units, |text, (option, field)| {
        // What stands before a value is quoted with it; elsewhere an option stands alone.
        text.replace(&format!("`{option} "), &format!("`{field}: ")).replace(option, field)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_fields_that_a_program_sends() {
        for (text, expected) in [
            ("add `--time t_ms` (its first value is 0)", "add `time: t_ms` (its first value is 0)"),
            ("add `--time-unit s`, `ms` or `us`", "add `time_unit: s`, `ms` or `us`"),
            ("its times say 9 Hz, --rate-hz says 5", "its times say 9 Hz, rate_hz says 5"),
            ("give the rate with `--rate-hz`", "give the rate with `rate_hz`"),
            ("--unit names `x`", "units names `x`"),
        ] {
            assert_eq!(in_words_of_settings(text), expected);
        }
    }
}
