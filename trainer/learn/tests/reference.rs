//! Metrics and estimators against values from scikit-learn (`reference/reference.py`).

use learn::estimator::FitContext;
use learn::importance::{self, Rows};
use learn::metrics::{Truth, anomaly, classification, curve, histogram, regression};
use learn::prediction::Prediction;
use learn::table::{Table, Target};
use serde_json::{Map, Value, json};

fn reference(part: &str) -> Map<String, Value> {
    let text = include_str!("reference/reference.json");
    let all: Value = serde_json::from_str(text).unwrap();
    all[part].as_object().unwrap().clone()
}

fn f64s(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().flat_map(numbers).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(_) => f64s(value),
        Value::Bool(value) => vec![f64::from(u8::from(*value))],
        value => vec![value.as_f64().unwrap()],
    }
}

fn f32s(value: &Value) -> Vec<f32> {
    f64s(value).into_iter().map(|v| v as f32).collect()
}

fn u32s(value: &Value) -> Vec<u32> {
    f64s(value).into_iter().map(|v| v as u32).collect()
}

#[track_caller]
fn close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs() / (1.0 + expected.abs());
        assert!(error <= tolerance, "{what}[{at}]: {found} instead of {expected}");
    }
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

#[test]
fn classification_figures_are_those_of_scikit_learn() {
    for (name, case) in reference("classification") {
        let width = case["confusion"].as_array().unwrap().len();
        let classes: Vec<String> = (0..width).map(|class| class.to_string()).collect();
        let (truth, probabilities) = (u32s(&case["truth"]), f32s(&case["probabilities"]));
        let found = classification::evaluate(&truth, &probabilities, &classes).unwrap();
        let average = |a: &classification::Average| vec![a.precision, a.recall, a.f1];
        let by_class = |figure: fn(&classification::ClassMetrics) -> f64| {
            found.classes.iter().map(figure).collect::<Vec<_>>()
        };
        let confusion = found.confusion.iter().flatten().map(|&n| n as f64).collect::<Vec<_>>();
        for (figure, values) in [
            ("accuracy", vec![found.accuracy]),
            ("balanced_accuracy", vec![found.balanced_accuracy]),
            ("macro", average(&found.macro_average)),
            ("weighted", average(&found.weighted_average)),
            ("precision", by_class(|c| c.precision)),
            ("recall", by_class(|c| c.recall)),
            ("f1", by_class(|c| c.f1)),
            ("support", by_class(|c| c.support as f64)),
            ("confusion", confusion),
            ("matthews", found.matthews.into_iter().collect()),
        ] {
            close(&format!("{name}: {figure}"), &values, &numbers(&case[figure]), 1e-12);
        }
        close(&format!("{name}: loss"), &[found.log_loss], &numbers(&case["log_loss"]), 1e-6);
        let brier = [found.brier.unwrap()];
        close(&format!("{name}: brier"), &brier, &numbers(&case["brier"]), 1e-6);
    }
}

/// All points where the curve has no more than are kept; otherwise the kept ones are among them, with
/// the first and the last, and the areas are those of all.
#[test]
fn curves_and_their_areas_are_those_of_scikit_learn() {
    for (name, case) in reference("curves") {
        let truth: Vec<bool> = numbers(&case["truth"]).iter().map(|&v| v == 1.0).collect();
        let scores = f32s(&case["scores"]);
        let (roc, pr) = curve::curves("c", &truth, &scores, curve::POINTS_MAX).unwrap();
        close(&format!("{name}: area"), &[roc.area], &numbers(&case["area"]), 1e-12);
        let average = numbers(&case["average_precision"]);
        close(&format!("{name}: average precision"), &[pr.average_precision], &average, 1e-12);
        let pairs = |x: &str, y: &str| -> Vec<[f64; 2]> {
            f64s(&case[x]).into_iter().zip(f64s(&case[y])).map(|(x, y)| [x, y]).collect()
        };
        let found = roc.points.iter().map(|p| [p.false_positive_rate, p.true_positive_rate]);
        same_points(
            &name,
            &found.collect::<Vec<_>>(),
            &pairs("false_positive_rates", "true_positive_rates"),
        );
        let found = pr.points.iter().map(|p| [p.recall, p.precision]);
        same_points(&name, &found.collect::<Vec<_>>(), &pairs("recalls", "precisions"));
        assert_eq!((roc.points[0].threshold, pr.points[0].threshold), (None, None), "{name}");
        if roc.points.len() <= scores.len() && truth.len() < curve::POINTS_MAX {
            let found = roc.points[1..].iter().map(|p| f64::from(p.threshold.unwrap()));
            close(&name, &found.collect::<Vec<_>>(), &f64s(&case["thresholds"]), 1e-7);
        }
    }
}

