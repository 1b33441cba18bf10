//! Payloads: the formats in which samples arrive, each read by one piece of code on both sides.
//!
//! | module | format |
//! |---|---|
//! | [`csv`] | delimited text with a header row |
//! | [`json_lines`] | one flat JSON object per line |
//! | [`message`] | one message of samples, as devices publish them, in any [`Format`] |
//! | [`edge_impulse`] | Edge Impulse acquisition files and `info.labels` |
//! | [`cira`] | recordings of the predecessor, in CBOR |
//! | [`sparkplug`] | Sparkplug B: payloads that only births explain |
//! | [`time`] | the times in them |
//!
//! Readers take bytes and give typed values or an error that names the file, the line, the column
//! and the value. What is missing in a payload is NaN; nothing is guessed.

mod cbor;
pub mod cira;
pub mod csv;
pub mod edge_impulse;
mod format;
pub mod json_lines;
pub mod message;
pub mod sparkplug;
pub mod time;

pub use format::{Format, UnknownFormat};

/// Most columns that a table may have.
pub const COLUMNS_MAX: usize = 10_000;

/// Longest line, in bytes.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Longest excerpt of a value that an error repeats, in characters.
const EXCERPT_CHARS_MAX: usize = 60;

/// A value as an error message repeats it: short, and safe to print.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * EXCERPT_CHARS_MAX)]);
    let mut short: String =
        text.chars().take(EXCERPT_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().count() > EXCERPT_CHARS_MAX || bytes.len() > 4 * EXCERPT_CHARS_MAX {
        short.push('…');
    }
    short
}

/// Names in a list for an error message: all of a few, the first of many.
pub(crate) fn listing(names: &[String]) -> String {
    const SHOWN_MAX: usize = 20;
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN_MAX)
        .map(|name| format!("`{}`", excerpt(name.as_bytes())))
        .collect();
    match names.len().saturating_sub(SHOWN_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
