//! Results as CSV or JSON lines.

use std::io::{self, Write};

use model_format::manifest::{Manifest, Task};
use model_format::payload::time::rfc3339;
use serde_json::Value;

use super::Answer;
use crate::config::OutputFormat;

/// Writes one line per result; both formats have the same fields in the same order.
pub(super) struct ResultWriter<'a> {
    manifest: &'a Manifest,
    format: OutputFormat,
    has_recordings: bool,
    is_absolute: bool,
    has_header: bool,
    output: &'a mut dyn Write,
    line: String,
}

/// A field's value, before it is text.
enum Field<'a> {
    Text(&'a str),
    Time(i64),
    Whole(u64),
    Float(f32),
    Bool(bool),
    /// One number for each class.
    Probabilities(&'a [String], &'a [f32]),
}

impl<'a> ResultWriter<'a> {
    pub(super) fn new(
        manifest: &'a Manifest,
        format: OutputFormat,
        has_recordings: bool,
        output: &'a mut dyn Write,
    ) -> Self {
        ResultWriter {
            manifest,
            format,
            has_recordings,
            is_absolute: false,
            has_header: format == OutputFormat::Jsonl,
            output,
            line: String::new(),
        }
    }

    /// Times that count from 1970 are written as RFC 3339, others as seconds since the start.
    pub(super) fn set_absolute_time(&mut self, is_absolute: bool) {
        self.is_absolute = is_absolute;
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    pub(super) fn write(&mut self, answer: &Answer<'_>) -> io::Result<()> {
        let id = answer.id.to_string();
        let fields = self.fields(answer, &id);
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        if !std::mem::replace(&mut self.has_header, true) {
            csv_header(&fields, &mut line);
        }
        match self.format {
            OutputFormat::Csv => self.csv(&fields, &mut line),
            OutputFormat::Jsonl => self.json(&fields, &mut line),
        }
        self.output.write_all(line.as_bytes())?;
        self.line = line;
        Ok(())
    }

    fn fields<'f>(&self, answer: &'f Answer<'_>, id: &'f str) -> Vec<(&'static str, Field<'f>)>
    where
        'a: 'f,
    {
        let window = &answer.window;
        let [start, end, segment_start] = match self.is_absolute {
            true => ["start", "end", "segment_start"],
            false => ["start_s", "end_s", "segment_start_s"],
        };
        let mut fields = vec![("id", Field::Text(id))];
        if self.has_recordings {
            fields.push(("recording", Field::Text(answer.stream)));
        }
        fields.push((start, Field::Time(window.start_ns)));
        fields.push((end, Field::Time(window.end_ns)));
        fields.push((segment_start, Field::Time(window.segment_start_ns)));
        fields.push(("index", Field::Whole(window.index)));
        let first = answer.floats.first().copied().unwrap_or(f32::NAN);
        match self.manifest.task {
            Task::Classification => {
                let classes: &'a [String] = &self.manifest.classes;
                let label = answer.label.and_then(|label| usize::try_from(label).ok());
                let class = label.and_then(|label| classes.get(label));
                fields.push(("class", Field::Text(class.map_or("", String::as_str))));
                fields.push(("probabilities", Field::Probabilities(classes, answer.floats)));
            }
            Task::Regression => fields.push(("value", Field::Float(first))),
            Task::Anomaly => {
                fields.push(("score", Field::Float(first)));
                fields.push(("anomaly", Field::Bool(answer.label == Some(1))));
            }
        }
        fields
    }

    fn time(&self, time_ns: i64) -> String {
        if self.is_absolute { rfc3339(time_ns) } else { seconds(time_ns) }
    }

    fn csv(&self, fields: &[(&str, Field<'_>)], line: &mut String) {
        for (index, (_, field)) in fields.iter().enumerate() {
            if index > 0 {
                line.push(',');
            }
            match field {
                Field::Text(text) => *line += &csv_cell(text),
                Field::Time(time_ns) => *line += &self.time(*time_ns),
                Field::Whole(value) => *line += &value.to_string(),
                Field::Float(value) => *line += &value.to_string(),
                Field::Bool(value) => *line += &value.to_string(),
                Field::Probabilities(_, values) => {
                    let texts: Vec<String> = values.iter().map(f32::to_string).collect();
                    *line += &texts.join(",");
                }
            }
        }
        line.push('\n');
    }

    fn json(&self, fields: &[(&str, Field<'_>)], line: &mut String) {
        for (index, (name, field)) in fields.iter().enumerate() {
            line.push(if index > 0 { ',' } else { '{' });
            *line += &json_text(name);
            line.push(':');
            match field {
                Field::Text(text) => *line += &json_text(text),
                Field::Time(time_ns) if self.is_absolute => *line += &json_text(&rfc3339(*time_ns)),
                Field::Time(time_ns) => *line += &seconds(*time_ns),
                Field::Whole(value) => *line += &value.to_string(),
                Field::Float(value) => *line += &json_number(*value),
                Field::Bool(value) => *line += &value.to_string(),
                Field::Probabilities(classes, values) => {
                    let pairs: Vec<String> = classes
                        .iter()
                        .zip(*values)
                        .map(|(class, value)| json_text(class) + ":" + &json_number(*value))
                        .collect();
                    *line += &format!("{{{}}}", pairs.join(","));
                }
            }
        }
        *line += "}\n";
    }
}

fn csv_header(fields: &[(&str, Field<'_>)], line: &mut String) {
    let mut names = Vec::new();
    for (name, field) in fields {
        match field {
            Field::Probabilities(classes, _) => {
                names.extend(classes.iter().map(|class| csv_cell(&format!("{name}.{class}"))));
            }
            _ => names.push((*name).to_owned()),
        }
    }
    *line += &names.join(",");
    line.push('\n');
}

/// JSON has no number that is not finite.
fn json_number(value: f32) -> String {
    if value.is_finite() { value.to_string() } else { "null".to_owned() }
}

fn json_text(text: &str) -> String {
    Value::from(text).to_string()
}

/// Nanoseconds as an exact decimal number of seconds.
fn seconds(time_ns: i64) -> String {
    let sign = if time_ns < 0 { "-" } else { "" };
    let ns = time_ns.unsigned_abs();
    let text = format!("{sign}{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn csv_cell(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
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

    #[test]
    fn cells_with_delimiters_are_quoted() {
        assert_eq!(csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(csv_cell("plain"), "plain");
    }
}
