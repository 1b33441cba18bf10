//! Answers: each window through the engine, each result to the output.

mod answered;
mod latencies;
mod result_writer;

use std::io::{self, Write};
use std::time::Instant;

use anyhow::Context as _;
use engine::Engine;
use model_format::artifact::Artifact;
use model_format::id::Digest;
use model_format::signal::stream::WindowRef;

use crate::config::OutputFormat;

pub(crate) use answered::{Answered, Field, json_float, write_json};
pub(crate) use latencies::Latencies;
use result_writer::ResultWriter;

/// How results are named and delivered.
#[derive(Clone, Copy)]
pub(crate) struct Naming<'a> {
    /// Name of the device, for the ids.
    pub(crate) device: &'a str,
    /// True if results say which recording they belong to.
    pub(crate) has_recordings: bool,
    /// True if each result must leave at once.
    pub(crate) is_live: bool,
}

/// Gives windows to the engine and results to the output. After an error it does nothing more;
/// the error waits for [`Answerer::check`].
pub(crate) struct Answerer<'a> {
    artifact: Digest,
    engine: Box<dyn Engine>,
    naming: Naming<'a>,
    writer: ResultWriter<'a>,
    windows: u64,
    latencies: Latencies,
    failed: Option<anyhow::Error>,
}

impl<'a> Answerer<'a> {
    pub(crate) fn new(
        artifact: &'a Artifact,
        engine: Box<dyn Engine>,
        naming: Naming<'a>,
        format: OutputFormat,
        output: &'a mut dyn Write,
    ) -> Self {
        let manifest = artifact.manifest();
        Answerer {
            artifact: artifact.sha256(),
            engine,
            naming,
            writer: ResultWriter::new(manifest, format, naming.has_recordings, output),
            windows: 0,
            latencies: Latencies::default(),
            failed: None,
        }
    }

    /// Says whether the times count from 1970.
    pub(crate) fn set_absolute_time(&mut self, is_absolute: bool) {
        self.writer.set_absolute_time(is_absolute);
    }

    /// Answers one window of `stream`.
    pub(crate) fn answer(&mut self, stream: &str, window: WindowRef<'_>) {
        if self.failed.is_none() {
            self.failed = self.try_answer(stream, window).err();
        }
    }

    /// The error of an answer before, if there was one.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Windows answered.
    pub(crate) fn windows(&self) -> u64 {
        self.windows
    }

    /// How long the engine took, window by window.
    pub(crate) fn latencies(&self) -> Latencies {
        self.latencies.clone()
    }

    /// The end of the results.
    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        self.writer.flush().context("the results cannot be written")
    }

    fn try_answer(&mut self, stream: &str, window: WindowRef<'_>) -> anyhow::Result<()> {
        let start = Instant::now();
        let outputs = self.engine.run(window.values, 1)?;
        self.latencies.add(start.elapsed());
        self.windows += 1;
        let device = self.naming.device;
        let answered = Answered::new(outputs, device, &self.artifact, stream, window);
        self.write(&answered).context("the results cannot be written")
    }

    fn write(&mut self, answered: &Answered<'_>) -> io::Result<()> {
        self.writer.write(answered)?;
        if self.naming.is_live { self.writer.flush() } else { Ok(()) }
    }
}
