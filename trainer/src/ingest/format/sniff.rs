//! What a file is, by its first bytes.

use std::path::Path;

use model_format::payload::csv;

use super::{FileFormat, refused};

/// What the first bytes of a file say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ingest) enum Sniffed {
    /// It can be read.
    Format(FileFormat, String),
    /// It holds files.
    Archive,
    /// It is known and not read: what it is, and what to save instead.
    Refused(&'static str, &'static str),
    /// It is none of those: what was found.
    Unknown(String),
}

/// Looks at the first bytes of the file at `path`.
pub(in crate::ingest) fn sniff(path: &Path, head: &[u8]) -> Sniffed {
    let format = |format, evidence: &str| Sniffed::Format(format, evidence.to_owned());
    if let Some((what, advice)) = refused::refused(head) {
        return Sniffed::Refused(what, advice);
    }
    match head {
        [b'P', b'A', b'R', b'1', ..] => format(FileFormat::Parquet, "it begins with `PAR1`"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => {
            format(FileFormat::Wav, "it begins with `RIFF` and `WAVE`")
        }
        [b'P', b'K', 3 | 5, 4 | 6, ..] => match has_ending(path, &["xlsx", "xlsm"])
            || contains(head, b"[Content_Types].xml") && contains(head, b"xl/")
        {
            true => format(FileFormat::Xlsx, "it is a ZIP archive with the parts of a workbook"),
            false => Sniffed::Archive,
        },
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            format(FileFormat::Csv, "it begins with the mark of UTF-16 text")
        }
        _ if is_text(head) => text(path, head),
        _ if has_ending(path, &["csv", "tsv"]) => by_ending(path),
        [0x80..=0xbf | 0xd9, ..] => cbor(head),
        _ => table(head)
            .unwrap_or_else(|| Sniffed::Unknown("no format of files that is known".to_owned())),
    }
}

fn by_ending(path: &Path) -> Sniffed {
    let ending = path.extension().unwrap_or_default().display();
    Sniffed::Format(FileFormat::Csv, format!("its name ends in .{ending}"))
}

fn text(path: &Path, head: &[u8]) -> Sniffed {
    let trimmed = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if matches!(trimmed.first(), Some(b'{' | b'[')) && !has_ending(path, &["csv", "tsv"]) {
        return json(trimmed);
    }
    if has_ending(path, &["csv", "tsv"]) {
        return table(head).unwrap_or_else(|| by_ending(path));
    }
    let found = "text whose lines no sign divides alike";
    table(head).unwrap_or_else(|| Sniffed::Unknown(found.to_owned()))
}

fn table(head: &[u8]) -> Option<Sniffed> {
    let found = csv::look(head)?;
    let evidence = match found.delimiter {
        Some(delimiter) => format!(
            "`{}` divides {} of its first {} lines into {} cells",
            csv::delimiter_name(delimiter),
            found.alike,
            found.lines,
            found.cells
        ),
        None => format!("each of its first {} lines is a number", found.alike),
    };
    Some(Sniffed::Format(FileFormat::Csv, evidence))
}

fn json(head: &[u8]) -> Sniffed {
    let has = |key: &str| contains(head, format!("\"{key}\"").as_bytes());
    if has("interval_ms") && has("sensors") || has("protected") && has("payload") {
        let evidence = "it is JSON with `payload`, `interval_ms` and `sensors`";
        return Sniffed::Format(FileFormat::EdgeImpulseJson, evidence.to_owned());
    }
    let is_record =
        (has("n") || has("bn")) && ["v", "vs", "vb", "vd", "s", "bv"].iter().any(|k| has(k));
    if head.starts_with(b"[") && is_record {
        let evidence = "it is a JSON array of records with `n` or `bn` and `v`";
        return Sniffed::Format(FileFormat::SenmlJson, evidence.to_owned());
    }
    Sniffed::Unknown("JSON, but neither an acquisition of Edge Impulse nor SenML".to_owned())
}

fn cbor(head: &[u8]) -> Sniffed {
    let head = head.strip_prefix(b"\xd9\xd9\xf7").unwrap_or(head);
    // A text of less than 24 bytes stands behind a byte with its length.
    let has = |key: &str| {
        let text: Vec<u8> = std::iter::once(0x60 + key.len() as u8).chain(key.bytes()).collect();
        contains(head, &text)
    };
    if has("interval_ms") && has("sensors") || has("protected") && has("payload") {
        let evidence = "it is CBOR with `payload`, `interval_ms` and `sensors`";
        return Sniffed::Format(FileFormat::EdgeImpulseCbor, evidence.to_owned());
    }
    if has("samples") && has("data") || has("metadata") && has("data") {
        let evidence = "it is CBOR with `samples` or `metadata`, and `data`";
        return Sniffed::Format(FileFormat::CiraCbor, evidence.to_owned());
    }
    // An array of maps whose first key is a label of SenML: a small number, or its name.
    let behind_length = match head.first() {
        Some(0x80..=0x97 | 0x9f) => 1,
        Some(0x98) => 2,
        Some(0x99) => 3,
        Some(0x9a) => 5,
        _ => head.len(),
    };
    if let Some([0xa0..=0xbf, key, ..]) = head.get(behind_length..)
        && (matches!(key, 0x00..=0x08 | 0x20..=0x25) || has("n") || has("bn"))
    {
        let evidence = "it is a CBOR array of records with the labels of SenML";
        return Sniffed::Format(FileFormat::SenmlCbor, evidence.to_owned());
    }
    Sniffed::Unknown("CBOR, but neither of Edge Impulse, of CiRA nor SenML".to_owned())
}

/// True for UTF-8 text without control characters; the last character may be cut off.
fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.chars().any(|c| c.is_control() && !['\n', '\r', '\t'].contains(&c))
}

fn contains(head: &[u8], part: &[u8]) -> bool {
    head.windows(part.len()).any(|window| window == part)
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|found| endings.iter().any(|e| found.eq_ignore_ascii_case(e)))
}
