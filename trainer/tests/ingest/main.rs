//! Imports: what they make of files and folders, and what they ask for instead of guessing.

mod bad_input;
mod csv_files;
mod edge_impulse_files;
mod formats;
mod refusals;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use trainer::ingest::{
    self, Destination, ImportArgs, ImportError, ImportedFile, ImportedRecording, Looking, Progress,
    Timing,
};
use trainer::progress::Cancelled;
use trainer::recording::Recording;

/// A folder with files to import.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = folder.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Imports `name` (a file, or a folder; empty for all) with these options.
    fn import(&self, name: &str, options: &str) -> Result<Vec<ImportedFile>, ImportError> {
        import(&self.path(name), options)
    }

    fn recordings(&self, name: &str, options: &str) -> Vec<Imported> {
        let files = self.import(name, options).unwrap();
        files.into_iter().flat_map(|file| file.recordings).map(Imported::from).collect()
    }

    fn one(&self, name: &str, options: &str) -> Imported {
        let mut recordings = self.recordings(name, options);
        assert_eq!(recordings.len(), 1);
        recordings.remove(0)
    }

    fn refusal(&self, name: &str, options: &str) -> String {
        self.import(name, options).unwrap_err().to_string()
    }
}

#[derive(clap::Parser)]
struct Command {
    #[command(flatten)]
    args: ImportArgs,
}

struct Silent;

impl Progress for Silent {
    fn file(&mut self, _: &Path, _: u64, _: u64) {}
    fn bytes(&mut self, _: u64, _: u64) -> Result<(), Cancelled> {
        Ok(())
    }
}

fn import(path: &Path, options: &str) -> Result<Vec<ImportedFile>, ImportError> {
    let words = ["import", path.to_str().unwrap()].into_iter().chain(options.split_whitespace());
    let args = Command::parse_from(words).args;
    let options = args.options().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let looking = Looking { format: options.format, scratch: scratch.path() };
    let plan = ingest::plan(&args.paths, looking)?;
    let mut files = Vec::new();
    let mut sink = |_: &ingest::PlannedFile, file| {
        files.push(file);
        Ok::<(), ImportError>(())
    };
    ingest::import(&plan, &options, Destination::Memory, &mut Silent, &mut sink)?;
    Ok(files)
}

/// A recording with what was found in it.
struct Imported {
    recording: Recording,
    timing: Option<Timing>,
    missing_values: u64,
    left_out: Vec<String>,
    notes: Vec<String>,
    advice: Vec<String>,
}

impl From<ImportedRecording> for Imported {
    fn from(one: ImportedRecording) -> Self {
        let recording = one.samples.expect("it was imported into memory");
        assert_eq!(recording.content(), one.entry.info.content);
        let report = one.report;
        Imported {
            recording,
            timing: report.timing,
            missing_values: report.missing_values,
            left_out: report.left_out,
            notes: report.notes,
            advice: report.advice,
        }
    }
}

/// The channels' names.
fn names(imported: &Imported) -> Vec<&str> {
    imported.recording.channels.iter().map(|channel| channel.name.as_str()).collect()
}

/// The labels as `from-to class`.
fn spans(imported: &Imported) -> Vec<String> {
    let spans = imported.recording.labels.iter();
    spans.map(|span| format!("{}-{} {}", span.from_row, span.to_row, span.class)).collect()
}
