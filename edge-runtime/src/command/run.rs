//! `run`: samples in, one result per window out.

use std::collections::HashMap;
use std::io::Write;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use engine::proof::{Choice, choose};
use engine::{Engine, EngineKind};
use model_format::payload::time::row_time_ns;
use model_format::pipeline::{Mismatch, Pipeline, Rate};
use model_format::signal::stream::{Drops, Sample, Stream};

use crate::answer::{Answerer, Naming};
use crate::config::Run;
use crate::input::{self, Input, InputRow, RowError};
use crate::model_file::{self, ModelFile};

mod progress;
mod summary;

use progress::Progress;
use summary::Summary;

/// Most recordings that one input may hold: each has a stream with a buffer of its own.
const STREAMS_MAX: usize = 100_000;

impl Run {
    pub(crate) fn run(&self, output: &mut dyn Write) -> anyhow::Result<()> {
        let model = model_file::read(&self.model)?;
        let pipeline = &model.artifact.manifest().pipeline;
        let engine = self.engine(&model)?;
        let engine_kind = engine.kind();
        let mut input = input::open(self, pipeline)?;
        let rate_hz = input.rows.rate_hz().or(self.rate_hz);
        check_rate(pipeline, rate_hz)?;
        let naming = Naming {
            device: &self.device,
            has_recordings: self.recording_column.is_some(),
            is_live: input.is_live,
        };
        let mut answerer = Answerer::new(&model.artifact, engine, naming, self.output, output);
        let start = Instant::now();
        let mut replay = Replay::new(self, pipeline, rate_hz);
        let done = replay.run(&mut input, &mut answerer);
        let summary = Summary {
            samples: replay.samples,
            bad_rows: replay.bad_rows,
            windows: answerer.windows(),
            elapsed: start.elapsed(),
            drops: replay.drops(),
            measured_hz: replay.streams.iter().find_map(|named| named.stream.measured_hz()),
            latencies: answerer.latencies(),
            engine: engine_kind,
        };
        done?;
        answerer.finish()?;
        summary.print(self.json);
        if summary.windows == 0 {
            bail!("{}", summary.why_nothing(pipeline));
        }
        Ok(())
    }
}

impl Run {
    /// The engine that was named; else the native one, or for a model of another program the fastest
    /// that passes its proof here.
    fn engine(&self, model: &ModelFile) -> anyhow::Result<Box<dyn Engine>> {
        let name = self.model.display();
        let kind = match (self.engine, model.artifact.own()) {
            (Some(kind), _) => kind,
            (None, Some(_)) => EngineKind::Native,
            (None, None) => {
                let start = Instant::now();
                let clock = || start.elapsed().as_nanos() as u64;
                let chosen = choose(&model.artifact, Choice::Auto, &clock)
                    .with_context(|| format!("{name} cannot be run"))?;
                ensure!(
                    chosen.proof.passed,
                    "{name} does not give here the answers that it carries; `cirame-edge prove` tells \
                     more"
                );
                chosen.engine
            }
        };
        engine::load_artifact(kind, &model.artifact)
            .with_context(|| format!("{name} cannot be loaded"))
    }
}

/// Refuses a rate that the streams would refuse, before all samples are dropped.
fn check_rate(pipeline: &Pipeline, rate_hz: Option<f64>) -> anyhow::Result<()> {
    let Some(found) = rate_hz else { return Ok(()) };
    if !(found > 0.0 && found.is_finite()) {
        bail!("--rate-hz is {found}: a number of hertz above 0 is expected");
    }
    match pipeline.rate {
        Rate::Fixed { hz, tolerance, mismatch: Mismatch::Refuse }
            if (found / hz - 1.0).abs() > tolerance =>
        {
            bail!(
                "the samples come at {found} Hz, the model expects {hz} Hz within {} %",
                100.0 * tolerance
            )
        }
        _ => Ok(()),
    }
}

