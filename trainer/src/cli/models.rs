//! `models`: what has been trained and proved.

use clap::{Args, Subcommand};

use super::report::{Report, TextTable, moment, short};
use super::{Context, to_json};
use crate::store::{Model, OwnerId, PageOf, task_name};

/// The first thousand models.
const ALL: PageOf = PageOf { limit: 1000, cursor: None };

/// List models, or show one with its versions.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer models list
  cirame-trainer models show pump")]
pub(super) struct Models {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// All models.
    List,
    /// One model with its versions, artifacts, lineages and runs.
    Show {
        /// Name of the model.
        model: String,
    },
}

impl Models {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let folder = context.open()?;
        match &self.command {
            ModelsCommand::List => {
                let models = folder.store().models(OwnerId::LOCAL, &ALL)?.items;
                let text = match models.is_empty() {
                    true => "no models yet: `cirame-trainer train` makes one\n".to_owned(),
                    false => list(&models),
                };
                Ok(Report { text, json: to_json(&models) })
            }
            ModelsCommand::Show { model } => {
                let model = folder.store().model(OwnerId::LOCAL, model)?;
                Ok(Report { text: show(&model), json: to_json(&model) })
            }
        }
    }
}

fn list(models: &[Model]) -> String {
    let mut table = TextTable::new(&["model", "version", "task", "artifact", "made"]);
    for model in models {
        let Some(newest) = model.versions.first() else { continue };
        table.row(vec![
            model.name.clone(),
            newest.number.to_string(),
            task_name(newest.task).to_owned(),
            short(newest.artifact_sha256),
            moment(newest.created_ms),
        ]);
    }
    table.render()
}

fn show(model: &Model) -> String {
    let mut text = format!("model {} ({})\n", model.name, model.id);
    for version in &model.versions {
        text.push_str(&format!(
            "  version {}, {}, {}\n    artifact {}\n    lineage  {}\n    run      {}\n",
            version.number,
            task_name(version.task),
            moment(version.created_ms),
            version.artifact_sha256,
            version.lineage_id,
            version.run_id
        ));
    }
    text
}
