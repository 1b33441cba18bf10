//! `record`: what devices publish becomes recordings of a dataset.

use std::fmt::Write as _;
use std::io::BufRead as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde_json::json;

use super::report::{Report, TextTable};
use super::service_options::watch_signals;
use super::source_options::{ListenOptions, SourceOptions};
use super::{Context, to_json};
use crate::clock::now_ms;
use crate::data_folder::DataFolder;
use crate::ingest::NameValue;
use crate::recorder::journal::Head;
use crate::recorder::keep::{Kept, keep};
use crate::recorder::recorders::{leave, left_behind, path};
use crate::recorder::session::{EndedBy, Handle, Session, Standing, handle};
use crate::recorder::{RecordSettings, check_class};
use crate::store::{OwnerId, RecorderId, Store};

/// How often it is told what came.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Record what devices publish: each stream becomes a recording of the dataset, with the stream names
/// that a device would give. A class that is typed and Enter label what comes from then on; Ctrl-C
/// ends the recording. What a crash leaves behind is kept by the next `record` or `serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  Which topics are there, and how are they written?
    cirame-trainer topics --broker mqtt://broker.plant
  A minute of every machine's accelerometer:
    cirame-trainer record pump --broker mqtt://broker.plant \\
        --topic plant/{line}/{machine}/accel --label idle --seconds 60
  One number on each topic, whose last level is the channel:
    cirame-trainer record oven --broker mqtt://broker.plant \\
        --topic plant/{machine}/{channel} --stream {machine} --format number --channel {channel}
  Nodes of Sparkplug B, resampled to 10 Hz:
    cirame-trainer record line3 --broker mqtt://broker.plant --sparkplug plant --rate-hz 10")]
pub(super) struct Record {
    /// Name of the dataset; made where there is none.
    dataset: String,
    #[command(flatten)]
    listen: ListenOptions,
    #[command(flatten)]
    source: SourceOptions,
    /// Record the nodes of this group of Sparkplug B; `+` for all groups. Repeatable.
    #[arg(long, value_name = "GROUP")]
    sparkplug: Vec<String>,
    /// The class of what comes from the beginning on.
    #[arg(long, value_name = "CLASS")]
    label: Option<String>,
    /// End by itself after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// Resample each recording to so many rows a second, as a device would: causal, anti-aliased.
    #[arg(long, value_name = "HZ")]
    rate_hz: Option<f64>,
    /// Samples may come out of order by this much; later ones are dropped and counted.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    lateness_ms: u32,
    /// End by itself after so many megabytes of messages; 1024 otherwise.
    #[arg(long, value_name = "MB")]
    max_mb: Option<u32>,
    /// A tag of the recordings. Repeatable.
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<NameValue>,
}

impl Record {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        Store::check_dataset_name(&self.dataset)?;
        let settings = RecordSettings {
            sources: self.source.sources(),
            sparkplug_groups: self.sparkplug.clone(),
            label: self.label.clone(),
            duration_s_max: self.seconds,
            rate_hz: self.rate_hz,
            lateness_ms: self.lateness_ms,
            size_mb_max: self.max_mb,
            tags: self.tags.iter().map(|tag| (tag.name.clone(), tag.value.clone())).collect(),
        };
        let plan = settings.check().map_err(|error| anyhow!(in_words_of_options(&error)))?;
        let folder = context.open()?;
        let recovered = recover(context, &folder)?;
        let broker = self.listen.reach(context)?;
        let head = Head {
            owner: OwnerId::LOCAL,
            dataset: self.dataset.clone(),
            settings,
            began_ms: now_ms(),
        };
        let session = Session { broker, plan: Arc::new(plan), head, fails_at_first: true };
        let path = path(&folder, RecorderId::new());
        let (ended, standing) = record(session, &path)?;
        let kept = keep(context.work(&folder), &path)?;
        Ok(report(&kept, &standing, ended, &recovered))
    }
}

/// Records while others read labels and tell what comes.
fn record(session: Session, path: &std::path::Path) -> anyhow::Result<(EndedBy, Standing)> {
    let (handle, asked) = handle(watch_signals()?);
    let labels = handle.clone();
    let reading = std::thread::Builder::new().name("labels".to_owned());
    reading.spawn(move || read_labels(&labels)).context("labels cannot be read")?;
    let (told, over) = (handle.clone(), std::sync::mpsc::channel::<()>());
    let telling = std::thread::Builder::new().name("told".to_owned());
    let telling = telling.spawn(move || tell(&told, &over.1)).context("no thread")?;
    let ended = session.run(path, asked);
    drop(over.0);
    if telling.join().is_err() {
        tracing::error!("the thread that tells what comes panicked");
    }
    match ended {
        Ok(ended) => Ok((ended, handle.standing())),
        Err(error) => {
            // Nothing had come: the broker was never there.
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!(path = %path.display(), error = %error, "cannot be removed");
            }
            Err(error.into())
        }
    }
}

