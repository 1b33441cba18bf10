//! `simulate`: labelled recordings of simulated machines, as files, as a dataset or live.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use model_format::protocol::{TOPIC_PREFIX, check_topic_level, check_topic_prefix};
use serde_json::json;

use super::Context;
use super::report::{Report, TextTable};
use crate::broker::{Authorities, BrokerOption};
use crate::data_folder::write_atomically;
use crate::recording::Recording;
use crate::simulated::publish::Play;
use crate::simulated::{self, Machine};
use crate::store::OwnerId;

/// Simulate a machine: labelled recordings for a first tour and for tests, the same for the same
/// seed. They become a dataset (--into), CSV files in a folder, or a live stream (--publish).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  A motor-driven pump with an accelerometer, straight into the dataset `pump`:
    cirame-trainer simulate vibration --into pump
  The plant's slow signals with the target `power`, an hour each, as CSV files:
    cirame-trainer simulate process --seconds 3600 --per-class 3 plant/
  Only two states, and imported like anybody's files:
    cirame-trainer simulate vibration --classes normal,bearing pump/
    cirame-trainer import pump pump/ --time t_ns --label-from column:label
  A compressor whose valve begins to leak badly after four minutes:
    cirame-trainer simulate compressor --classes valve_leak --severity 0.9 --onset-s 240 --into air
  A pump with a defect of the inner race, fast enough to see it ring:
    cirame-trainer simulate vibration --classes inner_race --rate-hz 12800 --into bearing
  A furnace at a hundred times its speed, with trouble on the way in one of twenty messages:
    cirame-trainer simulate furnace --publish embedded --speed 100 --chaos 0.05
  A live machine for devices to answer, into the broker of `serve --broker embedded`, for ever:
    cirame-trainer simulate vibration --publish embedded --stream pump-1 --repeat")]
pub(super) struct Simulate {
    /// What is simulated.
    machine: Machine,
    /// Folder for CSV files; made where there is none.
    #[arg(value_name = "FOLDER", required_unless_present_any = ["into", "publish"])]
    folder: Option<PathBuf>,
    /// Add the recordings to this dataset instead.
    #[arg(long, value_name = "DATASET", conflicts_with = "folder")]
    into: Option<String>,
    /// Publish the samples in their own time to this broker instead: embedded or embedded:PORT for
    /// the one of the trainer with this data folder, mqtt://[USER[:PASSWORD]@]HOST[:PORT], or mqtts://
    /// for TLS.
    #[arg(long, env = "CIRAME_PUBLISH", value_name = "BROKER", conflicts_with_all = ["folder", "into"], hide_env_values = true)]
    publish: Option<BrokerOption>,
    /// The certificates (PEM) of the authorities that may have signed that of an mqtts:// broker; otherwise
    /// those of public authorities, which are part of this program.
    #[arg(long, value_name = "FILE", requires = "publish")]
    publish_ca: Option<PathBuf>,
    /// The stream that the machine publishes as; `MACHINE-1` otherwise.
    #[arg(long, value_name = "NAME", requires = "publish")]
    stream: Option<String>,
    /// First levels of the topic, which is PREFIX/samples/STREAM.
    #[arg(long, value_name = "PREFIX", default_value = TOPIC_PREFIX, requires = "publish")]
    topic_prefix: String,
    /// Publish for ever: begin again with the next seed after the last recording.
    #[arg(long, requires = "publish")]
    repeat: bool,
    /// Decides everything that is random.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..1 << 53))]
    seed: u64,
    /// Length of each recording, in seconds; 10 for vibration, 1800 for process, 600 for compressor,
    /// 7200 for furnace, 20 for motion otherwise.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// Samples per second; 1000 for vibration, 1 for process and furnace, 10 for compressor, 62.5 for
    /// motion otherwise.
    #[arg(long, value_name = "HZ")]
    rate_hz: Option<f64>,
    /// Recordings of each state or fault.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    per_class: u32,
    /// Only these states or faults; otherwise all that are usual.
    #[arg(long, value_name = "CLASS,…", value_delimiter = ',')]
    classes: Vec<String>,
    /// How bad faults are, and how vigorous gestures, 0 to 1; spread otherwise.
    #[arg(long, value_name = "0..1")]
    severity: Option<f64>,
    /// When faults begin, in seconds from each recording's start; otherwise at its start (vibration,
    /// motion) or in its middle.
    #[arg(long, value_name = "SECONDS")]
    onset_s: Option<f64>,
    /// Publish so many seconds of the machine in each second.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, requires = "publish", value_parser = parse_speed)]
    speed: f64,
    /// Make trouble for this share of the messages (0 to 1): malformed, late, duplicate and absurd ones,
    /// decided by the seed.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "publish", value_parser = parse_share)]
    chaos: f64,
}

fn parse_speed(text: &str) -> Result<f64, &'static str> {
    let speed = text.parse().ok().filter(|speed| (0.01..=1000.0).contains(speed));
    speed.ok_or("0.01 to 1000 is expected")
}

fn parse_share(text: &str) -> Result<f64, &'static str> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or("0 to 1 is expected")
}

