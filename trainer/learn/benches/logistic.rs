//! Logistic regression beside linfa's: seconds, and how far each ends from the optimum.
//!
//! The loss is the mean of −ln of the true class's probability plus the penalty, the same for both;
//! the gradient says how far the search was from its end. `docs/decisions/logistic-regression.md`
//! draws the conclusion.

use std::time::Instant;

use learn::catalogue::estimator;
use learn::estimator::FitContext;
use learn::scaler::{MARGIN, Scaler, Spread};
use learn::table::{Table, Target};
use linfa::prelude::{Dataset, Fit};
use linfa_logistic::MultiLogisticRegression;
use ndarray_linfa::{Array1, Array2};
use serde_json::json;

const ROWS: usize = 4000;
const WIDTH: usize = 60;
const CLASSES: usize = 6;

fn main() {
    compare("usual", |x| x);
    compare("one row far out", |x| x);
    compare("skewed features", |x| libm::exp(1.5 * f64::from(x)) as f32);
}

fn compare(name: &str, shape: fn(f32) -> f32) {
    let mut table = table(shape);
    if name == "one row far out" {
        for (column, value) in table.values[7 * WIDTH..8 * WIDTH].iter_mut().enumerate() {
            *value += if column % 2 == 0 { 1000.0 } else { -500.0 };
        }
    }
    let scaler = Scaler::new(&table, Spread::Standard, Some(MARGIN)).expect("the rows are sound");
    let mut row = Vec::new();
    let mut scaled = Vec::new();
    for at in 0..ROWS {
        scaler.apply(table.row(at), &mut row);
        scaled.extend(row.iter().map(|&z| f64::from(z)));
    }
    let z = Array2::from_shape_vec((ROWS, WIDTH), scaled).expect("a row for each row");
    let Target::Classes { index, .. } = &table.target else { unreachable!("classes were made") };
    let classes: Vec<usize> = index.iter().map(|&class| class as usize).collect();

    let start = Instant::now();
    let (weights, constants) = ours(&table);
    let seconds = start.elapsed().as_secs_f64();
    let (loss, gradient) = objective(&z, &classes, &weights, &constants);
    println!(
        "{}",
        json!({"name": name, "by": "learn", "fit_s": seconds, "loss": loss, "gradient": gradient})
    );

    let data = Dataset::new(z.clone(), Array1::from(classes.clone()));
    let start = Instant::now();
    let search = MultiLogisticRegression::default()
        .alpha(1.0)
        .gradient_tolerance(1e-6 * ROWS as f64)
        .max_iterations(1000);
    let fitted = search.fit(&data).expect("linfa reports no error");
    let seconds = start.elapsed().as_secs_f64();
    let (loss, gradient) = objective(&z, &classes, fitted.params(), fitted.intercept());
    println!(
        "{}",
        json!({"name": name, "by": "linfa", "fit_s": seconds, "loss": loss, "gradient": gradient})
    );
}

fn ours(table: &Table) -> (Array2<f64>, Array1<f64>) {
    let estimator = estimator("logistic_regression", &serde_json::Map::new()).expect("it exists");
    let context = FitContext { seed: 1, threads: 1, progress: &|_| {}, cancel: &|| false };
    let facts = estimator.fit(table, None, &context).expect("the rows are sound").facts();
    let number = |value: &serde_json::Value| value.as_f64().expect("facts hold numbers");
    let weights = Array2::from_shape_fn((WIDTH, CLASSES), |(i, k)| number(&facts["weights"][i][k]));
    (weights, Array1::from_shape_fn(CLASSES, |k| number(&facts["constants"][k])))
}

/// The penalised mean loss, and the largest entry of its gradient.
fn objective(
    z: &Array2<f64>,
    classes: &[usize],
    weights: &Array2<f64>,
    constants: &Array1<f64>,
) -> (f64, f64) {
    let mut gradient = Array2::<f64>::zeros((WIDTH + 1, CLASSES));
    let mut loss = 0.0;
    for (row, &class) in z.rows().into_iter().zip(classes) {
        let mut sums = row.dot(weights) + constants;
        let largest = sums.fold(f64::NEG_INFINITY, |largest, &sum| largest.max(sum));
        let total: f64 = sums.iter().map(|sum| libm::exp(sum - largest)).sum();
        loss += libm::log(total) + largest - sums[class];
        sums.mapv_inplace(|sum| libm::exp(sum - largest) / total);
        sums[class] -= 1.0;
        for (i, z) in row.iter().chain([&1.0]).enumerate() {
            gradient.row_mut(i).scaled_add(*z, &sums);
        }
    }
    for ((i, k), w) in weights.indexed_iter() {
        gradient[(i, k)] += w;
        loss += w * w / 2.0;
    }
    let largest = gradient.fold(0.0_f64, |largest, slope| largest.max(slope.abs()));
    (loss / ROWS as f64, largest / ROWS as f64)
}

/// Six classes with noise, from fixed integers.
fn table(shape: fn(f32) -> f32) -> Table {
    let uniform = |position: u64| {
        let mut z = position.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let noise = |position: u64| (0..4).map(|k| uniform(position * 4 + k)).sum::<f64>() - 2.0;
    let index: Vec<u32> = (0..ROWS as u64).map(|row| (row % CLASSES as u64) as u32).collect();
    let value = |row: usize, column: usize| {
        let centre = 0.3 * noise(1_000_000_000 + u64::from(index[row]) * 64 + column as u64);
        shape((centre + noise((row * WIDTH + column) as u64)) as f32)
    };
    Table {
        columns: (0..WIDTH).map(|column| format!("x{column}")).collect(),
        rows: ROWS,
        values: (0..ROWS * WIDTH).map(|at| value(at / WIDTH, at % WIDTH)).collect(),
        target: Target::Classes {
            index: index.clone(),
            names: (0..CLASSES).map(|class| class.to_string()).collect(),
        },
        groups: vec![0; ROWS],
        weights: None,
    }
}