/// Every line is the class of what comes from then on; an empty one, none.
fn read_labels(handle: &Handle) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let class = line.trim();
        let class = (!class.is_empty()).then(|| class.to_owned());
        let wrong = class.as_deref().and_then(|class| check_class(class).err());
        match wrong {
            Some(wrong) => eprintln!("{wrong}"),
            None if !handle.label(class) => eprintln!("not taken: try again"),
            None => {}
        }
    }
}

/// Tells on a terminal what came, once a second.
fn tell(handle: &Handle, over: &std::sync::mpsc::Receiver<()>) {
    let bar = indicatif::ProgressBar::new_spinner();
    while over.recv_timeout(TELL_EVERY) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
        let standing = handle.standing();
        let sum = |of: fn(&crate::recorder::RecordedStream) -> u64| -> u64 {
            standing.streams.iter().map(of).sum()
        };
        let connection = match (&standing.lost, standing.connected) {
            (_, true) => "recording",
            (Some(reason), false) => reason.as_str(),
            (None, false) => "connecting",
        };
        bar.set_message(format!(
            "{connection}: {} streams, {} rows, {} late, {} dropped, {} messages refused, label {}",
            standing.streams.len(),
            sum(|stream| stream.counts.rows),
            sum(|stream| stream.counts.late),
            sum(|stream| stream.counts.dropped.values().sum()),
            standing.refused.values().sum::<u64>(),
            standing.label.as_deref().unwrap_or("none"),
        ));
        bar.tick();
    }
    bar.finish_and_clear();
}

/// Keeps what a crash has left behind.
fn recover(context: &Context, folder: &DataFolder) -> anyhow::Result<Vec<Kept>> {
    let mut kept = Vec::new();
    for (_, path) in left_behind(folder) {
        match keep(context.work(folder), &path) {
            Ok(one) => kept.push(one),
            Err(error) => leave(&path, &error),
        }
    }
    Ok(kept)
}

fn report(kept: &Kept, standing: &Standing, ended: EndedBy, recovered: &[Kept]) -> Report {
    let mut text = String::new();
    for one in recovered.iter().filter(|one| one.version.is_some()) {
        let _ = writeln!(
            text,
            "kept {} recordings of a recorder that was interrupted, in dataset {}",
            one.recordings.len(),
            one.dataset
        );
    }
    let mut table = TextTable::new(&["recording", "rows", "rate", "channels", "classes"]);
    for report in &kept.recordings {
        table.row(vec![
            report.recording.clone(),
            report.rows.to_string(),
            report.rate_hz.map_or_else(|| "none".to_owned(), |hz| format!("{hz:.6} Hz")),
            report.channels.join(", "),
            report.classes.join(", "),
        ]);
    }
    text.push_str(&table.render());
    for report in &kept.recordings {
        for note in [&report.left_out, &report.notes, &report.advice].into_iter().flatten() {
            let _ = writeln!(text, "{}: {note}", report.recording);
        }
    }
    for stream in &standing.streams {
        if stream.counts.late > 0 {
            let _ = writeln!(text, "{}: {} samples came late", stream.stream, stream.counts.late);
        }
        for (reason, count) in &stream.counts.dropped {
            let _ = writeln!(text, "{}: {count} dropped: {reason}", stream.stream);
        }
    }
    for (reason, count) in &standing.refused {
        let _ = writeln!(text, "{count} messages refused: {reason}");
    }
    let _ = match kept.version {
        Some(version) => writeln!(text, "dataset {} version {version}", kept.dataset),
        None => writeln!(text, "nothing came: dataset {} is as it was", kept.dataset),
    };
    let json = json!({
        "ended_by": ended, "kept": to_json(kept), "standing": to_json(standing),
        "recovered": to_json(&recovered),
    });
    Report { text, json }
}

/// `sources[0].topic` is `--topic` here.
fn in_words_of_options(error: &crate::recorder::SettingError) -> String {
    let field = error.field.rsplit('.').next().unwrap_or_default();
    let option = match field {
        "sources" => "topic",
        "duration_s_max" => "seconds",
        "size_mb_max" => "max-mb",
        "tags" => "tag",
        _ if field.starts_with("sparkplug") => "sparkplug",
        _ => field,
    };
    format!("--{}: {}", option.replace('_', "-"), error.change)
}
