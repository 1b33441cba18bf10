//! The core of the service: messages in, results and reports out. No IO; time comes as an argument.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use engine::{EngineError, EngineKind, Layout, Outputs};
use model_format::id::Digest;
use model_format::manifest::Manifest;
use model_format::payload::message::{Message, MessageError};
use model_format::payload::sparkplug::{Nodes, Rebirth, SparkplugError};
use model_format::pipeline::{Pipeline, PipelineError};
use model_format::protocol::{Router, StreamReport};
use model_format::signal::stream::Drops;

use super::inbox::Origin;
use super::live_stream::LiveStream;
use super::operator::{Book, CommandError, Operator};
use super::outbox::Kind;
use super::route::{Shard, Source, SparkplugSource};
use super::watch::{AlarmEvent, Condition, WatchPlan};
use crate::answer::Latencies;
use crate::service::{MODELS_MAX, ModelStatus, ReadyModel};

mod answering;
mod intake;
mod time;

pub(super) use answering::{Answering, Place};

/// Most streams in a report.
const REPORTED_MAX: usize = 100;

/// Streams and the models that answer them.
pub(super) struct Core {
    device: String,
    plan: Plan,
    /// Time since any fixed moment.
    clock: fn() -> Duration,
    router: Router,
    message: Message,
    operator: Operator,
    /// By name.
    models: BTreeMap<String, InService>,
    streams: BTreeMap<String, LiveStream>,
    counts: Counts,
    happened: Vec<AlarmEvent>,
    sparkplug: Nodes,
    /// Requests to Sparkplug B nodes that are to be published.
    rebirths: Vec<Rebirth>,
    /// When it looked at the time first.
    began_ns: Option<i64>,
}

/// What the service does with what comes, from the configuration.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In the order in which a topic is looked up.
    pub(crate) sources: Arc<[Source]>,
    /// How messages are read that a program sends to a stream.
    pub(crate) direct: Arc<Source>,
    /// Groups of Sparkplug B nodes; their topics name the streams.
    pub(crate) sparkplug: Arc<[SparkplugSource]>,
    pub(crate) watch: WatchPlan,
    /// Where commands come from.
    pub(crate) command_topic: String,
    /// The streams that this process has, where several divide them.
    pub(crate) shard: Option<Shard>,
    pub(crate) streams_max: usize,
    /// A stream that has sent nothing for so long is forgotten.
    pub(crate) expire_ns: i64,
}

impl Plan {
    /// The topic filters of what is read, commands apart.
    pub(crate) fn filters(&self) -> Vec<String> {
        let gates = self.watch.gates.iter().filter_map(|gate| match &gate.condition {
            Condition::Topic(condition) => Some(condition.topic.filter()),
            Condition::Feature { .. } => None,
        });
        let sources = self.sources.iter().map(|source| source.topics.topic.filter());
        let sparkplug = self.sparkplug.iter().map(SparkplugSource::filter);
        let mut filters: Vec<String> = sources.chain(sparkplug).chain(gates).collect();
        filters.sort();
        filters.dedup();
        filters
    }
}

/// What is counted, streams apart.
#[derive(Default)]
pub(super) struct Counts {
    /// Messages that gave no sample, by reason.
    pub(super) refused: BTreeMap<&'static str, u64>,
    /// Messages of streams that another process has.
    pub(super) other_shard_messages: u64,
    pub(super) windows: u64,
    pub(super) failed_windows: u64,
    pub(super) gated_windows: u64,
    pub(super) left_out_results: u64,
    pub(super) raised_alarms: u64,
    pub(super) expired_streams: u64,
    /// Samples of streams that have expired, and those of them that were dropped.
    gone_samples: u64,
    gone_drops: BTreeMap<&'static str, u64>,
    pub(super) latencies: Latencies,
}

/// A model in service.
pub(super) struct InService {
    pub(super) ready: ReadyModel,
    /// Place of each channel.
    pub(super) channels: HashMap<String, usize>,
    windows: u64,
    failed_windows: u64,
    latencies: Latencies,
    /// The text of the artifact's digest.
    sha256_text: String,
}

/// What others may know about a model in service.
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
    pub(super) origin: &'a Origin,
    pub(super) payload: &'a [u8],
    pub(super) arrival_ns: i64,
}

