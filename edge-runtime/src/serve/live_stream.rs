//! One stream as it lives on the device: what came, what fits the model, what was dropped.

use std::collections::BTreeSet;

use model_format::nearest::did_you_mean;
use model_format::payload::message::{Cell, EventTime, Fault, Message, MessageSample};
use model_format::pipeline::{Pipeline, PipelineError, Rate, TimeSource};
use model_format::protocol::{StreamReport, StreamState};
use model_format::signal::stream::{Drops, Sample, Stream, WindowRef};

use super::state::{Answering, InService, Incoming, ResultLine, Source};

/// A channel that was not named in this many samples does not come any more.
const RECENT_SAMPLES: u64 = 1000;
/// Most names beside the model's channels that are remembered, for reports.
const FOREIGN_NAMES_MAX: usize = 64;
/// Most names or channels that a report lists.
const LISTED_MAX: usize = 10;

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
    fit: Option<Fit>,
}

/// How the stream fits the model in service.
struct Fit {
    stream: Stream,
    /// True under the rate `none`, where rows need no time of their own.
    may_be_untimed: bool,
    is_by_arrival: bool,
    /// Channels that every row needs, with their names.
    needed: Vec<(usize, String)>,
    /// For each channel: at which sample it was named last.
    named_at: Vec<Option<u64>>,
    /// Other names that came.
    foreign: BTreeSet<String>,
    has_rows: bool,
    named_values: u64,
    /// Whether rows carry times, decided by the first one; the last time given to one without.
    untimed: Untimed,
    is_absolute: bool,
    mismatch: Option<Mismatch>,
    row: Vec<f32>,
}

