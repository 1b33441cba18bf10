//! One stream as it lives on the device: what came, which models it fits, what was dropped.

use std::collections::BTreeMap;

use model_format::payload::message::{Fault, Message, MessageSample};
use model_format::protocol::{StreamReport, StreamState};
use model_format::signal::stream::Drops;

use super::fit::Fit;
use super::operator::RaisedAlarm;
use super::route::Source;
use super::state::{Answering, Emit, InService, Place};
use super::watch::Watch;

/// A stream from its first message on.
#[derive(Default)]
pub(super) struct LiveStream {
    samples: u64,
    windows: u64,
    /// The number of the next result.
    sequence: u64,
    no_model: u64,
    bad_time: u64,
    bad_value: u64,
    /// Drops under pipelines before.
    drops_before: Drops,
    /// When the newest message came.
    newest_ns: i64,
    /// By the name of the model.
    members: BTreeMap<String, Member>,
}

/// A stream as one model sees it.
struct Member {
    /// None until the first message after the pipeline has changed.
    fit: Option<Fit>,
    watch: Watch,
}

/// How this model sees the stream; what it watches is looked up the first time.
fn member<'m>(
    members: &'m mut BTreeMap<String, Member>,
    stream: &str,
    (name, model): (&str, &InService),
    answering: &mut Answering<'_>,
) -> Option<&'m mut Member> {
    if !members.contains_key(name) {
        let watch = answering.watch(stream, model);
        members.insert(name.to_owned(), Member { fit: None, watch });
    }
    members.get_mut(name)
}

/// One message of a stream.
#[derive(Clone, Copy)]
pub(super) struct Taken<'a> {
    pub(super) stream: &'a str,
    pub(super) source: &'a Source,
    pub(super) message: &'a Message,
    /// Only samples with this tag are the stream's.
    pub(super) tag: Option<(&'a str, &'a str)>,
    pub(super) arrival_ns: i64,
}

impl<'a> Taken<'a> {
    fn samples(self) -> impl Iterator<Item = MessageSample<'a>> {
        self.message.samples_of(self.tag)
    }
}

impl LiveStream {
    /// A stream that has not sent anything, and may be waited for from now on.
    pub(super) fn awaited(now_ns: i64) -> LiveStream {
        LiveStream { newest_ns: now_ns, ..LiveStream::default() }
    }

    /// Watches what a model will answer; true where an alarm of an earlier life is raised.
    pub(super) fn watch(
        &mut self,
        stream: &str,
        (name, model): (&str, &InService),
        answering: &mut Answering<'_>,
    ) -> bool {
        if self.members.contains_key(name) {
            return false;
        }
        let member = member(&mut self.members, stream, (name, model), answering);
        member.is_some_and(|member| member.watch.raised(stream, name).next().is_some())
    }

