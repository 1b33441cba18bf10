//! The core of the service: messages in, results and reports out. No IO; time comes as an argument.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use engine::{EngineError, EngineKind, Layout, Outputs};
use model_format::id::Digest;
use model_format::manifest::Manifest;
use model_format::payload::message::{Message, MessageError, Times};
use model_format::pipeline::PipelineError;
use model_format::protocol::{StreamReport, check_topic_level};
use model_format::signal::stream::{Drops, WindowRef};

use super::live_stream::LiveStream;
use crate::answer::{Answered, Field, Latencies, write_json};
use crate::service::ReadyModel;

/// Most streams in a report.
const REPORTED_MAX: usize = 100;

/// Streams and the model that answers them.
pub(super) struct Core {
    device: String,
    times: Times,
    streams_max: usize,
    /// Time since any fixed moment.
    clock: fn() -> Duration,
    model: Option<InService>,
    streams: BTreeMap<String, LiveStream>,
    /// Messages that gave no sample, by reason.
    refused: BTreeMap<&'static str, u64>,
    windows: u64,
    latencies: Latencies,
}

/// The model in service.
pub(super) struct InService {
    pub(super) ready: ReadyModel,
    /// Place of each channel.
    pub(super) channels: HashMap<String, usize>,
    failed_windows: u64,
}

/// What others may know about the model in service.
#[derive(Debug)]
pub(super) struct ModelFacts {
    pub(super) name: String,
    pub(super) version: Option<u32>,
    pub(super) artifact_sha256: Digest,
    pub(super) artifact_bytes: u64,
    pub(super) manifest: Manifest,
    pub(super) output_names: &'static [&'static str],
    pub(super) layout: Layout,
    pub(super) engine: EngineKind,
}

/// One message as it came.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub(super) stream: &'a str,
    pub(super) payload: &'a [u8],
    pub(super) arrival_ns: i64,
}

/// A result on its way out.
pub(super) struct ResultLine<'a> {
    pub(super) stream: &'a str,
    /// One JSON object.
    pub(super) json: String,
    /// Time that the engine took.
    pub(super) engine_time: Duration,
}

/// Why a message gave no sample.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// Its stream cannot have that name.
    #[error(
        "{0:?} cannot be the name of a stream: 1 to 200 bytes are, without `/`, `+`, `#` and \
         control characters"
    )]
    StreamName(String),
    /// There are too many streams.
    #[error("there are {0} streams already: allow more with --max-streams")]
    TooManyStreams(usize),
    /// The payload.
    #[error(transparent)]
    Message(#[from] MessageError),
}

impl Refused {
    /// One word for counters.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Refused::StreamName(_) => "stream_name",
            Refused::TooManyStreams(_) => "too_many_streams",
            Refused::Message(error) => error.reason(),
        }
    }
}

