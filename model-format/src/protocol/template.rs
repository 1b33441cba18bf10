//! Topic templates: which topics carry samples, and what their levels name.

use std::fmt;
use std::ops::Range;

use super::check_topic_level;

/// Longest template, in bytes.
const BYTES_MAX: usize = 1000;

/// Topics such as `plant/{line}/{machine}/accel`: a level in braces may be anything and has a name,
/// `+` may be anything, other levels stand for themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicTemplate {
    levels: Vec<Level>,
    names: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Text(String),
    /// Anything, under the name with this index.
    Named(usize),
    Any,
}

/// A name made of what a topic's levels hold, such as `{line}-{machine}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTemplate(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Named(usize),
}

/// Text that is no template, and what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the template {template:?}: {change}")]
pub struct TemplateError {
    template: String,
    change: String,
}

impl TemplateError {
    fn new(template: &str, change: impl Into<String>) -> Self {
        TemplateError { template: template.chars().take(200).collect(), change: change.into() }
    }
}

impl TopicTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// Says which level cannot stand.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.is_empty() || text.len() > BYTES_MAX || text.starts_with('$') {
            return Err(TemplateError::new(text, "give 1 to 1000 bytes, not beginning with `$`"));
        }
        let (mut levels, mut names) = (Vec::new(), Vec::new());
        for level in text.split('/') {
            let named = level.strip_prefix('{').and_then(|level| level.strip_suffix('}'));
            levels.push(match (level, named) {
                ("+", _) => Level::Any,
                (_, Some(name)) if is_name(name) && !names.iter().any(|known| known == name) => {
                    names.push(name.to_owned());
                    Level::Named(names.len() - 1)
                }
                (_, Some(name)) => {
                    let change = format!(
                        "{name:?} cannot stand in braces: give each level a name of its own, of \
                         letters, digits and `_`"
                    );
                    return Err(TemplateError::new(text, change));
                }
                (_, None) if check_topic_level(level) && !level.contains(['{', '}']) => {
                    Level::Text(level.to_owned())
                }
                (_, None) => {
                    let change = format!(
                        "the level {level:?} cannot stand: braces hold a whole level, as in \
                         `plant/{{line}}/accel`; levels are not empty and have no `#`"
                    );
                    return Err(TemplateError::new(text, change));
                }
            });
        }
        Ok(TopicTemplate { levels, names })
    }

    /// The names of its levels, in their order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The filter to subscribe to.
    pub fn filter(&self) -> String {
        let levels = self.levels.iter().map(|level| match level {
            Level::Text(text) => text.as_str(),
            Level::Named(_) | Level::Any => "+",
        });
        levels.collect::<Vec<_>>().join("/")
    }

    /// Whether `topic` is one of its topics; then `found` has where in it each name's level lies.
    pub fn matches(&self, topic: &str, found: &mut Vec<Range<usize>>) -> bool {
        found.clear();
        let mut start = 0;
        let mut levels = self.levels.iter();
        for text in topic.split('/') {
            let range = start..start + text.len();
            start = range.end + 1;
            match levels.next() {
                Some(Level::Text(expected)) if expected == text => {}
                Some(Level::Any) => {}
                Some(Level::Named(_)) => found.push(range),
                Some(Level::Text(_)) | None => return false,
            }
        }
        levels.next().is_none()
    }
}

impl NameTemplate {
    /// All names of the topic, joined by dots.
    pub fn all(topic: &TopicTemplate) -> Self {
        let mut parts = Vec::new();
        for index in 0..topic.names.len() {
            if index > 0 {
                parts.push(Part::Text(".".to_owned()));
            }
            parts.push(Part::Named(index));
        }
        NameTemplate(parts)
    }

    /// Reads a template whose braces hold names of `topic`.
    ///
    /// # Errors
    /// A name that the topic does not have, or a brace alone.
    pub fn parse(text: &str, topic: &TopicTemplate) -> Result<Self, TemplateError> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let brace = rest.find(['{', '}']).unwrap_or(rest.len());
            if brace > 0 {
                parts.push(Part::Text(rest[..brace].to_owned()));
                rest = &rest[brace..];
                continue;
            }
            let named = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
            let Some((name, after)) = named else {
                return Err(TemplateError::new(text, "a brace stands alone: write `{name}`"));
            };
            let Some(index) = topic.names.iter().position(|known| known == name) else {
                let change = format!(
                    "the topic has no level {name:?}; it has {}",
                    match topic.names.len() {
                        0 => "none in braces".to_owned(),
                        _ => topic.names.join(", "),
                    }
                );
                return Err(TemplateError::new(text, change));
            };
            parts.push(Part::Named(index));
            rest = after;
        }
        match parts.is_empty() || text.len() > BYTES_MAX {
            true => Err(TemplateError::new(text, "give 1 to 1000 bytes")),
            false => Ok(NameTemplate(parts)),
        }
    }

    /// True where every topic gives the same name.
    pub fn is_constant(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// Puts the name into `name`: `found` is what [`TopicTemplate::matches`] found in `topic`.
    pub fn render(&self, topic: &str, found: &[Range<usize>], name: &mut String) {
        name.clear();
        for part in &self.0 {
            name.push_str(match part {
                Part::Text(text) => text,
                Part::Named(index) => found.get(*index).map_or("", |range| &topic[range.clone()]),
            });
        }
    }
}

impl fmt::Display for TopicTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, level) in self.levels.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            match level {
                Level::Text(text) => f.write_str(text)?,
                Level::Named(name) => write!(f, "{{{}}}", self.names[*name])?,
                Level::Any => f.write_str("+")?,
            }
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(template: &str, name: Option<&str>, topic: &str) -> Option<String> {
        let template = TopicTemplate::parse(template).unwrap();
        let name = match name {
            Some(name) => NameTemplate::parse(name, &template).unwrap(),
            None => NameTemplate::all(&template),
        };
        let (mut found, mut text) = (Vec::new(), "before".to_owned());
        template.matches(topic, &mut found).then(|| {
            name.render(topic, &found, &mut text);
            text
        })
    }

    #[test]
    fn a_stream_is_named_by_the_levels_of_its_topic() {
        let template = "plant/{line}/{machine}/accel";
        let of = |name, topic| stream(template, name, topic);
        assert_eq!(of(None, "plant/3/pump/accel").unwrap(), "3.pump");
        assert_eq!(of(Some("{machine} of {line}"), "plant/3/pump/accel").unwrap(), "pump of 3");
        for other in ["plant/3/pump", "plant/3/pump/accel/x", "plant/3/pump/temp", "", "/"] {
            assert_eq!(of(None, other), None, "{other}");
        }
        assert_eq!(stream("a/+/{b}", None, "a/x/y").unwrap(), "y");
    }

    #[test]
    fn the_filter_takes_what_the_template_takes() {
        let template = TopicTemplate::parse("plant/{line}/+/accel").unwrap();
        assert_eq!(template.filter(), "plant/+/+/accel");
        assert_eq!(template.to_string(), "plant/{line}/+/accel");
    }

    #[test]
    fn text_that_is_no_template_is_refused_by_its_level() {
        for text in ["", "a//b", "a/#", "pump-{n}", "{a}/{a}", "{}", "{a b}", "$SYS/x", "a/{b"] {
            assert!(TopicTemplate::parse(text).is_err(), "{text}");
        }
        let topic = TopicTemplate::parse("a/{b}").unwrap();
        for text in ["", "{c}", "{b", "b}"] {
            assert!(NameTemplate::parse(text, &topic).is_err(), "{text}");
        }
        assert!(NameTemplate::parse("x", &topic).unwrap().is_constant());
    }
}
