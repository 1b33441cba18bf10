//! The model's file: read within a bound, and checked as an artifact.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use model_format::artifact::Artifact;

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// A model that has passed every check, and the size of its file.
pub(crate) struct ModelFile {
    pub(crate) size_bytes: u64,
    pub(crate) artifact: Artifact,
}

/// Reads and checks `path`.
///
/// # Errors
/// If the file cannot be read, is too large or is no artifact.
pub(crate) fn read(path: &Path) -> anyhow::Result<ModelFile> {
    let name = path.display();
    let size_bytes = fs::metadata(path).with_context(|| format!("{name}"))?.len();
    ensure!(
        size_bytes <= FILE_BYTES_MAX,
        "{name} has {size_bytes} bytes; models of at most {FILE_BYTES_MAX} bytes are loaded"
    );
    let bytes = fs::read(path).with_context(|| format!("{name}"))?;
    let artifact = Artifact::read(&bytes)
        .with_context(|| format!("{name} is not a model that cirame-trainer exported"))?;
    Ok(ModelFile { size_bytes: bytes.len() as u64, artifact })
}
