//! Edge Impulse acquisition files (JSON) and the `info.labels` beside them.
//!
//! Format: `{"protected": {"ver", "alg", "iat"?}, "signature", "payload": {"device_name"?,
//! "device_type"?, "interval_ms", "sensors": [{"name", "units"}], "values": [[..], ..]}}`, after
//! <https://docs.edgeimpulse.com/reference/data-acquisition-format>. With one sensor a row may be
//! a bare number. A signature is reported, not verified: the key is not in the file.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::{COLUMNS_MAX, excerpt};

/// Largest file that is read, in bytes.
pub const FILE_BYTES_MAX: usize = 256 << 20;

/// One acquisition.
#[derive(Clone, Debug, PartialEq)]
pub struct Acquisition {
    /// Name of the device, if it has one.
    pub device_name: Option<String>,
    /// Kind of device, if it is said.
    pub device_type: Option<String>,
    /// Time from one row to the next, in milliseconds.
    pub interval_ms: f64,
    /// The channels.
    pub sensors: Vec<Sensor>,
    /// Rows × sensors, row by row; NaN where the file has null.
    pub values: Vec<f32>,
    /// Who signed it, as far as the file says.
    pub signature: Signature,
    /// When it was signed, in seconds since 1970.
    pub issued_at_s: Option<i64>,
}

/// One channel of an acquisition.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Sensor {
    /// Its name.
    pub name: String,
    /// Its unit.
    #[serde(default)]
    pub units: Option<String>,
}

/// What an acquisition says about its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// It is not signed (`alg` is `none`).
    None,
    /// It carries an HMAC-SHA256 that was not verified.
    Unverified,
}

/// What `info.labels` says about one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledFile {
    /// Path of the file, as it is written there.
    pub path: String,
    /// `training` or `testing`, as it is written there.
    pub category: Option<String>,
    /// What it shows.
    pub label: FileLabel,
}

/// What a file shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileLabel {
    /// Nothing is said.
    Unlabelled,
    /// One class throughout.
    Class(String),
    /// Classes by span of rows: first row, last row, class.
    Spans(Vec<(u64, u64, String)>),
}

/// Why an acquisition or `info.labels` was refused.
#[derive(Debug, thiserror::Error)]
pub enum EdgeImpulseError {
    /// Larger than [`FILE_BYTES_MAX`].
    #[error("has {found} bytes; at most {FILE_BYTES_MAX} are read")]
    Size {
        /// How many bytes there are.
        found: usize,
    },
    /// Not the JSON of this format.
    #[error("is not an Edge Impulse file: {0}")]
    Json(#[from] serde_json::Error),
    /// A field holds something that cannot be.
    #[error("`{field}` is {found}: {expected}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// What stands there.
        found: String,
        /// What should.
        expected: &'static str,
    },
}

impl Acquisition {
    /// Reads one acquisition file.
    ///
    /// # Errors
    /// If it is too large, not of this format, has rows of another width than it has sensors,
    /// an interval that is no positive number, or sensors without a name of their own.
    pub fn read(bytes: &[u8]) -> Result<Acquisition, EdgeImpulseError> {
        check_size(bytes)?;
        let Document { protected, signature, payload } =
            serde_json::from_slice(without_bom(bytes))?;
        let is_signed = !protected.alg.eq_ignore_ascii_case("none")
            && signature.bytes().any(|byte| byte != b'0');
        check_sensors(&payload.sensors)?;
        if !(payload.interval_ms > 0.0 && payload.interval_ms.is_finite()) {
            return Err(EdgeImpulseError::Field {
                field: "interval_ms",
                found: payload.interval_ms.to_string(),
                expected: "a number of milliseconds above 0 is expected",
            });
        }
        let width = payload.sensors.len();
        if let Some(found) = payload.values.width.filter(|found| *found != width) {
            return Err(EdgeImpulseError::Field {
                field: "values",
                found: format!("a table with rows of {found}"),
                expected: "each row needs one number per sensor",
            });
        }
        Ok(Acquisition {
            device_name: payload.device_name,
            device_type: payload.device_type,
            interval_ms: payload.interval_ms,
            sensors: payload.sensors,
            values: payload.values.numbers,
            signature: if is_signed { Signature::Unverified } else { Signature::None },
            issued_at_s: protected.iat,
        })
    }

    /// Rows in `values`.
    pub fn rows(&self) -> usize {
        self.values.len() / self.sensors.len()
    }

    /// Rows per second.
    pub fn rate_hz(&self) -> f64 {
        1000.0 / self.interval_ms
    }
}

