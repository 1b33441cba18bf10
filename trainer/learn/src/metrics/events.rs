//! Anomalies as events: whole stretches that are noticed or missed, how late, and how often for nothing.
//!
//! An event is a run of anomalous windows of one recording, an alarm a run of windows with a score on or
//! above the line. An event is noticed if one of its windows has an alarm; an alarm is right if one of
//! its windows is anomalous.

use serde::{Deserialize, Serialize};

use super::ratio;

const DAY_S: f64 = 86_400.0;

/// Where a window lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSpan {
    /// The recording.
    pub recording: u32,
    /// Time of its first sample, in nanoseconds.
    pub start_ns: i64,
    /// Time of its last sample, in nanoseconds.
    pub end_ns: i64,
}

/// Figures of a detector by event.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventMetrics {
    /// Stretches of anomalous windows.
    pub events: u64,
    /// How many of them have an alarm.
    pub noticed: u64,
    /// Stretches of windows with an alarm.
    pub alarms: u64,
    /// How many of them have no anomalous window.
    pub false_alarms: u64,
    /// Share of the alarms that are right; 0 without alarms.
    pub precision: f64,
    /// Share of the events that are noticed; 0 without events.
    pub recall: f64,
    /// Mean time from the end of an event's first window to the end of its first window with an alarm,
    /// over the events that are noticed; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_s: Option<f64>,
    /// False alarms for a day of normal windows; absent where they cover no time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_alarms_per_day: Option<f64>,
}

/// The figures for windows in any order; none without windows or where lengths differ.
pub fn events(spans: &[WindowSpan], anomalies: &[bool], alarms: &[bool]) -> Option<EventMetrics> {
    if spans.is_empty() || spans.len() != anomalies.len() || spans.len() != alarms.len() {
        return None;
    }
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|&at| (spans[at].recording, spans[at].end_ns, at));
    let of_one = |a: &usize, b: &usize| spans[*a].recording == spans[*b].recording;
    let (mut found, mut delays_ns, mut normal_ns) = (Counts::default(), Vec::new(), 0.0);
    for recording in order.chunk_by(of_one) {
        for event in runs(recording, anomalies) {
            found.events += 1;
            let first = event.iter().find(|&&at| alarms[at]);
            let delay = |&at: &usize| spans[at].end_ns - spans[event[0]].end_ns;
            delays_ns.extend(first.map(delay));
        }
        for alarm in runs(recording, alarms) {
            found.alarms += 1;
            found.false_alarms += u64::from(!alarm.iter().any(|&at| anomalies[at]));
        }
        // A window adds the time since the one before, so that overlaps count once.
        let mut seen_ns = spans[recording[0]].start_ns;
        for &at in recording {
            let span = spans[at];
            let new_ns = span.end_ns - seen_ns.max(span.start_ns);
            normal_ns += if anomalies[at] { 0.0 } else { new_ns.max(0) as f64 };
            seen_ns = seen_ns.max(span.end_ns);
        }
    }
    let noticed = delays_ns.len() as u64;
    let right = found.alarms - found.false_alarms;
    let delay_ns: f64 = delays_ns.iter().map(|&delay| delay as f64).sum();
    let per_day = found.false_alarms as f64 * DAY_S / (normal_ns / 1e9);
    Some(EventMetrics {
        events: found.events,
        noticed,
        alarms: found.alarms,
        false_alarms: found.false_alarms,
        precision: ratio(right as f64, found.alarms as f64),
        recall: ratio(noticed as f64, found.events as f64),
        delay_s: (noticed > 0).then(|| delay_ns / noticed as f64 / 1e9),
        false_alarms_per_day: (normal_ns > 0.0).then_some(per_day),
    })
}

#[derive(Default)]
struct Counts {
    events: u64,
    alarms: u64,
    false_alarms: u64,
}

/// The runs of windows, in order, for which `flag` is set.
fn runs<'a>(order: &'a [usize], flag: &'a [bool]) -> impl Iterator<Item = &'a [usize]> {
    order.chunk_by(|&a, &b| flag[a] == flag[b]).filter(|run| flag[run[0]])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of 10 s, one beginning every 5 s; `t` anomalous, `!` alarm, `T` both.
    fn of(recordings: &[&str]) -> EventMetrics {
        let (mut spans, mut anomalies, mut alarms) = (Vec::new(), Vec::new(), Vec::new());
        for (recording, text) in recordings.iter().enumerate() {
            for (at, letter) in text.chars().enumerate() {
                let start_ns = at as i64 * 5_000_000_000;
                let end_ns = start_ns + 10_000_000_000;
                spans.push(WindowSpan { recording: recording as u32, start_ns, end_ns });
                anomalies.push("tT".contains(letter));
                alarms.push("!T".contains(letter));
            }
        }
        events(&spans, &anomalies, &alarms).unwrap()
    }

    #[test]
    fn an_event_counts_once_and_its_delay_runs_from_its_first_window() {
        let found = of(&["..ttTt..!!.", "tt.TT"]);
        assert_eq!((found.events, found.noticed), (3, 2));
        assert_eq!((found.alarms, found.false_alarms), (3, 1));
        assert_eq!((found.precision, found.recall), (2.0 / 3.0, 2.0 / 3.0));
        assert_eq!(found.delay_s, Some(5.0));
        // Normal: 10 s, six times 5 s, and 5 s of the second recording.
        assert_eq!(found.false_alarms_per_day, Some(86_400.0 / 45.0));
    }

    #[test]
    fn recordings_do_not_run_into_each_other_and_an_alarm_that_reaches_an_event_is_right() {
        let found = of(&["..T", "T..", ".!T"]);
        assert_eq!((found.events, found.noticed, found.alarms), (3, 3, 3));
        assert_eq!((found.false_alarms, found.delay_s), (0, Some(0.0)));
    }

    #[test]
    fn without_events_or_alarms_there_is_nothing_to_share() {
        let found = of(&["..."]);
        assert_eq!((found.precision, found.recall, found.delay_s), (0.0, 0.0, None));
        assert_eq!(found.false_alarms_per_day, Some(0.0));
        assert_eq!(of(&["tt"]).false_alarms_per_day, None);
        assert_eq!(events(&[], &[], &[]), None);
    }
}
