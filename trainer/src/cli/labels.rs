//! `labels`: what recordings are labelled with, changes of that, and their history.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use super::report::{Report, TextTable, moment, short};
use super::{Context, Versioned, to_json};
use crate::labels::LabelEdit;
use crate::recording::LabelSpan;
use crate::store::{DatasetVersion, LabelChange, OwnerId, PageOf, Relabelling};
use crate::training::settings::RowRange;

/// Changes that are shown.
const CHANGES_MAX: usize = 1000;

/// Show the labels of a dataset, change them, or show what was changed. Each change makes a new
/// version of the dataset; versions before keep their labels.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  What rows 2000 to 3999 of a recording are:
    cirame-trainer labels assign pump run_01.csv fault --rows 2000..4000 --comment 'seen on site'
  One class instead of two, in all recordings:
    cirame-trainer labels rename pump idling idle
  A second set of labels beside the first, to answer another question:
    cirame-trainer labels copy pump --set wear
    cirame-trainer labels assign pump run_01.csv worn --set wear
    cirame-trainer train pump -e random_forest_classifier --label-set wear
  Who changed what; and back to how it was:
    cirame-trainer labels history pump
    cirame-trainer labels restore pump 1")]
pub(super) struct Labels {
    #[command(subcommand)]
    command: LabelsCommand,
}

#[derive(Debug, Subcommand)]
enum LabelsCommand {
    /// The spans of a dataset, or of one of its recordings.
    Show {
        /// Name of the dataset, or NAME@VERSION.
        dataset: Versioned,
        /// Name of the recording; all otherwise.
        recording: Option<String>,
        /// Name of the label set; the recordings' own labels otherwise.
        #[arg(long, value_name = "NAME")]
        set: Option<String>,
    },
    /// What was changed, newest first.
    History {
        /// Name of the dataset.
        dataset: String,
    },
    #[command(flatten)]
    Change(ChangeCommand),
}

