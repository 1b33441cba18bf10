//! `doctor`: what may be wrong around the trainer, and what to do about it.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use super::Context;
use super::broker_options::BrokerOptions;
use super::report::Report;
use crate::doctor::{
    Finding, Verdict, check_broker, check_clock, check_database, check_file_systems, check_folders,
    check_memory, check_onnx_runtime, check_space,
};

/// Check what the service needs: its folders, disk and database, the clock, the broker, ONNX Runtime,
/// memory; and say what to do. Changes nothing, and works while the service does. Ends with a failure
/// if a check does.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer doctor
  With the broker of `serve`, whose options may stand in the environment:
    cirame-trainer doctor --broker mqtt://trainer@broker.plant --broker-password-file password
  In a container that does not start:
    docker compose run --rm --no-deps trainer doctor")]
pub(super) struct Doctor {
    /// A web server whose clock is compared, such as another machine's trainer.
    #[arg(long, value_name = "URL")]
    clock_of: Option<String>,
    #[command(flatten)]
    broker: BrokerOptions,
}

impl Doctor {
    /// What was found, and how many checks have failed.
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<(Report, usize)> {
        let data = &context.data;
        let mut findings = vec![check_folders(data)];
        findings.extend(check_space(data));
        findings.extend(check_file_systems(data));
        findings.push(check_database(data));
        findings.extend(check_clock(data, self.clock_of.as_deref()));
        findings.push(match self.broker.config() {
            Ok(config) => check_broker(data, &config),
            Err(error) => {
                Finding { check: "broker", verdict: Verdict::Failure, text: format!("{error:#}") }
            }
        });
        findings.extend([check_onnx_runtime(), check_memory()]);
        let of = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
        let (failures, warnings) = (of(Verdict::Failure), of(Verdict::Warning));
        let mut text = String::new();
        for Finding { check, verdict, text: found } in &findings {
            let _ = writeln!(text, "{:<8}{check:<14}{found}", verdict.name());
        }
        let _ = writeln!(text, "\n{failures} failures, {warnings} warnings");
        let json = json!({ "ok": failures == 0, "findings": findings });
        Ok((Report { text, json }, failures))
    }
}
