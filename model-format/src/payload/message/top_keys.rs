//! Which keys a JSON object has at its top, without reading the rest of it.

use std::borrow::Cow;

/// Whether the object in `text` has all of `keys`. Looks no further than to the last of them. Of
/// text that is no JSON it says anything: the reading that follows finds out.
pub(super) fn has_all<const N: usize>(text: &[u8], keys: [&str; N]) -> bool {
    let mut found = [false; N];
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let start = at;
                at = string_end(text, at);
                let rest = text[at..].trim_ascii_start();
                if depth == 1 && rest.first() == Some(&b':') {
                    let key = unescaped(&text[start - 1..at]);
                    for (found, known) in found.iter_mut().zip(keys) {
                        *found |= *key == *known.as_bytes();
                    }
                    if found == [true; N] {
                        return true;
                    }
                }
            }
            _ => {}
        }
    }
    false
}

/// The end of the string that begins at `at`, behind its quote.
fn string_end(text: &[u8], mut at: usize) -> usize {
    loop {
        match text.get(at) {
            None => return text.len(),
            Some(b'"') => return at + 1,
            Some(b'\\') => at = (at + 2).min(text.len()),
            Some(_) => at += 1,
        }
    }
}

/// A string without its quotes and escapes.
fn unescaped(string: &[u8]) -> Cow<'_, [u8]> {
    if string.contains(&b'\\') {
        let text: Result<String, _> = serde_json::from_slice(string);
        return Cow::Owned(text.unwrap_or_default().into_bytes());
    }
    Cow::Borrowed(string.get(1..string.len() - 1).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_at_the_top_count() {
        let both = |text: &str| has_all(text.as_bytes(), ["a", "b"]);
        for text in [
            r#"{"a":1,"b":2}"#,
            r#" { "b" : {"c":[1]}, "x":"{[", "a":[] }"#,
            r#"{"\u0061":1,"b":"#,
            r#"{"a\"":"\\","a":"\"","b":1}"#,
        ] {
            assert!(both(text), "{text}");
        }
        for text in [
            "",
            "{",
            r#"{"a":1}"#,
            r#"{"a":"b","c":1}"#,
            r#"{"a":{"b":1}}"#,
            r#"[{"a":1,"b":1}]"#,
            r#"{"a":1,"\"b":2}"#,
            r#"{"a":1,"b"#,
            r#"{"a":1,"b\"#,
            "\"",
        ] {
            assert!(!both(text), "{text}");
        }
    }
}
