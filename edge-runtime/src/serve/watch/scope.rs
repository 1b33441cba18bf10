//! For which streams and models something holds.

/// Streams by a pattern and models by name; everything where nothing is said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scope {
    /// `*` stands for any text, also none.
    pub(crate) streams: Option<String>,
    pub(crate) models: Option<Vec<String>>,
}

impl Scope {
    pub(crate) fn holds(&self, stream: &str, model: &str) -> bool {
        let is_stream = self.streams.as_ref().is_none_or(|pattern| fits(pattern, stream));
        let is_model = |models: &Vec<String>| models.iter().any(|known| known == model);
        is_stream && self.models.as_ref().is_none_or(is_model)
    }
}

/// Whether `text` fits a pattern whose `*` stand for any text.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, does) in [
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "abc", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*a", "a", false),
            ("*b*", "abc", true),
        ] {
            assert_eq!(fits(pattern, text), does, "{pattern} {text}");
        }
    }
}
