//! CiRA CBOR: the recordings of the predecessor, in both of its layouts.
//!
//! | layout | form |
//! |---|---|
//! | samples | `{samples: [{class_id, class_name, data: [number, …], timestamp}, …]}` |
//! | channels | `{metadata: {channels?, sampling_rate?, label?}, data: {channel: [number, …], …}}` |
//!
//! Each entry of `samples` is a recording of one channel that the file gives no rate for.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::COLUMNS_MAX;
use super::cbor::Cbor;

/// Largest file that is read, in bytes.
pub const FILE_BYTES_MAX: usize = 256 << 20;

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum CiraFile {
    /// Recordings of one channel.
    Samples(Vec<CiraSample>),
    /// One recording of several channels.
    Channels {
        /// Samples per second, if the file says it.
        rate_hz: Option<f64>,
        /// The class, if the file says it.
        label: Option<String>,
        /// The channels, in the order that `metadata` or else `data` gives.
        channels: Vec<(String, Vec<f32>)>,
    },
}

/// One recording of one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct CiraSample {
    /// Its class; none where it is empty.
    pub class: Option<String>,
    /// Its values.
    pub values: Vec<f32>,
}

/// Why a file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CiraError {
    /// Larger than [`FILE_BYTES_MAX`].
    #[error("has {0} bytes; at most {FILE_BYTES_MAX} are read")]
    Size(usize),
    /// Not CBOR, or in neither layout.
    #[error("is no CiRA CBOR: {0}")]
    Form(String),
}

impl CiraFile {
    /// Reads a file.
    ///
    /// # Errors
    /// If it is too large or in neither layout.
    pub fn read(bytes: &[u8]) -> Result<CiraFile, CiraError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(CiraError::Size(bytes.len()));
        }
        let form = |error: super::cbor::CborError| CiraError::Form(error.to_string());
        let mut cbor = Cbor::new(bytes);
        let document = Document::deserialize(&mut cbor).map_err(form)?;
        cbor.end().map_err(form)?;
        match (document.samples, document.data) {
            (Some(samples), None) => Ok(CiraFile::Samples(
                samples
                    .into_iter()
                    .map(|sample| CiraSample {
                        class: sample.class_name.filter(|name| !name.is_empty()),
                        values: sample.data.0,
                    })
                    .collect(),
            )),
            (None, Some(data)) => channels(document.metadata.unwrap_or_default(), data.0),
            (Some(_), Some(_)) => Err(CiraError::Form("it has `samples` and `data`".to_owned())),
            (None, None) => Err(CiraError::Form("it has neither `samples` nor `data`".to_owned())),
        }
    }
}

fn channels(metadata: Metadata, mut data: Vec<(String, Numbers)>) -> Result<CiraFile, CiraError> {
    if data.is_empty() || data.len() > COLUMNS_MAX {
        return Err(CiraError::Form(format!("`data` has {} channels", data.len())));
    }
    let mut seen = std::collections::HashSet::new();
    if let Some((name, _)) = data.iter().find(|(name, _)| !seen.insert(name.clone())) {
        return Err(CiraError::Form(format!("`data` has the channel `{name}` twice")));
    }
    let mut channels = Vec::with_capacity(data.len());
    for name in metadata.channels.unwrap_or_default() {
        let position = data.iter().position(|(known, _)| *known == name);
        let position = position.ok_or_else(|| {
            CiraError::Form(format!("`metadata` names the channel `{name}`, `data` has none"))
        })?;
        let (name, values) = data.remove(position);
        channels.push((name, values.0));
    }
    channels.extend(data.into_iter().map(|(name, values)| (name, values.0)));
    let rate_hz = metadata.sampling_rate;
    if rate_hz.is_some_and(|rate| !(rate > 0.0 && rate.is_finite())) {
        return Err(CiraError::Form("`sampling_rate` is no number above 0".to_owned()));
    }
    let label = metadata.label.filter(|label| !label.is_empty());
    Ok(CiraFile::Channels { rate_hz, label, channels })
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    samples: Option<Vec<SampleForm>>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    data: Option<Channels>,
}

#[derive(Deserialize)]
struct SampleForm {
    #[serde(default)]
    class_name: Option<String>,
    data: Numbers,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    channels: Option<Vec<String>>,
    #[serde(default)]
    sampling_rate: Option<f64>,
    #[serde(default)]
    label: Option<String>,
}

/// Channels in the order in which they stand there.
struct Channels(Vec<(String, Numbers)>);

impl<'de> Deserialize<'de> for Channels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Channels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("channels with their numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Channels, A::Error> {
                let mut channels = Vec::new();
                while let Some(pair) = parts.next_entry()? {
                    if channels.len() >= COLUMNS_MAX {
                        return Err(de::Error::custom("there are too many channels"));
                    }
                    channels.push(pair);
                }
                Ok(Channels(channels))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// Numbers, without trusting what the file says about their count.
struct Numbers(Vec<f32>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Numbers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Numbers, A::Error> {
                let mut numbers = Vec::new();
                while let Some(value) = parts.next_element::<Option<f64>>()? {
                    let value = value.unwrap_or(f64::NAN);
                    let narrow = value as f32;
                    if !narrow.is_finite() && !value.is_nan() {
                        return Err(de::Error::custom(format_args!(
                            "{value} is not a finite 32-bit number"
                        )));
                    }
                    numbers.push(narrow);
                }
                Ok(Numbers(numbers))
            }
        }
        deserializer.deserialize_seq(List)
    }
}