#[derive(Debug, Subcommand)]
enum ChangeCommand {
    /// Give rows of a recording a class, whatever they had.
    Assign {
        /// Name of the dataset.
        dataset: String,
        /// Name of the recording.
        recording: String,
        /// The class.
        class: String,
        /// Only these rows; all otherwise.
        #[arg(long, value_name = "FROM..TO")]
        rows: Option<RowRange>,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Take rows their labels.
    Clear {
        /// Name of the dataset.
        dataset: String,
        /// Name of the recording; all otherwise.
        recording: Option<String>,
        /// Only these rows; all otherwise.
        #[arg(long, value_name = "FROM..TO")]
        rows: Option<RowRange>,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Make two spans of one, of the same class.
    Split {
        /// Name of the dataset.
        dataset: String,
        /// Name of the recording.
        recording: String,
        /// First row of the second span.
        at_row: u64,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Make one span of the spans of one class that these rows touch.
    Merge {
        /// Name of the dataset.
        dataset: String,
        /// Name of the recording.
        recording: String,
        /// The rows.
        #[arg(value_name = "FROM..TO")]
        rows: RowRange,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Give a class another name; one that is there already becomes one with it.
    Rename {
        /// Name of the dataset.
        dataset: String,
        /// The class.
        class: String,
        /// Its new name.
        to: String,
        /// Only in this recording; in all otherwise.
        #[arg(long, value_name = "NAME")]
        recording: Option<String>,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Take over the labels of another set, in place of those of this one.
    Copy {
        /// Name of the dataset.
        dataset: String,
        /// The set to copy from; the recordings' own labels otherwise.
        #[arg(long, value_name = "NAME")]
        from: Option<String>,
        /// Only of this recording; of all otherwise.
        #[arg(long, value_name = "NAME")]
        recording: Option<String>,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Make the labels what they were in an older version.
    Restore {
        /// Name of the dataset.
        dataset: String,
        /// Number of the version.
        version: u32,
        /// Only of this recording; of all otherwise.
        #[arg(long, value_name = "NAME")]
        recording: Option<String>,
        #[command(flatten)]
        change: ChangeArgs,
    },
}

/// Which labels are changed, and why.
#[derive(Debug, Args)]
struct ChangeArgs {
    /// Name of the label set; the recordings' own labels otherwise.
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

impl Labels {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let folder = context.open()?;
        let store = folder.store();
        let (dataset, edit, args) = match &self.command {
            LabelsCommand::Show { dataset, recording, set } => {
                let Versioned { name, number } = dataset;
                let version = store.dataset_version(OwnerId::LOCAL, name, *number)?;
                return shown(&version, recording.as_deref(), set.as_deref());
            }
            LabelsCommand::History { dataset } => {
                let page = PageOf { limit: CHANGES_MAX, cursor: None };
                let changes = store.label_changes(OwnerId::LOCAL, dataset, &page)?.items;
                return Ok(Report { text: history(&changes), json: to_json(&changes) });
            }
            LabelsCommand::Change(change) => edit_of(change),
        };
        let before = store.dataset_version(OwnerId::LOCAL, dataset, None)?.number;
        let change = Relabelling {
            label_set: args.set.clone(),
            edits: vec![edit],
            comment: args.comment.clone(),
            expected_version: None,
            changed_by: "the command line".to_owned(),
        };
        let version = store.relabel(OwnerId::LOCAL, dataset, &change)?;
        let changed = version.number != before;
        let text = format!(
            "dataset {} version {}{}, digest {}\n",
            version.dataset,
            version.number,
            if changed { "" } else { " (unchanged)" },
            short(version.digest)
        );
        let json = serde_json::json!({
            "dataset": version.dataset, "version": version.number, "digest": version.digest,
            "changed": changed,
        });
        Ok(Report { text, json })
    }
}

/// The dataset, the edit, and the rest of a command that changes something.
fn edit_of(command: &ChangeCommand) -> (&String, LabelEdit, &ChangeArgs) {
    let from = |rows: &Option<RowRange>| rows.map_or(0, |rows| rows.from);
    let to = |rows: &Option<RowRange>| rows.map(|rows| rows.to);
    match command {
        ChangeCommand::Assign { dataset, recording, class, rows, change } => {
            let (recording, class) = (recording.clone(), class.clone());
            let (from_row, to_row) = (from(rows), to(rows));
            (dataset, LabelEdit::Assign { recording, from_row, to_row, class }, change)
        }
        ChangeCommand::Clear { dataset, recording, rows, change } => {
            let (from_row, to_row) = (from(rows), to(rows));
            let recording = recording.clone();
            (dataset, LabelEdit::Clear { recording, from_row, to_row }, change)
        }
        ChangeCommand::Split { dataset, recording, at_row, change } => {
            let edit = LabelEdit::Split { recording: recording.clone(), at_row: *at_row };
            (dataset, edit, change)
        }
        ChangeCommand::Merge { dataset, recording, rows, change } => {
            let (from_row, to_row) = (rows.from, rows.to);
            let recording = recording.clone();
            (dataset, LabelEdit::Merge { recording, from_row, to_row }, change)
        }
        ChangeCommand::Rename { dataset, class, to, recording, change } => {
            let (class, to) = (class.clone(), to.clone());
            (dataset, LabelEdit::Rename { recording: recording.clone(), class, to }, change)
        }
        ChangeCommand::Copy { dataset, from, recording, change } => {
            let (recording, from_set) = (recording.clone(), from.clone());
            (dataset, LabelEdit::Copy { recording, from_set }, change)
        }
        ChangeCommand::Restore { dataset, version, recording, change } => {
            let edit = LabelEdit::Restore { recording: recording.clone(), version: *version };
            (dataset, edit, change)
        }
    }
}

fn shown(
    version: &DatasetVersion,
    recording: Option<&str>,
    set: Option<&str>,
) -> anyhow::Result<Report> {
    let mut table = TextTable::new(&["recording", "from row", "to row", "class"]);
    let mut json = serde_json::Map::new();
    let mut sets = std::collections::BTreeSet::new();
    for entry in &version.entries {
        let annotation = &entry.annotation;
        sets.extend(annotation.label_sets.keys());
        if recording.is_some_and(|wanted| wanted != entry.info.name) {
            continue;
        }
        let empty = Vec::new();
        let spans: &Vec<LabelSpan> = match set {
            None => &annotation.labels,
            Some(set) => annotation.label_sets.get(set).unwrap_or(&empty),
        };
        for span in spans {
            let (from, to) = (span.from_row.to_string(), span.to_row.to_string());
            table.row(vec![entry.info.name.clone(), from, to, span.class.clone()]);
        }
        json.insert(entry.info.name.clone(), to_json(spans));
    }
    if json.is_empty() {
        let wanted = recording.unwrap_or_default();
        let known = version.entries.iter().map(|entry| entry.info.name.as_str());
        let hint = crate::nearest::hint(&crate::nearest::nearest(wanted, known));
        anyhow::bail!("dataset {} has no recording {wanted:?}{hint}", version.dataset);
    }
    if let Some(set) = set.filter(|set| !sets.iter().any(|known| known == set)) {
        let hint = crate::nearest::hint(&crate::nearest::nearest(
            set,
            sets.iter().map(|known| known.as_str()),
        ));
        anyhow::bail!("dataset {} has no label set {set:?}{hint}", version.dataset);
    }
    let mut text = table.render();
    if !sets.is_empty() {
        let names: Vec<&str> = sets.iter().map(|name| name.as_str()).collect();
        let _ =
            writeln!(text, "label sets beside the recordings' own labels: {}", names.join(", "));
    }
    Ok(Report { text, json: json.into() })
}

fn history(changes: &[LabelChange]) -> String {
    if changes.is_empty() {
        return "no labels have been changed\n".to_owned();
    }
    let mut table = TextTable::new(&["version", "when", "who", "set", "recordings", "change"]);
    for change in changes {
        let comment = change.comment.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
        table.row(vec![
            change.version.to_string(),
            moment(change.changed_ms),
            change.changed_by.clone(),
            change.label_set.clone().unwrap_or_else(|| "own".to_owned()),
            change.recordings.len().to_string(),
            format!("{}{comment}", change.edits.join("; ")),
        ]);
    }
    table.render()
}
