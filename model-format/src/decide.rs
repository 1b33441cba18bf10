//! Decisions: when the scores of windows raise an alarm and when they clear it.

use serde::{Deserialize, Serialize};

/// The most windows that a rule waits for.
pub const WINDOWS_MAX: u32 = 100_000;
/// The longest time that a rule waits for: one day.
pub const DURATION_MS_MAX: u32 = 86_400_000;

/// When an alarm is raised and cleared. The score of an anomaly model is 1.0 at its alarm line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlarmRule {
    /// From this score on a window speaks for the alarm.
    pub raise_score: f64,
    /// Below this score a window speaks against it. In between it speaks for nothing, and an alarm
    /// stays as it is.
    pub clear_score: f64,
    /// So many windows in a row must speak for the alarm.
    pub raise_windows: u32,
    /// So many windows in a row must speak against it.
    pub clear_windows: u32,
    /// From the end of the first of the windows that speak for the alarm to the end of the last one
    /// must pass so much time.
    pub raise_duration_ms: u32,
    /// The same for the windows that speak against it.
    pub clear_duration_ms: u32,
}

impl Default for AlarmRule {
    /// Three windows at or above the line raise, three below 0.9 clear.
    fn default() -> Self {
        AlarmRule {
            raise_score: 1.0,
            clear_score: 0.9,
            raise_windows: 3,
            clear_windows: 3,
            raise_duration_ms: 0,
            clear_duration_ms: 0,
        }
    }
}

/// A field of a rule that cannot stand.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AlarmRuleError {
    /// A score is not finite.
    #[error("alarm rule: {field} is {found}; give a finite score (1.0 is the alarm line)")]
    Score {
        /// The field.
        field: &'static str,
        /// What stands there.
        found: f64,
    },
    /// The alarm would be cleared where it is raised.
    #[error(
        "alarm rule: clear_score {clear} lies above raise_score {raise}; give a clear_score of at \
         most {raise}, better 10 % below it, or the alarm flutters"
    )]
    Order {
        /// `raise_score`.
        raise: f64,
        /// `clear_score`.
        clear: f64,
    },
    /// A count or a duration is out of its range.
    #[error("alarm rule: {field} is {found}; give {least} to {most}")]
    Range {
        /// The field.
        field: &'static str,
        /// What stands there.
        found: u32,
        /// The least that can stand there.
        least: u32,
        /// The most that can stand there.
        most: u32,
    },
}

/// What a window changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    /// The alarm is raised.
    Raise {
        /// End of the first window that spoke for it.
        since_ns: i64,
        /// End of the window that decided it.
        at_ns: i64,
        /// The highest score so far.
        peak_score: f64,
    },
    /// The alarm is cleared.
    Clear {
        /// End of the first window that spoke for it.
        since_ns: i64,
        /// End of the window that decided the clearing.
        at_ns: i64,
        /// The highest score while it was raised.
        peak_score: f64,
    },
}

/// Windows in a row that say the same.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    windows: u32,
    since_ns: i64,
}

/// One alarm of one stream: follows the scores of its windows. The same scores at the same times
/// give the same changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    rule: AlarmRule,
    /// Since when it is raised.
    raised_since_ns: Option<i64>,
    run: Option<Run>,
    peak_score: f64,
}

impl AlarmRule {
    /// Checks every field.
    ///
    /// # Errors
    /// The first field that cannot stand.
    pub fn check(&self) -> Result<(), AlarmRuleError> {
        for (field, found) in [("raise_score", self.raise_score), ("clear_score", self.clear_score)]
        {
            if !found.is_finite() {
                return Err(AlarmRuleError::Score { field, found });
            }
        }
        if self.clear_score > self.raise_score {
            let (raise, clear) = (self.raise_score, self.clear_score);
            return Err(AlarmRuleError::Order { raise, clear });
        }
        for (field, found, least, most) in [
            ("raise_windows", self.raise_windows, 1, WINDOWS_MAX),
            ("clear_windows", self.clear_windows, 1, WINDOWS_MAX),
            ("raise_duration_ms", self.raise_duration_ms, 0, DURATION_MS_MAX),
            ("clear_duration_ms", self.clear_duration_ms, 0, DURATION_MS_MAX),
        ] {
            if !(least..=most).contains(&found) {
                return Err(AlarmRuleError::Range { field, found, least, most });
            }
        }
        Ok(())
    }
}

