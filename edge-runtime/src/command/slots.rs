//! `slots`: which models a device has, by name: the last good one, the one before, the new one.

use std::io::Write;

use model_format::protocol::DesiredModel;
use serde_json::json;

use crate::config::Slots;
use crate::link::{self, StandingModel};

impl Slots {
    pub(crate) fn run(&self, output: &mut dyn Write) -> anyhow::Result<()> {
        let path = self.state.path()?;
        let (models, is_running) = link::standing(&path)?;
        if self.json {
            let document = json!({ "state": path, "is_running": is_running, "models": models });
            serde_json::to_writer_pretty(&mut *output, &document).map_err(std::io::Error::from)?;
            writeln!(output)?;
            return Ok(());
        }
        let service = if is_running { "the service runs" } else { "the service does not run" };
        writeln!(output, "{}: {service}", path.display())?;
        if models.is_empty() {
            writeln!(output, "no model was deployed or installed here")?;
        }
        for model in &models {
            writeln!(output, "\n{}", model.model)?;
            for (name, value) in lines(model) {
                writeln!(output, "  {name:<10} {value}")?;
            }
        }
        Ok(())
    }
}

fn lines(model: &StandingModel) -> Vec<(&'static str, String)> {
    let mut lines = vec![("good", text(model.current.as_ref()))];
    lines.push(("before", text(model.previous.as_ref())));
    if let Some(candidate) = &model.candidate {
        let tries = model.candidate_tries.unwrap_or_default();
        lines.push(("new", format!("{}, begun {tries} times", text(Some(candidate)))));
    }
    if let (Some(id), Some(error)) = (&model.failed_deployment, &model.error) {
        lines.push(("failed", format!("deployment {id}: {error}")));
    }
    if model.is_installed {
        let until = "an installed model counts until the trainer deploys another one of this name";
        lines.push(("note", until.to_owned()));
    }
    lines
}

fn text(model: Option<&DesiredModel>) -> String {
    match model {
        None => "none".to_owned(),
        Some(model) => {
            let digest = model.artifact_sha256.to_string();
            format!("version {}, sha256 {}, {}", model.version, &digest[..12], model.deployment_id)
        }
    }
}
