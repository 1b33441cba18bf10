//! `inspect`: what a model expects and answers, and what made it.

use std::io::Write;

use model_format::manifest::{Adopted, Manifest, Producer, SecondClass, Task};
use model_format::pipeline::{Fill, Pipeline, Rate, TimeSource};
use serde_json::json;

use crate::config::Inspect;
use crate::model_file::{self, ModelFile};

impl Inspect {
    pub(crate) fn run(&self, output: &mut dyn Write) -> anyhow::Result<()> {
        let model = model_file::read(&self.model)?;
        if self.json {
            let document = json!({
                "artifact_sha256": model.artifact.sha256(),
                "size_bytes": model.size_bytes,
                "golden_windows": model.artifact.golden().len(),
                "manifest": model.artifact.manifest(),
            });
            serde_json::to_writer_pretty(&mut *output, &document).map_err(std::io::Error::from)?;
            writeln!(output)?;
            return Ok(());
        }
        for (name, value) in lines(&model) {
            writeln!(output, "{name:<10} {value}")?;
        }
        Ok(())
    }
}

/// Name and text of each line.
fn lines(model: &ModelFile) -> Vec<(&'static str, String)> {
    let manifest = model.artifact.manifest();
    let pipeline = &manifest.pipeline;
    let mut lines = vec![
        ("task", task(manifest)),
        ("channels", channels(manifest)),
        ("rate", rate(pipeline)),
        ("window", window(pipeline)),
        ("time", time(pipeline)),
        ("gaps", gaps(pipeline)),
    ];
    match &manifest.adopted {
        None => lines.push(("features", features(manifest))),
        Some(adopted) => lines.push(("graph", graph(adopted))),
    }
    if let Some(threshold) = &manifest.threshold {
        lines.push((
            "threshold",
            format!(
                "score 1.0 (raw {}; from {} calibration windows, of which {} % lie above)",
                threshold.raw,
                threshold.calibration_windows,
                100.0 * threshold.false_alarm_rate,
            ),
        ));
    }
    let lineage = &manifest.lineage;
    lines.push(("estimator", format!("{}, seed {}", lineage.estimator, lineage.seed)));
    lines.push(("dataset", lineage.dataset_version.to_string()));
    lines.push(("trained by", format!("version {}", lineage.training_version)));
    lines.push(("lineage", manifest.lineage_id.to_string()));
    lines.push(("sha256", model.artifact.sha256().to_string()));
    lines.push((
        "size",
        format!(
            "{} bytes, format version {}, {} golden windows",
            model.size_bytes,
            manifest.format_version,
            model.artifact.golden().len(),
        ),
    ));
    lines
}

fn task(manifest: &Manifest) -> String {
    match manifest.task {
        Task::Classification => format!("classification into {}", manifest.classes.join(", ")),
        Task::Anomaly => "anomaly detection: the score is an alarm from 1.0 on".to_owned(),
        Task::Regression => match &manifest.target {
            Some(target) => {
                let unit = target.unit.as_ref().map(|unit| format!(" in {unit}"));
                format!("regression of {}{}", target.name, unit.unwrap_or_default())
            }
            None => "regression".to_owned(),
        },
    }
}

fn channels(manifest: &Manifest) -> String {
    let channels = manifest.pipeline.channels.iter().enumerate();
    let texts = channels.map(|(index, channel)| {
        let unit = channel.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
        match manifest.baseline.channels.get(index) {
            Some(range) => format!("{} ({} to {}{unit})", channel.name, range.min, range.max),
            None => format!("{}{unit}", channel.name),
        }
    });
    texts.collect::<Vec<_>>().join(", ")
}

fn rate(pipeline: &Pipeline) -> String {
    match &pipeline.rate {
        Rate::None => "none: each row stands for itself".to_owned(),
        Rate::Fixed { hz, tolerance, mismatch } => {
            let mismatch = format!("{mismatch:?}").to_lowercase();
            format!("{hz} Hz within {} %, else {mismatch}", 100.0 * tolerance)
        }
    }
}

fn window(pipeline: &Pipeline) -> String {
    let (length, stride) = (pipeline.window.length_samples, pipeline.window.stride_samples);
    match pipeline.rate.hz() {
        Some(hz) => format!(
            "{length} samples ({} s), a new one each {stride} samples ({} s)",
            f64::from(length) / hz,
            f64::from(stride) / hz
        ),
        None => format!("{length} rows, a new one each {stride} rows"),
    }
}

fn time(pipeline: &Pipeline) -> String {
    let source = match pipeline.time {
        TimeSource::Event => "the time in the payload",
        TimeSource::Arrival => "the time of arrival",
    };
    format!("{source}; samples may be late by {} ms", pipeline.lateness_ms)
}

fn gaps(pipeline: &Pipeline) -> String {
    match (pipeline.gap.max_samples, pipeline.gap.fill) {
        (0, _) | (_, Fill::None) => "every gap ends the segment".to_owned(),
        (count, Fill::Hold) => format!("up to {count} samples are filled with the last value"),
        (count, Fill::Linear) => format!("up to {count} samples are filled with a straight line"),
    }
}

fn graph(adopted: &Adopted) -> String {
    let Producer { name, version } = &adopted.producer;
    let producer = match name.is_empty() {
        true => "another program".to_owned(),
        false => format!("{name} {version}").trim_end().to_owned(),
    };
    let through = match adopted.second_class {
        None if adopted.softmax => " through a softmax",
        None => "",
        Some(SecondClass::Probability) => ", the second class's probability",
        Some(SecondClass::Logit) => ", the second class's logit",
    };
    format!(
        "by {producer}, input {}, answers from {}{through}, file {}",
        adopted.input, adopted.output, adopted.file_sha256
    )
}

fn features(manifest: &Manifest) -> String {
    let names: Vec<&str> = manifest.features.iter().map(|feature| feature.name.as_str()).collect();
    format!("{}: {}", names.len(), names.join(", "))
}
