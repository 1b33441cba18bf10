//! The enrolment token: given, or in a file that somebody else writes.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::stop::Stop;

/// Longest token that is read, in bytes.
const TOKEN_BYTES_MAX: u64 = 1024;

/// How often the file is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Where the token is.
#[derive(Clone)]
pub(crate) enum EnrolmentToken {
    /// Here.
    Given(String),
    /// In a file, which perhaps is not there yet.
    File(PathBuf),
}

impl EnrolmentToken {
    /// The token; waits for its file. `None` where the end came first.
    ///
    /// # Errors
    /// The file is there and cannot be read, or holds something else.
    pub(super) fn text(&self, stop: &Stop) -> anyhow::Result<Option<String>> {
        let path = match self {
            EnrolmentToken::Given(token) => return Ok(Some(token.clone())),
            EnrolmentToken::File(path) => path,
        };
        let mut is_told = false;
        loop {
            if let Some(token) = read(path)? {
                return Ok(Some(token));
            }
            if !is_told {
                let path = path.display();
                tracing::info!(
                    "waiting for the enrolment token in {path}, which the trainer writes"
                );
                is_told = true;
            }
            if stop.wait(LOOK_EVERY) {
                return Ok(None);
            }
        }
    }
}

impl EnrolmentToken {
    /// What its file holds now; nothing where there is none, for a token that was given is used once.
    ///
    /// # Errors
    /// The file is there and cannot be read, or holds something else.
    pub(super) fn in_file(&self) -> anyhow::Result<Option<String>> {
        match self {
            EnrolmentToken::Given(_) => Ok(None),
            EnrolmentToken::File(path) => read(path),
        }
    }
}

/// What the file holds; nothing where it is not there, or still empty.
fn read(path: &Path) -> anyhow::Result<Option<String>> {
    let shown = path.display();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| {
                format!("{shown} cannot be read: the user that runs this program must be its owner")
            });
        }
    };
    let mut text = String::new();
    let read = file.take(TOKEN_BYTES_MAX + 1).read_to_string(&mut text);
    read.with_context(|| format!("{shown} cannot be read"))?;
    let token = text.trim();
    let is_token =
        token.len() as u64 <= TOKEN_BYTES_MAX && token.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(is_token, "{shown} holds no enrolment token: one word on one line is expected");
    Ok((!token.is_empty()).then(|| token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_waited_for_until_it_holds_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let stop = Stop::default();
        let waiting = {
            let (token, stop) = (EnrolmentToken::File(path.clone()), stop.clone());
            std::thread::spawn(move || token.text(&stop).unwrap())
        };
        std::fs::write(&path, "").unwrap();
        std::fs::write(&path, "cmt_1\n").unwrap();
        assert_eq!(waiting.join().unwrap().as_deref(), Some("cmt_1"));
        std::fs::write(&path, "two words").unwrap();
        let error = EnrolmentToken::File(path.clone()).text(&stop).unwrap_err().to_string();
        assert!(error.contains("holds no enrolment token"), "{error}");
        std::fs::remove_file(&path).unwrap();
        stop.stop();
        assert_eq!(EnrolmentToken::File(path).text(&stop).unwrap(), None);
    }
}
