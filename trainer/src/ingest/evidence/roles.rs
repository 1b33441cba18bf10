//! What each column is proposed to be, and why: given options first, then time, recording, target,
//! label, and what is left over.

use model_format::payload::csv;
use model_format::payload::time::{Decimal, TimeFormat};

use super::scan::{ColumnFacts, Scan};
use super::{ColumnKind, ColumnRole, Evidence, PreviewedColumn, PreviewedTable, Proposal};
use crate::ingest::{ImportSettings, PlannedFile, names};

/// Most classes that a column may have to be proposed as the label.
const CLASSES_MAX: usize = 50;

/// The units of times, by what they are called and how many of them a second has.
const UNITS: [(&str, &str, f64); 4] = [
    ("s", "seconds", 1.0),
    ("ms", "milliseconds", 1e3),
    ("us", "microseconds", 1e6),
    ("ns", "nanoseconds", 1e9),
];

pub(super) fn decide(
    scan: &Scan,
    tables: &[&PlannedFile],
    settings: &mut ImportSettings,
    settled: &[String],
) -> Evidence {
    let decided = vec![None; scan.columns.len()];
    let mut deciding = Deciding { scan, settings, settled, proposals: Vec::new(), decided };
    deciding.given();
    deciding.time();
    deciding.recording();
    deciding.label_or_target(tables);
    deciding.leave_out();
    deciding.channels();
    let Deciding { proposals, decided, settings, .. } = deciding;
    let columns = scan.columns.iter().zip(decided).map(|(column, decided)| {
        let (role, evidence) = decided.unwrap_or((ColumnRole::Undecided, String::new()));
        let unit = settings.units.get(&column.name).cloned();
        PreviewedColumn {
            name: column.name.clone(),
            kind: column.kind(),
            examples: column.examples.clone(),
            missing: column.missing,
            role,
            unit: unit.filter(|_| matches!(role, ColumnRole::Channel | ColumnRole::Target)),
            evidence: evidence + &not_everywhere(scan, column),
        }
    });
    let delimiter = scan.dialect.map(|(delimiter, _)| csv::delimiter_name(delimiter));
    let decimal = scan.dialect.map(|(_, decimal)| match decimal {
        Decimal::Point => "point".to_owned(),
        Decimal::Comma => "comma".to_owned(),
    });
    let table = PreviewedTable {
        file: scan.file.clone(),
        delimiter,
        decimal,
        rows_read: scan.rows,
        columns: columns.collect(),
    };
    Evidence { table: Some(table), proposals }
}

fn not_everywhere(scan: &Scan, column: &ColumnFacts) -> String {
    match scan.files - column.files {
        0 => String::new(),
        _ => format!("; only {} of the {} files read have it", column.files, scan.files),
    }
}

struct Deciding<'a> {
    scan: &'a Scan,
    settings: &'a mut ImportSettings,
    /// Fields of the settings for which nothing is proposed.
    settled: &'a [String],
    proposals: Vec<Proposal>,
    /// Role and evidence of each column that has one.
    decided: Vec<Option<(ColumnRole, String)>>,
}