/// The streams of an input, by recording.
struct Replay<'a> {
    run: &'a Run,
    pipeline: &'a Pipeline,
    rate_hz: Option<f64>,
    /// In the order of their first rows.
    streams: Vec<NamedStream>,
    by_name: HashMap<String, usize>,
    samples: u64,
    bad_rows: u64,
}

struct NamedStream {
    name: String,
    stream: Stream,
    rows: u64,
}

impl<'a> Replay<'a> {
    fn new(run: &'a Run, pipeline: &'a Pipeline, rate_hz: Option<f64>) -> Self {
        let (streams, by_name) = (Vec::new(), HashMap::new());
        Replay { run, pipeline, rate_hz, streams, by_name, samples: 0, bad_rows: 0 }
    }

    fn run(&mut self, input: &mut Input, answerer: &mut Answerer<'_>) -> anyhow::Result<()> {
        let mut row = InputRow::default();
        let mut progress = Progress::new(input);
        loop {
            match input.rows.next(&mut row) {
                Ok(true) => self.take(&row, answerer)?,
                Ok(false) => break,
                Err(RowError::Row(_)) if self.run.skip_bad_rows => self.bad_rows += 1,
                Err(RowError::Row(error)) => {
                    return Err(
                        error.context("a row cannot be read (--skip-bad-rows leaves it out)")
                    );
                }
                Err(RowError::End(error)) => return Err(error),
            }
            progress.row();
        }
        for named in &mut self.streams {
            named.stream.finish(&mut |window| answerer.answer(&named.name, window));
            answerer.check()?;
        }
        Ok(())
    }

    fn take(&mut self, row: &InputRow, answerer: &mut Answerer<'_>) -> anyhow::Result<()> {
        self.samples += 1;
        let rate_hz = self.rate_hz;
        let named = self.stream(&row.recording)?;
        let time_ns = row.time_ns.unwrap_or_else(|| row_time_ns(named.rows, rate_hz));
        named.rows += 1;
        answerer.set_absolute_time(row.absolute_time);
        // The input is a recording: when its rows arrived is not known, so its times serve models
        // that go by arrival as well.
        let sample = Sample { event_ns: Some(time_ns), arrival_ns: time_ns, values: &row.values };
        let NamedStream { name, stream, .. } = named;
        stream.push(sample, &mut |window| answerer.answer(name, window));
        answerer.check()
    }

    fn stream(&mut self, recording: &str) -> anyhow::Result<&mut NamedStream> {
        let is_same = |index: &usize| self.streams[*index].name == recording;
        // Without a recording column there is one stream, whose name the options give.
        let index = match self.run.recording_column {
            None => (!self.streams.is_empty()).then_some(0),
            Some(_) => self.streams.len().checked_sub(1).filter(is_same),
        };
        let index = match index.or_else(|| self.by_name.get(recording).copied()) {
            Some(index) => index,
            None => self.add(recording)?,
        };
        Ok(&mut self.streams[index])
    }

    fn add(&mut self, recording: &str) -> anyhow::Result<usize> {
        if self.streams.len() == STREAMS_MAX {
            bail!("more than {STREAMS_MAX} recordings; divide the input");
        }
        let name = match self.run.recording_column {
            None => self.run.stream.clone(),
            Some(_) => recording.to_owned(),
        };
        let index = self.streams.len();
        self.by_name.insert(recording.to_owned(), index);
        self.streams.push(NamedStream { name, stream: Stream::new(self.pipeline)?, rows: 0 });
        Ok(index)
    }

    /// The drops of all streams.
    fn drops(&self) -> Vec<(&'static str, u64)> {
        let mut drops: Vec<_> = Drops::default().counts().collect();
        for named in &self.streams {
            for (sum, (_, count)) in drops.iter_mut().zip(named.stream.drops().counts()) {
                sum.1 += count;
            }
        }
        drops
    }
}
