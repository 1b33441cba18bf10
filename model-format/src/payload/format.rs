//! The formats of messages: one table for configuration, reading, documents and tests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How a message is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// Objects, named values, arrays, tables in JSON.
    #[default]
    Json,
    /// The same shapes in CBOR (RFC 8949).
    Cbor,
    /// Sensor measurement lists (RFC 8428) in JSON.
    SenmlJson,
    /// Sensor measurement lists (RFC 8428) in CBOR.
    SenmlCbor,
    /// InfluxDB's line protocol.
    Influx,
    /// One number in text; the topic says of what.
    Number,
}

struct Facts {
    format: Format,
    name: &'static str,
    /// What it is called in sentences.
    title: &'static str,
    /// Counts messages that are not written in it.
    reason: &'static str,
    takes_positions: bool,
    takes_time_name: bool,
    takes_time_unit: bool,
}

const TABLE: [Facts; 6] = [
    Facts {
        format: Format::Json,
        name: "json",
        title: "JSON",
        reason: "not_json",
        takes_positions: true,
        takes_time_name: true,
        takes_time_unit: true,
    },
    Facts {
        format: Format::Cbor,
        name: "cbor",
        title: "CBOR",
        reason: "not_cbor",
        takes_positions: true,
        takes_time_name: true,
        takes_time_unit: true,
    },
    Facts {
        format: Format::SenmlJson,
        name: "senml-json",
        title: "SenML in JSON",
        reason: "not_json",
        takes_positions: false,
        takes_time_name: false,
        takes_time_unit: false,
    },
    Facts {
        format: Format::SenmlCbor,
        name: "senml-cbor",
        title: "SenML in CBOR",
        reason: "not_cbor",
        takes_positions: false,
        takes_time_name: false,
        takes_time_unit: false,
    },
    Facts {
        format: Format::Influx,
        name: "influx",
        title: "Influx line protocol",
        reason: "not_influx",
        takes_positions: false,
        takes_time_name: false,
        takes_time_unit: true,
    },
    Facts {
        format: Format::Number,
        name: "number",
        title: "one number",
        reason: "not_number",
        takes_positions: false,
        takes_time_name: false,
        takes_time_unit: false,
    },
];

/// The name of a format that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not a format of messages: {} is expected", names())]
pub struct UnknownFormat {
    found: String,
}

impl Format {
    /// Every format.
    pub fn all() -> impl Iterator<Item = Format> {
        TABLE.iter().map(|facts| facts.format)
    }

    /// Its name in configuration files.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// What it is called in sentences.
    pub fn title(self) -> &'static str {
        self.facts().title
    }

    /// The word that counts messages that are not written in it.
    pub(super) fn reason(self) -> &'static str {
        self.facts().reason
    }

    /// True where arrays by position can be read, if they are named.
    pub fn takes_positions(self) -> bool {
        self.facts().takes_positions
    }

    /// True where the time stands under a name that can be told.
    pub fn takes_time_name(self) -> bool {
        self.facts().takes_time_name
    }

    /// True where the unit of times can be told.
    pub fn takes_time_unit(self) -> bool {
        self.facts().takes_time_unit
    }

    fn facts(self) -> &'static Facts {
        TABLE.iter().find(|facts| facts.format == self).expect("every format is in the table")
    }
}

fn names() -> String {
    TABLE.map(|facts| facts.name).join(", ")
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let found = TABLE.iter().find(|facts| facts.name == text).map(|facts| facts.format);
        found.ok_or_else(|| UnknownFormat { found: text.chars().take(40).collect() })
    }
}

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
