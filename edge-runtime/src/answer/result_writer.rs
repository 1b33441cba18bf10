//! Results as CSV or JSON lines.

use std::io::{self, Write};

use model_format::manifest::Manifest;
use model_format::payload::time::rfc3339;

use super::answered::{Answered, Field, seconds, write_json};
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

    pub(super) fn write(&mut self, answered: &Answered<'_>) -> io::Result<()> {
        let id = answered.id();
        let fields = answered.fields(self.manifest, &id, self.is_absolute, self.has_recordings);
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        if !std::mem::replace(&mut self.has_header, true) {
            csv_header(&fields, &mut line);
        }
        match self.format {
            OutputFormat::Csv => self.csv(&fields, &mut line),
            OutputFormat::Jsonl => {
                write_json(&fields, self.is_absolute, &mut line);
                line.push('\n');
            }
        }
        self.output.write_all(line.as_bytes())?;
        self.line = line;
        Ok(())
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
                Field::Null => {}
                Field::Probabilities(_, values) => {
                    let texts: Vec<String> = values.iter().map(f32::to_string).collect();
                    *line += &texts.join(",");
                }
            }
        }
        line.push('\n');
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
    fn cells_with_delimiters_are_quoted() {
        assert_eq!(csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(csv_cell("plain"), "plain");
    }
}
