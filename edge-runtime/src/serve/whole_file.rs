//! Small files that are there whole, or as they were before.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes aside, syncs, and renames.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("tmp");
    let mut file = File::create(&aside)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(aside, path)
}
