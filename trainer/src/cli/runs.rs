//! `runs`: training attempts and their evaluations.

use clap::{Args, Subcommand};

use super::report::{Report, TextTable, moment};
use super::{Context, to_json};
use crate::store::{OwnerId, PageOf, Run, RunSummary};

/// Most runs that are listed.
const RUNS_MAX: usize = 1000;

/// List training runs, or show one with its settings and evaluation.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer runs list
  cirame-trainer runs show 3f9a0c12        (the end of an identifier is enough)")]
pub(super) struct Runs {
    #[command(subcommand)]
    command: RunsCommand,
}

#[derive(Debug, Subcommand)]
enum RunsCommand {
    /// The newest 1000 runs, newest first.
    List,
    /// One run.
    Show {
        /// Identifier of the run, or its end.
        run: String,
    },
}

impl Runs {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let folder = context.open()?;
        match &self.command {
            RunsCommand::List => {
                let all = PageOf { limit: RUNS_MAX, cursor: None };
                let runs = folder.store().runs(OwnerId::LOCAL, &all)?.items;
                let text = match runs.is_empty() {
                    true => "no runs yet: `cirame-trainer train` makes one\n".to_owned(),
                    false => list(&runs),
                };
                Ok(Report { text, json: to_json(&runs) })
            }
            RunsCommand::Show { run } => {
                let run = folder.store().run(OwnerId::LOCAL, run)?;
                Ok(Report { text: show(&run), json: to_json(&run) })
            }
        }
    }
}

fn list(runs: &[RunSummary]) -> String {
    let mut table = TextTable::new(&["run", "dataset", "estimator", "status", "began"]);
    for run in runs {
        table.row(vec![
            run.id.to_string(),
            format!("{}@{}", run.dataset, run.dataset_version),
            run.estimator.clone(),
            run.status.name().to_owned(),
            moment(run.created_ms),
        ]);
    }
    table.render()
}

fn show(run: &Run) -> String {
    let mut text = format!(
        "run {} of {}@{}: {}, began {}\n",
        run.id,
        run.dataset,
        run.dataset_version,
        run.status.name(),
        moment(run.created_ms)
    );
    if let Some(error) = &run.error {
        text.push_str(&format!("error: {error}\n"));
    }
    text.push_str(&format!("settings: {:#}\n", run.settings));
    if let Some(report) = &run.report {
        text.push_str(&format!("report: {:#}\n", to_json(report)));
    }
    text
}
