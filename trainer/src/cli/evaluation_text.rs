//! Evaluations and proofs as text: each figure with the naive answer's beside it.

use std::fmt::Write as _;

use engine::proof::Proof;
use learn::metrics::anomaly::AnomalyMetrics;
use learn::metrics::classification::ClassificationMetrics;
use learn::metrics::regression::RegressionMetrics;
use learn::metrics::{Evaluation, Metrics};

use super::report::TextTable;

/// The most classes whose confusion matrix fits on a screen.
const CONFUSION_CLASSES_MAX: usize = 20;

/// The figures of an evaluation.
pub(super) fn describe(evaluation: &Evaluation) -> String {
    match (&evaluation.model, &evaluation.naive) {
        (Metrics::Classification(model), Metrics::Classification(naive)) => {
            classification(model, naive)
        }
        (Metrics::Regression(model), Metrics::Regression(naive)) => regression(model, naive),
        (Metrics::Anomaly(model), Metrics::Anomaly(naive)) => anomaly(model, naive),
        // Both parts of an evaluation are made for one task.
        _ => String::new(),
    }
}

fn figure(value: f64) -> String {
    format!("{value:.4}")
}

fn classification(model: &ClassificationMetrics, naive: &ClassificationMetrics) -> String {
    let mut table = TextTable::new(&["test", "model", "always the commonest class"]);
    for (name, of) in [
        ("accuracy", (|m| m.accuracy) as fn(&ClassificationMetrics) -> f64),
        ("balanced accuracy", |m| m.balanced_accuracy),
        ("macro F1", |m| m.macro_average.f1),
        ("weighted F1", |m| m.weighted_average.f1),
        ("log loss", |m| m.log_loss),
        ("Matthews correlation", |m| m.matthews.unwrap_or(f64::NAN)),
        ("Brier score", |m| m.brier.unwrap_or(f64::NAN)),
    ] {
        table.row(vec![name.to_owned(), figure(of(model)), figure(of(naive))]);
    }
    let mut text = table.render();
    text.push('\n');
    let mut table = TextTable::new(&["class", "precision", "recall", "F1", "windows"]);
    for class in &model.classes {
        table.row(vec![
            class.class.clone(),
            figure(class.precision),
            figure(class.recall),
            figure(class.f1),
            class.support.to_string(),
        ]);
    }
    text.push_str(&table.render());
    text.push('\n');
    if model.classes.len() <= CONFUSION_CLASSES_MAX {
        text.push_str(&confusion(model));
        text.push('\n');
    }
    text
}

fn confusion(model: &ClassificationMetrics) -> String {
    let mut heading = vec!["is \\ named"];
    heading.extend(model.classes.iter().map(|class| class.class.as_str()));
    let mut table = TextTable::new(&heading);
    for (class, row) in model.classes.iter().zip(&model.confusion) {
        let mut cells = vec![class.class.clone()];
        cells.extend(row.iter().map(u64::to_string));
        table.row(cells);
    }
    table.render()
}

fn regression(model: &RegressionMetrics, naive: &RegressionMetrics) -> String {
    let r2 = |metrics: &RegressionMetrics| metrics.r2.map_or_else(|| "–".to_owned(), figure);
    let mut table = TextTable::new(&["test", "model", "always the training mean"]);
    table.row(vec!["R²".to_owned(), r2(model), r2(naive)]);
    table.row(vec!["root mean square error".to_owned(), figure(model.rmse), figure(naive.rmse)]);
    table.row(vec!["mean absolute error".to_owned(), figure(model.mae), figure(naive.mae)]);
    table.render() + "\n"
}

fn anomaly(model: &AnomalyMetrics, naive: &AnomalyMetrics) -> String {
    let mut table = TextTable::new(&["test", "model", "never an alarm"]);
    for (name, of) in [
        ("F1", (|m| m.f1) as fn(&AnomalyMetrics) -> f64),
        ("precision", |m| m.precision),
        ("recall", |m| m.recall),
        ("false alarm rate", |m| m.false_alarm_rate),
        ("missed alarm rate", |m| m.missed_alarm_rate),
    ] {
        table.row(vec![name.to_owned(), figure(of(model)), figure(of(naive))]);
    }
    let mut text = table.render();
    let _ = writeln!(
        text,
        "  {} of {} anomalous windows with an alarm, {} of {} normal ones\n",
        model.true_positives,
        model.true_positives + model.false_negatives,
        model.false_positives,
        model.false_positives + model.true_negatives
    );
    if let Some(events) = &model.events {
        let delay = events.delay_s.map_or(String::new(), |delay| format!(" after {delay:.1} s"));
        let per_day = events.false_alarms_per_day;
        let per_day = per_day.map_or(String::new(), |count| format!(", {count:.1} a day"));
        let _ = writeln!(
            text,
            "  {} of {} anomalous stretches noticed{delay}; {} of {} alarms for nothing{per_day}\n",
            events.noticed, events.events, events.false_alarms, events.alarms
        );
    }
    text
}

/// What a proof found, one line per judge.
pub(super) fn proof(proof: &Proof) -> String {
    let mut table = TextTable::new(&[
        "proof by",
        "version",
        "golden",
        "held out",
        "largest difference",
        "explained",
        "p50 µs",
    ]);
    for judge in &proof.judges {
        let outputs = judge.golden.outputs.iter().chain(&judge.held_out.outputs);
        let largest = outputs.map(|output| output.relative_max).fold(0.0, f64::max);
        table.row(vec![
            judge.engine.to_string(),
            judge.version.clone(),
            proof.golden_windows.to_string(),
            proof.held_out_windows.to_string(),
            format!("{largest:.1e}"),
            (judge.golden.explained + judge.held_out.explained).to_string(),
            judge
                .latency
                .map_or_else(|| "–".to_owned(), |latency| format!("{:.1}", latency.p50_us)),
        ]);
    }
    let verdict = if proof.passed { "passed" } else { "NOT passed" };
    format!("{}  proof {verdict}\n", table.render())
}
