//! What follows from the answers of one model on one stream: alarms, unless a gate is closed, and
//! whether the result is published.

use std::sync::Arc;

use model_format::manifest::Manifest;
use model_format::signal::stream::WindowRef;

use super::operator::{GateStates, RaisedAlarm, Remembered};

mod alarm;
mod gate;
mod scope;
mod thinning;

use alarm::LiveAlarm;
pub(super) use alarm::{AlarmEvent, Owner};
pub(crate) use alarm::{AlarmSpec, Severity, Watched};
use gate::LiveGate;
pub(crate) use gate::{Condition, GateSpec, TopicCondition};
pub(crate) use scope::Scope;
use thinning::Thinner;
pub(crate) use thinning::Thinning;

/// What is watched, from the configuration.
#[derive(Debug, Default)]
pub(crate) struct WatchPlan {
    pub(crate) alarms: Vec<Arc<AlarmSpec>>,
    pub(crate) gates: Vec<Arc<GateSpec>>,
    pub(crate) thinning: Thinning,
}

/// One window's answer, as far as it is watched.
#[derive(Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) window: WindowRef<'a>,
    /// Probabilities, value or score.
    pub(super) floats: &'a [f32],
    /// Index of the label, where the model has one.
    pub(super) label: Option<i64>,
    /// True while an operator has muted the stream.
    pub(super) is_muted: bool,
}

/// What is decided for one window.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Decided {
    /// Why the window says nothing about alarms.
    pub(super) gated_by: Option<Arc<str>>,
    /// Results left out before this one; none where this one is left out as well.
    pub(super) publishes: Option<u64>,
}

/// The alarms, gates and thinning of one model on one stream.
pub(super) struct Watch {
    alarms: Vec<LiveAlarm>,
    /// With their places in the plan.
    gates: Vec<(usize, LiveGate)>,
    thinner: Thinner,
    /// End of the newest window, and whether its times count from 1970.
    newest_end_ns: i64,
    is_absolute: bool,
}

/// What gates a muted stream.
const MUTED: &str = "mute";

impl Watch {
    /// What the plan says for this stream and this model. Alarms that were raised in an earlier
    /// life of the program are raised.
    pub(super) fn new(
        plan: &WatchPlan,
        stream: &str,
        (model, manifest): (&str, &Manifest),
        remembered: &mut Remembered,
    ) -> Self {
        let (mut alarms, mut newest_end_ns, mut is_absolute) = (Vec::new(), i64::MIN, false);
        for spec in plan.alarms.iter().filter(|spec| spec.scope.holds(stream, model)) {
            let Some(output) = spec.watched.output(manifest) else { continue };
            let before = remembered.take(stream, model, &spec.name);
            // Until a window comes, the alarm is what is known of the stream's times.
            if let Some(before) = &before {
                (newest_end_ns, is_absolute) =
                    (newest_end_ns.max(before.since_ns), before.is_absolute);
            }
            alarms.push(LiveAlarm::new(spec, output, before));
        }
        let gates = plan.gates.iter().enumerate();
        let gates = gates.filter(|(_, spec)| spec.scope.holds(stream, model));
        let gates = gates.filter_map(|(index, spec)| {
            Some((index, LiveGate::new(spec, stream, &manifest.pipeline)?))
        });
        let (gates, thinner) = (gates.collect(), Thinner::default());
        Watch { alarms, gates, thinner, newest_end_ns, is_absolute }
    }

    /// Takes one window's answer; what happened to alarms goes to `happened`.
    pub(super) fn window(
        &mut self,
        answer: &Answer<'_>,
        is_absolute: bool,
        (plan, stream, states): (&WatchPlan, &str, &GateStates),
        happened: &mut Vec<AlarmEvent>,
    ) -> Decided {
        let mut gated_by = answer.is_muted.then(|| Arc::from(MUTED));
        // Every gate sees every window: how long it has been open counts.
        for (index, gate) in &mut self.gates {
            if !gate.lets_pass(&answer.window, states.is_open(*index, stream)) {
                gated_by.get_or_insert_with(|| Arc::clone(gate.name()));
            }
        }
        let before = happened.len();
        for alarm in &mut self.alarms {
            match gated_by {
                Some(_) => alarm.interrupt(),
                None => happened.extend(alarm.window(answer.window.end_ns, answer.floats)),
            }
        }
        let is_event = happened.len() > before;
        let end_ns = answer.window.end_ns;
        (self.newest_end_ns, self.is_absolute) = (end_ns, is_absolute);
        let publishes = self.thinner.publishes(plan.thinning, answer.label, end_ns, is_event);
        Decided { gated_by, publishes }
    }

    /// Another version of the model: raised alarms that it has as well go on, others end.
    pub(super) fn renew(
        &mut self,
        plan: &WatchPlan,
        stream: &str,
        (model, manifest): (&str, &Manifest),
        happened: &mut Vec<AlarmEvent>,
    ) {
        let mut raised = Remembered::new(self.raised(stream, model).collect());
        let renewed = Watch::new(plan, stream, (model, manifest), &mut raised);
        let before = std::mem::replace(self, renewed);
        (self.newest_end_ns, self.is_absolute) = (before.newest_end_ns, before.is_absolute);
        self.thinner = before.thinner;
        let is_over = |alarm: &LiveAlarm| raised.iter().any(|raised| raised.alarm == alarm.name());
        for mut alarm in before.alarms.into_iter().filter(is_over) {
            happened.extend(alarm.withdraw("the model has no such alarm now", self.newest_end_ns));
        }
    }

    /// What is watched is there no more.
    pub(super) fn withdraw(&mut self, reason: &'static str, happened: &mut Vec<AlarmEvent>) {
        for alarm in &mut self.alarms {
            happened.extend(alarm.withdraw(reason, self.newest_end_ns));
        }
    }

    /// Somebody has seen a raised alarm, or all.
    pub(super) fn acknowledge(
        &mut self,
        name: Option<&str>,
        by: &str,
        now_ns: i64,
        happened: &mut Vec<AlarmEvent>,
    ) {
        // Where times do not count from 1970, the clock of the stream is the only one that fits.
        let at_ns = if self.is_absolute { now_ns } else { self.newest_end_ns };
        for alarm in &mut self.alarms {
            if name.is_none_or(|name| name == alarm.name()) {
                happened.extend(alarm.acknowledge(by, at_ns));
            }
        }
    }

    /// The alarms that are raised.
    pub(super) fn raised(&self, stream: &str, model: &str) -> impl Iterator<Item = RaisedAlarm> {
        let is_absolute = self.is_absolute;
        self.alarms.iter().filter_map(move |alarm| alarm.raised(stream, model, is_absolute))
    }

    /// True where the times of its windows count from 1970.
    pub(super) fn is_absolute(&self) -> bool {
        self.is_absolute
    }
}
