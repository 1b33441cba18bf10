//! Edge Impulse acquisition files (JSON or CBOR) and the `info.labels` beside them.
//!
//! Format: `{"protected": {"ver", "alg", "iat"?}, "signature", "payload": {"device_name"?,
//! "device_type"?, "interval_ms", "sensors": [{"name", "units"}], "values": [[..], ..]}}`, after
//! <https://docs.edgeimpulse.com/reference/data-acquisition-format>. With one sensor a row may be
//! a bare number. A file may hold the payload alone, or a list of acquisitions. A signature is
//! given with the place of its bytes: whoever has the key verifies it over the file as it stands.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::cbor::{Cbor, CborError, Kind};
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
    /// The class that the file itself names: beside the payload, or in it.
    pub label: Option<String>,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// It is not signed (`alg` is `none`, or there is none).
    None,
    /// It carries an HMAC-SHA256.
    Signed {
        /// The 32 bytes, or what stands in their place.
        code: Vec<u8>,
        /// How the file writes it.
        written: Written,
    },
}

/// How a signature is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// As hexadecimal digits.
    Hex(String),
    /// As bytes, in CBOR.
    Bytes,
}

impl Signature {
    /// The bytes of the file that the signature stands in, if there is exactly one such place: to
    /// be taken as zeros (digits `0`, or zero bytes) while it is computed.
    pub fn place(&self, file: &[u8]) -> Option<Range<usize>> {
        let Signature::Signed { code, written } = self else { return None };
        let text = match written {
            Written::Hex(text) => text.as_bytes(),
            Written::Bytes => code,
        };
        let mut places = file.windows(text.len().max(1)).enumerate().filter(|(_, at)| *at == text);
        match (places.next(), places.next()) {
            (Some((at, _)), None) => Some(at..at + text.len()),
            _ => None,
        }
    }
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
    /// Not the CBOR of this format.
    #[error("is not an Edge Impulse file: {0}")]
    Cbor(String),
    /// A file of another number of acquisitions than one.
    #[error("holds {0} acquisitions, and one is expected here")]
    Several(usize),
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
    /// Reads a file with one acquisition, in JSON.
    ///
    /// # Errors
    /// As [`Acquisition::read_json`], and if there is not exactly one.
    pub fn read(bytes: &[u8]) -> Result<Acquisition, EdgeImpulseError> {
        let mut all = Acquisition::read_json(bytes)?;
        match all.len() {
            1 => Ok(all.remove(0)),
            count => Err(EdgeImpulseError::Several(count)),
        }
    }

    /// Reads the acquisitions of a JSON file.
    ///
    /// # Errors
    /// If it is too large, not of this format, has rows of another width than it has sensors,
    /// an interval that is no positive number, or sensors without a name of their own.
    pub fn read_json(bytes: &[u8]) -> Result<Vec<Acquisition>, EdgeImpulseError> {
        check_size(bytes)?;
        let text = without_bom(bytes);
        let is_list = text.trim_ascii_start().first() == Some(&b'[');
        let documents: Vec<Document> = match is_list {
            true => serde_json::from_slice(text)?,
            false => vec![serde_json::from_slice(text)?],
        };
        documents.into_iter().map(Document::acquisition).collect()
    }