    /// Reasons for drops beside those of [`Drops`].
    pub(super) const REASONS: [&'static str; 3] = ["no_model", "bad_time", "bad_value"];

    /// Samples that came.
    pub(super) fn samples(&self) -> u64 {
        self.samples
    }

    /// When the newest message came.
    pub(super) fn newest_ns(&self) -> i64 {
        self.newest_ns
    }

    /// Takes the samples of a message.
    pub(super) fn take(
        &mut self,
        taken: Taken<'_>,
        models: &mut BTreeMap<String, InService>,
        answering: &mut Answering<'_>,
        emit: Emit<'_>,
    ) {
        let Taken { stream, source, message, arrival_ns, .. } = taken;
        let samples_before = self.samples;
        self.newest_ns = arrival_ns;
        for sample in taken.samples() {
            self.samples += 1;
            match sample.fault {
                Some(Fault::Time) => self.bad_time += 1,
                Some(Fault::Twice) => self.bad_value += 1,
                None => {}
            }
        }
        let LiveStream { samples, sequence, windows, bad_value, members, .. } = self;
        let mut has_model = false;
        for (name, model) in models.iter_mut().filter(|(name, _)| source.admits(name)) {
            has_model = true;
            let member = member(members, stream, (name, model), answering);
            let Some(Member { fit, watch }) = member else { continue };
            let fit = fit.get_or_insert_with(|| {
                Fit::new(model.pipeline()).expect("the pipeline was checked when it came")
            });
            fit.meet(message, source, model, *samples);
            for sample in taken.samples().filter(|sample| sample.fault.is_none()) {
                let was_taken = fit.take(&sample, arrival_ns, &mut |window, is_absolute| {
                    let mut place = Place { stream, sequence, is_absolute, arrival_ns, watch };
                    *windows += u64::from(answering.answer(&mut place, model, window, emit));
                });
                *bad_value += u64::from(!was_taken);
            }
            fit.judge(stream, name, *samples);
        }
        if !has_model {
            self.no_model += self.samples - samples_before;
        }
    }

    /// Hands out the windows that a model has not had yet of what was held back.
    pub(super) fn finish(
        &mut self,
        stream: &str,
        (name, model): (&str, &mut InService),
        answering: &mut Answering<'_>,
        emit: Emit<'_>,
    ) {
        let LiveStream { windows, sequence, members, newest_ns: arrival_ns, .. } = self;
        let Some(Member { fit: Some(fit), watch }) = members.get_mut(name) else { return };
        let (is_absolute, arrival_ns) = (fit.is_absolute(), *arrival_ns);
        fit.finish(&mut |window| {
            let mut place = Place { stream, sequence, is_absolute, arrival_ns, watch };
            *windows += u64::from(answering.answer(&mut place, model, window, emit));
        });
    }

    /// Another version of a model is in service: what is watched is looked up anew. Where its
    /// pipeline is another one, what comes next starts anew.
    pub(super) fn renew(
        &mut self,
        stream: &str,
        (name, model): (&str, &InService),
        is_same_pipeline: bool,
        answering: &mut Answering<'_>,
        emit: Emit<'_>,
    ) {
        let Some(member) = self.members.get_mut(name) else { return };
        if !is_same_pipeline && let Some(before) = member.fit.take() {
            self.drops_before.add(before.drops());
        }
        answering.renew(stream, model, &mut member.watch, emit);
    }

    /// A model is no longer in service, or the stream itself has ended.
    pub(super) fn leave(
        &mut self,
        stream: &str,
        (name, model): (&str, &InService),
        reason: &'static str,
        answering: &mut Answering<'_>,
        emit: Emit<'_>,
    ) {
        let Some(mut member) = self.members.remove(name) else { return };
        if let Some(before) = &member.fit {
            self.drops_before.add(before.drops());
        }
        answering.withdraw(stream, model, &mut member.watch, reason, emit);
    }

    /// The watches, with the names of their models.
    pub(super) fn watches(&mut self) -> impl Iterator<Item = (&String, &mut Watch)> {
        self.members.iter_mut().map(|(name, member)| (name, &mut member.watch))
    }

    /// The alarms that are raised.
    pub(super) fn raised(&self, stream: &str) -> impl Iterator<Item = RaisedAlarm> {
        let members = self.members.iter();
        members.flat_map(move |(name, member)| member.watch.raised(stream, name))
    }

    /// Samples dropped, by reason; by every model that did not take them.
    pub(super) fn drops(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let [no_model, bad_time, bad_value] = Self::REASONS;
        let own =
            [(no_model, self.no_model), (bad_time, self.bad_time), (bad_value, self.bad_value)];
        let fits = self.members.values().filter_map(|member| member.fit.as_ref());
        self.drops_before.counts().chain(fits.flat_map(|fit| fit.drops().counts())).chain(own)
    }

    pub(super) fn report(&self, name: &str) -> StreamReport {
        let fits = || self.members.values().filter_map(|member| member.fit.as_ref());
        let state = match (fits().next(), fits().any(|fit| fit.mismatch().is_none())) {
            (None, _) => StreamState::Waiting,
            (Some(_), true) => StreamState::Matched,
            (Some(_), false) => StreamState::Mismatched,
        };
        StreamReport {
            stream: name.to_owned(),
            state,
            samples: self.samples,
            dropped_samples: self.drops().map(|(_, count)| count).sum(),
            windows: self.windows,
            mismatch: (state == StreamState::Mismatched).then(|| self.mismatch()),
        }
    }

    /// Why no model can answer.
    fn mismatch(&self) -> String {
        let members = self.members.iter();
        let texts =
            members.filter_map(|(model, member)| Some((model, member.fit.as_ref()?.mismatch()?)));
        let texts: Vec<String> = match self.members.len() {
            1 => texts.map(|(_, text)| text.to_owned()).collect(),
            _ => texts.map(|(model, text)| format!("{model}: {text}")).collect(),
        };
        texts.join(". ")
    }
}
