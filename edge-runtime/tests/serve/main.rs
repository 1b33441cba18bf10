//! The service, as devices and programs meet it: the real program, a real broker.

mod adopted;
mod connection;
mod health;
mod hostile;
mod http;
mod inference;
mod mosquitto;
mod mqtt;
mod program;
mod proxy;
mod socket;
mod streams;
mod subscriber;
mod survival;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take under an emulator on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A released artifact: channels accX and accY at 100 Hz, windows of 32 samples, each 16.
fn model(name: &str) -> PathBuf {
    let corpus = "../model-format/tests/corpus/v1";
    Path::new(env!("CARGO_MANIFEST_DIR")).join(corpus).join(format!("{name}.onnx"))
}

/// Looks until there is something, or the deadline has passed.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Rows of two channels at 100 Hz.
fn rows(count: usize) -> Vec<[f32; 2]> {
    (0..count)
        .map(|row| {
            let up = if row % (4 + row / 40 % 7) < 3 { 1.0 } else { -1.0 };
            let jitter = (row * 7919 % 101) as f32 / 101.0;
            [(0.5 + 0.25 * (row / 64 % 5) as f32) * up + jitter, 2.0 * up - jitter]
        })
        .collect()
}

/// One row as a message.
fn object(number: usize, [x, y]: [f32; 2]) -> String {
    format!(r#"{{"t_ms":{},"accX":{x},"accY":{y}}}"#, 10 * number)
}

/// The rows as one message.
fn array(rows: &[[f32; 2]]) -> String {
    let objects: Vec<String> =
        rows.iter().enumerate().map(|(number, row)| object(number, *row)).collect();
    format!("[{}]", objects.join(","))
}

/// A result without what `run` does not say.
fn as_of_run(mut result: Value) -> Value {
    let fields = result.as_object_mut().expect("a result is an object");
    for name in ["stream", "model", "version", "artifact_sha256", "sequence"] {
        fields.remove(name).unwrap_or_else(|| panic!("the result has no {name}"));
    }
    result
}
