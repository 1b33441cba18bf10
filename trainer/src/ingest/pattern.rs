//! Patterns on file names: `{load}_{label}` takes `hp0_ball_007` apart.

use std::fmt;
use std::str::FromStr;

/// A pattern: literal text, `{part}`s that are kept, and `*`, which is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// A part and its name; none for `*`.
    Part(Option<String>),
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A brace that does not open or close a name.
    #[error("the pattern {0:?} has a brace that is not part of a {{name}}")]
    Brace(String),
    /// Two parts side by side.
    #[error("the pattern {0:?} has two parts with nothing between them: where does one end?")]
    Adjacent(String),
    /// One name twice.
    #[error("the pattern {pattern:?} names {name:?} twice")]
    Twice {
        /// The pattern.
        pattern: String,
        /// The name.
        name: String,
    },
    /// No part with a name.
    #[error("the pattern {0:?} has no {{name}} in it, so that it finds nothing")]
    NoPart(String),
}

/// The name of the part that becomes the label.
const LABEL: &str = "label";

impl Pattern {
    /// True if a part is called `label`.
    pub fn has_label(&self) -> bool {
        self.names().any(|name| name == LABEL)
    }

    /// The named parts of `name`, in order; none if it does not match. Each part takes at least
    /// one character and as few as it can; a part at the end takes all that is left.
    pub fn apply<'a>(&'a self, name: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
        let mut found = Vec::new();
        let mut rest = name;
        let mut pieces = self.pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            let (taken, after) = match (piece, pieces.peek()) {
                (Piece::Literal(literal), _) => ("", rest.strip_prefix(literal.as_str())?),
                (Piece::Part(_), None) => (rest, ""),
                (Piece::Part(_), Some(Piece::Literal(literal))) => {
                    let is_last = pieces.len() == 1;
                    let end = part_end(rest, literal, is_last)?;
                    rest.split_at(end)
                }
                (Piece::Part(_), Some(Piece::Part(_))) => return None,
            };
            if let Piece::Part(part) = piece {
                if taken.is_empty() {
                    return None;
                }
                found.extend(part.as_deref().map(|part| (part, taken)));
            }
            rest = after;
        }
        rest.is_empty().then_some(found)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Part(name) => name.as_deref(),
            Piece::Literal(_) => None,
        })
    }
}

/// Where a part ends that the text `literal` follows: at its first place behind one character, or
/// at the end of `rest` if nothing comes behind it.
fn part_end(rest: &str, literal: &str, is_last: bool) -> Option<usize> {
    if is_last {
        return rest.ends_with(literal).then(|| rest.len() - literal.len());
    }
    let first = rest.chars().next()?.len_utf8();
    rest[first..].find(literal).map(|place| first + place)
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let brace = || PatternError::Brace(text.to_owned());
        let mut pieces: Vec<Piece> = Vec::new();
        let mut rest = text;
        while let Some(place) = rest.find(['{', '}', '*']) {
            if place > 0 {
                pieces.push(Piece::Literal(rest[..place].to_owned()));
            } else if matches!(pieces.last(), Some(Piece::Part(_))) {
                return Err(PatternError::Adjacent(text.to_owned()));
            }
            let mark = &rest[place..];
            if let Some(after) = mark.strip_prefix('*') {
                pieces.push(Piece::Part(None));
                rest = after;
                continue;
            }
            let (name, after) =
                mark.strip_prefix('{').and_then(|m| m.split_once('}')).ok_or_else(brace)?;
            if name.is_empty() || name.contains(['{', '*']) {
                return Err(brace());
            }
            pieces.push(Piece::Part(Some(name.to_owned())));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        let pattern = Pattern { text: text.to_owned(), pieces };
        let mut names = std::collections::HashSet::new();
        if let Some(name) = pattern.names().find(|name| !names.insert(*name)) {
            let name = name.to_owned();
            return Err(PatternError::Twice { pattern: text.to_owned(), name });
        }
        if pattern.names().next().is_none() {
            return Err(PatternError::NoPart(text.to_owned()));
        }
        Ok(pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(pattern: &str, name: &str) -> Option<Vec<(String, String)>> {
        let pattern: Pattern = pattern.parse().unwrap();
        let found = pattern.apply(name)?;
        Some(found.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect())
    }

    fn parts(parts: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(parts.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
    }

    #[test]
    fn parts_take_little_and_the_last_takes_the_rest() {
        let pattern = "{load}_{label}";
        let expected = parts(&[("load", "hp0"), ("label", "ball_007")]);
        assert_eq!(apply(pattern, "hp0_ball_007"), expected);
        assert_eq!(apply(pattern, "hp3_normal"), parts(&[("load", "hp3"), ("label", "normal")]));
        assert_eq!(apply("*_{label}_*", "a_b_c"), parts(&[("label", "b")]));
        assert_eq!(apply("gt_{year}", "gt_2014"), parts(&[("year", "2014")]));
        assert_eq!(apply("{label}.raw", "a.raw.raw"), parts(&[("label", "a.raw")]));
        assert_eq!(apply("{label}ö{n}", "äöü"), parts(&[("label", "ä"), ("n", "ü")]));
    }

    #[test]
    fn a_name_that_does_not_match_gives_nothing() {
        for (pattern, name) in [
            ("{load}_{label}", "normal"),
            ("{load}_{label}", "_x"),
            ("gt_{y}", "xt_1"),
            ("{a}_{b}", "a_"),
        ] {
            assert_eq!(apply(pattern, name), None, "{pattern} on {name}");
        }
    }

    #[test]
    fn patterns_that_cannot_work_are_refused() {
        let parse = |text: &str| text.parse::<Pattern>();
        for text in ["{a", "a}", "{}", "{a{b}}"] {
            assert!(matches!(parse(text), Err(PatternError::Brace(_))), "{text}");
        }
        assert!(matches!(parse("{a}{b}"), Err(PatternError::Adjacent(_))));
        assert!(matches!(parse("{a}*"), Err(PatternError::Adjacent(_))));
        assert!(matches!(parse("{a}_{a}"), Err(PatternError::Twice { .. })));
        assert!(matches!(parse("abc*"), Err(PatternError::NoPart(_))));
    }
}
