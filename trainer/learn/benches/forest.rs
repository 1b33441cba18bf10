//! Fit time and held-out quality of the forests; the peer is `benches/forest_sklearn.py`.
//!
//! Both sides make the same rows from the same integers, fit 100 trees with their defaults on one
//! thread, and print one JSON line per task. Seconds are the smallest of three fits, in processor
//! time where the system tells it, so that a busy machine does not decide the ratio.

#[path = "made/rows.rs"]
mod rows;

use learn::catalogue::estimator;
use learn::estimator::FitContext;
use learn::metrics::{Metrics, Truth, evaluate};
use learn::predict;
use learn::table::{Table, Target};
use model_format::manifest::Task;
use rows::{seconds, table};
use serde_json::{Map, json};

const TEST_ROWS: u64 = 5000;
const FITS: usize = 3;

fn main() {
    bench("forest_classification_20000x60x6", Task::Classification, 20_000);
    bench("forest_regression_5000x60", Task::Regression, 5000);
}

fn bench(name: &str, task: Task, rows: u64) {
    let train = table(1_000_000, rows, task);
    let test = table(2_000_000, TEST_ROWS, task);
    let forest = match task {
        Task::Classification => "random_forest_classifier",
        _ => "random_forest_regressor",
    };
    let estimator = estimator(forest, &Map::new()).expect("it is in the catalogue");
    let context = FitContext { seed: 1, threads: 1, progress: &|_| {}, cancel: &|| false };
    let mut fit_s = f64::INFINITY;
    let mut quality = 0.0;
    for _ in 0..FITS {
        let start = seconds();
        let fitted = estimator.fit(&train, None, &context).expect("the rows are sound");
        fit_s = fit_s.min(seconds() - start);
        let answers = predict(fitted.as_ref(), &test).expect("the columns are the same");
        quality = held_out(&answers, &test, &train.target);
    }
    println!("{}", json!({"name": name, "fit_s": fit_s, "quality": quality}));
}

fn held_out(answers: &learn::prediction::Prediction, test: &Table, train: &Target) -> f64 {
    let truth = match &test.target {
        Target::Classes { index, names } => Truth::Classes(index, names),
        Target::Values(values) => Truth::Values(values),
        Target::None => unreachable!("both tasks have targets"),
    };
    match evaluate(answers, truth, train).expect("truth and answers belong together").model {
        Metrics::Classification(figures) => figures.accuracy,
        Metrics::Regression(figures) => figures.r2.expect("there are many rows"),
        Metrics::Anomaly(_) => unreachable!("neither task is this"),
    }
}