    /// Reads the acquisitions of a CBOR file.
    ///
    /// # Errors
    /// As [`Acquisition::read_json`].
    pub fn read_cbor(bytes: &[u8]) -> Result<Vec<Acquisition>, EdgeImpulseError> {
        check_size(bytes)?;
        let wrong = |error: CborError| EdgeImpulseError::Cbor(error.to_string());
        let mut cbor = Cbor::new(bytes);
        let documents: Vec<Document> = match Cbor::new(bytes).kind().map_err(wrong)? {
            Kind::Array => Deserialize::deserialize(&mut cbor).map_err(wrong)?,
            _ => vec![Deserialize::deserialize(&mut cbor).map_err(wrong)?],
        };
        cbor.end().map_err(wrong)?;
        documents.into_iter().map(Document::acquisition).collect()
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

/// One acquisition as it is written; with `payload`, or flat.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    protected: Option<Protected>,
    #[serde(default)]
    signature: SignatureField,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    payload: Option<Payload>,
    #[serde(default)]
    device_name: Option<String>,
    #[serde(default)]
    device_type: Option<String>,
    #[serde(default)]
    interval_ms: Option<f64>,
    #[serde(default)]
    sensors: Option<Vec<Sensor>>,
    #[serde(default)]
    values: Option<Values>,
}

#[derive(Deserialize)]
struct Protected {
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    iat: Option<i64>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    device_name: Option<String>,
    #[serde(default)]
    device_type: Option<String>,
    #[serde(default)]
    label: Option<String>,
    interval_ms: f64,
    sensors: Vec<Sensor>,
    values: Values,
}

impl Document {
    fn acquisition(self) -> Result<Acquisition, EdgeImpulseError> {
        let (alg, issued_at_s) = match &self.protected {
            Some(protected) => (protected.alg.as_deref(), protected.iat),
            None => (None, None),
        };
        let is_signed = alg.is_some_and(|alg| !alg.eq_ignore_ascii_case("none"));
        let signature = self.signature.of(is_signed);
        let absent = |field| EdgeImpulseError::Field {
            field,
            found: "not there".to_owned(),
            expected: "an acquisition has `payload` with `interval_ms`, `sensors` and `values`",
        };
        let payload = match self.payload {
            Some(payload) => payload,
            None if self.protected.is_some() => return Err(absent("payload")),
            None => Payload {
                device_name: self.device_name,
                device_type: self.device_type,
                label: None,
                interval_ms: self.interval_ms.ok_or_else(|| absent("interval_ms"))?,
                sensors: self.sensors.ok_or_else(|| absent("sensors"))?,
                values: self.values.ok_or_else(|| absent("values"))?,
            },
        };
        payload.check()?;
        Ok(Acquisition {
            device_name: payload.device_name,
            device_type: payload.device_type,
            interval_ms: payload.interval_ms,
            sensors: payload.sensors,
            values: payload.values.numbers,
            signature,
            label: self.label.or(payload.label).filter(|label| !label.is_empty()),
            issued_at_s,
        })
    }
}

impl Payload {
    fn check(&self) -> Result<(), EdgeImpulseError> {
        check_sensors(&self.sensors)?;
        if !(self.interval_ms > 0.0 && self.interval_ms.is_finite()) {
            return Err(EdgeImpulseError::Field {
                field: "interval_ms",
                found: self.interval_ms.to_string(),
                expected: "a number of milliseconds above 0 is expected",
            });
        }
        match self.values.width.filter(|found| *found != self.sensors.len()) {
            None => Ok(()),
            Some(found) => Err(EdgeImpulseError::Field {
                field: "values",
                found: format!("a table with rows of {found}"),
                expected: "each row needs one number per sensor",
            }),
        }
    }
}

/// The signature as it is written: hexadecimal digits, or bytes.
#[derive(Default)]
enum SignatureField {
    #[default]
    None,
    Hex(String),
    Bytes(Vec<u8>),
}

impl SignatureField {
    /// What it says; zeros stand where none was put in.
    fn of(self, is_signed: bool) -> Signature {
        match self {
            _ if !is_signed => Signature::None,
            SignatureField::Hex(text) if text.bytes().any(|byte| byte != b'0') => {
                Signature::Signed { code: unhex(&text), written: Written::Hex(text) }
            }
            SignatureField::Bytes(code) if code.iter().any(|byte| *byte != 0) => {
                Signature::Signed { code, written: Written::Bytes }
            }
            _ => Signature::None,
        }
    }
}

/// The bytes of hexadecimal digits; none where there are other characters.
fn unhex(text: &str) -> Vec<u8> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.unwrap_or_default();
    digits.as_chunks::<2>().0.iter().map(|[high, low]| 16 * high + low).collect()
}

impl<'de> Deserialize<'de> for SignatureField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = SignatureField;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a signature")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SignatureField, E> {
                Ok(SignatureField::Hex(text.to_owned()))
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<SignatureField, E> {
                Ok(SignatureField::Bytes(bytes.to_vec()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<SignatureField, E> {
                Ok(SignatureField::None)
            }
        }
        deserializer.deserialize_any(Any)
    }
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
