//! Backups that are damaged, hostile or too new change nothing.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::json;
use tar::{Archive, Builder, EntryType, Header};

use crate::service::Place;

/// A backup of a small data folder.
fn made(place: &Place) -> PathBuf {
    place.simulate("pump");
    let file = place.beside("backup.tar.gz");
    place.run(&format!("backup {}", file.display()));
    file
}

/// An archive with these entries: name, kind, target of a link, bytes.
fn archive(place: &Place, name: &str, entries: &[(&str, EntryType, &str, &[u8])]) -> PathBuf {
    let path = place.beside(name);
    let mut tar =
        Builder::new(GzEncoder::new(std::fs::File::create(&path).unwrap(), Compression::fast()));
    for (name, kind, link, bytes) in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // The library refuses such names; a hostile program does not.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap();
    path
}

#[track_caller]
fn refused(place: &Place, file: &Path, part: &str) {
    for command in ["restore", "backup --check"] {
        let refusal = place.refusal(&format!("{command} {}", file.display()));
        assert!(refusal.contains(part), "{command}: {part} is missing in {refusal}");
    }
}

/// All files of a data folder with their bytes, but the locks.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.ends_with("lock") && !path.ends_with("copying") {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_flipped_byte_anywhere_is_found_before_anything_changes() {
    let place = Place::new();
    let file = made(&place);
    let good = std::fs::read(&file).unwrap();
    let before = files(&place.data());
    let bad = place.beside("bad.tar.gz");
    // The first ten bytes are gzip's own: time and system of the writer mean nothing.
    let steps = 24;
    for step in 0..=steps {
        let position = 10 + (good.len() - 11) * step / steps;
        let mut bytes = good.clone();
        bytes[position] ^= 0x10;
        std::fs::write(&bad, &bytes).unwrap();
        let command = if step % 2 == 0 { "restore" } else { "backup --check" };
        place.refusal(&format!("{command} {}", bad.display()));
    }
    for cut in [0, 1, good.len() / 2, good.len() - 1] {
        std::fs::write(&bad, &good[..cut]).unwrap();
        place.refusal(&format!("restore {}", bad.display()));
    }
    assert!(files(&place.data()) == before, "nothing has changed");
    place.run(&format!("backup --check {}", file.display()));
}

/// The backup written anew, so that all checksums of gzip and tar are right, with each file as `change`
/// makes it; `None` leaves it out.
fn rewritten(
    place: &Place,
    file: &Path,
    change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>,
) -> PathBuf {
    let mut entries = Vec::new();
    let mut old = Archive::new(GzDecoder::new(std::fs::File::open(file).unwrap()));
    for entry in old.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        entries.extend(change(&name, bytes).map(|bytes| (name, bytes)));
    }
    let entries: Vec<_> =
        entries.iter().map(|(name, bytes)| (&**name, EntryType::Regular, "", &**bytes)).collect();
    archive(place, "rewritten.tar.gz", &entries)
}

#[test]
fn a_backup_whose_files_were_exchanged_is_refused_although_every_checksum_of_the_archive_is_right()
{
    let place = Place::new();
    let file = made(&place);
    let before = files(&place.data());
    let same = rewritten(&place, &file, |_, bytes| Some(bytes));
    place.run(&format!("backup --check {}", same.display()));
    let is_recording = |name: &str| name.starts_with("datasets/");
    let exchanged = rewritten(&place, &file, |name, mut bytes| {
        if is_recording(name) {
            bytes[100] ^= 1;
        }
        Some(bytes)
    });
    refused(&place, &exchanged, "has other bytes");
    let lost = rewritten(&place, &file, |name, bytes| (!is_recording(name)).then_some(bytes));
    refused(&place, &lost, "is not there");

    // The manifest agrees, and what the database names is missing all the same.
    let forgotten = rewritten(&place, &file, |name, bytes| {
        if name != "manifest.json" {
            return (!is_recording(name)).then_some(bytes);
        }
        let mut manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        manifest["files"].as_object_mut().unwrap().retain(|name, _| !is_recording(name));
        Some(manifest.to_string().into_bytes())
    });
    refused(&place, &forgotten, "which its database names, is not there");
    let counted = rewritten(&place, &file, |name, bytes| {
        let text =
            String::from_utf8_lossy(&bytes).replace("\"recordings\": 4", "\"recordings\": 5");
        Some(if name == "manifest.json" { text.into_bytes() } else { bytes })
    });
    refused(&place, &counted, "its database has other rows");
    assert!(files(&place.data()) == before, "nothing has changed");
}

