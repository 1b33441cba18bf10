//! One window through its model: its result, and what follows from it.

use std::time::Duration;

use model_format::signal::stream::WindowRef;

use super::{Counts, Emit, InService, Line};
use crate::answer::{Answered, Field, write_json};
use crate::serve::operator::Operator;
use crate::serve::outbox::Kind;
use crate::serve::watch::{AlarmEvent, Answer, Owner, Watch, WatchPlan};

/// Room for a result of usual length: a longer one grows.
const RESULT_BYTES: usize = 640;

/// How windows are answered.
pub(in crate::serve) struct Answering<'a> {
    pub(super) device: &'a str,
    pub(super) clock: fn() -> Duration,
    pub(super) plan: &'a WatchPlan,
    pub(super) operator: &'a mut Operator,
    pub(super) counts: &'a mut Counts,
    /// What happened to alarms, to be told.
    pub(super) happened: &'a mut Vec<AlarmEvent>,
}

/// Where a window comes from.
pub(in crate::serve) struct Place<'a> {
    pub(in crate::serve) stream: &'a str,
    /// The number of the stream's next result.
    pub(in crate::serve) sequence: &'a mut u64,
    /// True where times count from 1970.
    pub(in crate::serve) is_absolute: bool,
    /// When its last sample came.
    pub(in crate::serve) arrival_ns: i64,
    pub(in crate::serve) watch: &'a mut Watch,
}

impl Answering<'_> {
    /// What is to be watched on a stream that a model begins to answer.
    pub(in crate::serve) fn watch(&mut self, stream: &str, model: &InService) -> Watch {
        let manifest = &model.ready.manifest;
        let remembered = &mut self.operator.remembered;
        Watch::new(self.plan, stream, (&model.ready.name, manifest), remembered)
    }

    /// Answers one window. False for a window that the engine fails on: it is counted and has no
    /// result.
    pub(in crate::serve) fn answer(
        &mut self,
        place: &mut Place<'_>,
        model: &mut InService,
        window: WindowRef<'_>,
        emit: Emit<'_>,
    ) -> bool {
        let began = (self.clock)();
        let ready = &mut model.ready;
        let outputs = match ready.engine.run(window.values, 1) {
            Ok(outputs) => outputs,
            Err(error) => {
                if model.failed_windows == 0 {
                    let (stream, model) = (place.stream, &ready.name);
                    tracing::error!(stream, model, %error, "the model fails on a window");
                }
                model.failed_windows += 1;
                self.counts.failed_windows += 1;
                return false;
            }
        };
        let engine_time = (self.clock)().saturating_sub(began);
        self.counts.latencies.add(engine_time);
        model.latencies.add(engine_time);
        self.counts.windows += 1;
        model.windows += 1;
        let label = outputs.labels.as_ref().and_then(|labels| labels.first().copied());
        let answer = Answer {
            window,
            floats: &outputs.floats,
            label,
            is_muted: self.operator.mutes.holds(place.stream, place.arrival_ns),
        };
        let states = (self.plan, place.stream, &self.operator.gate_states);
        let decided = place.watch.window(&answer, place.is_absolute, states, self.happened);
        self.counts.gated_windows += u64::from(decided.gated_by.is_some());
        let sequence = *place.sequence;
        *place.sequence += 1;
        let digest = ready.artifact_sha256;
        let answered = Answered::new(outputs, self.device, &digest, place.stream, window);
        let id = answered.id();
        let is_absolute = place.is_absolute;
        let mut fields = answered.fields(&ready.manifest, &id, is_absolute, false);
        fields.push(("stream", Field::Text(place.stream)));
        fields.push(("model", Field::Text(&ready.name)));
        let version = ready.version.map_or(Field::Null, |version| Field::Whole(version.into()));
        fields.push(("version", version));
        fields.push(("artifact_sha256", Field::Text(&model.sha256_text)));
        fields.push(("sequence", Field::Whole(sequence)));
        if let Some(gate) = &decided.gated_by {
            fields.push(("gated_by", Field::Text(gate)));
        }
        if let Some(left_out @ 1..) = decided.publishes {
            fields.push(("left_out", Field::Whole(left_out)));
        }
        let mut json = String::with_capacity(RESULT_BYTES);
        write_json(&fields, is_absolute, &mut json);
        self.counts.left_out_results += u64::from(decided.publishes.is_none());
        let is_published = decided.publishes.is_some();
        emit(Line { kind: Kind::Result, stream: place.stream, json, engine_time, is_published });
        self.tell(place.stream, model, place.is_absolute, emit);
        true
    }

    /// Another version of the model: its alarms go on, as far as it has them.
    pub(in crate::serve) fn renew(
        &mut self,
        stream: &str,
        model: &InService,
        watch: &mut Watch,
        emit: Emit<'_>,
    ) {
        let (name, manifest) = (&model.ready.name, &model.ready.manifest);
        watch.renew(self.plan, stream, (name, manifest), self.happened);
        self.tell(stream, model, watch.is_absolute(), emit);
    }

    /// What is watched is there no more: raised alarms end.
    pub(in crate::serve) fn withdraw(
        &mut self,
        stream: &str,
        model: &InService,
        watch: &mut Watch,
        reason: &'static str,
        emit: Emit<'_>,
    ) {
        watch.withdraw(reason, self.happened);
        self.tell(stream, model, watch.is_absolute(), emit);
    }

    /// Emits what happened to alarms.
    pub(super) fn tell(
        &mut self,
        stream: &str,
        model: &InService,
        is_absolute: bool,
        emit: Emit<'_>,
    ) {
        let owner = Owner {
            device: self.device,
            stream,
            model: &model.ready.name,
            version: model.ready.version,
            artifact_sha256: &model.sha256_text,
            is_absolute,
        };
        for event in self.happened.drain(..) {
            self.operator.is_changed = true;
            self.counts.raised_alarms += u64::from(event.is_raise());
            let json = event.json(&owner);
            let engine_time = Duration::ZERO;
            emit(Line { kind: Kind::Alarm, stream, json, engine_time, is_published: true });
        }
    }
}
