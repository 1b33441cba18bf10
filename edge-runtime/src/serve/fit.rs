//! How one stream fits one model: which of its values are the model's channels, and what is missing.

use std::collections::{BTreeMap, BTreeSet};

use model_format::nearest::did_you_mean;
use model_format::payload::message::{Cell, EventTime, Message, MessageSample};
use model_format::pipeline::{Pipeline, PipelineError, Rate, TimeSource};
use model_format::signal::stream::{Drops, Sample, Stream, WindowRef};

use super::route::Source;
use super::state::InService;

/// A channel that was not named in this many samples does not come any more.
const RECENT_SAMPLES: u64 = 1000;
/// Most names beside the model's channels that are remembered, for reports.
const FOREIGN_NAMES_MAX: usize = 64;
/// Most names or channels that a report lists.
const LISTED_MAX: usize = 10;

/// A stream under the pipeline of one model.
pub(super) struct Fit {
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
    /// The channel of each name of the message that is being taken.
    places: Vec<Option<Column>>,
    /// Channels that come in another unit than the model wants: found and wanted.
    other_units: BTreeMap<usize, (String, String)>,
}

/// Where a value of a message goes.
#[derive(Clone, Copy, Debug)]
struct Column {
    channel: usize,
    scale: f64,
    offset: f64,
}