impl Simulate {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let machine = self.machine;
        let plan = simulated::Plan {
            machine,
            seed: self.seed,
            duration_s: self.seconds.unwrap_or(machine.default_duration_s()),
            rate_hz: self.rate_hz.unwrap_or(machine.default_rate_hz()),
            per_class: self.per_class,
            classes: self.classes.clone(),
            severity: self.severity,
            onset_s: self.onset_s,
        };
        if let Some(broker) = &self.publish {
            return self.play(context, &plan, broker);
        }
        let recordings = plan.recordings()?;
        context.progress.stage("simulate", recordings.len() as u64);
        match (&self.into, &self.folder) {
            (Some(dataset), _) => self.add_to_dataset(context, &recordings, dataset),
            (None, Some(folder)) => self.write_to_folder(context, &recordings, folder),
            (None, None) => anyhow::bail!("name a folder, a dataset with --into, or --publish"),
        }
    }

    fn play(
        &self,
        context: &Context,
        plan: &simulated::Plan,
        broker: &BrokerOption,
    ) -> anyhow::Result<Report> {
        let default_stream = || format!("{}-1", self.machine.name());
        let stream = self.stream.clone().unwrap_or_else(default_stream);
        if !check_topic_level(&stream) {
            anyhow::bail!("--stream {stream:?} cannot be one level of a topic: no `/`, `+` or `#`");
        }
        if !check_topic_prefix(&self.topic_prefix) {
            anyhow::bail!(
                "--topic-prefix {:?} cannot begin a topic: levels divided by `/` are expected, none \
                 empty, without `+` and `#`",
                self.topic_prefix
            );
        }
        let authorities = self.publish_ca.as_deref().map(Authorities::read).transpose()?;
        let broker = broker.reach(&context.data, authorities.as_ref())?;
        let prefix = self.topic_prefix.clone();
        let Simulate { repeat, speed, chaos, .. } = *self;
        let play = Play { broker, prefix, stream, repeat, speed, chaos };
        let played = play.run(plan, &context.progress)?;
        let mut text = format!(
            "{} samples in {} messages on the topic {}\n",
            played.samples, played.messages, played.topic
        );
        for (trouble, count) in &played.trouble {
            let _ = writeln!(text, "{count} {trouble}");
        }
        let json = json!({
            "samples": played.samples,
            "messages": played.messages,
            "topic": played.topic,
            "trouble": played.trouble,
        });
        Ok(Report { text, json })
    }

    fn add_to_dataset(
        &self,
        context: &Context,
        planned: &[simulated::Planned],
        dataset: &str,
    ) -> anyhow::Result<Report> {
        let folder = context.open()?;
        let (owner, progress) = (OwnerId::LOCAL, &context.progress);
        let version = simulated::add_to_dataset(&folder, owner, dataset, planned, progress)?;
        let text = format!(
            "{} recordings in dataset {dataset} version {}\nnext: cirame-trainer train {dataset} \
             --estimator {}\n",
            planned.len(),
            version.number,
            self.machine.estimator()
        );
        let json = json!({
            "dataset": dataset,
            "version": version.number,
            "digest": version.digest,
            "recordings": planned.iter().map(simulated::Planned::name).collect::<Vec<_>>(),
        });
        Ok(Report { text, json })
    }

    fn write_to_folder(
        &self,
        context: &Context,
        planned: &[simulated::Planned],
        folder: &Path,
    ) -> anyhow::Result<Report> {
        fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        let mut table = TextTable::new(&["file", "rows", "label"]);
        let mut files = Vec::with_capacity(planned.len());
        let mut targets = String::new();
        for planned in planned {
            let recording = planned.recording()?;
            let path = folder.join(format!("{}.csv", recording.name));
            write_atomically(&path, csv(&recording).as_bytes())?;
            let label = recording.labels.last().map(|span| span.class.clone()).unwrap_or_default();
            let name = path.display().to_string();
            table.row(vec![name.clone(), recording.rows().to_string(), label.clone()]);
            files.push(json!({ "file": name, "rows": recording.rows(), "label": label }));
            targets = target_options(&recording);
            context.progress.step();
        }
        let text = format!(
            "{}next: cirame-trainer import NAME {} --time t_ns --label-from column:label{targets}\n",
            table.render(),
            folder.display()
        );
        Ok(Report { text, json: files.into() })
    }
}

fn target_options(recording: &Recording) -> String {
    let targets = recording.channels.iter().filter(|channel| !channel.is_input());
    targets.map(|channel| format!(" --target-column {}", channel.name)).collect()
}

/// The recording as CSV: time in nanoseconds, the channels, the label.
fn csv(recording: &Recording) -> String {
    let names: Vec<&str> = recording.channels.iter().map(|c| c.name.as_str()).collect();
    let mut text = format!("t_ns,{},label\n", names.join(","));
    let mut spans = recording.labels.iter().peekable();
    for (row, time_ns) in recording.time_ns.iter().enumerate() {
        let _ = write!(text, "{time_ns}");
        for channel in &recording.channels {
            let _ = write!(text, ",{}", channel.values[row]);
        }
        while spans.peek().is_some_and(|span| span.to_row <= row as u64) {
            spans.next();
        }
        let label = spans.peek().map_or("", |span| span.class.as_str());
        let _ = writeln!(text, ",{label}");
    }
    text
}