impl Deciding<'_> {
    /// Columns that the options name.
    fn given(&mut self) {
        let by = |option: &str| format!("named by `{option}`");
        let label =
            self.settings.label_from.as_deref().and_then(|from| from.strip_prefix("column:"));
        for (column, decided) in self.scan.columns.iter().zip(&mut self.decided) {
            let name = column.name.as_str();
            *decided = if name.is_empty() {
                let why = "it has no name: an index, which is left out";
                Some((ColumnRole::Ignored, why.to_owned()))
            } else if self.settings.time.as_deref() == Some(name) {
                Some((ColumnRole::Time, by("time")))
            } else if self.settings.recording_column.as_deref() == Some(name) {
                Some((ColumnRole::Recording, by("recording_column")))
            } else if label == Some(name) {
                Some((ColumnRole::Label, by("label_from")))
            } else if self.settings.target_columns.iter().any(|target| target == name) {
                Some((ColumnRole::Target, by("target_columns")))
            } else if self.settings.ignore_columns.iter().any(|ignored| ignored == name) {
                Some((ColumnRole::Ignored, by("ignore_columns")))
            } else {
                None
            };
        }
    }

    fn propose(&mut self, option: &str, value: impl Into<String>, reason: impl Into<String>) {
        let (option, value, reason) = (option.to_owned(), value.into(), reason.into());
        self.proposals.push(Proposal { option, value, reason });
    }

    fn decide(&mut self, position: usize, role: ColumnRole, evidence: impl Into<String>) {
        self.decided[position] = Some((role, evidence.into()));
    }

    /// True if something may be proposed for this field.
    fn is_open(&self, option: &str) -> bool {
        !self.settled.iter().any(|settled| settled == option)
    }

    /// True if this field is open, and there is no rate.
    fn may_propose_rate(&self) -> bool {
        self.settings.rate_hz.is_none() && self.is_open("rate_hz")
    }

    /// Columns without a role yet.
    fn free(&self) -> impl Iterator<Item = (usize, &ColumnFacts)> {
        let columns = self.scan.columns.iter().enumerate();
        columns.filter(|(position, _)| self.decided[*position].is_none())
    }

    fn position(&self, name: Option<&str>) -> Option<usize> {
        self.scan.columns.iter().position(|column| Some(column.name.as_str()) == name)
    }

    /// The time column and its unit; or that there is none, and so no rate.
    fn time(&mut self) {
        let is_open = self.settings.time.is_none() && self.is_open("time");
        if is_open && self.settings.rate_hz.is_none() {
            let ranked = self.free().map(|(position, column)| (time_rank(column), position));
            // The first one of the highest rank.
            let best = ranked.filter(|(rank, _)| *rank > 0).max_by_key(|(rank, at)| (*rank, !at));
            if let Some((_, position)) = best {
                let name = self.scan.columns[position].name.clone();
                self.settings.time = Some(name.clone());
                let reason = time_evidence(&self.scan.columns[position]);
                self.decide(position, ColumnRole::Time, reason.clone());
                self.propose("time", name, reason);
            }
        }
        match self.position(self.settings.time.as_deref()) {
            Some(position) => self.time_unit(position),
            None if self.settings.time.is_none() && self.may_propose_rate() => {
                self.settings.rate_hz = Some("none".to_owned());
                let reason = "no column looks like a time: rows then have no rate, and features of \
                              the spectrum cannot be used; give the true samples per second if \
                              you know it";
                self.propose("rate_hz", "none", reason);
            }
            None => {}
        }
    }

    fn time_unit(&mut self, position: usize) {
        let scan = self.scan;
        let column = &scan.columns[position];
        if self.settings.time_unit.is_none() && self.is_open("time_unit") {
            match time_unit(column) {
                Unit::Said(unit, reason) => {
                    self.settings.time_unit = Some(unit.to_owned());
                    if let Some((_, evidence)) = &mut self.decided[position] {
                        *evidence = format!("{evidence}; {reason}");
                    }
                    self.propose("time_unit", unit, reason);
                }
                Unit::Open(why) => self.decide(position, ColumnRole::Undecided, why),
                Unit::None => {}
            }
        }
        let rises = column.steps.iter().any(|step| *step > 0.0);
        if !rises && self.may_propose_rate() {
            self.settings.rate_hz = Some("none".to_owned());
            let reason = format!(
                "`{}` has no two different times in the rows read, so that there is no rate",
                column.name
            );
            self.propose("rate_hz", "none", reason);
        }
    }

    /// The column that tells recordings apart: one whose values come in stretches, by its name or as
    /// the time begins anew with each.
    fn recording(&mut self) {
        if self.settings.recording_column.is_some() || !self.is_open("recording_column") {
            return;
        }
        let scan = self.scan;
        let time = self.position(self.settings.time.as_deref()).map(|time| &scan.columns[time]);
        let found = self.free().find_map(|(position, column)| {
            let several = column.distinct.len() >= 2 && !column.is_manifold;
            let in_stretches = 3 * column.runs <= column.cells && column.missing == 0;
            if !several || !in_stretches || names::is_label(&column.name) {
                return None;
            }
            let restarts = time.is_some_and(|time| {
                !column.changes_at.is_empty() && time.falls_at == column.changes_at
            });
            let values = format!("{} values, each in one stretch of rows", column.distinct.len());
            if restarts && column.kind() == ColumnKind::Number {
                Some((position, format!("{values}; the time begins anew with each")))
            } else if names::is_recording(&column.name) {
                Some((position, format!("{values}, and its name")))
            } else {
                None
            }
        });
        if let Some((position, reason)) = found {
            let name = scan.columns[position].name.clone();
            self.settings.recording_column = Some(name.clone());
            self.decide(position, ColumnRole::Recording, reason.clone());
            self.propose("recording_column", name, reason);
        }
    }

    fn label_or_target(&mut self, tables: &[&PlannedFile]) {
        let settings = &self.settings;
        if settings.label_from.is_some() || !settings.target_columns.is_empty() {
            return;
        }
        let is_label_open = self.is_open("label_from");
        if is_label_open && self.named_label() {
            return;
        }
        if self.is_open("target_columns") && self.named_target() {
            return;
        }
        if is_label_open {
            self.unnamed_label(tables);
        }
    }

    /// True if a column is called as labels are, and holds few different values.
    fn named_label(&mut self) -> bool {
        let named =
            self.free().find(|(_, column)| names::is_label(&column.name) && is_class(column));
        let Some((position, reason)) = named
            .map(|(position, column)| (position, format!("its name, and {}", classes(column))))
        else {
            return false;
        };
        self.label_column(position, reason);
        true
    }

    /// True if a column is called as targets are, and holds numbers.
    fn named_target(&mut self) -> bool {
        let target = self.free().find(|(_, column)| {
            names::is_target(&column.name) && column.kind() == ColumnKind::Number
        });
        let Some((position, name)) = target.map(|(at, column)| (at, column.name.clone())) else {
            return false;
        };
        let reason = "its name, and many different numbers: what a regression predicts";
        self.decide(position, ColumnRole::Target, reason);
        self.settings.target_columns.push(name.clone());
        self.propose("target_columns", name, reason);
        true
    }

    /// The label where no column is called so: text that repeats, or names of files and folders.
    fn unnamed_label(&mut self, tables: &[&PlannedFile]) {
        let scan = self.scan;
        let texts: Vec<usize> = self
            .free()
            .filter(|(_, c)| c.kind() == ColumnKind::Text && is_class(c) && c.distinct.len() >= 2)
            .filter(|(_, column)| 2 * column.distinct.len() as u64 <= column.cells)
            .map(|(position, _)| position)
            .collect();
        if let [position] = texts[..] {
            let column = &scan.columns[position];
            let reason = format!("the only column of text that repeats: {}", classes(column));
            return self.label_column(position, reason);
        }
        if let Some(found) = names::label_names(tables) {
            self.settings.label_from = Some(found.source.clone());
            return self.propose("label_from", found.source, found.reason);
        }
        if texts.is_empty() {
            self.settings.label_from = Some("none".to_owned());
            let reason = "no column, folder or file name looks like a label; labels can be painted \
                          on the recordings later";
            return self.propose("label_from", "none", reason);
        }
        for position in texts {
            let why =
                format!("may be the label, as others may: {}", classes(&scan.columns[position]));
            self.decide(position, ColumnRole::Undecided, why);
        }
    }

    fn label_column(&mut self, position: usize, reason: String) {
        let source = format!("column:{}", self.scan.columns[position].name);
        self.settings.label_from = Some(source.clone());
        self.decide(position, ColumnRole::Label, reason.clone());
        self.propose("label_from", source, reason);
    }

    /// Columns that cannot be channels, or are none; as long as a channel is left.
    fn leave_out(&mut self) {
        if !self.is_open("ignore_columns") {
            return;
        }
        let scan = self.scan;
        let free: Vec<usize> = self.free().map(|(position, _)| position).collect();
        for position in free {
            let column = &scan.columns[position];
            let why = match column.kind() {
                ColumnKind::DateTime => "date-times, and not the time column".to_owned(),
                ColumnKind::Text => match column.distinct.len() {
                    1 => format!("the same text in every row read: {}", column.examples[0]),
                    _ => "text, and not the label".to_owned(),
                },
                ColumnKind::Empty if scan.rows > 0 => "no value in the rows read".to_owned(),
                ColumnKind::Number if is_counter(column) => {
                    "its name, and it rises by 1 from row to row: it counts rows".to_owned()
                }
                ColumnKind::Number if self.settings.time.is_none() && time_rank(column) > 0 => {
                    format!("looks like a time ({}), but none is used", time_evidence(column))
                }
                ColumnKind::Number | ColumnKind::Empty => continue,
            };
            let is_text = matches!(column.kind(), ColumnKind::DateTime | ColumnKind::Text);
            let is_left = self
                .free()
                .any(|(other, column)| other != position && column.kind() == ColumnKind::Number);
            if is_text || is_left {
                self.settings.ignore_columns.push(column.name.clone());
                self.decide(position, ColumnRole::Ignored, why.clone());
                self.propose("ignore_columns", column.name.clone(), why);
            }
        }
    }

    /// What is left: the channels, with the units that their names say.
    fn channels(&mut self) {
        let scan = self.scan;
        for (position, column) in scan.columns.iter().enumerate() {
            if self.decided[position].is_none() {
                let (role, why) = match column.kind() {
                    ColumnKind::Text | ColumnKind::DateTime => {
                        (ColumnRole::Undecided, "no numbers: leave it out, or say what it is for")
                    }
                    _ => (ColumnRole::Channel, &*channel_evidence(column)),
                };
                self.decide(position, role, why);
            }
            let role = self.decided[position].as_ref().map(|(role, _)| *role);
            let is_value = matches!(role, Some(ColumnRole::Channel | ColumnRole::Target));
            if let (true, Some(unit)) = (is_value, names::unit(&column.name))
                && !self.settings.units.contains_key(&column.name)
                && column.files == scan.files
                && self.is_open("units")
            {
                self.settings.units.insert(column.name.clone(), unit.to_owned());
                let value = format!("{}={unit}", column.name);
                self.propose("units", value, "the end of its name");
            }
        }
    }
}