#[test]
fn a_hostile_archive_writes_nothing_outside_and_nothing_inside() {
    let place = Place::new();
    made(&place);
    let before = files(&place.data());
    let format =
        json!({ "format_version": 1, "schema_version": 4, "program": "0.1.0", "created_ms": 0 });
    let format = format.to_string();
    let first = ("format.json", EntryType::Regular, "", format.as_bytes());
    let digest = "0".repeat(64);
    let recording = format!("datasets/{digest}.parquet");
    for (number, (entry, part)) in [
        (("../outside", EntryType::Regular, "", &b"x"[..]), "../outside"),
        (("/tmp/outside", EntryType::Regular, "", b"x"), "/tmp/outside"),
        (("datasets/../../outside", EntryType::Regular, "", b"x"), "outside"),
        (("lock", EntryType::Regular, "", b"x"), "\"lock\""),
        ((&*recording, EntryType::Symlink, "/etc/passwd", b""), "no plain file but a Symlink"),
        ((&*recording, EntryType::Link, "cirame.db", b""), "no plain file but a Link"),
        (("datasets", EntryType::Directory, "", b""), "no plain file but a Directory"),
        (("././@LongLink", EntryType::GNULongName, "", b"../outside\0"), "no plain file"),
        (("cirame.db", EntryType::Fifo, "", b""), "no plain file but a Fifo"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = archive(&place, &format!("{number}.tar.gz"), &[first, entry]);
        refused(&place, &file, part);
    }
    let twice = (&*recording, EntryType::Regular, "", &b"x"[..]);
    refused(&place, &archive(&place, "twice.tar.gz", &[first, twice, twice]), &recording);
    refused(&place, &archive(&place, "first.tar.gz", &[twice]), "stands where format.json should");
    refused(&place, &archive(&place, "cut.tar.gz", &[first, twice]), "ends before manifest.json");
    let manifest = ("manifest.json", EntryType::Regular, "", &br#"{"files":{},"rows":{}}"#[..]);
    refused(
        &place,
        &archive(&place, "late.tar.gz", &[first, manifest, twice]),
        "after manifest.json",
    );
    refused(&place, &archive(&place, "more.tar.gz", &[first, twice, manifest]), "was put in later");
    refused(&place, &archive(&place, "none.tar.gz", &[first, manifest]), "no cirame.db");
    std::fs::write(place.beside("text.tar.gz"), "a text").unwrap();
    refused(&place, &place.beside("text.tar.gz"), "damaged or cut off");
    assert!(!place.beside("outside").exists() && !Path::new("/tmp/outside").exists());
    assert!(files(&place.data()) == before, "nothing has changed");
}

#[test]
fn what_is_newer_or_in_use_is_refused_with_what_to_do() {
    let place = Place::new();
    let file = made(&place);
    let newer = |format: u32, schema: u32| {
        let format = json!({
            "format_version": format, "schema_version": schema, "program": "9.1.0", "created_ms": 0,
        });
        let format = format.to_string();
        let first = ("format.json", EntryType::Regular, "", format.as_bytes());
        archive(&place, &format!("{format:.20}.tar.gz").replace(['"', '{', ':'], ""), &[first])
    };
    refused(&place, &newer(2, 4), "restore it with cirame-trainer 9.1.0 or a later one");
    refused(&place, &newer(1, 99), "a database of version 99");

    let service = place.serve("");
    let refusal = place.refusal(&format!("restore {}", file.display()));
    let process = format!("in use by process {}", service.process_id());
    assert!(refusal.contains(&process), "{refusal}");
    drop(service);
    let copying = std::fs::File::options().write(true).open(place.data().join("copying")).unwrap();
    copying.lock_shared().unwrap();
    let refusal = place.refusal(&format!("restore {}", file.display()));
    assert!(refusal.contains("a backup of this data folder is being made"), "{refusal}");
    drop(copying);
    place.run(&format!("restore {}", file.display()));

    // A file that is lost is told, and no backup is made that lacks it.
    let datasets = place.data().join("datasets");
    let lost = std::fs::read_dir(&datasets).unwrap().map(|entry| entry.unwrap().path());
    let lost =
        lost.into_iter().find(|path| path.extension().is_some_and(|e| e == "parquet")).unwrap();
    std::fs::remove_file(&lost).unwrap();
    let target = place.beside("incomplete.tar.gz");
    let refusal = place.refusal(&format!("backup {}", target.display()));
    assert!(refusal.contains(lost.file_name().unwrap().to_str().unwrap()), "{refusal}");
    assert!(!target.exists());
    let refusal = place.refusal("backup --data elsewhere");
    assert!(refusal.contains("is no data folder of a trainer"), "{refusal}");
}
