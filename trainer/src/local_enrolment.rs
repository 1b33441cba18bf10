//! The enrolment of a device on this host, with a token that no person carries.

use std::path::Path;
use std::{fs, io};

use anyhow::Context as _;
use model_format::id::Digest;

use crate::clock::now_ms;
use crate::data_folder::{DataFolder, write_privately};
use crate::secret::random_secret;
use crate::store::{Device, NewToken, OwnerId, StoreError, TokenId};

/// The name of its tokens.
const TOKEN_NAME: &str = "local device";

/// How long a token in a file is good. Each start of the trainer looks whether it still is.
const FILE_TOKEN_MS: i64 = 366 * 24 * 3_600_000;

const OWNER: OwnerId = OwnerId::LOCAL;

/// A token for one device, and its secret.
pub(crate) fn token(folder: &DataFolder, life_ms: i64) -> anyhow::Result<(TokenId, String)> {
    let secret = random_secret("cmt_")?;
    let new = NewToken {
        name: TOKEN_NAME.to_owned(),
        device_group: None,
        digest: Digest::of(secret.as_bytes()),
        uses: 1,
        expires_ms: now_ms() + life_ms,
    };
    Ok((folder.store().add_token(OWNER, &new)?.id, secret))
}

/// The newest device that has enrolled with such a token.
///
/// # Errors
/// Where the database cannot be read.
pub(crate) fn device(folder: &DataFolder) -> Result<Option<Device>, StoreError> {
    folder.store().device_enrolled_by(OWNER, TOKEN_NAME)
}

/// Sees to it that the file holds a token, as long as no device has enrolled with one of ours and was
/// heard since. The file can be read by the user alone that this program runs as.
///
/// # Errors
/// Where the file or the database cannot be read or written.
pub(crate) fn offer(folder: &DataFolder, file: &Path) -> anyhow::Result<()> {
    let shown = file.display();
    let store = folder.store();
    if let Some(device) = device(folder)? {
        // It may have missed our answer: its token is good for asking again, until we have heard it.
        if device.seen_ms.is_some() {
            remove(file).with_context(|| format!("{shown} cannot be removed"))?;
        }
        return Ok(());
    }
    let held = match fs::read_to_string(file) {
        Ok(text) => store.token_of_secret(Digest::of(text.trim().as_bytes()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("{shown} cannot be read")),
    };
    if held
        .is_some_and(|token| token.uses_left > 0 && token.expires_ms > now_ms() + FILE_TOKEN_MS / 2)
    {
        return Ok(());
    }
    // Whoever has copied one that was never used cannot use it any more.
    store.delete_unused_tokens(OWNER, TOKEN_NAME)?;
    let (_, secret) = token(folder, FILE_TOKEN_MS)?;
    write_privately(file, format!("{secret}\n").as_bytes())
        .context("--local-device names a file that cannot be written")?;
    tracing::info!(file = %shown, "a device on this host can enrol with the token in this file");
    Ok(())
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
