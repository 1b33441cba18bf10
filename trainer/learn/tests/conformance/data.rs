//! Seeded tables for the checks: separable classes, a linear target, correlated normal rows.

use learn::catalogue::{Entry, estimator};
use learn::estimator::{Estimator, FitContext, FitError, Fitted};
use learn::table::{Table, Target};
use model_format::manifest::Task;
use serde_json::{Map, Value, json};

/// What an estimator is given.
pub(crate) struct Given {
    /// To learn from.
    pub(crate) train: Table,
    /// To set the alarm line, where the estimator has one.
    pub(crate) calibration: Option<Table>,
    /// To predict.
    pub(crate) test: Table,
}

impl Given {
    /// The true class of a test row.
    pub(crate) fn test_class(&self, row: usize) -> usize {
        match &self.test.target {
            Target::Classes { index, .. } => index[row] as usize,
            _ => unreachable!("only classifiers are asked"),
        }
    }

    /// All tables, to change them alike.
    pub(crate) fn tables(&mut self) -> impl Iterator<Item = &mut Table> {
        [&mut self.train, &mut self.test].into_iter().chain(&mut self.calibration)
    }
}

/// Number of features.
pub(crate) fn width(given: &Given) -> usize {
    given.train.columns.len()
}

/// A small generator of its own, so that the data does not change with a library.
struct Noise(u64);

impl Noise {
    /// Uniform in −1 … 1.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// Roughly normal, standard deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() / 2.0
    }
}

/// `rows` training rows of `width` features for the entry's task, and test rows like them.
pub(crate) fn given(entry: &Entry, rows: usize, width: usize) -> Given {
    let mut noise = Noise(rows as u64 * 1000 + width as u64);
    let test_rows = 60;
    match entry.task {
        Task::Classification => Given {
            train: classes(&mut noise, rows, width),
            calibration: None,
            test: classes(&mut noise, test_rows, width),
        },
        Task::Regression => Given {
            train: line(&mut noise, rows, width),
            calibration: None,
            test: line(&mut noise, test_rows, width),
        },
        Task::Anomaly => {
            let mut test = normal(&mut noise, test_rows, width);
            // Neighbouring features move apart: along their common way and off it.
            let half = test.values.len() / 2;
            for (at, value) in test.values[half..].iter_mut().enumerate() {
                *value += if (at % width).is_multiple_of(2) { 10.0 } else { -10.0 };
            }
            let calibration = Some(normal(&mut noise, 150, width));
            Given { train: normal(&mut noise, rows, width), calibration, test }
        }
    }
}

/// The entry's estimator with some parameters; forests are kept small.
pub(crate) fn make(entry: &Entry, given: &Map<String, Value>) -> Box<dyn Estimator> {
    let mut parameters = given.clone();
    if entry.parameters.iter().any(|parameter| parameter.name == "n_estimators") {
        parameters.entry("n_estimators").or_insert(json!(20));
    }
    estimator(entry.name, &parameters).unwrap()
}

/// A context that nobody listens to.
pub(crate) fn context(seed: u64, threads: usize) -> FitContext<'static> {
    FitContext { seed, threads, progress: &|_| {}, cancel: &|| false }
}

/// Fits with the defaults.
pub(crate) fn fit(entry: &Entry, given: &Given) -> Result<Box<dyn Fitted>, FitError> {
    fit_with(entry, given, &Map::new(), 1, 1)
}

/// Fits with parameters, seed and threads.
pub(crate) fn fit_with(
    entry: &Entry,
    given: &Given,
    parameters: &Map<String, Value>,
    seed: u64,
    threads: usize,
) -> Result<Box<dyn Fitted>, FitError> {
    let estimator = make(entry, parameters);
    estimator.fit(&given.train, given.calibration.as_ref(), &context(seed, threads))
}

fn table(rows: usize, width: usize, values: Vec<f32>, target: Target) -> Table {
    Table {
        columns: (0..width).map(|column| format!("x{column}")).collect(),
        rows,
        values,
        target,
        groups: (0..rows as u32).map(|row| row / 10).collect(),
        weights: None,
    }
}

/// Three classes whose centres lie 6 standard deviations apart along the first feature, and
/// apart along the others by their number.
fn classes(noise: &mut Noise, rows: usize, width: usize) -> Table {
    let index: Vec<u32> = (0..rows as u32).map(|row| row % 3).collect();
    let mut values = Vec::new();
    for &class in &index {
        for column in 0..width {
            let centre = if column == 0 { 6.0 } else { 0.5 } * f64::from(class);
            values.push((centre + noise.normal()) as f32);
        }
    }
    let names = ["idle", "run", "fault"].map(str::to_owned).to_vec();
    table(rows, width, values, Target::Classes { index, names })
}

/// A target that rises with the first feature and a little with the others.
fn line(noise: &mut Noise, rows: usize, width: usize) -> Table {
    let mut values = Vec::new();
    let mut target = Vec::new();
    for _ in 0..rows {
        let row: Vec<f64> = (0..width).map(|_| noise.normal()).collect();
        let rest: f64 = row[1..].iter().sum::<f64>() / width as f64;
        target.push((300.0 + 8.0 * row[0] + rest + 0.2 * noise.normal()) as f32);
        values.extend(row.iter().map(|&x| x as f32));
    }
    table(rows, width, values, Target::Values(target))
}

/// Features that move together, with noise of their own.
fn normal(noise: &mut Noise, rows: usize, width: usize) -> Table {
    let mut values = Vec::new();
    for _ in 0..rows {
        let common = noise.normal();
        values.extend((0..width).map(|_| (common + 0.3 * noise.normal()) as f32));
    }
    table(rows, width, values, Target::None)
}
