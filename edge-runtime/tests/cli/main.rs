//! The command line, as a user meets it: the real program on real files.

mod by_hand;
mod inspect_and_prove;
mod refusals;
mod row_mode;
mod run;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use model_format::manifest::Task;
use serde_json::Value;

/// A released artifact: channels accX and accY at 100 Hz, windows of 32 samples, each 16.
fn model(name: &str) -> PathBuf {
    let corpus = "../model-format/tests/corpus/v1";
    Path::new(env!("CARGO_MANIFEST_DIR")).join(corpus).join(format!("{name}.onnx"))
}

/// The artifacts by task.
const MODELS: [(&str, Task); 3] = [
    ("classification", Task::Classification),
    ("regression", Task::Regression),
    ("anomaly", Task::Anomaly),
];

/// What a run of the program gave.
struct Done {
    is_success: bool,
    output: String,
    errors: String,
}

impl Done {
    /// The results, which must be JSON lines.
    fn results(&self) -> Vec<Value> {
        assert!(self.is_success, "{}", self.errors);
        self.output.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The message of a run that must have failed.
    fn refusal(&self) -> &str {
        assert!(!self.is_success, "{}", self.output);
        let says_why = self.errors.lines().any(|line| line.starts_with("error: "));
        assert!(says_why, "{}", self.errors);
        &self.errors
    }
}

/// The program, under the emulator where the tests are built for another processor.
fn program() -> Command {
    let program = env!("CARGO_BIN_EXE_cirame-edge");
    let mut command = match std::env::var_os("CIRAME_TEST_RUNNER") {
        None => Command::new(program),
        Some(runner) => {
            let mut command = Command::new(runner);
            command.arg(program);
            command
        }
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program with these words; `input` goes to its standard input.
fn edge(words: &[&str], input: &str) -> Done {
    let mut child = program().args(words).spawn().expect("the program starts");
    let mut pipe = child.stdin.take().expect("the input is piped");
    // A program that refuses may close its input before it has read everything.
    let _ = pipe.write_all(input.as_bytes());
    drop(pipe);
    let output = child.wait_with_output().expect("the program ends");
    Done {
        is_success: output.status.success(),
        output: String::from_utf8(output.stdout).expect("results are UTF-8"),
        errors: String::from_utf8(output.stderr).expect("messages are UTF-8"),
    }
}

/// `run` of a model on standard input, with more options.
fn run(model_name: &str, input: &str, options: &str) -> Done {
    let path = model(model_name);
    let mut words = vec!["run", path.to_str().expect("the path is UTF-8"), "--input", "-"];
    words.extend(options.split_whitespace());
    edge(&words, input)
}

/// Rows of two channels at 100 Hz: waves whose length and height change.
fn rows(count: usize) -> Vec<[f32; 2]> {
    (0..count)
        .map(|row| {
            let cycle = 4 + row / 40 % 7;
            let up = |offset: usize| if (row + offset) % cycle < cycle / 2 { 1.0 } else { -1.0 };
            let height = 0.5 + 0.25 * (row / 64 % 5) as f32;
            let jitter = (row * 7919 % 101) as f32 / 101.0;
            [height * up(0) + jitter, 2.0 * up(3) - jitter]
        })
        .collect()
}

/// The rows as CSV with a time column in milliseconds.
fn csv(rows: &[[f32; 2]]) -> String {
    let lines = rows.iter().enumerate().map(|(row, [x, y])| format!("{},{x},{y}\n", 10 * row));
    "t_ms,accX,accY\n".to_owned() + &lines.collect::<String>()
}
