//! Figures of an anomaly detector: precision, recall, F1, false alarms, missed alarms.

use serde::{Deserialize, Serialize};

use super::events::EventMetrics;
use super::{MetricError, check_lengths, ratio};

/// Figures of an anomaly detector, by row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AnomalyMetrics {
    /// Anomalies with an alarm.
    pub true_positives: u64,
    /// Normal rows with an alarm.
    pub false_positives: u64,
    /// Normal rows without one.
    pub true_negatives: u64,
    /// Anomalies without one.
    pub false_negatives: u64,
    /// Share of the alarms that were anomalies; 0 without alarms.
    pub precision: f64,
    /// Share of the anomalies with an alarm; 0 without anomalies.
    pub recall: f64,
    /// Harmonic mean of precision and recall; 0 where there are neither alarms nor anomalies.
    pub f1: f64,
    /// Share of the normal rows with an alarm; 0 without normal rows.
    pub false_alarm_rate: f64,
    /// Share of the anomalies without an alarm; 0 without anomalies.
    pub missed_alarm_rate: f64,
    /// By event instead of by row, where the rows have times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventMetrics>,
}

/// Whether a score is an alarm: from 1.0 on, the line that every detector's scores are scaled to.
pub fn is_alarm(score: f32) -> bool {
    score >= 1.0
}

/// Figures for `alarms` against the true `anomalies`.
///
/// # Errors
/// On no rows or different lengths.
pub fn evaluate(anomalies: &[bool], alarms: &[bool]) -> Result<AnomalyMetrics, MetricError> {
    check_lengths(alarms.len(), anomalies.len())?;
    let count = |anomaly: bool, alarm: bool| {
        let pairs = anomalies.iter().zip(alarms);
        pairs.filter(|&(&a, &b)| a == anomaly && b == alarm).count() as u64
    };
    Ok(from_counts(count(true, true), count(false, true), count(false, false), count(true, false)))
}

/// Figures of the answer "never an alarm".
///
/// # Errors
/// On no rows.
pub fn naive(anomalies: &[bool]) -> Result<AnomalyMetrics, MetricError> {
    evaluate(anomalies, &vec![false; anomalies.len()])
}

/// Figures of several evaluations with all their rows taken together.
pub fn pooled(parts: &[AnomalyMetrics]) -> AnomalyMetrics {
    let sum = |count: fn(&AnomalyMetrics) -> u64| parts.iter().map(count).sum();
    from_counts(
        sum(|m| m.true_positives),
        sum(|m| m.false_positives),
        sum(|m| m.true_negatives),
        sum(|m| m.false_negatives),
    )
}

fn from_counts(tp: u64, fp: u64, tn: u64, fn_: u64) -> AnomalyMetrics {
    AnomalyMetrics {
        true_positives: tp,
        false_positives: fp,
        true_negatives: tn,
        false_negatives: fn_,
        precision: ratio(tp as f64, (tp + fp) as f64),
        recall: ratio(tp as f64, (tp + fn_) as f64),
        f1: ratio(2.0 * tp as f64, (2 * tp + fp + fn_) as f64),
        false_alarm_rate: ratio(fp as f64, (fp + tn) as f64),
        missed_alarm_rate: ratio(fn_ as f64, (tp + fn_) as f64),
        events: None,
    }
}
