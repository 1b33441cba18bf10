//! Runs `cirame-trainer` in a data folder that is removed afterwards.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A data folder and a place for files.
pub(crate) struct Program {
    folder: tempfile::TempDir,
}

impl Program {
    pub(crate) fn new() -> Self {
        Program { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A path beside the data folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cirame-trainer"));
        command.current_dir(self.folder.path()).arg("--data").arg(self.data());
        command.args(arguments.split_whitespace());
        command
    }

    /// The JSON that a command prints.
    pub(crate) fn run(&self, arguments: &str) -> Value {
        let output = self.output(&format!("--json {arguments}"));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {error}");
        serde_json::from_slice(&output.stdout).expect("the report is JSON")
    }

    /// The text that a command prints.
    pub(crate) fn text(&self, arguments: &str) -> String {
        let output = self.output(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {error}");
        String::from_utf8(output.stdout).expect("the report is text")
    }

    /// What a command says when it refuses.
    pub(crate) fn refusal(&self, arguments: &str) -> String {
        let output = self.output(arguments);
        assert!(!output.status.success(), "{arguments} was not refused");
        String::from_utf8(output.stderr).expect("the refusal is text")
    }

    fn output(&self, arguments: &str) -> Output {
        self.command(arguments).output().expect("the program runs")
    }
}

/// The rows of a CSV file, by column name.
pub(crate) fn read_csv(path: &Path) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("the file opens");
    let rows = reader.deserialize().collect::<Result<Vec<_>, _>>();
    rows.expect("the file is CSV")
}