/// A result or an alarm on its way out.
pub(super) struct Line<'a> {
    pub(super) kind: Kind,
    pub(super) stream: &'a str,
    /// One JSON object.
    pub(super) json: String,
    /// Time that the engine took.
    pub(super) engine_time: Duration,
    /// False for a result that is left out of what is published.
    pub(super) is_published: bool,
}

/// Where results and alarms go.
pub(super) type Emit<'a> = &'a mut dyn FnMut(Line<'_>);

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
    /// No source has its topic.
    #[error("no source in the configuration has the topic {0:?}")]
    NoSource(String),
    /// Its stream belongs to another process.
    #[error("the stream belongs to another process than {0}: send it there")]
    OtherShard(Shard),
    /// The payload.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A payload of Sparkplug B.
    #[error(transparent)]
    Sparkplug(#[from] SparkplugError),
    /// A command that cannot be followed.
    #[error("a command was not followed: {0}")]
    Command(#[from] CommandError),
    /// A state of a gate that cannot be read, or one too many.
    #[error("the state on the topic {0:?} says nothing about a gate")]
    GateState(String),
}

impl Refused {
    /// One word for counters.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Refused::StreamName(_) => "stream_name",
            Refused::TooManyStreams(_) => "too_many_streams",
            Refused::NoSource(_) => "no_source",
            Refused::OtherShard(_) => "other_shard",
            Refused::Message(error) => error.reason(),
            Refused::Sparkplug(error) => error.reason(),
            Refused::Command(_) => "bad_command",
            Refused::GateState(_) => "bad_gate_state",
        }
    }
}