impl Alarm {
    /// An alarm that is not raised.
    ///
    /// # Errors
    /// The rule does not pass [`AlarmRule::check`].
    pub fn new(rule: AlarmRule) -> Result<Alarm, AlarmRuleError> {
        rule.check()?;
        Ok(Alarm { rule, raised_since_ns: None, run: None, peak_score: f64::NEG_INFINITY })
    }

    /// An alarm that was raised before, by an earlier life of the program.
    ///
    /// # Errors
    /// The rule does not pass [`AlarmRule::check`].
    pub fn raised(
        rule: AlarmRule,
        since_ns: i64,
        peak_score: f64,
    ) -> Result<Alarm, AlarmRuleError> {
        Ok(Alarm { raised_since_ns: Some(since_ns), peak_score, ..Alarm::new(rule)? })
    }

    /// Since when it is raised.
    pub fn raised_since_ns(&self) -> Option<i64> {
        self.raised_since_ns
    }

    /// The highest score while it is raised.
    pub fn peak_score(&self) -> f64 {
        self.peak_score
    }

    /// A window that says nothing: windows before it and after it are not in a row.
    pub fn interrupt(&mut self) {
        self.run = None;
    }

    /// True while the alarm is raised.
    pub fn is_raised(&self) -> bool {
        self.raised_since_ns.is_some()
    }

