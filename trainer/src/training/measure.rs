//! Figures of answers on windows whose truth is known.

use learn::metrics::anomaly::is_alarm;
use learn::metrics::events::WindowSpan;
use learn::metrics::{self, Evaluation};
use learn::prediction::Prediction;
use learn::table::Target;

use super::TrainError;
use super::extract::{Extracted, WindowInfo};
use super::settings::Selection;

/// Figures on test windows, where their truth is known; and the share of alarms, where there can
/// be any.
pub(super) fn measure(
    prediction: &Prediction,
    truth: &Target,
    anomalies: Option<(&[bool], &[WindowSpan])>,
    train: &Target,
) -> Result<(Option<Evaluation>, Option<f64>), TrainError> {
    let alarm_share = match prediction {
        Prediction::Anomaly { scores } => {
            let alarms = scores.iter().filter(|&&score| is_alarm(score)).count();
            Some(alarms as f64 / scores.len().max(1) as f64)
        }
        _ => None,
    };
    let truth = match truth {
        Target::Classes { index, names } => metrics::Truth::Classes(index, names),
        Target::Values(values) => metrics::Truth::Values(values),
        Target::None => match anomalies {
            Some((anomalies, spans)) => metrics::Truth::Anomalies(anomalies, spans),
            None => return Ok((None, alarm_share)),
        },
    };
    Ok((Some(metrics::evaluate(prediction, truth, train)?), alarm_share))
}

/// Which windows are not normal; none where nobody said what is normal.
pub(crate) fn anomalies(
    extracted: &Extracted,
    windows: &[usize],
    selection: &Selection,
) -> Option<Vec<bool>> {
    let normal = selection.normal.as_ref()?;
    let normal = extracted.classes.iter().position(|class| class == normal);
    let normal = normal.map(|class| class as u32);
    Some(windows.iter().map(|&window| extracted.windows[window].class != normal).collect())
}

/// Where windows lie, for the figures by event.
pub(crate) fn spans(extracted: &Extracted, windows: &[usize]) -> Vec<WindowSpan> {
    let span = |&window: &usize| {
        let WindowInfo { recording, start_ns, end_ns, .. } = extracted.windows[window];
        WindowSpan { recording, start_ns, end_ns }
    };
    windows.iter().map(span).collect()
}