/// Why windows were not answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum InferError {
    /// The model is no longer in service.
    #[error("another model has gone into service: ask for its metadata and try again")]
    Exchanged,
    /// The engine refuses the windows or fails.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Core {
    pub(super) fn new(
        device: String,
        times: Times,
        streams_max: usize,
        clock: fn() -> Duration,
    ) -> Self {
        Core {
            device,
            times,
            streams_max,
            clock,
            model: None,
            streams: BTreeMap::new(),
            refused: BTreeMap::new(),
            windows: 0,
            latencies: Latencies::default(),
        }
    }

    /// Takes one message and hands out the result of every window that it completes.
    ///
    /// # Errors
    /// The message is dropped whole, and counted.
    pub(super) fn message(
        &mut self,
        incoming: Incoming<'_>,
        emit: &mut dyn FnMut(ResultLine<'_>),
    ) -> Result<(), Refused> {
        let read = self.read(incoming);
        let message = match read {
            Ok(message) => message,
            Err(refused) => {
                *self.refused.entry(refused.reason()).or_default() += 1;
                return Err(refused);
            }
        };
        let Core { device, clock, model, streams, windows, latencies, .. } = self;
        let Some(stream) = streams.get_mut(incoming.stream) else { return Ok(()) };
        let Some(model) = model else {
            stream.wait(&message);
            return Ok(());
        };
        let mut answering = Answering { device, clock: *clock, windows, latencies };
        stream.take(incoming, &message, model, &mut answering, emit);
        Ok(())
    }

    /// Reads the message; its stream is there afterwards.
    fn read(&mut self, incoming: Incoming<'_>) -> Result<Message, Refused> {
        let name = incoming.stream;
        let is_known = self.streams.contains_key(name);
        if !is_known && !check_topic_level(name) {
            return Err(Refused::StreamName(name.chars().take(80).collect()));
        }
        if !is_known && self.streams.len() >= self.streams_max {
            return Err(Refused::TooManyStreams(self.streams.len()));
        }
        let message = Message::read(incoming.payload, &self.times)?;
        if !is_known {
            let mut stream = LiveStream::default();
            if let Some(model) = &self.model {
                let pipeline = &model.ready.artifact.manifest().pipeline;
                stream.start(pipeline).expect("the pipeline was checked when it came");
            }
            self.streams.insert(name.to_owned(), stream);
        }
        Ok(message)
    }

    /// Puts a model into service. Where its pipeline equals the one before, streams go on;
    /// otherwise the old model answers what was held back, and they start anew.
    ///
    /// # Errors
    /// The pipeline does not pass its check; the old model stays.
    pub(super) fn swap(
        &mut self,
        ready: ReadyModel,
        emit: &mut dyn FnMut(ResultLine<'_>),
    ) -> Result<(), PipelineError> {
        let pipeline = &ready.artifact.manifest().pipeline;
        pipeline.check()?;
        let before = self.model.as_ref().map(|model| &model.ready.artifact.manifest().pipeline);
        if before != Some(pipeline) {
            self.finish(emit);
            for stream in self.streams.values_mut() {
                stream.start(pipeline)?;
            }
        }
        let channels = pipeline.channels.iter().enumerate();
        let channels = channels.map(|(place, channel)| (channel.name.clone(), place)).collect();
        self.model = Some(InService { ready, channels, failed_windows: 0 });
        Ok(())
    }

    /// Takes the model out of service: it answers what was held back, and streams wait for another.
    pub(super) fn take_out(&mut self, emit: &mut dyn FnMut(ResultLine<'_>)) {
        self.finish(emit);
        self.model = None;
        for stream in self.streams.values_mut() {
            stream.leave();
        }
    }

    /// The end of all streams, or of a pipeline: hands out the windows of what was held back.
    pub(super) fn finish(&mut self, emit: &mut dyn FnMut(ResultLine<'_>)) {
        let Core { device, clock, model, streams, windows, latencies, .. } = self;
        let Some(model) = model else { return };
        let mut answering = Answering { device, clock: *clock, windows, latencies };
        for (name, stream) in streams {
            stream.finish(name, model, &mut answering, emit);
        }
    }

    /// Answers windows that somebody else has cut.
    ///
    /// # Errors
    /// The model with this digest is not in service, or its engine refuses the windows.
    pub(super) fn infer(
        &mut self,
        artifact: Digest,
        windows: &[f32],
        count: usize,
    ) -> Result<Outputs, InferError> {
        match &mut self.model {
            Some(model) if model.ready.artifact.sha256() == artifact => {
                Ok(model.ready.engine.run(windows, count)?)
            }
            _ => Err(InferError::Exchanged),
        }
    }

    /// What others may know about the model in service.
    pub(super) fn facts(&self) -> Option<Arc<ModelFacts>> {
        let ReadyModel { artifact, engine, name, version, artifact_bytes } =
            &self.model.as_ref()?.ready;
        Some(Arc::new(ModelFacts {
            name: name.clone(),
            version: *version,
            artifact_sha256: artifact.sha256(),
            artifact_bytes: *artifact_bytes,
            manifest: artifact.manifest().clone(),
            output_names: artifact.output_names(),
            layout: engine.layout().clone(),
            engine: engine.kind(),
        }))
    }

    /// The streams, the busiest first, at most 100.
    pub(super) fn reports(&self) -> Vec<StreamReport> {
        let mut streams: Vec<_> = self.streams.iter().collect();
        streams.sort_by_key(|(_, stream)| std::cmp::Reverse(stream.samples()));
        streams.truncate(REPORTED_MAX);
        streams.into_iter().map(|(name, stream)| stream.report(name)).collect()
    }

    pub(super) fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Samples that came.
    pub(super) fn samples(&self) -> u64 {
        self.streams.values().map(LiveStream::samples).sum()
    }

    /// Windows answered.
    pub(super) fn windows(&self) -> u64 {
        self.windows
    }

    /// How long the engine took, window by window.
    pub(super) fn latencies(&self) -> &Latencies {
        &self.latencies
    }

    /// Windows that the engine of the model in service failed on.
    pub(super) fn failed_windows(&self) -> u64 {
        self.model.as_ref().map_or(0, |model| model.failed_windows)
    }

    /// Samples dropped, by reason.
    pub(super) fn dropped_samples(&self) -> BTreeMap<&'static str, u64> {
        let reasons = Drops::REASONS.iter().map(|(reason, _)| *reason);
        let mut sums: BTreeMap<&'static str, u64> =
            reasons.chain(LiveStream::REASONS).map(|reason| (reason, 0)).collect();
        for stream in self.streams.values() {
            for (reason, count) in stream.drops() {
                *sums.entry(reason).or_default() += count;
            }
        }
        sums
    }

    /// Messages that gave no sample, by reason.
    pub(super) fn refused(&self) -> &BTreeMap<&'static str, u64> {
        &self.refused
    }
}

/// How windows are answered.
pub(super) struct Answering<'a> {
    device: &'a str,
    clock: fn() -> Duration,
    windows: &'a mut u64,
    latencies: &'a mut Latencies,
}

