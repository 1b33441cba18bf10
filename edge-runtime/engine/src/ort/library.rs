//! Finding and opening the library of ONNX Runtime.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ::ort::environment::Environment;

/// Names the library; an empty value counts as not set.
const VARIABLE: &str = "ORT_DYLIB_PATH";
/// The library's name without version.
const FILE: &str = "libonnxruntime.so";
/// Looked into in this order, after the folder of the program itself.
const FOLDERS: [&str; 6] = [
    "/usr/local/lib",
    "/usr/lib",
    "/usr/lib64",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/opt/onnxruntime/lib",
];

/// The opened library. One process opens one.
pub(super) struct Library {
    /// What sessions are made in.
    pub(super) environment: Environment,
    /// Version in the file's name and commit of the build.
    pub(super) version: String,
}

/// The library, opened at the first call. The text of an error says where it was looked for.
pub(super) fn open() -> Result<&'static Library, String> {
    static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();
    LIBRARY.get_or_init(|| open_at(&find()?)).as_ref().map_err(String::clone)
}

fn find() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        if path.is_file() {
            return Ok(path);
        }
        return Err(format!("{VARIABLE} names {}, which is no file", path.display()));
    }
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(PathBuf::from).collect();
    let program = std::env::current_exe().ok();
    folders.splice(0..0, program.as_deref().and_then(Path::parent).map(Path::to_path_buf));
    folders.iter().find_map(|folder| in_folder(folder)).ok_or_else(|| {
        let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
        format!(
            "{VARIABLE} is not set and there is no {FILE} in {}; set {VARIABLE} to the library's \
             path (`pip install onnxruntime` brings it as onnxruntime/capi/{FILE}.VERSION; in the \
             repository, `make setup`)",
            folders.join(", ")
        )
    })
}

/// The library in a folder, with or without a version at its end; the last name wins.
fn in_folder(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let is_library = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.strip_prefix(FILE).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            && path.is_file()
    };
    entries.filter(is_library).max()
}

fn open_at(path: &Path) -> Result<Library, String> {
    let real = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
    let builder = ::ort::init_from(&real).map_err(|error| error.to_string())?;
    let environment = builder.with_telemetry(false).build().map_err(|error| error.to_string())?;
    Ok(Library { environment, version: version(&real, ::ort::info()) })
}

/// `1.32.0 (fab30a4)`: the library says its commit, and only its file's name says its version.
fn version(path: &Path, build_info: &str) -> String {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let number = name.strip_prefix(FILE).and_then(|rest| rest.strip_prefix('.'));
    let commit = build_info
        .split("git-commit-id=")
        .nth(1)
        .and_then(|rest| rest.split([',', ' ']).next())
        .unwrap_or("unknown build");
    format!("{} ({commit})", number.unwrap_or("unknown version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_name_and_build() {
        let info = "ORT Build Info: git-branch=HEAD, git-commit-id=fab30a4, build type=Release";
        let path = Path::new("/x/libonnxruntime.so.1.32.0");
        assert_eq!(version(path, info), "1.32.0 (fab30a4)");
        assert_eq!(version(Path::new("y.so"), ""), "unknown version (unknown build)");
    }

    #[test]
    fn a_folder_without_the_library_has_none() {
        assert_eq!(in_folder(Path::new("/nowhere")), None);
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(in_folder(here), None);
    }
}