impl Column {
    fn of(self, value: f32) -> f32 {
        if self.scale == 1.0 && self.offset == 0.0 {
            return value;
        }
        (f64::from(value) * self.scale + self.offset) as f32
    }
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

impl Fit {
    pub(super) fn new(pipeline: &Pipeline) -> Result<Self, PipelineError> {
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
            places: Vec::new(),
            other_units: BTreeMap::new(),
        })
    }

    /// True where times count from 1970.
    pub(super) fn is_absolute(&self) -> bool {
        self.is_absolute
    }

    /// What was dropped on the way to windows.
    pub(super) fn drops(&self) -> &Drops {
        self.stream.drops()
    }

    /// What comes, what the model wants and what is nearest, where channels are missing.
    pub(super) fn mismatch(&self) -> Option<&str> {
        self.mismatch.as_ref().map(|mismatch| mismatch.text.as_str())
    }

    /// Hands out the windows of what was held back.
    pub(super) fn finish(&mut self, answer: &mut dyn FnMut(WindowRef<'_>)) {
        self.stream.finish(answer);
    }

    /// Finds the channel of each name of the message; `sample` is the number of its last sample.
    pub(super) fn meet(
        &mut self,
        message: &Message,
        source: &Source,
        model: &InService,
        sample: u64,
    ) {
        self.places.clear();
        self.places.resize(message.places(), None);
        for (place, name) in message.names() {
            let mapped = source.channels.get(name);
            let channel = mapped.map_or(name, |mapped| mapped.name.as_str());
            match model.channels.get(channel) {
                Some(channel) => {
                    let (scale, offset) = mapped.map_or((1.0, 0.0), |map| (map.scale, map.offset));
                    self.places[place as usize] = Some(Column { channel: *channel, scale, offset });
                    self.named_at[*channel] = Some(sample);
                    let told = mapped.and_then(|map| map.unit.as_deref());
                    // A unit in the payload is that before scaling.
                    let found = told.or_else(|| message.unit(place).filter(|_| scale == 1.0));
                    self.compare_units(*channel, found, model);
                }
                None if self.foreign.len() < FOREIGN_NAMES_MAX
                    && !self.foreign.contains(channel) =>
                {
                    self.foreign.insert(channel.chars().take(80).collect());
                }
                None => {}
            }
        }
    }

    /// A number in another unit is another number: the stream does not fit then.
    fn compare_units(&mut self, channel: usize, found: Option<&str>, model: &InService) {
        let wanted = model.pipeline().channels[channel].unit.as_deref();
        let (Some(found), Some(wanted)) = (found, wanted) else { return };
        if same_unit(found, wanted) {
            self.other_units.remove(&channel);
        } else {
            let units = || (found.to_owned(), wanted.to_owned());
            self.other_units.entry(channel).or_insert_with(units);
        }
    }

    /// Takes one sample of the message that was met; false where a channel has something that is
    /// no number.
    pub(super) fn take(
        &mut self,
        sample: &MessageSample<'_>,
        arrival_ns: i64,
        answer: &mut dyn FnMut(WindowRef<'_>, bool),
    ) -> bool {
        if !self.fill(sample) {
            return false;
        }
        if !self.other_units.is_empty() {
            return false;
        }
        let event_ns = self.event_ns(sample.time, arrival_ns);
        let is_absolute = self.is_absolute;
        self.push(sample, event_ns, arrival_ns, &mut |window| answer(window, is_absolute));
        true
    }

    /// Puts the values into the row; false where a channel has something that is no number.
    fn fill(&mut self, sample: &MessageSample<'_>) -> bool {
        self.row.clear();
        self.row.resize(self.named_at.len(), f32::NAN);
        for (place, cell) in sample.cells {
            match (self.places[*place as usize], cell) {
                (Some(column), Cell::Number(value)) => self.row[column.channel] = column.of(*value),
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
        event_ns: Option<i64>,
        arrival_ns: i64,
        answer: &mut dyn FnMut(WindowRef<'_>),
    ) {
        if sample.is_named_value {
            self.named_values += 1;
            let column = sample.cells.first().and_then(|(place, _)| self.places[*place as usize]);
            if let Some(Column { channel, .. }) = column {
                let value = self.row[channel];
                self.stream.push_value(channel, event_ns, arrival_ns, value, answer);
            }
        } else {
            self.has_rows = true;
            self.stream.push(Sample { event_ns, arrival_ns, values: &self.row }, answer);
        }
    }

    /// Finds out whether every needed channel comes.
    pub(super) fn judge(&mut self, stream: &str, model: &str, samples: u64) {
        // Named values come one by one: the first of them say nothing about the others.
        let is_early = !self.has_rows && self.named_values < 2 * self.needed.len() as u64;
        if is_early && self.other_units.is_empty() {
            return;
        }
        let oldest = samples.saturating_sub(RECENT_SAMPLES);
        let is_missing =
            |(place, _): &&(usize, String)| self.named_at[*place].is_none_or(|at| at < oldest);
        let missing: Vec<usize> =
            self.needed.iter().filter(is_missing).map(|(place, _)| *place).collect();
        if missing.is_empty() && self.other_units.is_empty() {
            self.mismatch = None;
            return;
        }
        let foreign = self.foreign.len() + self.other_units.len();
        let is_known = |known: &Mismatch| known.missing == missing && known.foreign == foreign;
        if self.mismatch.as_ref().is_some_and(is_known) {
            return;
        }
        let text = self.mismatch_text(&missing);
        if self.mismatch.is_none() {
            tracing::warn!(stream, model, mismatch = text, "the model cannot answer a stream");
        }
        self.mismatch = Some(Mismatch { missing, foreign, text });
    }

    fn mismatch_text(&self, missing: &[usize]) -> String {
        let mut texts = Vec::new();
        if !missing.is_empty() {
            let comes = self.needed.iter().filter(|(place, _)| !missing.contains(place));
            let comes = comes.map(|(_, name)| name.as_str());
            let comes: Vec<&str> = comes.chain(self.foreign.iter().map(String::as_str)).collect();
            let wants: Vec<&str> = self.needed.iter().map(|(_, name)| name.as_str()).collect();
            texts.push(format!(
                "the stream sends {}, the model wants {}",
                if comes.is_empty() { "nothing".to_owned() } else { listing(&comes) },
                listing(&wants)
            ));
        }
        let absent = self.needed.iter().filter(|(place, _)| missing.contains(place));
        for (_, name) in absent.take(LISTED_MAX) {
            let hint = did_you_mean(name, self.foreign.iter().map(String::as_str));
            texts.push(format!("`{name}` is missing{hint}"));
        }
        for (channel, (found, wanted)) in self.other_units.iter().take(LISTED_MAX) {
            let name = self.needed.iter().find(|(place, _)| place == channel);
            let name = name.map_or("a channel", |(_, name)| name.as_str());
            texts.push(format!(
                "`{name}` comes in {found}, the model wants {wanted}: give its source a `scale`, and \
                 the unit that it has then"
            ));
        }
        texts.join("; ")
    }
}

/// Units that are written differently and mean the same.
fn same_unit(one: &str, other: &str) -> bool {
    let plain = |text: &str| {
        let text = text.trim().replace('²', "2").replace('³', "3").replace(['µ', 'μ'], "u");
        match text.as_str() {
            "°C" | "degC" | "Cel" | "C" => "Cel".to_owned(),
            "m/s^2" | "m/s/s" => "m/s2".to_owned(),
            "rpm" | "1/min" | "r/min" => "1/min".to_owned(),
            "percent" => "%".to_owned(),
            _ => text,
        }
    };
    one == other || plain(one) == plain(other)
}

fn listing(names: &[&str]) -> String {
    let shown: Vec<String> =
        names.iter().take(LISTED_MAX).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(LISTED_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
