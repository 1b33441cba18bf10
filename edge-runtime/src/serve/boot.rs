//! How often the program has started, and what its last end left open: a kill costs the window that
//! each stream had begun, and nobody else could tell.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::board::Board;
use super::whole_file;

/// Largest record that is read: ten thousand streams with the longest names.
const RECORD_BYTES_MAX: u64 = 8 << 20;
/// Time between two looks at which streams live.
const LOOK: Duration = Duration::from_secs(1);

/// A start of the program.
#[derive(Debug)]
pub(super) struct Boot {
    /// 1 for the first start on this state folder.
    pub(super) number: u64,
    /// Streams that lived when the run before ended without a good-bye.
    pub(super) interrupted_streams: Vec<String>,
    path: PathBuf,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct Record {
    boot: u64,
    is_running: bool,
    streams: Vec<String>,
}

impl Boot {
    /// Reads how the run before ended, and notes that another has begun.
    ///
    /// # Errors
    /// The state folder cannot be written.
    pub(super) fn begin(state: &Path) -> anyhow::Result<Boot> {
        let path = state.join("boot.json");
        let before = read(&path).unwrap_or_else(|error| {
            let path = path.display();
            tracing::warn!(%error, "{path} cannot be read: starts are counted from one again");
            Record::default()
        });
        let number = before.boot.saturating_add(1);
        let interrupted_streams = if before.is_running { before.streams } else { Vec::new() };
        if before.is_running {
            let streams = interrupted_streams.len();
            tracing::warn!(
                boot = number,
                streams,
                "the run before ended without a good-bye: the window that each stream had begun is \
                 lost"
            );
        }
        let boot = Boot { number, interrupted_streams, path };
        boot.note(true, &[])?;
        Ok(boot)
    }

    /// Notes which streams live, once a second where they change; never ends.
    pub(super) async fn follow(self: Arc<Self>, board: Arc<Board>) {
        let mut noted: Arc<Vec<String>> = Arc::default();
        loop {
            tokio::time::sleep(LOOK).await;
            let live = Arc::clone(&board.snapshot().live);
            if Arc::ptr_eq(&live, &noted) {
                continue;
            }
            noted = Arc::clone(&live);
            let boot = Arc::clone(&self);
            let written = tokio::task::spawn_blocking(move || boot.note(true, &live)).await;
            if let Ok(Err(error)) = written {
                tracing::warn!("{error:#}: a kill could not be told from a good end");
            }
        }
    }

    /// Notes a good end.
    pub(super) fn end(&self) {
        if let Err(error) = self.note(false, &[]) {
            tracing::warn!("{error:#}: the next start takes this end for a kill");
        }
    }

    fn note(&self, is_running: bool, streams: &[String]) -> anyhow::Result<()> {
        let record = Record { boot: self.number, is_running, streams: streams.to_vec() };
        let text = serde_json::to_string(&record).context("a record of the start is no JSON")?;
        whole_file::write(&self.path, text.as_bytes())
            .with_context(|| format!("{} cannot be written", self.path.display()))
    }
}

fn read(path: &Path) -> io::Result<Record> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Record::default()),
        opened => opened?,
    };
    let mut text = String::new();
    file.take(RECORD_BYTES_MAX).read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_is_told_from_a_good_end() {
        let folder = tempfile::tempdir().unwrap();
        let first = Boot::begin(folder.path()).unwrap();
        assert_eq!((first.number, first.interrupted_streams.len()), (1, 0));
        first.note(true, &["a".to_owned(), "b".to_owned()]).unwrap();
        let second = Boot::begin(folder.path()).unwrap();
        assert_eq!((second.number, &second.interrupted_streams[..]), (2, &first_two()[..]));
        second.end();
        let third = Boot::begin(folder.path()).unwrap();
        assert_eq!((third.number, third.interrupted_streams.len()), (3, 0));
        std::fs::write(folder.path().join("boot.json"), "{").unwrap();
        assert_eq!(Boot::begin(folder.path()).unwrap().number, 1);
    }

    fn first_two() -> [String; 2] {
        ["a".to_owned(), "b".to_owned()]
    }
}
