//! One list of checks that every estimator of the catalogue passes.
//!
//! A new estimator needs no test of its own kind here: the checks run over the catalogue and give
//! each entry data of its task.

#[path = "conformance/artifacts.rs"]
mod artifacts;
#[path = "conformance/data.rs"]
mod data;

use std::sync::atomic::{AtomicUsize, Ordering};

use artifacts::{engine_answers, head_bytes};
use data::{Given, context, fit, fit_with, given, make, width};
use learn::catalogue::{CATALOGUE, Entry, estimator};
use learn::estimator::FitError;
use learn::parameter::{Form, ParameterError};
use learn::prediction::Prediction;
use learn::table::{Table, Target};
use model_format::manifest::Task;
use serde_json::{Map, Value, json};

/// Runs `check` for every entry, with the entry's name in front of a failure.
fn each(check: impl Fn(&Entry)) {
    assert!(!CATALOGUE.is_empty());
    for entry in CATALOGUE {
        println!("{}", entry.name);
        check(entry);
    }
}

fn floats(prediction: &Prediction) -> &[f32] {
    match prediction {
        Prediction::Classification { probabilities, .. } => probabilities,
        Prediction::Regression { values } => values,
        Prediction::Anomaly { scores } => scores,
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_at_any_number_of_threads() {
    each(|entry| {
        let given = given(entry, 1300, 7);
        let bytes = |seed, threads| {
            head_bytes(fit_with(entry, &given, &Map::new(), seed, threads).unwrap().as_ref())
        };
        let first = bytes(11, 1);
        for threads in [1, 2, 3, 8] {
            assert!(bytes(11, threads) == first, "{} with {threads} threads", entry.name);
        }
    });
}

#[test]
fn another_seed_changes_what_is_drawn_at_random() {
    for name in [
        "random_forest_classifier",
        "random_forest_regressor",
        "extra_trees_classifier",
        "extra_trees_regressor",
        "isolation_forest",
    ] {
        let entry = CATALOGUE.iter().find(|entry| entry.name == name).unwrap();
        let given = given(entry, 200, 5);
        let bytes =
            |seed| head_bytes(fit_with(entry, &given, &Map::new(), seed, 1).unwrap().as_ref());
        assert!(bytes(1) != bytes(2), "{name}");
    }
}

#[test]
fn learning_works_well_enough_on_easy_data() {
    each(|entry| {
        let given = given(entry, 600, 6);
        let fitted = fit(entry, &given).unwrap();
        // Neighbours look at all features alike, and only the first one says much here.
        let all_alike = entry.name.starts_with("k_neighbors");
        let (accuracy_min, r2_min) = if all_alike { (0.9, 0.7) } else { (0.95, 0.9) };
        match learn::predict(fitted.as_ref(), &given.test).unwrap() {
            Prediction::Classification { probabilities, classes } => {
                let right = (0..given.test.rows).filter(|&row| {
                    let own = &probabilities[row * classes..(row + 1) * classes];
                    learn::metrics::classification::largest(own) == given.test_class(row)
                });
                let accuracy = right.count() as f64 / given.test.rows as f64;
                assert!(accuracy > accuracy_min, "{}: accuracy {accuracy}", entry.name);
            }
            Prediction::Regression { values } => {
                let Target::Values(truth) = &given.test.target else { unreachable!() };
                let found = learn::metrics::regression::evaluate(truth, &values).unwrap();
                assert!(found.r2 > Some(r2_min), "{}: {found:?}", entry.name);
            }
            Prediction::Anomaly { scores } => {
                // The second half of the test rows is shifted by ten standard deviations.
                let half = scores.len() / 2;
                let alarms = |scores: &[f32]| scores.iter().filter(|&&s| s >= 1.0).count();
                assert!(alarms(&scores[half..]) == half, "{}: misses alarms", entry.name);
                assert!(alarms(&scores[..half]) * 10 <= half, "{}: false alarms", entry.name);
                assert!(fitted.threshold().is_some(), "{}: no threshold", entry.name);
            }
        }
    });
}

#[test]
fn probabilities_are_shares_of_one() {
    each(|entry| {
        if entry.task != Task::Classification {
            return;
        }
        let given = given(entry, 300, 4);
        let fitted = fit(entry, &given).unwrap();
        let prediction = learn::predict(fitted.as_ref(), &given.test).unwrap();
        let Prediction::Classification { probabilities, classes } = prediction else {
            panic!("{}: no probabilities", entry.name)
        };
        for row in probabilities.chunks_exact(classes) {
            assert!(row.iter().all(|p| (0.0..=1.0 + 1e-6).contains(p)), "{}: {row:?}", entry.name);
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{}: {row:?}", entry.name);
        }
    });
}

#[test]
fn a_value_that_is_not_finite_is_refused_with_its_row_and_column() {
    each(|entry| {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut given = given(entry, 120, 4);
            given.train.values[5 * 4 + 2] = bad;
            let error = fit(entry, &given).err().expect(entry.name).to_string();
            assert!(error.contains("row 5") && error.contains("x2"), "{}: {error}", entry.name);
        }
    });
}

#[test]
fn targets_of_the_wrong_kind_or_not_finite_are_refused() {
    each(|entry| {
        let mut given = given(entry, 120, 4);
        given.train.target = match entry.task {
            Task::Anomaly | Task::Classification => Target::Values(vec![1.0; given.train.rows]),
            Task::Regression => Target::None,
        };
        let error = fit(entry, &given).err().expect(entry.name);
        assert!(matches!(error, FitError::Target { .. }), "{}: {error}", entry.name);
        if entry.task == Task::Regression {
            let mut values = vec![1.0; given.train.rows];
            values[3] = f32::NAN;
            given.train.target = Target::Values(values);
            let error = fit(entry, &given).err().expect(entry.name);
            assert!(matches!(error, FitError::TargetNotFinite { row: 3, .. }), "{error}");
        }
    });
}

#[test]
fn one_class_or_a_class_without_rows_is_refused_by_name() {
    each(|entry| {
        if entry.task != Task::Classification {
            return;
        }
        let mut given = given(entry, 120, 4);
        let rows = given.train.rows;
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        given.train.target = Target::Classes { index: vec![0; rows], names: names(&["good"]) };
        let error = fit(entry, &given).err().expect(entry.name);
        assert_eq!(error, FitError::TooFewClasses { found: 1 });
        given.train.target =
            Target::Classes { index: vec![0; rows], names: names(&["good", "broken"]) };
        let error = fit(entry, &given).err().expect(entry.name).to_string();
        assert!(error.contains("\"broken\""), "{}: {error}", entry.name);
    });
}

#[test]
fn constant_features_are_learned_around() {
    each(|entry| {
        let mut given = given(entry, 400, 5);
        for table in given.tables() {
            for row in table.values.chunks_exact_mut(5) {
                row[1] = 7.25;
            }
        }
        let fitted = fit(entry, &given).unwrap();
        let prediction = learn::predict(fitted.as_ref(), &given.test).unwrap();
        assert!(floats(&prediction).iter().all(|v| v.is_finite()), "{}", entry.name);
    });
}

#[test]
fn nothing_but_constant_features_gives_the_naive_answer_or_a_refusal() {
    each(|entry| {
        let mut given = given(entry, 200, 3);
        for table in given.tables() {
            table.values.fill(-4.5);
        }
        match fit(entry, &given) {
            Ok(fitted) => {
                let prediction = learn::predict(fitted.as_ref(), &given.test).unwrap();
                let values = floats(&prediction);
                assert!(values.iter().all(|v| v.is_finite()), "{}", entry.name);
                let width = values.len() / given.test.rows;
                assert!(values.chunks(width).all(|row| row == &values[..width]), "{}", entry.name);
            }
            Err(error) => assert!(error.to_string().contains("constant"), "{error}"),
        }
    });
}

#[test]
fn one_row_is_refused_or_answered_and_never_a_panic() {
    each(|entry| {
        let mut given = given(entry, 120, 4);
        given.train = given.train.select(&[0]);
        let error = fit(entry, &given).err().expect(entry.name);
        let refused = matches!(error, FitError::EmptyClass { .. } | FitError::TooFewRows { .. });
        assert!(refused, "{}: {error}", entry.name);
        given.train = given.train.select(&[]);
        assert!(fit(entry, &given).is_err(), "{}", entry.name);
    });
}

#[test]
fn a_prediction_for_one_row_is_that_of_the_batch() {
    each(|entry| {
        let given = given(entry, 300, 5);
        let fitted = fit(entry, &given).unwrap();
        let batch = learn::predict(fitted.as_ref(), &given.test).unwrap();
        let width = floats(&batch).len() / given.test.rows;
        for row in [0, 1, given.test.rows - 1] {
            let one = learn::predict(fitted.as_ref(), &given.test.select(&[row])).unwrap();
            let own = &floats(&batch)[row * width..(row + 1) * width];
            assert_eq!(floats(&one), own, "{} row {row}", entry.name);
        }
        let none = learn::predict(fitted.as_ref(), &given.test.select(&[])).unwrap();
        assert!(floats(&none).is_empty());
    });
}

#[test]
fn more_features_than_rows_and_many_more_rows_than_features_are_learned() {
    each(|entry| {
        for (rows, width) in [(40, 150), (3000, 1)] {
            let given = given(entry, rows, width);
            let fitted = fit(entry, &given).unwrap();
            let prediction = learn::predict(fitted.as_ref(), &given.test).unwrap();
            assert!(floats(&prediction).iter().all(|v| v.is_finite()), "{}", entry.name);
        }
    });
}

/// Trees name features by 12 bits; others bound what they compute with.
#[test]
fn more_features_than_a_model_can_have_are_refused_or_answered_and_never_a_panic() {
    each(|entry| {
        let given = given(entry, 60, 4100);
        if let Ok(fitted) = fit(entry, &given) {
            let _ = learn::predict(fitted.as_ref(), &given.test);
        }
    });
}

#[test]
fn values_that_nobody_has_seen_give_finite_answers() {
    each(|entry| {
        let given = given(entry, 300, 4);
        let fitted = fit(entry, &given).unwrap();
        for extreme in [f32::MAX, -f32::MAX, f32::MIN_POSITIVE, 1e-45] {
            let mut table = given.test.select(&[0, 1]);
            table.values = vec![extreme, -extreme, extreme, 0.0, extreme, extreme, -extreme, 1.0];
            let prediction = learn::predict(fitted.as_ref(), &table).unwrap();
            assert!(floats(&prediction).iter().all(|v| v.is_finite()), "{}", entry.name);
        }
    });
}

#[test]
fn no_channel_decides_beyond_its_bounds_and_each_can_raise_an_alarm() {
    each(|entry| {
        let given = given(entry, 300, 4);
        let fitted = fit(entry, &given).unwrap();
        let answer = |column: usize, value: f32| {
            let mut table = given.test.select(&[0, 1, 2]);
            table.values.chunks_exact_mut(4).for_each(|row| row[column] = value);
            floats(&learn::predict(fitted.as_ref(), &table).unwrap()).to_vec()
        };
        for column in 0..4 {
            for sign in [-1.0, 1.0] {
                let far = answer(column, sign * 1e6);
                assert!(far.iter().all(|value| value.is_finite()), "{}", entry.name);
                if entry.task == Task::Anomaly {
                    let scaled =
                        entry.parameters.iter().any(|parameter| parameter.name == "scaling");
                    assert!(!scaled || far.iter().all(|&score| score >= 1.0), "{}", entry.name);
                    continue;
                }
                for value in [1e9, 1e30, f32::MAX] {
                    assert_eq!(answer(column, sign * value), far, "{} x{column}", entry.name);
                }
            }
        }
    });
}

#[test]
fn an_absurd_training_row_does_not_wreck_a_model_that_scales() {
    each(|entry| {
        if !entry.parameters.iter().any(|parameter| parameter.name == "scaling") {
            return;
        }
        for spread in ["standard", "robust"] {
            let asked = Map::from_iter([("scaling".to_owned(), json!(spread))]);
            let mut given = given(entry, 600, 6);
            let answers = |given: &Given| {
                let fitted = fit_with(entry, given, &asked, 1, 1).unwrap();
                let facts = fitted.facts();
                (floats(&learn::predict(fitted.as_ref(), &given.test).unwrap()).to_vec(), facts)
            };
            let (clean, facts) = answers(&given);
            assert!(!facts.contains_key("cut_features"), "{}: {facts:?}", entry.name);
            (given.train.values[7 * 6 + 1], given.train.values[90 * 6 + 4]) = (1e29, -1e15);
            let (spoilt, facts) = answers(&given);
            assert_eq!(facts["cut_features"], json!([1, 4]), "{}", entry.name);
            // Most answers stay what they were: the same class or alarm, or nearly the same numbers.
            let width = clean.len() / given.test.rows;
            let rows = || clean.chunks(width).zip(spoilt.chunks(width));
            let share = |same: &dyn Fn(&[f32], &[f32]) -> bool| {
                rows().filter(|(a, b)| same(a, b)).count() as f64 / given.test.rows as f64
            };
            let largest = learn::metrics::classification::largest;
            let alike = match entry.task {
                Task::Classification => share(&|a, b| largest(a) == largest(b)),
                Task::Regression => {
                    learn::metrics::regression::evaluate(&clean, &spoilt).unwrap().r2.unwrap()
                }
                Task::Anomaly => share(&|a, b| (a[0] >= 1.0) == (b[0] >= 1.0)),
            };
            assert!(alike > 0.9, "{} with {spread}: {alike}", entry.name);
        }
    });
}

#[test]
fn weights_count_like_repeated_rows_or_are_refused() {
    each(|entry| {
        let mut given = given(entry, 200, 4);
        let rows = given.train.rows;
        given.train.weights = Some((0..rows).map(|row| 1.0 + (row % 3) as f32).collect());
        if !entry.supports_weights {
            let error = fit(entry, &given).err().expect(entry.name);
            assert!(matches!(error, FitError::Weights { .. }), "{}: {error}", entry.name);
            return;
        }
        // A bootstrap draws rows, not weights: without it both fits see the same data.
        // Limits that count rows count repeated ones as well.
        let mut fixed = Map::new();
        for (name, value) in [
            ("bootstrap", json!(false)),
            ("max_features", json!(1.0)),
            ("min_samples_leaf", json!(1)),
        ] {
            if entry.parameters.iter().any(|parameter| parameter.name == name) {
                fixed.insert(name.to_owned(), value);
            }
        }
        let fixed = &fixed;
        let weighted = fit_with(entry, &given, fixed, 1, 1).unwrap();
        let repeats = |row: usize| std::iter::repeat_n(row, 1 + row % 3);
        let repeated: Vec<usize> = (0..rows).flat_map(repeats).collect();
        given.train = given.train.select(&repeated);
        given.train.weights = None;
        let repeated = fit_with(entry, &given, fixed, 1, 1).unwrap();
        let a = learn::predict(weighted.as_ref(), &given.test).unwrap();
        let b = learn::predict(repeated.as_ref(), &given.test).unwrap();
        for (a, b) in floats(&a).iter().zip(floats(&b)) {
            assert!((a - b).abs() <= 1e-4 * (1.0 + b.abs()), "{}: {a} and {b}", entry.name);
        }
        given.train.weights = Some(vec![0.0; given.train.rows]);
        let error = fit(entry, &given).err().expect(entry.name);
        assert!(matches!(error, FitError::Weight { row: 0, .. }), "{}: {error}", entry.name);
    });
}

#[test]
fn a_fit_ends_when_asked_to_and_reports_its_progress() {
    each(|entry| {
        let given = given(entry, 600, 6);
        let estimator = make(entry, &Map::new());
        let calls = AtomicUsize::new(0);
        let cancel = || calls.fetch_add(1, Ordering::Relaxed) >= 1;
        let mut stopped = context(1, 1);
        stopped.cancel = &cancel;
        let error = estimator.fit(&given.train, given.calibration.as_ref(), &stopped).err();
        assert_eq!(error, Some(FitError::Cancelled), "{}", entry.name);

        let seen = std::sync::Mutex::new(Vec::new());
        let progress = |share: f64| seen.lock().unwrap().push(share);
        let mut told = context(1, 1);
        told.progress = &progress;
        estimator.fit(&given.train, given.calibration.as_ref(), &told).unwrap();
        let seen = seen.into_inner().unwrap();
        assert!(!seen.is_empty(), "{} is silent", entry.name);
        assert!(seen.iter().all(|share| (0.0..=1.0).contains(share)), "{}: {seen:?}", entry.name);
        assert!(seen.is_sorted(), "{}: {seen:?}", entry.name);
    });
}

#[test]
fn calibration_rows_are_required_where_they_are_used_and_refused_elsewhere() {
    each(|entry| {
        let mut given = given(entry, 200, 4);
        if entry.needs_calibration {
            given.calibration = None;
            let error = fit(entry, &given).err().expect(entry.name);
            assert!(matches!(error, FitError::CalibrationMissing { .. }), "{error}");
        } else {
            given.calibration = Some(given.test.clone());
            let error = fit(entry, &given).err().expect(entry.name);
            assert!(matches!(error, FitError::CalibrationUnused { .. }), "{error}");
        }
    });
}

#[test]
fn tables_whose_parts_do_not_belong_together_are_refused() {
    each(|entry| {
        let breaks: [fn(&mut Table); 4] = [
            |table| table.values.truncate(table.values.len() - 1),
            |table| table.groups.push(0),
            |table| table.weights = Some(vec![1.0]),
            |table| table.columns.clear(),
        ];
        for break_it in breaks {
            let mut given = given(entry, 120, 4);
            break_it(&mut given.train);
            let error = fit(entry, &given).err().expect(entry.name);
            let refused = matches!(error, FitError::Length { .. } | FitError::NoColumns);
            assert!(refused, "{}: {error}", entry.name);
        }
        let given = given(entry, 120, 4);
        let fitted = fit(entry, &given).unwrap();
        assert_eq!(fitted.features(), width(&given));
        let mut narrow = given.test.clone();
        narrow.columns.pop();
        assert!(learn::predict(fitted.as_ref(), &narrow).is_err(), "{}", entry.name);
    });
}

#[test]
fn unknown_parameters_and_values_out_of_bounds_are_refused_with_what_is_possible() {
    each(|entry| {
        let first = entry.parameters[0].name;
        let given = Map::from_iter([(format!("{first}s"), json!(1))]);
        let error = estimator(entry.name, &given).err().expect(entry.name);
        assert!(matches!(error, ParameterError::Unknown { .. }), "{error}");
        assert!(error.to_string().contains(&format!("{first:?}")), "{}: {error}", entry.name);
        for parameter in entry.parameters {
            let mut wrong = vec![json!([1]), json!({}), json!("surely not")];
            if !parameter.accepts.contains(&Form::Null) {
                wrong.push(Value::Null);
            }
            let number = |form: &Form| match *form {
                Form::Integer { min, max } => Some((min as f64, max as f64)),
                Form::Number { min, max } => Some((min, max)),
                _ => None,
            };
            let bounds: Vec<_> = parameter.accepts.iter().filter_map(number).collect();
            if !bounds.is_empty() {
                let least = bounds.iter().fold(f64::INFINITY, |a, b| a.min(b.0));
                let most = bounds.iter().fold(f64::NEG_INFINITY, |a, b| a.max(b.1));
                wrong.extend([json!(least - 1.0), json!(most + 1.0), json!(1e300)]);
            }
            for value in wrong {
                let given = Map::from_iter([(parameter.name.to_owned(), value)]);
                let error = estimator(entry.name, &given).err().expect(parameter.name);
                let text = error.to_string();
                assert!(text.contains(parameter.name) && text.contains("takes"), "{text}");
            }
            assert!(parameter.doc.len() > 20, "{}.{}", entry.name, parameter.name);
        }
    });
    let error = estimator("random_forest", &Map::new()).err().unwrap().to_string();
    assert!(error.contains("random_forest_classifier"), "{error}");
}

#[test]
fn written_out_parameters_make_the_same_estimator_again() {
    each(|entry| {
        let written = make(entry, &Map::new()).parameters().clone();
        assert_eq!(written.len(), entry.parameters.len(), "{}", entry.name);
        let canonical: Map<String, Value> =
            serde_json::from_str(&serde_json::to_string(&written).unwrap()).unwrap();
        assert_eq!(make(entry, &canonical).parameters(), &written, "{}", entry.name);
    });
}

#[test]
fn all_engines_give_the_answers_of_the_fit() {
    each(|entry| {
        let given = given(entry, 300, 5);
        let fitted = fit(entry, &given).unwrap();
        let expected = learn::predict(fitted.as_ref(), &given.test).unwrap();
        for (engine, found) in engine_answers(entry, &given, fitted.as_ref()) {
            assert_eq!(found.len(), floats(&expected).len(), "{} in {engine}", entry.name);
            for (found, expected) in found.iter().zip(floats(&expected)) {
                let error = (found - expected).abs() / (1.0 + expected.abs());
                let (name, limit) = (entry.name, 1e-6);
                assert!(error <= limit, "{name} in {engine}: {found} instead of {expected}");
            }
        }
    });
}

#[test]
fn catalogue_names_are_unique_and_documented() {
    let mut names: Vec<&str> = CATALOGUE.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CATALOGUE.len());
    each(|entry| {
        assert!(entry.doc.len() > 60 && !entry.title.is_empty(), "{}", entry.name);
        assert_eq!(make(entry, &Map::new()).task(), entry.task);
    });
}

/// Keeps the parts of [`Given`] that only some checks use in one place.
#[test]
fn the_given_data_has_the_shape_of_the_task() {
    each(|entry| {
        let Given { train, calibration, test } = given(entry, 50, 3);
        assert_eq!(train.columns.len(), 3);
        assert_eq!(calibration.is_some(), entry.needs_calibration);
        assert!(test.rows > 0 && train.check().is_ok());
    });
}