/// The stream whose window is answered, as results tell it.
pub(super) struct Source<'a> {
    pub(super) stream: &'a str,
    /// The number of the stream's next result.
    pub(super) sequence: &'a mut u64,
    /// True where times count from 1970.
    pub(super) is_absolute: bool,
}

impl Answering<'_> {
    /// Windows answered.
    pub(super) fn windows(&self) -> &u64 {
        self.windows
    }

    /// Answers one window; a window that the engine fails on is counted and has no result.
    pub(super) fn answer(
        &mut self,
        source: &mut Source<'_>,
        model: &mut ReadyModel,
        failed_windows: &mut u64,
        window: WindowRef<'_>,
        emit: &mut dyn FnMut(ResultLine<'_>),
    ) {
        let began = (self.clock)();
        let outputs = match model.engine.run(window.values, 1) {
            Ok(outputs) => outputs,
            Err(error) => {
                if *failed_windows == 0 {
                    let stream = source.stream;
                    tracing::error!(stream, %error, "the model fails on a window");
                }
                *failed_windows += 1;
                return;
            }
        };
        let engine_time = (self.clock)().saturating_sub(began);
        self.latencies.add(engine_time);
        *self.windows += 1;
        let digest = model.artifact.sha256();
        let answered = Answered::new(outputs, self.device, &digest, source.stream, window);
        let (id, digest) = (answered.id(), digest.to_string());
        let is_absolute = source.is_absolute;
        let mut fields = answered.fields(model.artifact.manifest(), &id, is_absolute, false);
        fields.push(("stream", Field::Text(source.stream)));
        fields.push(("model", Field::Text(&model.name)));
        let version = model.version.map_or(Field::Null, |version| Field::Whole(version.into()));
        fields.push(("version", version));
        fields.push(("artifact_sha256", Field::Text(&digest)));
        fields.push(("sequence", Field::Whole(*source.sequence)));
        *source.sequence += 1;
        let mut json = String::new();
        write_json(&fields, is_absolute, &mut json);
        emit(ResultLine { stream: source.stream, json, engine_time });
    }
}

impl InService {
    /// Model and counter apart, for [`Answering::answer`].
    pub(super) fn parts(&mut self) -> (&mut ReadyModel, &mut u64) {
        (&mut self.ready, &mut self.failed_windows)
    }
}

#[cfg(test)]
mod tests;