    /// Takes the score of the next window, which ends at `end_ns`. A score that is not a number
    /// interrupts the row; so does a time before the row's start, after a clock was set back.
    pub fn window(&mut self, end_ns: i64, score: f64) -> Option<Change> {
        let raised = self.is_raised();
        let speaks = match raised {
            false => score >= self.rule.raise_score,
            true => score < self.rule.clear_score,
        };
        if !speaks {
            self.run = None;
            // Windows in between do not end an alarm, but they can be its peak.
            if raised {
                self.peak_score = self.peak_score.max(score);
            }
            return None;
        }
        let run = match self.run.filter(|run| run.since_ns <= end_ns) {
            Some(run) => Run { windows: run.windows.saturating_add(1), ..run },
            None => Run { windows: 1, since_ns: end_ns },
        };
        if !raised {
            let starts = run.windows == 1;
            self.peak_score = if starts { score } else { self.peak_score.max(score) };
        }
        self.run = Some(run);
        let (windows, duration_ms) = match raised {
            false => (self.rule.raise_windows, self.rule.raise_duration_ms),
            true => (self.rule.clear_windows, self.rule.clear_duration_ms),
        };
        let lasted_ns = end_ns.saturating_sub(run.since_ns);
        if run.windows < windows || lasted_ns < i64::from(duration_ms) * 1_000_000 {
            return None;
        }
        self.run = None;
        let (at_ns, peak_score) = (end_ns, self.peak_score);
        Some(match self.raised_since_ns.take() {
            Some(since_ns) => Change::Clear { since_ns, at_ns, peak_score },
            None => {
                self.raised_since_ns = Some(run.since_ns);
                Change::Raise { since_ns: run.since_ns, at_ns, peak_score }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: i64 = 1_000_000_000;

    /// The changes that scores, one a second, make: `R` for a raise and `C` for a clearing.
    fn changes(rule: AlarmRule, scores: &[f64]) -> String {
        let mut alarm = Alarm::new(rule).unwrap();
        let mut text = String::new();
        for (second, score) in scores.iter().enumerate() {
            text.push(match alarm.window(second as i64 * SECOND_NS, *score) {
                None => '.',
                Some(Change::Raise { .. }) => 'R',
                Some(Change::Clear { .. }) => 'C',
            });
        }
        text
    }

    fn rule(raise_windows: u32, clear_windows: u32) -> AlarmRule {
        AlarmRule { raise_windows, clear_windows, ..AlarmRule::default() }
    }

    #[test]
    fn the_line_itself_raises_and_the_clear_level_itself_does_not_clear() {
        assert_eq!(changes(rule(1, 1), &[0.99, 1.0, 0.95, 0.9, 0.89]), ".R..C");
    }

    #[test]
    fn only_windows_in_a_row_count() {
        assert_eq!(changes(rule(3, 1), &[2.0, 2.0, 0.5, 2.0, 2.0, 2.0, 0.5]), ".....RC");
        assert_eq!(changes(rule(1, 2), &[2.0, 0.5, 0.95, 0.5, 0.5]), "R...C");
    }

    #[test]
    fn a_score_that_is_no_number_interrupts_and_decides_nothing() {
        assert_eq!(
            changes(rule(2, 2), &[2.0, f64::NAN, 2.0, 2.0, 0.1, f64::NAN, 0.1, 0.1]),
            "...R...C"
        );
    }

    #[test]
    fn a_duration_is_measured_from_the_first_window_in_the_row() {
        let rule = AlarmRule { raise_duration_ms: 2_000, clear_duration_ms: 1_000, ..rule(1, 1) };
        assert_eq!(changes(rule, &[2.0, 2.0, 2.0, 0.0, 0.0, 0.0]), "..R.C.");
    }

    #[test]
    fn a_clock_set_back_starts_the_row_anew() {
        let mut alarm = Alarm::new(rule(2, 1)).unwrap();
        assert_eq!(alarm.window(100, 2.0), None);
        assert_eq!(alarm.window(50, 2.0), None);
        let raise = Change::Raise { since_ns: 50, at_ns: 60, peak_score: 3.0 };
        assert_eq!(alarm.window(60, 3.0), Some(raise));
    }

    #[test]
    fn a_window_that_says_nothing_interrupts_the_row() {
        let mut alarm = Alarm::new(rule(2, 1)).unwrap();
        assert_eq!(alarm.window(1, 2.0), None);
        alarm.interrupt();
        assert_eq!(alarm.window(3, 2.0), None);
        assert!(alarm.window(4, 2.0).is_some());
    }

    #[test]
    fn an_alarm_of_an_earlier_life_is_cleared_as_if_nothing_had_been() {
        let mut alarm = Alarm::raised(rule(1, 1), 7, 3.0).unwrap();
        let clear = Change::Clear { since_ns: 7, at_ns: 9, peak_score: 3.0 };
        assert_eq!(alarm.window(9, 0.0), Some(clear));
    }

    #[test]
    fn a_clearing_tells_since_when_and_how_high() {
        let mut alarm = Alarm::new(rule(1, 1)).unwrap();
        for (time, score) in [(1, 1.5), (2, 4.0), (3, 0.95)] {
            alarm.window(time, score);
        }
        assert!(alarm.is_raised());
        let clear = Change::Clear { since_ns: 1, at_ns: 4, peak_score: 4.0 };
        assert_eq!(alarm.window(4, 0.0), Some(clear));
        assert!(!alarm.is_raised());
    }

    #[test]
    fn rules_that_cannot_stand_are_refused_by_field() {
        let good = AlarmRule::default;
        let bad = [
            (AlarmRule { raise_score: f64::NAN, ..good() }, "raise_score"),
            (AlarmRule { clear_score: f64::INFINITY, ..good() }, "clear_score"),
            (AlarmRule { clear_score: 1.1, ..good() }, "clear_score 1.1"),
            (AlarmRule { raise_windows: 0, ..good() }, "raise_windows"),
            (AlarmRule { clear_windows: WINDOWS_MAX + 1, ..good() }, "clear_windows"),
            (AlarmRule { raise_duration_ms: u32::MAX, ..good() }, "raise_duration_ms"),
        ];
        assert_eq!(good().check(), Ok(()));
        for (rule, field) in bad {
            let message = rule.check().unwrap_err().to_string();
            assert!(message.contains(field), "{message}");
        }
        assert!(serde_json::from_str::<AlarmRule>(r#"{"raise_level": 1}"#).is_err());
    }
}
