//! The command line: one file per command under `cli/`.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use serde_json::Value;

use crate::data_folder::DataFolder;
use crate::progress::Progress;
use crate::store::OwnerId;
use crate::training::Work;

mod adopt;
mod backup;
mod broker;
mod broker_login;
mod broker_options;
mod bundle;
mod datasets;
mod doctor;
mod estimators;
mod evaluate;
mod evaluation_text;
mod export;
mod features;
mod health;
mod import;
mod insight_text;
mod labels;
mod machine_options;
mod models;
mod openapi;
mod prove;
mod record;
mod repair;
mod replay;
mod report;
mod restore;
mod retrain;
mod runs;
mod serve;
mod service_options;
mod sign;
mod simulate;
mod source_options;
mod spectrum;
mod start;
mod topics;
mod train;
mod users;
mod window_options;

use report::Report;

/// Imports recordings, trains, proves and exports models, and keeps the registry.
#[derive(Debug, Parser)]
#[command(name = "cirame-trainer", version, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Config {
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON document instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// How many threads may work; as many as there are processors otherwise. Never changes a
    /// result.
    #[arg(long, global = true, env = "CIRAME_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
From nothing to a proved model:
  cirame-trainer simulate vibration --into pump
  cirame-trainer train pump --estimator random_forest_classifier --name pump
  cirame-trainer evaluate pump pump
  cirame-trainer export pump -o pump.onnx";

/// Where the trainer's data lies.
#[derive(Debug, Args)]
struct DataArgs {
    /// Folder with the database, recordings and models; made where there is none.
    #[arg(long, global = true, env = "CIRAME_DATA", default_value = "./data", value_name = "DIR")]
    data: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    Simulate(simulate::Simulate),
    Import(import::Import),
    Record(Box<record::Record>),
    Topics(topics::Topics),
    Train(Box<train::Train>),
    Adopt(Box<adopt::Adopt>),
    Evaluate(evaluate::Evaluate),
    Export(export::Export),
    Keygen(sign::Keygen),
    Sign(sign::Sign),
    #[command(name = "bundle")]
    MakeBundle(bundle::MakeBundle),
    Prove(prove::Prove),
    Retrain(retrain::Retrain),
    Features(features::Features),
    Estimators(estimators::Estimators),
    Datasets(datasets::Datasets),
    Spectrum(spectrum::SpectrumOf),
    Labels(labels::Labels),
    Repair(repair::Repair),
    Replay(replay::Replay),
    Models(models::Models),
    Runs(runs::Runs),
    Serve(serve::Serve),
    Start(start::Start),
    Health(health::Health),
    Users(users::Users),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Doctor(doctor::Doctor),
    BrokerLogin(broker_login::BrokerLogin),
    Openapi(openapi::Openapi),
    #[command(hide = true)]
    Broker(broker::Broker),
}

/// Checks that have failed: the report says all about them.
#[derive(Debug, thiserror::Error)]
#[error("{0} checks have failed")]
pub struct Told(usize);

/// What every command gets.
struct Context {
    data: PathBuf,
    threads: usize,
    progress: Progress,
}

impl Context {
    /// Opens and locks the data folder.
    fn open(&self) -> anyhow::Result<DataFolder> {
        Ok(DataFolder::open(&self.data)?)
    }

    /// Work for whoever uses the command line.
    fn work<'a>(&'a self, folder: &'a DataFolder) -> Work<'a> {
        let Context { threads, progress, .. } = self;
        Work { folder, owner: OwnerId::LOCAL, threads: *threads, progress }
    }
}

/// Runs one command and writes its report to `output`.
///
/// # Errors
/// Says what was found and what to change; `main` prints it and ends with a failure.
pub fn run(config: Config, output: &mut dyn Write) -> anyhow::Result<()> {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = config.threads.map_or_else(processors, usize::from);
    let context = Context { data: config.data.data, threads, progress: Progress::default() };
    let report = match &config.command {
        Command::Simulate(command) => command.run(&context),
        Command::Import(command) => command.run(&context),
        Command::Record(command) => command.run(&context),
        Command::Topics(command) => command.run(&context),
        Command::Evaluate(command) => command.run(&context),
        Command::Export(command) => command.run(&context),
        Command::Keygen(command) => command.run(),
        Command::Sign(command) => command.run(&context),
        Command::MakeBundle(command) => command.run(&context),
        Command::Prove(command) => command.run(&context),
        Command::Train(command) => command.run(&context),
        Command::Adopt(command) => command.run(&context),
        Command::Features(command) => command.run(),
        Command::Estimators(command) => command.run(),
        Command::Datasets(command) => command.run(&context),
        Command::Spectrum(command) => command.run(&context),
        Command::Labels(command) => command.run(&context),
        Command::Repair(command) => command.run(&context),
        Command::Replay(command) => {
            let (report, failures) = command.run(&context)?;
            write_report(&report, config.json, output)?;
            return if failures == 0 { Ok(()) } else { Err(Told(failures).into()) };
        }
        Command::Models(command) => command.run(&context),
        Command::Runs(command) => command.run(&context),
        Command::Serve(command) => command.run(&context),
        Command::Start(command) => command.run(&context),
        Command::Health(command) => command.run(),
        Command::Backup(command) => command.run(&context),
        Command::Retrain(command) => {
            let (report, failures) = command.run(&context)?;
            write_report(&report, config.json, output)?;
            return if failures == 0 { Ok(()) } else { Err(Told(failures).into()) };
        }
        Command::Doctor(command) => {
            let (report, failures) = command.run(&context)?;
            write_report(&report, config.json, output)?;
            return if failures == 0 { Ok(()) } else { Err(Told(failures).into()) };
        }
        Command::Restore(command) => command.run(&context),
        Command::Users(command) => command.run(&context),
        Command::BrokerLogin(command) => command.run(&context),
        Command::Openapi(command) => command.run(),
        Command::Broker(command) => command.run(),
    }?;
    drop(context);
    write_report(&report, config.json, output)
}

fn write_report(report: &Report, json: bool, output: &mut dyn Write) -> anyhow::Result<()> {
    let written = if json {
        serde_json::to_writer_pretty(&mut *output, &report.json)
            .map_err(io::Error::from)
            .and_then(|()| output.write_all(b"\n"))
    } else {
        output.write_all(report.text.as_bytes())
    };
    match written.and_then(|()| output.flush()) {
        // Whoever reads the report may stop early, like `head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("the report could not be written"),
    }
}

/// `NAME` or `NAME@VERSION`.
#[derive(Clone, Debug)]
struct Versioned {
    name: String,
    number: Option<u32>,
}

impl std::str::FromStr for Versioned {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, number)) = text.split_once('@') else {
            return Ok(Versioned { name: text.to_owned(), number: None });
        };
        let number = number.parse().map_err(|_| {
            format!("{number:?} is no version number: write {name} or, for example, {name}@1")
        })?;
        Ok(Versioned { name: name.to_owned(), number: Some(number) })
    }
}

/// A value's JSON form.
fn to_json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("plain data has a JSON form")
}
