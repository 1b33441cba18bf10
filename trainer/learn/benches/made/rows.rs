//! Rows that both sides of a benchmark make from the same integers, and the clock.

use std::time::Instant;

use learn::table::{Table, Target};
use model_format::manifest::Task;

const WIDTH: u64 = 60;
const CLASSES: u64 = 6;

/// Processor time of this thread, else time since the first call.
pub(crate) fn seconds() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let own = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = own.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    let elapsed = || START.get_or_init(Instant::now).elapsed().as_secs_f64();
    nanoseconds.map_or_else(elapsed, |ns| ns / 1e9)
}

/// A number in 0 … 1 for each position (SplitMix64).
pub(crate) fn uniform(position: u64) -> f64 {
    let mut z = position.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Roughly normal with standard deviation 0.58: four uniform numbers.
fn noise(position: u64) -> f64 {
    let part = |k| uniform(position * 4 + k);
    part(0) + part(1) + part(2) + part(3) - 2.0
}

/// The class that shaped a row; its target differs in one row of ten.
fn class_of(row: u64) -> u64 {
    (uniform(row * 8 + 3) * CLASSES as f64) as u64
}

fn named_class(row: u64) -> u64 {
    let wrong = uniform(row * 8 + 5) < 0.1;
    if wrong { (uniform(row * 8 + 7) * CLASSES as f64) as u64 } else { class_of(row) }
}

fn value(row: u64, x: &[f64]) -> f64 {
    let mut sum = 3.0 * x[0].abs() + x[1] * x[2] + 2.0 * f64::from(u8::from(x[3] > 0.0));
    for part in &x[4..12] {
        sum += 0.5 * part;
    }
    sum + 0.5 * noise(row + 7_000_000_000)
}

/// Rows whose neighbouring features move together; every fourth feature is rounded, so that it
/// has many equal values.
pub(crate) fn table(first_row: u64, rows: u64, task: Task) -> Table {
    let mut values = Vec::new();
    let (mut classes, mut numbers) = (Vec::new(), Vec::new());
    for row in first_row..first_row + rows {
        let own: Vec<f64> = (0..WIDTH).map(|column| noise(row * WIDTH + column)).collect();
        let x: Vec<f64> = (0..WIDTH)
            .map(|column| {
                let centre = 0.5 * noise(9_000_000_000 + class_of(row) * WIDTH + column);
                let next = own[((column + 1) % WIDTH) as usize];
                let value = centre + own[column as usize] + 0.5 * next;
                if column % 4 == 0 { (value * 10.0).floor() / 10.0 } else { value }
            })
            .collect();
        classes.push(named_class(row) as u32);
        numbers.push(value(row, &x) as f32);
        values.extend(x.iter().map(|&value| value as f32));
    }
    let names = (0..CLASSES).map(|class| class.to_string()).collect();
    let target = match task {
        Task::Classification => Target::Classes { index: classes, names },
        Task::Regression => Target::Values(numbers),
        Task::Anomaly => Target::None,
    };
    Table {
        columns: (0..WIDTH).map(|column| format!("x{column}")).collect(),
        rows: rows as usize,
        values,
        target,
        groups: vec![0; rows as usize],
        weights: None,
    }
}