#[track_caller]
fn same_points(name: &str, found: &[[f64; 2]], expected: &[[f64; 2]]) {
    let near = |a: &[f64; 2], b: &[f64; 2]| (a[0] - b[0]).abs() + (a[1] - b[1]).abs() < 1e-12;
    if expected.len() <= curve::POINTS_MAX {
        assert_eq!(found.len(), expected.len(), "{name}");
    } else {
        assert!(found.len() > curve::POINTS_MAX / 2 && found.len() <= curve::POINTS_MAX, "{name}");
    }
    assert!(near(&found[0], &expected[0]), "{name}");
    assert!(near(&found[found.len() - 1], &expected[expected.len() - 1]), "{name}");
    let mut rest = expected.iter();
    for point in found {
        assert!(rest.any(|expected| near(point, expected)), "{name}: {point:?} is not in order");
    }
}

#[test]
fn histograms_are_those_of_numpy_with_the_bins_of_freedman_and_diaconis() {
    for (name, case) in reference("histogram") {
        let found = histogram::histogram(f64s(&case["values"])).unwrap();
        let counts: Vec<f64> = found.bins.iter().map(|bin| bin.count as f64).collect();
        assert_eq!(counts, f64s(&case["counts"]), "{name}");
        let mut edges: Vec<f64> = found.bins.iter().map(|bin| bin.from).collect();
        edges.extend(found.bins.last().map(|bin| bin.to));
        close(&name, &edges, &f64s(&case["edges"]), 1e-12);
    }
}

#[test]
fn regression_figures_are_those_of_scikit_learn() {
    for (name, case) in reference("regression") {
        let found = regression::evaluate(&f32s(&case["truth"]), &f32s(&case["predicted"])).unwrap();
        assert_eq!(found.r2.is_none(), case["r2"].is_null(), "{name}");
        if let Some(r2) = found.r2 {
            close(&format!("{name}: r2"), &[r2], &numbers(&case["r2"]), 1e-12);
        }
        close(&format!("{name}: rmse"), &[found.rmse], &numbers(&case["rmse"]), 1e-12);
        close(&format!("{name}: mae"), &[found.mae], &numbers(&case["mae"]), 1e-12);
        close(&format!("{name}: mape"), &[found.mape.unwrap()], &numbers(&case["mape"]), 1e-12);
        let quantiles = found.residuals.unwrap();
        let quantiles = [quantiles.q05, quantiles.q25, quantiles.q50, quantiles.q75, quantiles.q95];
        close(&format!("{name}: residuals"), &quantiles, &f64s(&case["residuals"]), 1e-12);
    }
}

#[test]
fn anomaly_figures_are_those_of_scikit_learn() {
    for (name, case) in reference("anomaly") {
        let flags = |key: &str| numbers(&case[key]).iter().map(|&v| v == 1.0).collect::<Vec<_>>();
        let found = anomaly::evaluate(&flags("truth"), &flags("alarms")).unwrap();
        for (figure, value) in
            [("precision", found.precision), ("recall", found.recall), ("f1", found.f1)]
        {
            close(&format!("{name}: {figure}"), &[value], &numbers(&case[figure]), 1e-12);
        }
        let counts = [
            found.true_positives,
            found.false_positives,
            found.true_negatives,
            found.false_negatives,
        ];
        assert_eq!(counts.map(f64::from_count).to_vec(), numbers(&case["counts"]), "{name}");
        let rate = |part: f64, whole: f64| if whole == 0.0 { 0.0 } else { part / whole };
        let [tp, fp, tn, fn_] = counts.map(f64::from_count);
        assert_eq!(found.false_alarm_rate, rate(fp, fp + tn), "{name}");
        assert_eq!(found.missed_alarm_rate, rate(fn_, tp + fn_), "{name}");
    }
}