/// True if its values may be classes: a few, and no fractions.
fn is_class(column: &ColumnFacts) -> bool {
    let few = !column.is_manifold && (1..=CLASSES_MAX).contains(&column.distinct.len());
    few && !(column.kind() == ColumnKind::Number && column.is_fractional)
}

fn classes(column: &ColumnFacts) -> String {
    let shown = column.examples.iter().take(3).map(|class| format!("`{class}`"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match column.distinct.len() {
        1 => format!("one value, {shown}"),
        count if count > 3 => format!("{count} values, {shown} and others"),
        count => format!("{count} values, {shown}"),
    }
}

fn channel_evidence(column: &ColumnFacts) -> String {
    match (&column.other, column.distinct.len()) {
        _ if column.cells == 0 => "no value in the rows read".to_owned(),
        (Some((line, text)), _) => format!(
            "numbers in {} of {} cells, but line {line} has {text:?}",
            column.numbers, column.cells
        ),
        (None, 1) => format!("the same number in every row read: {}", column.examples[0]),
        (None, _) if column.missing > 0 => {
            format!("numbers; {} rows have none", column.missing)
        }
        (None, _) => "numbers".to_owned(),
    }
}

fn is_counter(column: &ColumnFacts) -> bool {
    let ones = column.steps.iter().filter(|step| **step == 1.0).count();
    names::is_counter(&column.name)
        && !column.steps.is_empty()
        && 10 * ones >= 9 * column.steps.len()
}

/// How much speaks for a column being the time; 0 if too little does.
fn time_rank(column: &ColumnFacts) -> u8 {
    let by_unit = number_unit(&column.name).is_some();
    let named = names::is_time(&column.name) || names::is_time(names::without_unit(&column.name));
    let fits = column.missing == 0 && (column.steps.is_empty() || column.rises(9));
    match column.kind() {
        ColumnKind::DateTime if named => 4,
        ColumnKind::Number if fits && named && by_unit => 5,
        ColumnKind::Number if fits && named => 3,
        ColumnKind::DateTime => 2,
        ColumnKind::Number if fits && by_unit && column.rises(9) => 1,
        _ => 0,
    }
}

fn time_evidence(column: &ColumnFacts) -> String {
    let shown = column.examples.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let found = match (column.kind(), column.rises(9)) {
        (ColumnKind::DateTime, _) => "date-times",
        (_, true) => "rises from row to row",
        (_, false) => "its name says so",
    };
    format!("{found}: {shown}")
}

/// The unit that a column's name says its numbers have.
fn number_unit(name: &str) -> Option<&'static str> {
    let format = TimeFormat::unambiguous(name, "0")?;
    let unit = UNITS.iter().find(|(unit, ..)| unit.parse() == Ok(format))?;
    Some(unit.0)
}

/// What is known of the unit of times.
enum Unit {
    /// The unit, and why.
    Said(&'static str, String),
    /// Not known, with what it may be.
    Open(String),
    /// Nothing can be said.
    None,
}

fn time_unit(column: &ColumnFacts) -> Unit {
    match column.kind() {
        ColumnKind::DateTime => {
            return Unit::Said("datetime", "date and time as ISO 8601 has them".to_owned());
        }
        ColumnKind::Number => {}
        ColumnKind::Text | ColumnKind::Empty => return Unit::None,
    }
    let step = column.median_step();
    let rate = |per_second: f64| match step {
        Some(step) => format!(": {} rows per second", rounded(per_second / step)),
        None => String::new(),
    };
    let said = |found: (&'static str, &str, f64), why: &str| {
        Unit::Said(found.0, format!("{why} {}{}", found.1, rate(found.2)))
    };
    let first = column.first.unwrap_or(0.0);
    if let Some(unit) = number_unit(&column.name)
        && let Some(found) = UNITS.iter().find(|(name, ..)| *name == unit)
    {
        return said(*found, "the name says");
    }
    // 2001 to 2096: three digits lie between two units, so that only one fits.
    if let Some(found) = UNITS.iter().find(|unit| (1e9..4e9).contains(&(first / unit.2))) {
        return said(*found, "the numbers since 1970 fit");
    }
    let Some(step) = step else { return Unit::None };
    if column.is_fractional && step < 1.0 {
        return said(UNITS[0], "fractions below 1 fit");
    }
    // Most sensors give 2 to 500 rows per second.
    let usual = UNITS.iter().filter(|unit| (2.0..=500.0).contains(&(unit.2 / step)));
    match usual.collect::<Vec<_>>()[..] {
        [found] => said(*found, "the steps fit"),
        _ => {
            let rates = UNITS
                .iter()
                .take(3)
                .map(|unit| format!("{} per second if {}", rounded(unit.2 / step), unit.1));
            let rates = rates.collect::<Vec<_>>().join(", ");
            Unit::Open(format!("looks like the time, but in which unit? Rows would be {rates}"))
        }
    }
}

/// A rate with four digits.
fn rounded(rate: f64) -> String {
    let digits = 3 - rate.abs().max(1e-9).log10().floor() as i32;
    let scale = 10_f64.powi(digits);
    format!("{}", (rate * scale).round() / scale)
}
