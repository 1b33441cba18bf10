//! The command line: one clap struct, whose comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use engine::EngineKind;
use model_format::payload::csv;
use model_format::payload::time::{Decimal, TimeFormat};

mod broker;
mod by_hand;
mod file;
mod health;
mod http;
mod serve;

pub use broker::{Broker, MqttVersion};
pub use by_hand::{Install, Rollback, Slots};
pub(crate) use file::ConfigFile;
pub use health::Health;
pub(crate) use http::Listener;
pub use http::{Http, Listen};
pub use serve::{LogFormat, Serve};

/// Looks at, proves and runs models that cirame-trainer has exported. A model is one .onnx file
/// and needs nothing beside it.
#[derive(Debug, Parser)]
#[command(name = "cirame-edge", version, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Config {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
A first look at a model, on the device that will run it:
  cirame-edge inspect pump.onnx
  cirame-edge prove pump.onnx
  cirame-edge run pump.onnx --input recording.csv --time t_ms
  sensor | cirame-edge run pump.onnx --input - --format jsonl --time time --time-unit s
  cirame-edge serve pump.onnx --broker mqtt://localhost
On a device that serves:
  cirame-edge slots
  cirame-edge install pump-4.bundle
  cirame-edge rollback pump";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what a model expects and answers, and what made it.
    Inspect(Inspect),
    /// Check that the engines of this machine give the answers that the model carries.
    ///
    /// Runs the golden windows that the model carries through the engines, and compares with the
    /// answers that it carries. Ends with a failure if one engine differs.
    Prove(Prove),
    /// Answer samples from a file or a pipe.
    ///
    /// One result per window, on standard output. Channels are found by their names, whatever the
    /// order of the columns. At the end, what was dropped and how fast it went is told on standard
    /// error.
    Run(Box<Run>),
    /// Answer samples as they come, by MQTT and HTTP, until told to end.
    ///
    /// Serves the models that are given here, that a trainer deploys, and that were installed.
    Serve(Box<Serve>),
    /// Tell whether the service on this machine works, for whatever watches it.
    ///
    /// Ends with a failure where it does not, and one line says why. Needs no token.
    Health(Health),
    /// Show which models the device has: the last good one of each name, the one before, the new one.
    Slots(Slots),
    /// Go back to the good model before, now where the service runs, else when it starts.
    ///
    /// The model that is left is not tried again until it is deployed or installed again.
    Rollback(Rollback),
    /// Take a bundle into service from a file, with no trainer in sight.
    ///
    /// The bundle's model goes the way of a deployment: it is checked, proved on this device and put
    /// into the place of the one with its name; the one before comes back if it fails. It counts until
    /// the trainer deploys another one of that name. Where the service does not run, it is proved now and
    /// goes into service when the service starts.
    Install(Install),
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The model, an .onnx file.
    pub model: PathBuf,
    /// Print one JSON document instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `prove`.
#[derive(Debug, Args)]
pub struct Prove {
    /// The model, an .onnx file.
    pub model: PathBuf,
    /// native, tract or ort; repeatable. All that are at hand otherwise.
    #[arg(long = "engine", value_name = "ENGINE")]
    pub engines: Vec<EngineKind>,
    /// Print the proof as JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_help = RUN_AFTER_HELP)]
pub struct Run {
    /// The model, an .onnx file.
    pub model: PathBuf,

    /// The file with the samples, or - for standard input.
    #[arg(long, short, value_name = "FILE")]
    pub input: PathBuf,

    /// Format of the input. Otherwise the file's ending says it: .csv, .tsv; .jsonl, .ndjson; and
    /// .json for an Edge Impulse acquisition.
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,

    /// The column (or JSON name, nested ones as a.b) with the time of each row.
    #[arg(long, value_name = "COLUMN")]
    pub time: Option<String>,

    /// Unit of the times: s, ms, us, ns or datetime (ISO 8601; UTC where it names no offset).
    /// Needed unless the column's name (`t_ms`) or the text of the times says it.
    #[arg(long, value_name = "UNIT", requires = "time")]
    pub time_unit: Option<TimeFormat>,

    /// Samples per second, for input without times: the first row of each recording is at 0.
    #[arg(long, value_name = "HZ", conflicts_with = "time")]
    pub rate_hz: Option<f64>,

    /// A column whose values tell recordings apart: each is a stream of its own.
    #[arg(long, value_name = "COLUMN")]
    pub recording_column: Option<String>,

    /// CSV: the sign between two cells: , ; tab or |. Found from the first lines otherwise.
    #[arg(long, value_name = "SIGN", value_parser = csv::parse_delimiter)]
    pub delimiter: Option<u8>,

    /// CSV: the decimal sign: point or comma. Found from the first lines otherwise.
    #[arg(long, value_name = "SIGN")]
    pub decimal: Option<Decimal>,

    /// Leave out rows that cannot be read, and count them, instead of stopping at the first.
    #[arg(long)]
    pub skip_bad_rows: bool,

    /// What executes the model: native, tract or ort. Otherwise native, or for a model of another
    /// program the engine that passes its proof here and is faster.
    #[arg(long, value_name = "ENGINE")]
    pub engine: Option<EngineKind>,

    /// Format of the results.
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    pub output: OutputFormat,

    /// Name of the device, for the results' ids.
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub device: String,

    /// Name of the stream, for the results' ids; with a recording column, its values are the names.
    #[arg(long, value_name = "NAME", default_value = "input")]
    pub stream: String,

    /// Print the summary on standard error as JSON.
    #[arg(long)]
    pub json: bool,
}

const RUN_AFTER_HELP: &str = "\
Examples:
  A file with times in milliseconds (the name says so), results as CSV:
    cirame-edge run pump.onnx --input pump.csv --time t_ms --output csv
  A file without times, sampled at 1 kHz:
    cirame-edge run pump.onnx --input pump.csv --rate-hz 1000
  JSON lines from another program, such as {\"time\": 17.25, \"acc\": {\"x\": 0.1}} for a model with
  the channel acc.x:
    sensor | cirame-edge run pump.onnx --input - --format jsonl --time time --time-unit s
  Many machines in one file:
    cirame-edge run pump.onnx --input plant.csv --time when --recording-column machine";

/// Format of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Delimited text with a header row.
    Csv,
    /// One JSON object per line.
    Jsonl,
    /// An Edge Impulse acquisition.
    EdgeImpulse,
}

/// Format of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// A table with a header row.
    Csv,
    /// One JSON object per line.
    Jsonl,
}
