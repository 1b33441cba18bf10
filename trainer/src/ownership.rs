//! Whose a folder is, why this program may not write there, and the command that mends it.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::Access;
use rustix::process::{getegid, geteuid};

/// Files that container engines put into what they start.
const CONTAINER_MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];

/// What to do about an error at this path, as the end of a sentence; nothing where it is not about
/// permissions.
pub(crate) fn advice(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            culprit(path).map(|found| mend(&found)).unwrap_or_default()
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            let shown = path.display();
            format!(
                "; the file system is mounted read-only: mount one that can be written at {shown}"
            )
        }
        _ => String::new(),
    }
}

/// What to do about a folder that cannot be made, as the end of a sentence; nothing where it is not
/// about permissions.
pub(crate) fn making(path: &Path, error: &io::Error) -> String {
    let ((user, group), path) = (own(), path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "; this program runs as the user {user}:{group}: make it with `sudo install -d -o {user} -g \
             {group} {path}`, or name another one with --data"
        ),
        _ => String::new(),
    }
}

/// The user that this program runs as: its number, and its group's.
pub(crate) fn own() -> (u32, u32) {
    (geteuid().as_raw(), getegid().as_raw())
}

/// What keeps this program from a path: the nearest of it and the folders above that is there and
/// cannot be written. Where that is a file whose folder cannot be written either, it is the folder.
fn culprit(path: &Path) -> Option<PathBuf> {
    let cannot = |path: &&Path| fs::symlink_metadata(path).is_ok() && !is_writable(path);
    let mut paths = path.ancestors().filter(|path| !path.as_os_str().is_empty());
    let found = paths.find(cannot)?;
    let folder = found.parent().filter(|folder| !found.is_dir() && cannot(folder));
    Some(folder.unwrap_or(found).to_owned())
}

/// Whether this program may write into a folder or a file.
pub(crate) fn is_writable(path: &Path) -> bool {
    let wanted = if path.is_dir() { Access::WRITE_OK | Access::EXEC_OK } else { Access::WRITE_OK };
    rustix::fs::access(path, wanted).is_ok()
}

/// Whose it is, and the command that mends it.
pub(crate) fn mend(path: &Path) -> String {
    let Ok(facts) = fs::metadata(path) else { return String::new() };
    let (user, group) = own();
    let mode = facts.permissions().mode() & 0o7777;
    let marks = CONTAINER_MARKS.iter().any(|mark| Path::new(mark).exists());
    let mounts = if marks {
        fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()
    } else {
        String::new()
    };
    let (place, shown) = match on_host(&mounts, path) {
        Some(host) => ("on the host, where this folder is probably the one named here, run", host),
        None => ("run", path.to_owned()),
    };
    let shown = shown.display();
    let (found, command) = if facts.uid() == user {
        (format!("mode {mode:04o}"), format!("chmod -R u+rwX {shown}"))
    } else {
        (
            format!("owner {}:{}, mode {mode:04o}", facts.uid(), facts.gid()),
            format!("sudo chown -R {user}:{group} {shown}"),
        )
    };
    let path = path.display();
    format!(
        "; {path} ({found}) cannot be written by the user {user}:{group} that this program runs as: {place} `{command}`"
    )
}

/// Gives a file to the owner of its folder where this program runs as root: a service that runs as
/// somebody else must be able to use it.
pub(crate) fn give_to_owner_of(folder: &Path, path: &Path) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let owner = fs::metadata(folder)?;
    std::os::unix::fs::lchown(path, Some(owner.uid()), Some(owner.gid()))
}

/// The same for a folder with all that is in it.
pub(crate) fn give_all_to_owner_of(folder: &Path, path: &Path) -> io::Result<()> {
    give_to_owner_of(folder, path)?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            give_all_to_owner_of(folder, &entry?.path())?;
        }
    }
    Ok(())
}

/// What a path in a container is on its host, by the table of mounts: folders that are mounted from
/// there have their path as root. Where the host has several file systems, what they are mounted at is
/// not told.
fn on_host(mounts: &str, path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let lines = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(3);
        Some((PathBuf::from(fields.next()?), PathBuf::from(fields.next()?)))
    });
    let of_path = lines.filter(|(_, point)| path.starts_with(point));
    let (root, point) = of_path.max_by_key(|(_, point)| point.components().count())?;
    let rest = path.strip_prefix(&point).ok()?;
    let is_folder_of_host = root != Path::new("/") && point != Path::new("/");
    let whole = if rest.as_os_str().is_empty() { root } else { root.join(rest) };
    is_folder_of_host.then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mounted_folder_is_named_as_its_host_has_it() {
        let mounts = "\
22 1 0:20 / / rw - overlay overlay rw
30 22 8:1 /srv/cirame/docker-volumes/data /data rw,relatime - ext4 /dev/sda1 rw
31 30 8:1 /srv/cirame/docker-volumes/models /data/models rw,relatime - ext4 /dev/sda1 rw
32 22 0:30 / /proc rw - proc proc rw
";
        let of =
            |path: &str| on_host(mounts, Path::new(path)).map(|path| path.display().to_string());
        assert_eq!(of("/data").unwrap(), "/srv/cirame/docker-volumes/data");
        assert_eq!(of("/data/runs/x").unwrap(), "/srv/cirame/docker-volumes/data/runs/x");
        assert_eq!(of("/data/models").unwrap(), "/srv/cirame/docker-volumes/models");
        assert_eq!(of("/etc"), None);
        assert_eq!(of("/proc/sys"), None);
        assert_eq!(on_host("", Path::new("/data")), None);
    }

    #[test]
    fn only_what_is_about_permissions_has_advice() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(advice(folder.path(), &io::Error::from(io::ErrorKind::StorageFull)), "");
        let read_only = io::Error::from(io::ErrorKind::ReadOnlyFilesystem);
        assert!(advice(folder.path(), &read_only).contains("mounted read-only"));
        let text = mend(folder.path());
        assert!(text.contains(&format!("{}:{}", own().0, own().1)), "{text}");
        assert!(text.contains("chmod -R u+rwX"), "{text}");
    }
}
