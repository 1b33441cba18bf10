//! Downloads: resumed where they broke off, within the announced size, checked before they count.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use model_format::artifact::FILE_BYTES_MAX;
use model_format::id::Digest;
use model_format::protocol::DesiredModel;
use ureq::http::{Response, StatusCode, header};
use ureq::{Body, BodyReader};

use super::state::DownloadFailure::{self, Aborted, Damaged, Final, Later};
use super::state_folder::{StateFolder, read_bounded};
use super::trainer::{EnrolledTrainer, RequestError};

/// Bytes that are read and written at once; the end of the program is noticed between two.
const PIECE_BYTES: usize = 64 << 10;

/// Brings the artifact into the state folder, unless it is there.
///
/// # Errors
/// Says whether asking again may help.
pub(super) fn download(
    folder: &StateFolder,
    trainer: Option<&EnrolledTrainer>,
    model: &DesiredModel,
    abort: &AtomicBool,
) -> Result<(), DownloadFailure> {
    let (artifact, size) = (model.artifact_sha256, model.artifact_bytes);
    if size == 0 || size > FILE_BYTES_MAX as u64 {
        let text =
            format!("the model has {size} bytes; models of 1 to {FILE_BYTES_MAX} are loaded");
        return Err(Final(text));
    }
    if is_there(folder, model) {
        return Ok(());
    }
    let path = folder.download_path(artifact, &model.model);
    let mut options = OpenOptions::new();
    options.create(true).read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut part = options.open(&path).map_err(disk)?;
    let mut there = part.metadata().map_err(disk)?.len();
    if there > size {
        part.set_len(0).map_err(disk)?;
        there = 0;
    }
    let fetched = if there == size {
        Ok(())
    } else if let Some(trainer) = trainer {
        fetch(trainer, model, &mut part, there, abort)
    } else {
        Err(Later("the model is not here whole, and the device has no trainer".to_owned()))
    };
    let checked = fetched.and_then(|()| check(&mut part, model));
    if let Err(Damaged(_)) = &checked {
        remove(&path);
    }
    checked?;
    folder.adopt_download(artifact, &model.model).map_err(disk)
}

/// True where the file of the model is there, whole and unchanged.
fn is_there(folder: &StateFolder, model: &DesiredModel) -> bool {
    let file = File::open(folder.model_path(model.artifact_sha256));
    let bytes = file.and_then(|file| read_bounded(file, model.artifact_bytes));
    bytes.is_ok_and(|bytes| Digest::of(&bytes) == model.artifact_sha256)
}

/// Fetches what is missing.
fn fetch(
    trainer: &EnrolledTrainer,
    model: &DesiredModel,
    part: &mut File,
    mut there: u64,
    abort: &AtomicBool,
) -> Result<(), DownloadFailure> {
    if abort.load(Ordering::Relaxed) {
        return Err(Aborted);
    }
    let size = model.artifact_bytes;
    let answer = trainer.artifact(model.artifact_sha256, there);
    let mut answer = answer.map_err(|error| match error {
        // What is here is not a part of that file.
        RequestError::Refused { status: 416, .. } => match part.set_len(0) {
            Ok(()) => Later(error.to_string()),
            Err(error) => disk(error),
        },
        error => Later(error.to_string()),
    })?;
    match answer.status() {
        StatusCode::OK if there > 0 => {
            part.set_len(0).map_err(disk)?;
            there = 0;
        }
        StatusCode::OK => {}
        StatusCode::PARTIAL_CONTENT => check_range(&answer, there, size)?,
        status => return Err(Later(format!("the trainer answers {status} instead of a file"))),
    }
    if let Some(length) = answer.body().content_length()
        && there + length != size
    {
        let found = there + length;
        return Err(Damaged(format!(
            "the trainer announced {size} bytes for the model and sends {found}: export the model \
             anew, then deploy it again"
        )));
    }
    copy(answer.body_mut().as_reader(), part, size - there, abort)
}

/// A part of the file must be the one that was asked for.
fn check_range(answer: &Response<Body>, from: u64, size: u64) -> Result<(), DownloadFailure> {
    let range = answer.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let range = range.unwrap_or_default();
    if range == format!("bytes {from}-{}/{size}", size - 1) {
        return Ok(());
    }
    Err(Damaged(format!(
        "the trainer was asked for bytes {from} to {size} of the model and sends {range:.100?}"
    )))
}

/// Appends exactly `missing` bytes.
fn copy(
    mut from: BodyReader<'_>,
    to: &mut File,
    mut missing: u64,
    abort: &AtomicBool,
) -> Result<(), DownloadFailure> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        if abort.load(Ordering::Relaxed) {
            return Err(Aborted);
        }
        let read = match from.read(&mut piece) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Later(format!("the download broke off: {error}"))),
        };
        if read == 0 {
            break;
        }
        if read as u64 > missing {
            let text = "the trainer sends more bytes of the model than it announced";
            return Err(Damaged(text.to_owned()));
        }
        to.write_all(&piece[..read]).map_err(disk)?;
        missing -= read as u64;
    }
    if missing == 0 {
        return Ok(());
    }
    Err(Later(format!("the download broke off with {missing} bytes missing")))
}

/// The whole file must be what the trainer announced.
fn check(part: &mut File, model: &DesiredModel) -> Result<(), DownloadFailure> {
    part.sync_all().map_err(disk)?;
    part.rewind().map_err(disk)?;
    let file = part.try_clone().map_err(disk)?;
    let bytes = read_bounded(file, model.artifact_bytes).map_err(disk)?;
    let (found, expected) = (Digest::of(&bytes), model.artifact_sha256);
    if found == expected {
        return Ok(());
    }
    Err(Damaged(format!(
        "the downloaded model has the SHA-256 {found} instead of {expected}: its bytes were \
         changed on the way or with the trainer; check the connection and export the model anew, \
         then deploy it again"
    )))
}

fn remove(path: &std::path::Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(file = %path.display(), %error, "a damaged download cannot be removed");
    }
}

/// Trouble with the device's own disk does not pass by itself.
fn disk(error: io::Error) -> DownloadFailure {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    Final(match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => format!(
            "the disk of the device is full ({error}): make room in its state folder, then deploy \
             the model again"
        ),
        _ => format!(
            "the state folder of the device cannot be used ({error}): check its disk and \
             permissions, then deploy the model again"
        ),
    })
}
