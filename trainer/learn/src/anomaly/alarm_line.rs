//! The alarm line: which raw score becomes 1.0, from held-back normal rows.
//!
//! The line is a conformal quantile. With n held-back scores and a tolerated rate a, it is the
//! k-th smallest score with k = ⌈(n + 1)(1 − a)⌉: one more normal row, drawn like those, lies above
//! it with a probability of at most a, whatever the distribution. With few rows that is the
//! largest score, and with fewer than 1/a − 1 there is no such score: the rate is then refused, for
//! rows cannot show a rate that is rarer than they are many.
//!
//! The promise holds for rows like the held-back ones. A process that drifts away from them will
//! raise more alarms, and should.

use model_format::manifest::Threshold;

use crate::estimator::FitError;
use crate::parameter::{Form, Parameter, Preset};

/// The parameter of every detector that says how many alarms are tolerated.
pub(super) const FALSE_ALARM_RATE: Parameter = Parameter {
    name: "false_alarm_rate",
    doc: "Share of rows like the calibration rows that may raise an alarm. It takes at least \
          1/rate − 1 calibration rows: 99 for the default.",
    accepts: &[Form::Number { min: 1e-6, max: 0.5 }],
    default: Preset::Number(0.01),
};

/// The line, and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmLine {
    rate: f64,
    rows: usize,
    raw: f64,
}

impl AlarmLine {
    /// A line for `rate` from `rows` held-back rows, still to be set.
    ///
    /// # Errors
    /// The rows are too few to show the rate.
    pub fn new(estimator: &str, rate: f64, rows: usize) -> Result<AlarmLine, FitError> {
        let needed = rows_needed(rate);
        if rows < needed {
            let possible = if rows == 0 { 1.0 } else { 1.0 / (rows as f64 + 1.0) };
            let reason = format!(
                "they cannot show that {estimator} keeps false_alarm_rate {rate}; the lowest rate \
                 that they can show is {possible:.4}. Hold back more rows or raise the rate"
            );
            return Err(FitError::TooFewRows { kind: "calibration", rows, needed, reason });
        }
        Ok(AlarmLine { rate, rows, raw: 1.0 })
    }

    /// Sets the line by the raw scores of the held-back rows, which are not negative. A score is an alarm from the line
    /// on, so the line is the next larger 32-bit float: the row that sets it is still normal.
    pub(crate) fn set(&mut self, scores: Vec<f64>) {
        let quantile = self.quantile(scores).max(f64::MIN_POSITIVE.sqrt());
        self.raw = quantile * (1.0 + f64::from(f32::EPSILON));
    }

    /// The score that the line lies just above.
    pub fn quantile(&self, scores: Vec<f64>) -> f64 {
        conformal_quantile(scores, self.rate)
    }

    /// The tolerated rate.
    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    /// The raw score that becomes 1.0.
    pub(crate) fn raw(&self) -> f64 {
        self.raw
    }

    /// What the manifest says about the line.
    pub(crate) fn threshold(&self) -> Threshold {
        Threshold {
            raw: self.raw,
            calibration_windows: self.rows as u64,
            false_alarm_rate: self.rate,
        }
    }
}

/// The k-th smallest score with k = ⌈(n + 1)(1 − rate)⌉, the largest where k exceeds n.
pub(crate) fn conformal_quantile(mut scores: Vec<f64>, rate: f64) -> f64 {
    scores.sort_by(f64::total_cmp);
    let k = position(scores.len(), rate).clamp(1, scores.len());
    scores[k - 1]
}

/// The smallest number of rows that can show `rate`.
fn rows_needed(rate: f64) -> usize {
    (1..).find(|&rows| position(rows, rate) <= rows).unwrap_or(usize::MAX)
}

/// ⌈(rows + 1)(1 − rate)⌉, forgiving the rounding of the product.
fn position(rows: usize, rate: f64) -> usize {
    ((rows as f64 + 1.0) * (1.0 - rate) - 1e-9).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_of_one_percent_takes_99_rows_and_the_refusal_says_what_is_possible() {
        assert!(AlarmLine::new("t2q", 0.01, 99).is_ok());
        let refusal = AlarmLine::new("t2q", 0.01, 49).unwrap_err();
        assert!(matches!(refusal, FitError::TooFewRows { needed: 99, rows: 49, .. }));
        assert!(refusal.to_string().contains("0.0200"), "{refusal}");
    }

    #[test]
    fn the_line_leaves_the_row_that_sets_it_below() {
        let mut line = AlarmLine::new("t2q", 0.05, 40).unwrap();
        line.set((1..=40).map(f64::from).collect());
        assert!(line.raw() > 39.0 && line.raw() < 39.001, "{}", line.raw());
    }
}
