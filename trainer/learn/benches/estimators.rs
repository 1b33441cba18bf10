//! Time of a fit, of a fit with scores, and held-out quality of estimators; the peers are in
//! `benches/estimators_peers.py`.
//!
//! Both sides make the same rows, work on one thread, and print one JSON line for each name. Seconds are
//! the smallest of three fits, in processor time where the system tells it.

#[path = "made/rows.rs"]
mod rows;

use learn::catalogue::estimator;
use learn::estimator::FitContext;
use learn::metrics::{Metrics, Truth, evaluate};
use learn::predict;
use learn::table::{Table, Target};
use model_format::manifest::Task;
use rows::{seconds, table};
use serde_json::{Value, json};

const TEST_ROWS: u64 = 5000;
const FITS: usize = 3;

fn main() {
    let none = json!({});
    let boosting = json!({"early_stopping": false});
    // At 100 000 rows whole trees would be larger than a file may be.
    let leaves = json!({"min_samples_leaf": 5});
    supervised("extra_trees_classifier", Task::Classification, 10_000, &none);
    supervised("extra_trees_classifier", Task::Classification, 100_000, &leaves);
    for rows in [10_000, 100_000] {
        supervised("gradient_boosting_classifier", Task::Classification, rows, &boosting);
        supervised("gradient_boosting_regressor", Task::Regression, rows, &boosting);
    }
    supervised("extra_trees_regressor", Task::Regression, 5000, &none);
    supervised("decision_tree_classifier", Task::Classification, 10_000, &none);
    supervised("k_neighbors_classifier", Task::Classification, 5000, &none);
    for name in ["isolation_forest", "hbos", "ecod"] {
        detector(name, 20_000);
    }
    for name in ["k_neighbors_detector", "local_outlier_factor"] {
        detector(name, 5000);
    }
}

fn context() -> FitContext<'static> {
    FitContext { seed: 1, threads: 1, progress: &|_| {}, cancel: &|| false }
}

fn supervised(name: &str, task: Task, rows: u64, parameters: &Value) {
    let (train, test) = (table(1_000_000, rows, task), table(2_000_000, TEST_ROWS, task));
    let given = parameters.as_object().expect("it is written above");
    let estimator = estimator(name, given).expect("it is in the catalogue");
    let (mut fit_s, mut answer_s, mut quality) = (f64::INFINITY, f64::INFINITY, 0.0);
    for _ in 0..FITS {
        let start = seconds();
        let fitted = estimator.fit(&train, None, &context()).expect("the rows are sound");
        fit_s = fit_s.min(seconds() - start);
        let start = seconds();
        let answers = predict(fitted.as_ref(), &test).expect("the columns are the same");
        answer_s = answer_s.min(seconds() - start);
        let truth = match &test.target {
            Target::Classes { index, names } => Truth::Classes(index, names),
            Target::Values(values) => Truth::Values(values),
            Target::None => unreachable!("only supervised tasks come here"),
        };
        let found = evaluate(&answers, truth, &train.target).expect("they belong together");
        quality = match found.model {
            Metrics::Classification(figures) => figures.accuracy,
            Metrics::Regression(figures) => figures.r2.expect("there are many rows"),
            Metrics::Anomaly(_) => unreachable!("only supervised tasks come here"),
        };
    }
    let name = format!("{name}_{rows}x60");
    println!("{}", json!({"name": name, "fit_s": fit_s, "answer_s": answer_s, "quality": quality}));
}

/// A fit, then the scores of all rows.
fn detector(name: &str, rows: u64) {
    let train = table(1_000_000, rows, Task::Anomaly);
    let calibration: Table = train.select(&(0..200).collect::<Vec<usize>>());
    let estimator = estimator(name, &serde_json::Map::new()).expect("it is in the catalogue");
    let (mut fit_s, mut answer_s) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..FITS {
        let start = seconds();
        let fitted = estimator.fit(&train, Some(&calibration), &context());
        let fitted = fitted.expect("the rows are sound");
        fit_s = fit_s.min(seconds() - start);
        let start = seconds();
        predict(fitted.as_ref(), &train).expect("the columns are the same");
        answer_s = answer_s.min(seconds() - start);
    }
    let name = format!("{name}_{rows}x60");
    println!("{}", json!({"name": name, "fit_s": fit_s, "answer_s": answer_s}));
}