/// Reads `info.labels`.
///
/// # Errors
/// If it is too large or not of this format.
pub fn read_labels(bytes: &[u8]) -> Result<Vec<LabelledFile>, EdgeImpulseError> {
    check_size(bytes)?;
    let document: LabelsDocument = serde_json::from_slice(without_bom(bytes))?;
    Ok(document
        .files
        .into_iter()
        .map(|file| LabelledFile {
            path: file.path,
            category: file.category,
            label: match file.label {
                None => FileLabel::Unlabelled,
                Some(LabelForm::Text(label)) => FileLabel::Class(label),
                Some(LabelForm::Object(object)) => object.into(),
            },
        })
        .collect())
}

fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn check_size(bytes: &[u8]) -> Result<(), EdgeImpulseError> {
    match bytes.len() {
        found if found > FILE_BYTES_MAX => Err(EdgeImpulseError::Size { found }),
        _ => Ok(()),
    }
}

fn check_sensors(sensors: &[Sensor]) -> Result<(), EdgeImpulseError> {
    let field =
        |found: String, expected| EdgeImpulseError::Field { field: "sensors", found, expected };
    if sensors.is_empty() || sensors.len() > COLUMNS_MAX {
        let found = format!("a list of {}", sensors.len());
        return Err(field(found, "between 1 and 10 000 sensors are expected"));
    }
    let mut names = HashSet::new();
    for sensor in sensors {
        if sensor.name.is_empty() || !names.insert(sensor.name.as_str()) {
            let found = format!("a list with `{}` in it twice", excerpt(sensor.name.as_bytes()));
            return Err(field(found, "each sensor needs a name of its own"));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Document {
    protected: Protected,
    #[serde(default)]
    signature: String,
    payload: Payload,
}

#[derive(Deserialize)]
struct Protected {
    alg: String,
    #[serde(default)]
    iat: Option<i64>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    device_name: Option<String>,
    #[serde(default)]
    device_type: Option<String>,
    interval_ms: f64,
    sensors: Vec<Sensor>,
    values: Values,
}

/// The rows, one behind the other, without an allocation per row.
#[derive(Default)]
struct Values {
    numbers: Vec<f32>,
    /// Numbers per row; none before the first row.
    width: Option<usize>,
    rows: usize,
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows;
        impl<'de> Visitor<'de> for Rows {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of rows")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Values, A::Error> {
                let mut values = Values::default();
                while rows.next_element_seed(RowOf(&mut values))?.is_some() {
                    values.rows += 1;
                }
                Ok(values)
            }
        }
        deserializer.deserialize_seq(Rows)
    }
}

impl Values {
    fn push<E: de::Error>(&mut self, value: f64) -> Result<(), E> {
        let narrow = value as f32;
        if !narrow.is_finite() && !value.is_nan() {
            return Err(E::custom(format!("row {}: {value} is beyond 32 bits", self.rows)));
        }
        self.numbers.push(narrow);
        Ok(())
    }

    fn end_row<E: de::Error>(&mut self, width: usize) -> Result<(), E> {
        let expected = *self.width.get_or_insert(width);
        if width != expected {
            return Err(E::custom(format!(
                "row {} of `values` has {width} numbers, the rows before have {expected}",
                self.rows
            )));
        }
        Ok(())
    }
}

/// One row: a list of numbers, or a number.
struct RowOf<'a>(&'a mut Values);

impl<'de> DeserializeSeed<'de> for RowOf<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RowOf<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number or a list of numbers as row {} of `values`", self.0.rows)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.0.push(value)?;
        self.0.end_row(1)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.visit_f64(f64::NAN)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut row: A) -> Result<(), A::Error> {
        let mut width = 0;
        while let Some(value) = row.next_element::<Option<f64>>()? {
            self.0.push(value.unwrap_or(f64::NAN))?;
            width += 1;
        }
        self.0.end_row(width)
    }
}

#[derive(Deserialize)]
struct LabelsDocument {
    files: Vec<LabelsFile>,
}

#[derive(Deserialize)]
struct LabelsFile {
    path: String,
    #[serde(default)]
    category: Option<String>,
    #[serde(default)]
    label: Option<LabelForm>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LabelForm {
    Text(String),
    Object(LabelObject),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum LabelObject {
    Unlabeled,
    Label { label: String },
    MultiLabel { labels: Vec<SpanObject> },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpanObject {
    label: String,
    start_index: u64,
    end_index: u64,
}

impl From<LabelObject> for FileLabel {
    fn from(object: LabelObject) -> Self {
        match object {
            LabelObject::Unlabeled => FileLabel::Unlabelled,
            LabelObject::Label { label } => FileLabel::Class(label),
            LabelObject::MultiLabel { labels } => FileLabel::Spans(
                labels.into_iter().map(|s| (s.start_index, s.end_index, s.label)).collect(),
            ),
        }
    }
}
