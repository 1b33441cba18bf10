//! `datasets`: what has been imported.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::report::{Report, TextTable, moment, short};
use super::{Context, Versioned, to_json};
use crate::looking::overview::{Overview, overview};
use crate::store::{Access, DatasetVersion, Entry, OwnerId, PageOf, Standing};
use crate::training::selected;
use crate::training::settings::Selector;

mod change;

/// The first thousand datasets.
const ALL: PageOf = PageOf { limit: 1000, cursor: None };

/// List datasets, show one, or say who may see it, what it is for, and facts about its recordings.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer datasets list
  cirame-trainer datasets show pump
  cirame-trainer datasets show pump@1 --json
  cirame-trainer datasets show pump --only tag:machine=7
  cirame-trainer datasets overview pump --test tag:load=100
  Who else may look at it, or label it (others call it OWNER:NAME):
    cirame-trainer datasets share pump --everybody read --with ada=label
    cirame-trainer datasets share pump --without everybody
  Facts about recordings, as a new version:
    cirame-trainer datasets tag pump machine=7 load=40 --only 'recording:run_0*'
  What a regression on it predicts:
    cirame-trainer datasets target turbine TEY")]
pub(super) struct Datasets {
    #[command(subcommand)]
    command: DatasetsCommand,
}

#[derive(Debug, Subcommand)]
enum DatasetsCommand {
    /// All datasets.
    List,
    /// One dataset: its newest version, or NAME@VERSION.
    Show {
        /// Name of the dataset.
        #[arg(value_name = "DATASET")]
        dataset: Versioned,
        /// Only these recordings: tag:NAME=VALUE or recording:NAME, where * is any text.
        #[arg(long, value_name = "RECORDINGS", value_delimiter = ',')]
        only: Vec<Selector>,
    },
    /// Share a dataset, or stop sharing it; without options, show whom it is shared with.
    Share(change::Share),
    /// Give recordings tags, or take them away: a new version of the dataset.
    Tag(change::Tag),
    /// Say what a regression on the dataset predicts, where a run does not say it.
    Target(change::Target),
    /// What it holds: classes and durations, the balance of a split, recordings that are in it twice,
    /// and what would leak from training into testing.
    Overview {
        /// Name of the dataset: its newest version, or NAME@VERSION.
        #[arg(value_name = "DATASET")]
        dataset: Versioned,
        /// Recordings to test on: tag:NAME=VALUE or recording:NAME, where * is any text; those that
        /// their source has set aside otherwise.
        #[arg(long, value_name = "RECORDINGS", value_delimiter = ',')]
        test: Vec<Selector>,
    },
}

impl Datasets {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let folder = context.open()?;
        match &self.command {
            DatasetsCommand::List => {
                let datasets = folder.store().datasets(OwnerId::LOCAL, &ALL)?.items;
                let mut table = TextTable::new(&[
                    "dataset",
                    "you may",
                    "version",
                    "recordings",
                    "rows",
                    "made",
                ]);
                for dataset in &datasets {
                    table.row(vec![
                        dataset.name.clone(),
                        may(&dataset.standing).to_owned(),
                        dataset.version.to_string(),
                        dataset.recordings.to_string(),
                        dataset.rows.to_string(),
                        moment(dataset.created_ms),
                    ]);
                }
                let text = match datasets.is_empty() {
                    true => {
                        "no datasets yet: `cirame-trainer import` or `simulate --into` makes one\n"
                            .to_owned()
                    }
                    false => table.render(),
                };
                Ok(Report { text, json: to_json(&datasets) })
            }
            DatasetsCommand::Show { dataset, only } => {
                let mut version = folder.store().dataset_version(
                    OwnerId::LOCAL,
                    &dataset.name,
                    dataset.number,
                )?;
                let all = version.entries.len();
                if !only.is_empty() {
                    version.entries.retain(|entry| selected(entry, only));
                }
                let mut text = describe(&version);
                if version.entries.len() < all {
                    let shown = version.entries.len();
                    let _ = writeln!(text, "{shown} of {all} recordings are shown");
                }
                let standing = folder.store().dataset_standing(OwnerId::LOCAL, &dataset.name)?;
                if let Some(target) = &standing.target {
                    let _ = writeln!(text, "target: {target}");
                }
                let mut json = to_json(&standing);
                if let (Some(json), Value::Object(version)) =
                    (json.as_object_mut(), to_json(&version))
                {
                    json.extend(version);
                }
                Ok(Report { text, json })
            }
            DatasetsCommand::Share(share) => share.run(folder.store()),
            DatasetsCommand::Tag(tag) => tag.run(folder.store()),
            DatasetsCommand::Target(target) => target.run(folder.store()),
            DatasetsCommand::Overview { dataset, test } => {
                let version = folder.store().dataset_version(
                    OwnerId::LOCAL,
                    &dataset.name,
                    dataset.number,
                )?;
                let found = overview(&folder, &version, test, &context.progress)?;
                Ok(Report { text: overview_text(&found), json: to_json(&found) })
            }
        }
    }
}

