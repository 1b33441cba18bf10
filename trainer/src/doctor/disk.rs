//! Is there room, and are the folders on file systems that a database can live on?

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{statfs, statvfs};

use super::Finding;
use crate::data_folder::FOLDERS;

/// Below this much room nothing works for long, in bytes.
const FREE_BYTES_MIN: u64 = 256 << 20;

/// Below this much room somebody should look, in bytes.
const FREE_BYTES_LOW: u64 = 2 << 30;

/// Below this many files that can still be made, somebody should look.
const FREE_FILES_LOW: u64 = 10_000;

/// Whether a database in WAL mode may lie on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A disk of this machine, as far as is known.
    Local,
    /// Other machines may write there: locks and shared memory are not reliable.
    Network,
    /// It depends on the program behind it.
    Program,
    /// What is in it ends with the machine or the container.
    Passing,
}

/// File systems by the numbers that statfs gives.
const KINDS: [(u32, &str, Kind); 18] = [
    (0x6969, "NFS", Kind::Network),
    (0x517b, "SMB", Kind::Network),
    (0xff53_4d42, "SMB (cifs)", Kind::Network),
    (0xfe53_4d42, "SMB 2", Kind::Network),
    (0x00c3_6400, "Ceph", Kind::Network),
    (0x5346_414f, "AFS", Kind::Network),
    (0x0bd0_0bd0, "Lustre", Kind::Network),
    (0x0116_1970, "GFS2", Kind::Network),
    (0x7461_636f, "OCFS2", Kind::Network),
    (0x0102_1997, "9p", Kind::Network),
    (0x6573_5546, "FUSE", Kind::Program),
    (0x6a65_6a63, "virtiofs", Kind::Program),
    (0x0102_1994, "tmpfs", Kind::Passing),
    (0x794c_7630, "overlayfs", Kind::Passing),
    (0xef53, "ext4", Kind::Local),
    (0x5846_5342, "XFS", Kind::Local),
    (0x9123_683e, "Btrfs", Kind::Local),
    (0x2fc1_2fc1, "ZFS", Kind::Local),
];

/// The data folder and those in it, each file system once: the first folder that lies there.
fn places(data: &Path) -> Vec<PathBuf> {
    let inner = FOLDERS.into_iter().map(|name| data.join(name));
    let mut seen = BTreeSet::new();
    std::iter::once(existing(data))
        .chain(inner)
        .filter(|path| std::fs::metadata(path).is_ok_and(|facts| seen.insert(facts.dev())))
        .collect()
}

/// The path, or the nearest folder above it that is there.
fn existing(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// Room on each file system that the data folder lies on.
pub(crate) fn check_space(data: &Path) -> Vec<Finding> {
    places(data).iter().map(|path| space(path)).collect()
}

fn space(path: &Path) -> Finding {
    const CHECK: &str = "disk space";
    let shown = path.display();
    let facts = match statvfs(path) {
        Ok(facts) => facts,
        Err(error) => return Finding::failure(CHECK, format!("{shown}: {error}")),
    };
    let free = facts.f_bavail.saturating_mul(facts.f_frsize);
    let total = facts.f_blocks.saturating_mul(facts.f_frsize);
    let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    let text = format!("{shown}: {} free of {}", gigabytes(free), gigabytes(total));
    if free < FREE_BYTES_MIN {
        return Finding::failure(
            CHECK,
            format!("{text}: make room, nothing can be written for long"),
        );
    }
    if free < FREE_BYTES_LOW {
        return Finding::warning(CHECK, format!("{text}: make room soon"));
    }
    if facts.f_files > 0 && facts.f_favail < FREE_FILES_LOW {
        let files = facts.f_favail;
        return Finding::warning(
            CHECK,
            format!("{text}, but only {files} more files can be made there"),
        );
    }
    Finding::ok(CHECK, text)
}

/// Whether the database, and the files beside it, may lie where they lie.
pub(crate) fn check_file_systems(data: &Path) -> Vec<Finding> {
    let check = |path: &PathBuf| match statfs(path) {
        Ok(facts) => file_system(path, facts.f_type as u32, path == &existing(data)),
        Err(error) => Finding::failure("file system", format!("{}: {error}", path.display())),
    };
    places(data).iter().map(check).collect()
}

fn file_system(path: &Path, number: u32, has_database: bool) -> Finding {
    const CHECK: &str = "file system";
    let shown = path.display();
    let known = KINDS.iter().find(|(magic, ..)| *magic == number);
    let Some((_, name, kind)) = known else {
        return Finding::ok(CHECK, format!("{shown}: of kind {number:#x}"));
    };
    match (kind, has_database) {
        (Kind::Local, _) => Finding::ok(CHECK, format!("{shown}: {name}")),
        (Kind::Network, true) => Finding::failure(
            CHECK,
            format!(
                "{shown} is on {name}: SQLite's write-ahead log needs locks and memory that programs of \
                 one machine share, and loses data here. Put the data folder on a disk of this machine; \
                 datasets/ and models/ may be mounted from {name}, and backups go there"
            ),
        ),
        (Kind::Network, false) => Finding::ok(
            CHECK,
            format!("{shown}: {name}; good for these files, as slow as the network"),
        ),
        (Kind::Program, true) => Finding::warning(
            CHECK,
            format!(
                "{shown} is on {name}: whether SQLite's write-ahead log works there depends on the \
                 program behind it. A disk of this machine, or a volume of the container engine, is safe"
            ),
        ),
        (Kind::Program, false) => Finding::ok(CHECK, format!("{shown}: {name}")),
        (Kind::Passing, _) => Finding::warning(
            CHECK,
            format!(
                "{shown} is on {name}: what is in it ends with the container or the machine. Mount a \
                 folder of a disk there"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_database_on_a_network_is_a_failure_and_recordings_there_are_not() {
        let path = Path::new("/data");
        assert_eq!(file_system(path, 0x6969, true).verdict, Verdict::Failure);
        assert_eq!(file_system(path, 0x6969, false).verdict, Verdict::Ok);
        assert_eq!(file_system(path, 0xff53_4d42, true).verdict, Verdict::Failure);
        assert_eq!(file_system(path, 0x6573_5546, true).verdict, Verdict::Warning);
        assert_eq!(file_system(path, 0x794c_7630, true).verdict, Verdict::Warning);
        assert_eq!(file_system(path, 0xef53, true).verdict, Verdict::Ok);
        assert!(file_system(path, 0x1234, true).text.contains("0x1234"));
    }

    #[test]
    fn the_machine_s_own_file_systems_are_looked_at_once_each() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("not/there/yet");
        assert_eq!(check_space(&data).len(), 1);
        assert_eq!(check_file_systems(&data).len(), 1);
        std::fs::create_dir_all(data.join("models")).unwrap();
        assert_eq!(check_space(&data).len(), 1, "one file system");
        let proc = check_file_systems(Path::new("/proc"));
        assert!(proc[0].text.contains("/proc"), "{proc:?}");
    }
}