trait FromCount {
    fn from_count(count: u64) -> f64;
}

impl FromCount for f64 {
    fn from_count(count: u64) -> f64 {
        count as f64
    }
}

fn table(x: &Value, target: Target, weights: &Value) -> Table {
    let rows = x.as_array().unwrap().len();
    let values = f32s(x);
    let width = values.len() / rows;
    Table {
        columns: (0..width).map(|column| format!("x{column}")).collect(),
        rows,
        values,
        target,
        groups: vec![0; rows],
        weights: (!weights.is_null()).then(|| f32s(weights)),
    }
}

fn fit(
    name: &str,
    parameters: Value,
    train: &Table,
    calibration: Option<&Table>,
) -> Box<dyn learn::estimator::Fitted> {
    let estimator = learn::catalogue::estimator(name, parameters.as_object().unwrap()).unwrap();
    let context = FitContext { seed: 1, threads: 1, progress: &|_| {}, cancel: &|| false };
    estimator.fit(train, calibration, &context).unwrap()
}

/// Probabilities to 1e-5, coefficients to 1e-4 of their size plus one. The differences come from
/// the scaler's 32-bit constants and from stopping at a gradient of 1e-6.
#[test]
fn logistic_regression_finds_the_optimum_that_scikit_learn_finds() {
    for (name, case) in reference("logistic") {
        let classes = case["classes"].as_u64().unwrap() as usize;
        let names = (0..classes).map(|class| class.to_string()).collect();
        let target = Target::Classes { index: u32s(&case["target"]), names };
        let train = table(&case["x"], target, &case["weights"]);
        let balanced = case["balanced"].as_bool().unwrap();
        let class_weight = if balanced { json!("balanced") } else { Value::Null };
        let parameters = json!({"C": case["C"], "class_weight": class_weight, "tol": 1e-8});
        let fitted = fit("logistic_regression", parameters, &train, None);
        assert_eq!(fitted.facts()["converged"], true, "{name}");
        let Prediction::Classification { probabilities, .. } =
            learn::predict(fitted.as_ref(), &train).unwrap()
        else {
            panic!("{name}: no classification");
        };
        close(&name, &widen(&probabilities), &f64s(&case["probabilities"]), 1e-5);

        let weights = f64s(&fitted.facts()["weights"]);
        let width = weights.len() / classes;
        let by_class: Vec<f64> = if classes == 2 {
            weights.chunks_exact(2).map(|pair| pair[1] - pair[0]).collect()
        } else {
            (0..classes * width).map(|at| weights[at % width * classes + at / width]).collect()
        };
        close(&format!("{name}: weights"), &by_class, &f64s(&case["coefficients"]), 1e-4);
    }
}

/// To 1e-5 of the size plus one: the scaler's constants are 32-bit floats.
#[test]
fn ridge_finds_the_weights_that_scikit_learn_finds() {
    for (name, case) in reference("ridge") {
        let target = Target::Values(f32s(&case["target"]));
        let train = table(&case["x"], target, &case["weights"]);
        let fitted = fit("ridge", json!({"alpha": case["alpha"]}), &train, None);
        let facts = fitted.facts();
        let weights = format!("{name}: weights");
        close(&weights, &f64s(&facts["weights"]), &f64s(&case["coefficients"]), 1e-5);
        let Prediction::Regression { values } = learn::predict(fitted.as_ref(), &train).unwrap()
        else {
            panic!("{name}: no regression");
        };
        close(&name, &widen(&values), &f64s(&case["predicted"]), 1e-5);
    }
}

