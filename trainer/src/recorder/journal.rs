//! The journal: what came, in the order in which it came, in a file that a crash at any moment leaves
//! readable up to its last whole entry.
//!
//! `CRJ1`, then entries: kind (1 byte), length (4 bytes, little-endian), CRC-32 of kind and body (4), body.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{RecordError, RecordSettings};
use crate::store::OwnerId;

const MAGIC: &[u8; 4] = b"CRJ1";

/// Longest body: a message of the largest size, with its topic and time.
const BODY_BYTES_MAX: usize = (17 << 20) + (1 << 16) + 16;

/// What waits in memory before it is handed to the system.
const BUFFER_BYTES: usize = 1 << 16;

/// Who records what, and since when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) owner: OwnerId,
    pub(crate) dataset: String,
    pub(crate) settings: RecordSettings,
    /// In milliseconds since 1970 UTC.
    pub(crate) began_ms: i64,
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Entry<'a> {
    /// A message that came at a time, in nanoseconds since 1970 UTC.
    Message { arrival_ns: i64, topic: &'a str, payload: &'a [u8] },
    /// From here on, what comes has this class, or none.
    Label(Option<&'a str>),
    /// The connection was lost: births of Sparkplug B nodes may have been missed.
    Lost,
}

const HEAD: u8 = 0;
const MESSAGE: u8 = 1;
const LABEL: u8 = 2;
const NO_LABEL: u8 = 3;
const LOST: u8 = 4;

/// A journal that is written.
pub(super) struct Journal {
    file: File,
    buffer: Vec<u8>,
    bytes: u64,
    is_synced: bool,
}

impl Journal {
    /// Begins a journal, whose head is on the disk when this returns.
    pub(super) fn begin(path: &Path, head: &Head) -> io::Result<Self> {
        let mut file = File::options().write(true).create_new(true).open(path)?;
        file.write_all(MAGIC)?;
        let mut journal = Journal { file, buffer: Vec::new(), bytes: 0, is_synced: false };
        let text = serde_json::to_vec(head).expect("plain data has a JSON form");
        journal.put(HEAD, &[&text]);
        journal.sync()?;
        Ok(journal)
    }

    /// Adds an entry; it is with the system after the next [`Journal::flush`].
    pub(super) fn add(&mut self, entry: Entry<'_>) -> io::Result<()> {
        match entry {
            Entry::Message { arrival_ns, topic, payload } => {
                let length = u16::try_from(topic.len()).map_err(io::Error::other)?;
                let (time, length) = (arrival_ns.to_le_bytes(), length.to_le_bytes());
                self.put(MESSAGE, &[&time, &length, topic.as_bytes(), payload]);
            }
            Entry::Label(Some(class)) => self.put(LABEL, &[class.as_bytes()]),
            Entry::Label(None) => self.put(NO_LABEL, &[]),
            Entry::Lost => self.put(LOST, &[]),
        }
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn put(&mut self, kind: u8, parts: &[&[u8]]) {
        let mut crc = flate2::Crc::new();
        crc.update(&[kind]);
        parts.iter().for_each(|part| crc.update(part));
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.buffer.push(kind);
        self.buffer.extend_from_slice(&(length as u32).to_le_bytes());
        self.buffer.extend_from_slice(&crc.sum().to_le_bytes());
        parts.iter().for_each(|part| self.buffer.extend_from_slice(part));
        self.bytes += length as u64 + 9;
    }

    /// Bytes of all entries.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Hands on what waits: a crash of this program does not cost it then.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.buffer);
        // What is half written ends the journal: nothing may stand behind it.
        self.buffer.clear();
        self.is_synced = false;
        written
    }

    /// Brings everything to the disk: a power cut does not cost it then.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        if !self.is_synced {
            self.file.sync_data()?;
            self.is_synced = true;
        }
        Ok(())
    }
}

/// A journal that is read.
pub(super) struct JournalReader {
    input: BufReader<File>,
    path: PathBuf,
    body: Vec<u8>,
    read: u64,
    length: u64,
}

impl JournalReader {
    /// Opens a journal, and reads its head.
    ///
    /// # Errors
    /// Where it is none, or is empty.
    pub(super) fn open(path: &Path) -> Result<(Head, Self), RecordError> {
        let refused =
            |reason: String| RecordError::Journal { path: path.display().to_string(), reason };
        let file = File::open(path).map_err(|error| refused(error.to_string()))?;
        let length = file.metadata().map_err(|error| refused(error.to_string()))?.len();
        let input = BufReader::with_capacity(1 << 18, file);
        let path = path.to_owned();
        let mut reader = JournalReader { input, path, body: Vec::new(), read: 0, length };
        let mut magic = [0; 4];
        let begins = reader.input.read_exact(&mut magic).is_ok() && magic == *MAGIC;
        let kind =
            if begins { reader.entry().map_err(|error| refused(error.to_string()))? } else { None };
        if kind != Some(HEAD) {
            let rest = reader.input.fill_buf().map_err(|error| refused(error.to_string()))?;
            return Err(match rest.is_empty() {
                true => RecordError::Empty(reader.path.display().to_string()),
                false => refused("its head is damaged".to_owned()),
            });
        }
        let head =
            serde_json::from_slice(&reader.body).map_err(|error| refused(error.to_string()))?;
        reader.read += MAGIC.len() as u64;
        Ok((head, reader))
    }