/// What the command line may do with a dataset.
fn may(standing: &Standing) -> &'static str {
    match standing.access {
        Access::Own if standing.is_shared => "all (shared)",
        Access::Own => "all",
        Access::Label => "look, label",
        Access::Read => "look",
    }
}

/// An overview for people.
fn overview_text(found: &Overview) -> String {
    let mut text = format!("dataset {} version {}\n", found.dataset, found.version);
    let mut table = TextTable::new(&["class", "recordings", "stretches", "rows", "seconds"]);
    for class in &found.classes {
        table.row(vec![
            class.class.clone(),
            class.recordings.to_string(),
            class.spans.to_string(),
            class.rows.to_string(),
            format!("{:.1}", class.seconds),
        ]);
    }
    text.push_str(&table.render());
    let _ = writeln!(text, "{} rows without a label", found.unlabelled_rows);
    if let Some(split) = &found.split {
        let _ = writeln!(
            text,
            "tested on {}: {} recordings, learned from {}",
            split.test, split.test_recordings, split.train_recordings
        );
        let mut table = TextTable::new(&["class", "rows to learn from", "rows to test on"]);
        for class in &split.classes {
            let (train, test) = (class.train_rows.to_string(), class.test_rows.to_string());
            table.row(vec![class.class.clone(), train, test]);
        }
        text.push_str(&table.render());
    }
    for pair in &found.duplicates {
        let what = match pair.is_identical {
            true => "are the same".to_owned(),
            false => format!("share {:.0} % of the samples of the shorter one", 100.0 * pair.share),
        };
        let _ = writeln!(text, "twice: {:?} and {:?} {what}", pair.one, pair.other);
    }
    for leak in &found.leaks {
        let _ = writeln!(text, "leak: {leak}");
    }
    for note in &found.notes {
        let _ = writeln!(text, "{note}");
    }
    text
}

/// A dataset version for people.
pub(super) fn describe(version: &DatasetVersion) -> String {
    let mut text = format!(
        "dataset {} version {} ({}), {} recordings, digest {}\n",
        version.dataset,
        version.number,
        moment(version.created_ms),
        version.entries.len(),
        short(version.digest),
    );
    let _ = writeln!(text, "channels: {}", channels(&version.entries));
    let mut table = TextTable::new(&["recording", "rows", "rate", "labels", "tags"]);
    for entry in &version.entries {
        table.row(vec![
            entry.info.name.clone(),
            entry.info.rows.to_string(),
            entry.info.rate_hz.map_or_else(|| "none".to_owned(), |hz| format!("{hz} Hz")),
            classes(entry),
            tags(&entry.annotation.tags),
        ]);
    }
    text.push_str(&table.render());
    text
}

fn channels(entries: &[Entry]) -> String {
    let mut seen = BTreeSet::new();
    let mut list = Vec::new();
    for channel in entries.iter().flat_map(|entry| &entry.info.channels) {
        if seen.insert(&channel.name) {
            let unit = channel.unit.as_ref().map(|unit| format!(" [{unit}]")).unwrap_or_default();
            let role = match channel.role {
                crate::recording::Role::Input => "",
                crate::recording::Role::Target => " (target)",
            };
            list.push(format!("{}{unit}{role}", channel.name));
        }
    }
    list.join(", ")
}

/// `class` where it covers the whole recording, else the spans' classes with their numbers.
fn classes(entry: &Entry) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for span in &entry.annotation.labels {
        *counts.entry(&span.class).or_default() += 1;
    }
    let list = counts.iter().map(|(class, count)| match count {
        1 => (*class).to_owned(),
        count => format!("{class} ×{count}"),
    });
    list.collect::<Vec<_>>().join(", ")
}

fn tags(tags: &BTreeMap<String, String>) -> String {
    tags.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}