/// Scores to 1e-4 of their size plus one.
#[test]
fn t2_and_q_are_those_of_the_principal_components_of_scikit_learn() {
    for (name, case) in reference("t2q") {
        let part = |key: &str| table(&case[key], Target::None, &Value::Null);
        let parameters =
            json!({"n_components": case["n_components"], "false_alarm_rate": case["rate"]});
        let fitted = fit("t2q", parameters, &part("train"), Some(&part("calibration")));
        let facts = fitted.facts();
        assert_eq!(facts["components"], case["components"], "{name}");
        let limits = [&facts["t2_limit"], &facts["q_limit"]].map(|v| v.as_f64().unwrap());
        close(&format!("{name}: limits"), &limits, &f64s(&case["limits"]), 1e-4);
        let Prediction::Anomaly { scores } =
            learn::predict(fitted.as_ref(), &part("test")).unwrap()
        else {
            panic!("{name}: no anomaly");
        };
        close(&name, &widen(&scores), &f64s(&case["scores"]), 1e-4);
    }
}

/// Means within five standard errors of both sides' random orders; deviations within a tenth.
#[test]
fn features_are_as_important_as_scikit_learn_finds_them() {
    for (task, case) in reference("importance") {
        let names = ["no".to_owned(), "yes".to_owned()];
        let (classes, values) = (u32s(&case["target"]), f32s(&case["target"]));
        let (name, target, truth) = match task.as_str() {
            "regression" => ("ridge", Target::Values(values.clone()), Truth::Values(&values)),
            _ => {
                let target = Target::Classes { index: classes.clone(), names: names.to_vec() };
                ("logistic_regression", target, Truth::Classes(&classes, &names))
            }
        };
        let train = table(&case["x"], target, &Value::Null);
        let fitted = fit(name, json!({}), &train, None);
        let rows = Rows { columns: 4, values: &train.values, truth };
        let repeats = case["repeats"].as_u64().unwrap() as u32;
        let groups: Vec<Vec<usize>> = (0..4).map(|column| vec![column]).collect();
        let found = |threads| {
            importance::permutation(fitted.as_ref(), rows, &groups, repeats, 3, threads, &|| true)
                .unwrap()
        };
        let importances = found(2);
        assert_eq!(importances, found(1), "{task}: threads change the result");
        close(&task, &[importances.baseline], &numbers(&case["baseline"]), 1e-6);
        let (means, deviations) = (f64s(&case["mean"]), f64s(&case["deviation"]));
        for (column, found) in importances.groups.iter().enumerate() {
            let (mean, deviation) = (means[column], deviations[column]);
            let error = 5.0 * deviation * (2.0 / f64::from(repeats)).sqrt() + 1e-9;
            assert!((found.mean - mean).abs() <= error, "{task}[{column}]: {found:?}, {mean}");
            let spread = (found.deviation - deviation).abs();
            assert!(spread <= 0.1 * deviation + 1e-6, "{task}[{column}]: {found:?}, {deviation}");
        }
    }
}

/// A column beside its copy has half of the weight each: shuffled alone, a half of the deviation is lost,
/// and R² falls by 2 · (1/2)²; shuffled together, by 2.
#[test]
fn shuffled_together_columns_that_say_the_same_are_seen_to_matter() {
    let noise = |row: usize, factor: usize| (row * factor % 997) as f32 / 997.0;
    let truth: Vec<f32> = (0..2000).map(|row| noise(row, 331)).collect();
    let values: Vec<f32> =
        (0..2000).flat_map(|row| [truth[row], truth[row], noise(row * row, 57)]).collect();
    let train = Table {
        columns: ["a", "b", "c"].map(str::to_owned).to_vec(),
        rows: 2000,
        values,
        target: Target::Values(truth.clone()),
        groups: vec![0; 2000],
        weights: None,
    };
    let fitted = fit("ridge", json!({"alpha": 1e-6}), &train, None);
    let rows = Rows { columns: 3, values: &train.values, truth: Truth::Values(&truth) };
    let groups = [vec![0], vec![1], vec![0, 1], vec![2]];
    let found = importance::permutation(fitted.as_ref(), rows, &groups, 20, 0, 2, &|| true);
    let found = found.unwrap();
    for (group, expected) in [0.5, 0.5, 2.0, 0.0].into_iter().enumerate() {
        let fall = found.groups[group].mean;
        assert!((fall - expected).abs() < 0.02 + 0.03 * expected, "{group}: {found:?}");
    }
    let ended = importance::permutation(fitted.as_ref(), rows, &groups, 1, 0, 2, &|| false);
    assert!(matches!(ended, Err(importance::ImportanceError::Cancelled)));
}
