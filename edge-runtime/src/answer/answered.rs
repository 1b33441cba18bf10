//! One answered window, and the fields of its result.

use std::fmt::{self, Write as _};

use engine::Outputs;
use model_format::id::{Digest, ResultId, result_id};
use model_format::manifest::{Manifest, Task};
use model_format::payload::time::rfc3339;
use model_format::signal::stream::WindowRef;
use serde_json::Value;

/// The answer for one window.
pub(crate) struct Answered<'a> {
    id: ResultId,
    /// Name of the stream.
    stream: &'a str,
    window: WindowRef<'a>,
    /// Probabilities, value or score.
    floats: Vec<f32>,
    /// Index of the label, where the model has one.
    label: Option<i64>,
}

/// A field's value, before it is text.
pub(crate) enum Field<'a> {
    Text(&'a str),
    Time(i64),
    Whole(u64),
    Float(f32),
    Bool(bool),
    /// One number for each class.
    Probabilities(&'a [String], &'a [f32]),
    /// Nothing is known.
    Null,
}

impl<'a> Answered<'a> {
    /// What the engine answered for one window; device, artifact, stream and window make the id.
    pub(crate) fn new(
        outputs: Outputs,
        device: &str,
        artifact: &Digest,
        stream: &'a str,
        window: WindowRef<'a>,
    ) -> Self {
        let id = result_id(device, artifact, stream, window.segment_start_ns, window.index);
        let label = outputs.labels.as_ref().and_then(|labels| labels.first().copied());
        Answered { id, stream, window, floats: outputs.floats, label }
    }

    /// The text of the id.
    pub(crate) fn id(&self) -> String {
        self.id.to_string()
    }

    /// What a result says, in its order; `id` is the text of the id. Times that count from 1970
    /// are RFC 3339, others seconds since the start.
    pub(crate) fn fields<'f>(
        &'f self,
        manifest: &'f Manifest,
        id: &'f str,
        is_absolute: bool,
        has_recordings: bool,
    ) -> Vec<(&'static str, Field<'f>)> {
        let window = &self.window;
        let [start, end, segment_start] = match is_absolute {
            true => ["start", "end", "segment_start"],
            false => ["start_s", "end_s", "segment_start_s"],
        };
        let mut fields = vec![("id", Field::Text(id))];
        if has_recordings {
            fields.push(("recording", Field::Text(self.stream)));
        }
        fields.push((start, Field::Time(window.start_ns)));
        fields.push((end, Field::Time(window.end_ns)));
        fields.push((segment_start, Field::Time(window.segment_start_ns)));
        fields.push(("index", Field::Whole(window.index)));
        let first = self.floats.first().copied().unwrap_or(f32::NAN);
        match manifest.task {
            Task::Classification => {
                let classes: &[String] = &manifest.classes;
                let label = self.label.and_then(|label| usize::try_from(label).ok());
                let class = label.and_then(|label| classes.get(label));
                fields.push(("class", Field::Text(class.map_or("", String::as_str))));
                fields.push(("probabilities", Field::Probabilities(classes, &self.floats)));
            }
            Task::Regression => fields.push(("value", Field::Float(first))),
            Task::Anomaly => {
                fields.push(("score", Field::Float(first)));
                fields.push(("anomaly", Field::Bool(self.label == Some(1))));
            }
        }
        fields
    }
}

/// Adds the fields to `line` as one JSON object.
pub(crate) fn write_json(fields: &[(&str, Field<'_>)], is_absolute: bool, line: &mut String) {
    for (index, (name, field)) in fields.iter().enumerate() {
        line.push(if index > 0 { ',' } else { '{' });
        json_text(name, line);
        line.push(':');
        match field {
            Field::Text(text) => json_text(text, line),
            Field::Time(time_ns) if is_absolute => json_text(&rfc3339(*time_ns), line),
            Field::Time(time_ns) => *line += &seconds(*time_ns),
            Field::Whole(value) => add(line, value),
            Field::Float(value) => json_float(*value, line),
            Field::Bool(value) => add(line, value),
            Field::Null => *line += "null",
            Field::Probabilities(classes, values) => {
                line.push('{');
                for (at, (class, value)) in classes.iter().zip(*values).enumerate() {
                    if at > 0 {
                        line.push(',');
                    }
                    json_text(class, line);
                    line.push(':');
                    json_float(*value, line);
                }
                line.push('}');
            }
        }
    }
    line.push('}');
}

fn add(line: &mut String, value: impl fmt::Display) {
    // Text takes everything.
    let _ = write!(line, "{value}");
}

/// JSON has no number that is not finite.
pub(crate) fn json_float(value: f32, line: &mut String) {
    match value.is_finite() {
        true => add(line, value),
        false => *line += "null",
    }
}

fn json_text(text: &str, line: &mut String) {
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        add(line, Value::from(text));
        return;
    }
    line.push('"');
    *line += text;
    line.push('"');
}

/// Nanoseconds as an exact decimal number of seconds.
pub(super) fn seconds(time_ns: i64) -> String {
    let sign = if time_ns < 0 { "-" } else { "" };
    let ns = time_ns.unsigned_abs();
    let text = format!("{sign}{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact_and_short() {
        for (ns, text) in
            [(0, "0"), (1, "0.000000001"), (1_500_000_000, "1.5"), (-16_000_000, "-0.016")]
        {
            assert_eq!(seconds(ns), text);
        }
        assert_eq!(seconds(i64::MIN), "-9223372036.854775808");
    }
}