/// What the model cannot answer, and for which state of things the text was made.
struct Mismatch {
    missing: Vec<usize>,
    foreign: usize,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Untimed {
    Undecided,
    No,
    /// The first row had no time: each row's time is that of its arrival.
    After(i64),
}

impl LiveStream {
    /// Reasons for drops beside those of [`Drops`].
    pub(super) const REASONS: [&'static str; 3] = ["no_model", "bad_time", "bad_value"];

    /// Samples that came.
    pub(super) fn samples(&self) -> u64 {
        self.samples
    }

    /// Starts anew under a pipeline.
    pub(super) fn start(&mut self, pipeline: &Pipeline) -> Result<(), PipelineError> {
        let fit = Fit::new(pipeline)?;
        if let Some(before) = self.fit.replace(fit) {
            self.drops_before.add(before.stream.drops());
        }
        Ok(())
    }

    /// Leaves the pipeline: there is no model any more.
    pub(super) fn leave(&mut self) {
        if let Some(before) = self.fit.take() {
            self.drops_before.add(before.stream.drops());
        }
    }

    /// Counts the samples of a message while there is no model.
    pub(super) fn wait(&mut self, message: &Message) {
        self.samples += message.len() as u64;
        self.no_model += message.len() as u64;
    }

    /// Takes the samples of a message.
    pub(super) fn take(
        &mut self,
        incoming: Incoming<'_>,
        message: &Message,
        model: &mut InService,
        answering: &mut Answering<'_>,
        emit: &mut dyn FnMut(ResultLine<'_>),
    ) {
        let LiveStream { samples, windows, sequence, bad_time, bad_value, fit, .. } = self;
        let Some(fit) = fit else { return };
        let channels = fit.places(message, model, *samples + message.len() as u64);
        let before = *answering.windows();
        let (ready, failed_windows) = model.parts();
        for sample in message.samples() {
            *samples += 1;
            match sample.fault {
                Some(Fault::Time) => *bad_time += 1,
                Some(Fault::Twice) => *bad_value += 1,
                None if !fit.fill(&sample, &channels) => *bad_value += 1,
                None => {
                    let event_ns = fit.event_ns(sample.time, incoming.arrival_ns);
                    let is_absolute = fit.is_absolute;
                    let sequence = &mut *sequence;
                    let mut source = Source { stream: incoming.stream, sequence, is_absolute };
                    fit.push(&sample, &channels, event_ns, incoming.arrival_ns, &mut |window| {
                        answering.answer(&mut source, ready, failed_windows, window, emit);
                    });
                }
            }
        }
        *windows += *answering.windows() - before;
        fit.judge(incoming.stream, *samples);
    }

    /// Hands out the windows of what was held back.
    pub(super) fn finish(
        &mut self,
        name: &str,
        model: &mut InService,
        answering: &mut Answering<'_>,
        emit: &mut dyn FnMut(ResultLine<'_>),
    ) {
        let LiveStream { windows, sequence, fit: Some(fit), .. } = self else { return };
        let before = *answering.windows();
        let (ready, failed_windows) = model.parts();
        let mut source = Source { stream: name, sequence, is_absolute: fit.is_absolute };
        fit.stream.finish(&mut |window| {
            answering.answer(&mut source, ready, failed_windows, window, emit);
        });
        *windows += *answering.windows() - before;
    }

    /// Samples dropped, by reason.
    pub(super) fn drops(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let [no_model, bad_time, bad_value] = Self::REASONS;
        let own =
            [(no_model, self.no_model), (bad_time, self.bad_time), (bad_value, self.bad_value)];
        let of_stream = self.fit.as_ref().map(|fit| fit.stream.drops().counts());
        self.drops_before.counts().chain(of_stream.into_iter().flatten()).chain(own)
    }

    pub(super) fn report(&self, name: &str) -> StreamReport {
        let mismatch = self.fit.as_ref().and_then(|fit| fit.mismatch.as_ref());
        StreamReport {
            stream: name.to_owned(),
            state: match (&self.fit, mismatch) {
                (None, _) => StreamState::Waiting,
                (Some(_), None) => StreamState::Matched,
                (Some(_), Some(_)) => StreamState::Mismatched,
            },
            samples: self.samples,
            dropped_samples: self.drops().map(|(_, count)| count).sum(),
            windows: self.windows,
            mismatch: mismatch.map(|mismatch| mismatch.text.clone()),
        }
    }
}

impl Fit {
    fn new(pipeline: &Pipeline) -> Result<Self, PipelineError> {
        let channels = pipeline.channels.iter().enumerate();
        let needed = channels.filter(|(_, channel)| channel.align.is_none());
        Ok(Fit {
            stream: Stream::new(pipeline)?,
            may_be_untimed: pipeline.rate == Rate::None && pipeline.time == TimeSource::Event,
            is_by_arrival: pipeline.time == TimeSource::Arrival,
            needed: needed.map(|(place, channel)| (place, channel.name.clone())).collect(),
            named_at: vec![None; pipeline.channels.len()],
            foreign: BTreeSet::new(),
            has_rows: false,
            named_values: 0,
            untimed: Untimed::Undecided,
            is_absolute: false,
            mismatch: None,
            row: Vec::with_capacity(pipeline.channels.len()),
        })
    }

    /// The channel of each name of the message.
    fn places(&mut self, message: &Message, model: &InService, sample: u64) -> Vec<Option<usize>> {
        let mut channels = vec![None; message.places()];
        for (place, name) in message.names() {
            match model.channels.get(name) {
                Some(channel) => {
                    channels[place as usize] = Some(*channel);
                    self.named_at[*channel] = Some(sample);
                }
                None if self.foreign.len() < FOREIGN_NAMES_MAX && !self.foreign.contains(name) => {
                    self.foreign.insert(name.chars().take(80).collect());
                }
                None => {}
            }
        }
        channels
    }

    /// Puts the values into the row; false where a channel has something that is no number.
    fn fill(&mut self, sample: &MessageSample<'_>, channels: &[Option<usize>]) -> bool {
        self.row.clear();
        self.row.resize(self.named_at.len(), f32::NAN);
        for (place, cell) in sample.cells {
            match (channels[*place as usize], cell) {
                (Some(channel), Cell::Number(value)) => self.row[channel] = *value,
                (Some(_), Cell::Other) => return false,
                (None, _) => {}
            }
        }
        true
    }

    /// The time of a sample. Rows that need none get that of their arrival, so that the ids of
    /// their windows do not come again after a restart.
    fn event_ns(&mut self, time: Option<EventTime>, arrival_ns: i64) -> Option<i64> {
        if self.is_by_arrival {
            self.is_absolute = true;
            return None;
        }
        if self.untimed == Untimed::Undecided {
            self.untimed = match time {
                None if self.may_be_untimed => Untimed::After(arrival_ns.saturating_sub(1)),
                _ => Untimed::No,
            };
        }
        match (self.untimed, time) {
            (Untimed::After(before_ns), None) => {
                let time_ns = arrival_ns.max(before_ns.saturating_add(1));
                self.untimed = Untimed::After(time_ns);
                self.is_absolute = true;
                Some(time_ns)
            }
            (Untimed::After(_), Some(_)) => None,
            (_, time) => {
                let time = time?;
                self.is_absolute = time.is_absolute;
                Some(time.time_ns)
            }
        }
    }

    fn push(
        &mut self,
        sample: &MessageSample<'_>,
        channels: &[Option<usize>],
        event_ns: Option<i64>,
        arrival_ns: i64,
        answer: &mut dyn FnMut(WindowRef<'_>),
    ) {
        if sample.is_named_value {
            self.named_values += 1;
            let channel = sample.cells.first().and_then(|(place, _)| channels[*place as usize]);
            if let Some(channel) = channel {
                let value = self.row[channel];
                self.stream.push_value(channel, event_ns, arrival_ns, value, answer);
            }
        } else {
            self.has_rows = true;
            self.stream.push(Sample { event_ns, arrival_ns, values: &self.row }, answer);
        }
    }

    /// Finds out whether every needed channel comes.
    fn judge(&mut self, stream: &str, samples: u64) {
        // Named values come one by one: the first of them say nothing about the others.
        if !self.has_rows && self.named_values < 2 * self.needed.len() as u64 {
            return;
        }
        let oldest = samples.saturating_sub(RECENT_SAMPLES);
        let is_missing =
            |(place, _): &&(usize, String)| self.named_at[*place].is_none_or(|at| at < oldest);
        let missing: Vec<usize> =
            self.needed.iter().filter(is_missing).map(|(place, _)| *place).collect();
        if missing.is_empty() {
            self.mismatch = None;
            return;
        }
        let foreign = self.foreign.len();
        let is_known = |known: &Mismatch| known.missing == missing && known.foreign == foreign;
        if self.mismatch.as_ref().is_some_and(is_known) {
            return;
        }
        let text = self.mismatch_text(&missing);
        if self.mismatch.is_none() {
            tracing::warn!(stream, mismatch = text, "the model cannot answer a stream");
        }
        self.mismatch = Some(Mismatch { missing, foreign, text });
    }

    fn mismatch_text(&self, missing: &[usize]) -> String {
        let comes = self.needed.iter().filter(|(place, _)| !missing.contains(place));
        let comes = comes.map(|(_, name)| name.as_str());
        let comes: Vec<&str> = comes.chain(self.foreign.iter().map(String::as_str)).collect();
        let wants: Vec<&str> = self.needed.iter().map(|(_, name)| name.as_str()).collect();
        let mut text = format!(
            "the stream sends {}, the model wants {}",
            if comes.is_empty() { "nothing".to_owned() } else { listing(&comes) },
            listing(&wants)
        );
        let absent = self.needed.iter().filter(|(place, _)| missing.contains(place));
        for (_, name) in absent.take(LISTED_MAX) {
            let hint = did_you_mean(name, self.foreign.iter().map(String::as_str));
            text += &format!("; `{name}` is missing{hint}");
        }
        text
    }
}

fn listing(names: &[&str]) -> String {
    let shown: Vec<String> =
        names.iter().take(LISTED_MAX).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(LISTED_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