/// Why a model did not go into service.
#[derive(Debug, thiserror::Error)]
pub(super) enum SwapError {
    /// There are too many.
    #[error(
        "{MODELS_MAX} models are in service already: take one out before another goes into service"
    )]
    TooManyModels,
    /// Its pipeline.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
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
    pub(super) fn new(device: String, plan: Plan, book: Book, clock: fn() -> Duration) -> Self {
        Core {
            device,
            plan,
            clock,
            router: Router::default(),
            message: Message::default(),
            operator: Operator::new(book),
            models: BTreeMap::new(),
            streams: BTreeMap::new(),
            counts: Counts::default(),
            happened: Vec::new(),
            sparkplug: Nodes::default(),
            rebirths: Vec::new(),
            began_ns: None,
        }
    }

    /// What answers, the models and the streams, each on its own.
    fn parts(
        &mut self,
    ) -> (Answering<'_>, &mut BTreeMap<String, InService>, &mut BTreeMap<String, LiveStream>) {
        let Core { device, plan, clock, operator, counts, happened, models, streams, .. } = self;
        let (clock, plan) = (*clock, &plan.watch);
        (Answering { device, clock, plan, operator, counts, happened }, models, streams)
    }

    /// Puts a model into service, in the place of the one with its name or beside the others.
    /// Where its pipeline equals that of the one before, streams go on; otherwise that one answers
    /// what was held back, and they start anew.
    ///
    /// # Errors
    /// There are too many, or the pipeline does not pass its check; all stays as it was.
    pub(super) fn swap(&mut self, ready: ReadyModel, emit: Emit<'_>) -> Result<(), SwapError> {
        let pipeline = &ready.manifest.pipeline;
        pipeline.check()?;
        let before = self.models.get(&ready.name);
        if before.is_none() && self.models.len() >= MODELS_MAX {
            return Err(SwapError::TooManyModels);
        }
        let is_same = before.is_some_and(|before| before.pipeline() == pipeline);
        if !is_same {
            self.finish_model(&ready.name, emit);
        }
        let channels = pipeline.channels.iter().enumerate();
        let channels = channels.map(|(place, channel)| (channel.name.clone(), place)).collect();
        let name = ready.name.clone();
        let model = InService {
            channels,
            windows: 0,
            failed_windows: 0,
            latencies: Latencies::default(),
            sha256_text: ready.artifact_sha256.to_string(),
            ready,
        };
        self.models.insert(name.clone(), model);
        let (mut answering, models, streams) = self.parts();
        let Some(model) = models.get(&name) else { return Ok(()) };
        for (stream_name, stream) in streams {
            stream.renew(stream_name, (&name, model), is_same, &mut answering, emit);
        }
        Ok(())
    }

    /// Takes the model of this name out of service: it answers what was held back.
    pub(super) fn take_out(&mut self, name: &str, emit: Emit<'_>) {
        self.finish_model(name, emit);
        let (mut answering, models, streams) = self.parts();
        let Some(model) = models.remove(name) else { return };
        let reason = "its model is no longer in service";
        for (stream_name, stream) in streams {
            stream.leave(stream_name, (name, &model), reason, &mut answering, emit);
        }
    }

    /// The end of all streams: hands out the windows of what was held back.
    pub(super) fn finish(&mut self, emit: Emit<'_>) {
        let names: Vec<String> = self.models.keys().cloned().collect();
        for name in names {
            self.finish_model(&name, emit);
        }
    }

    fn finish_model(&mut self, model_name: &str, emit: Emit<'_>) {
        let (mut answering, models, streams) = self.parts();
        let Some(model) = models.get_mut(model_name) else { return };
        for (name, stream) in streams {
            stream.finish(name, (model_name, model), &mut answering, emit);
        }
    }

    /// What must survive a restart, where it has changed since it was asked for last.
    pub(super) fn changed_book(&mut self) -> Option<Book> {
        std::mem::take(&mut self.operator.is_changed).then(|| self.book())
    }

    /// Raised alarms and mutes.
    pub(super) fn book(&self) -> Book {
        let live = self.streams.iter().flat_map(|(name, stream)| stream.raised(name));
        Book {
            raised: live.chain(self.operator.remembered.iter().cloned()).collect(),
            mutes: self.operator.mutes.iter().cloned().collect(),
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
        let mut models = self.models.values_mut();
        match models.find(|model| model.ready.artifact_sha256 == artifact) {
            Some(model) => Ok(model.ready.engine.run(windows, count)?),
            None => Err(InferError::Exchanged),
        }
    }

    /// What others may know about the models in service, by name.
    pub(super) fn facts(&self) -> Vec<Arc<ModelFacts>> {
        self.models.values().map(|model| Arc::new(model.facts())).collect()
    }

    /// How the models in service are, by name.
    pub(super) fn model_status(&self) -> BTreeMap<String, ModelStatus> {
        let status = |model: &InService| ModelStatus {
            windows: model.windows,
            failed_windows: model.failed_windows,
            latency_p50_us: model.latencies.quantile_us(0.5),
            latency_p99_us: model.latencies.quantile_us(0.99),
        };
        self.models.iter().map(|(name, model)| (name.clone(), status(model))).collect()
    }

    /// The streams, the busiest first, at most 100.
    pub(super) fn reports(&self) -> Vec<StreamReport> {
        let mut streams: Vec<_> = self.streams.iter().collect();
        streams.sort_by_key(|(_, stream)| std::cmp::Reverse(stream.samples()));
        streams.truncate(REPORTED_MAX);
        streams.into_iter().map(|(name, stream)| stream.report(name)).collect()
    }

    /// The names of all streams.
    pub(super) fn stream_names(&self) -> Vec<String> {
        self.streams.keys().cloned().collect()
    }

    pub(super) fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Samples that came.
    pub(super) fn samples_seen(&self) -> u64 {
        let live = self.streams.values().map(LiveStream::samples).sum::<u64>();
        live + self.counts.gone_samples
    }

    /// What is counted, streams apart.
    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Samples dropped, by reason.
    pub(super) fn dropped_samples(&self) -> BTreeMap<&'static str, u64> {
        let reasons = Drops::REASONS.iter().map(|(reason, _)| *reason);
        let mut sums: BTreeMap<&'static str, u64> =
            reasons.chain(LiveStream::REASONS).map(|reason| (reason, 0)).collect();
        let gone = self.counts.gone_drops.iter().map(|(reason, count)| (*reason, *count));
        for (reason, count) in gone.chain(self.streams.values().flat_map(LiveStream::drops)) {
            *sums.entry(reason).or_default() += count;
        }
        sums
    }
}

impl InService {
    pub(super) fn pipeline(&self) -> &Pipeline {
        &self.ready.manifest.pipeline
    }

    fn facts(&self) -> ModelFacts {
        let ReadyModel { manifest, artifact_sha256, engine, name, version, artifact_bytes } =
            &self.ready;
        ModelFacts {
            name: name.clone(),
            version: *version,
            artifact_sha256: *artifact_sha256,
            artifact_bytes: *artifact_bytes,
            manifest: manifest.clone(),
            output_names: manifest.task.output_names(),
            layout: engine.layout().clone(),
            engine: engine.kind(),
        }
    }
}

#[cfg(test)]
mod tests;