    /// Bytes that were read, and of the whole file.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.read, self.length)
    }

    /// The next entry; none after the last whole one.
    pub(super) fn next(&mut self) -> Result<Option<Entry<'_>>, RecordError> {
        let kind = self.entry().map_err(|error| RecordError::Journal {
            path: self.path.display().to_string(),
            reason: error.to_string(),
        })?;
        let Some(kind) = kind else { return Ok(None) };
        let body = self.body.as_slice();
        Ok(match kind {
            MESSAGE => message(body),
            LABEL => std::str::from_utf8(body).ok().map(|class| Entry::Label(Some(class))),
            NO_LABEL => Some(Entry::Label(None)),
            LOST => Some(Entry::Lost),
            _ => None,
        })
    }

    /// Reads an entry into the body; none where the file ends within it, or its sum is wrong.
    fn entry(&mut self) -> io::Result<Option<u8>> {
        let mut head = [0; 9];
        if !filled(&mut self.input, &mut head)? {
            return Ok(None);
        }
        let number =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (length, sum) = (number(1) as usize, number(5));
        if length > BODY_BYTES_MAX {
            return Ok(None);
        }
        self.body.resize(length, 0);
        if !filled(&mut self.input, &mut self.body)? {
            return Ok(None);
        }
        let mut crc = flate2::Crc::new();
        crc.update(&head[..1]);
        crc.update(&self.body);
        if crc.sum() != sum {
            return Ok(None);
        }
        self.read += length as u64 + 9;
        Ok(Some(head[0]))
    }
}

fn message(body: &[u8]) -> Option<Entry<'_>> {
    let (time, rest) = body.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (topic, payload) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
    let topic = std::str::from_utf8(topic).ok()?;
    Some(Entry::Message { arrival_ns: i64::from_le_bytes(*time), topic, payload })
}

/// Reads as much as there is room for; false where the file ends before.
fn filled(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        let settings = RecordSettings::default();
        Head { owner: OwnerId::LOCAL, dataset: "d".to_owned(), settings, began_ms: 5 }
    }

    fn written(path: &Path) -> Vec<u8> {
        let mut journal = Journal::begin(path, &head()).unwrap();
        let entries = [
            Entry::Message { arrival_ns: -7, topic: "a/b", payload: b"{}" },
            Entry::Label(Some("idle")),
            Entry::Lost,
            Entry::Message { arrival_ns: 9, topic: "ü", payload: b"" },
            Entry::Label(None),
        ];
        for entry in entries {
            journal.add(entry).unwrap();
        }
        journal.sync().unwrap();
        std::fs::read(path).unwrap()
    }

    fn read(path: &Path) -> Option<Vec<String>> {
        let (found, mut reader) = JournalReader::open(path).ok()?;
        assert_eq!(found, head());
        let mut all = Vec::new();
        while let Some(entry) = reader.next().unwrap() {
            all.push(format!("{entry:?}"));
        }
        Some(all)
    }

    #[test]
    fn a_journal_that_ends_anywhere_has_all_whole_entries_before() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = written(&folder.path().join("whole"));
        let whole = read(&folder.path().join("whole")).unwrap();
        assert_eq!(whole.len(), 5);
        let mut counts = Vec::new();
        for length in 0..bytes.len() {
            let path = folder.path().join("cut");
            std::fs::write(&path, &bytes[..length]).unwrap();
            let found = read(&path);
            if let Some(found) = &found {
                assert_eq!(found[..], whole[..found.len()]);
            }
            counts.push(found.map(|found| found.len()));
        }
        assert!(counts.is_sorted() && counts[0].is_none());
        assert_eq!(counts.last(), Some(&Some(4)));
    }

    #[test]
    fn a_damaged_entry_ends_the_reading_and_never_becomes_another() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = written(&folder.path().join("whole"));
        let whole = read(&folder.path().join("whole")).unwrap();
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x40;
            let path = folder.path().join("damaged");
            std::fs::write(&path, &damaged).unwrap();
            let Ok((found, mut reader)) = JournalReader::open(&path) else { continue };
            assert_eq!(found, head());
            let mut count = 0;
            while let Ok(Some(entry)) = reader.next() {
                assert_eq!(format!("{entry:?}"), whole[count], "{place}");
                count += 1;
            }
            assert!(count < whole.len(), "{place}");
        }
    }
}
