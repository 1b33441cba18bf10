//! Where the graph of an adopted artifact comes from, and how it is read.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::check::{ManifestError, check_text, finite, refuse};
use super::{NAME_BYTES_MAX, Task};
use crate::id::Digest;

/// What an artifact says about the file of another program that is inside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adopted {
    /// Digest of that file's bytes.
    pub file_sha256: Digest,
    /// The program that wrote it, as it says.
    pub producer: Producer,
    /// How its input reads a window.
    pub input: InputReading,
    /// Name of the output, in that file, that the answers come from.
    pub output: String,
    /// True where that output's logits are turned into probabilities by a softmax that was added.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub softmax: bool,
    /// Where that output has one number for two classes: what it says of the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_class: Option<SecondClass>,
    /// How that output becomes `score`; anomaly detectors only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<ScoreScale>,
}

/// A program that writes ONNX files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Producer {
    /// Its name; may be empty.
    pub name: String,
    /// Its version; may be empty.
    pub version: String,
}

/// `score = (sign · output − centre) / (threshold.raw − centre)`, in 32-bit floats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreScale {
    /// True where the output is lower for what is more unusual: the sign is then -1.
    pub lower_is_unusual: bool,
    /// The median of normal windows, after the sign: it has the score 0.
    pub centre: f64,
}

/// What one number says of the second of two classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondClass {
    /// Its probability.
    Probability,
    /// Its logit; a sigmoid was added.
    Logit,
}

/// In which form a graph takes a window of W samples and C channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputReading {
    /// `[N, W, C]`.
    TimeMajor,
    /// `[N, C, W]`.
    ChannelsFirst,
    /// `[N, 1, W, C]`.
    PlaneTimeMajor,
    /// `[N, 1, C, W]`.
    PlaneChannelsFirst,
    /// `[N, W·C]`, all channels of a sample together.
    FlatTimeMajor,
    /// `[N, W·C]`, all samples of a channel together.
    FlatChannelsFirst,
    /// `[N, C]`: a window is one row.
    Row,
}

impl InputReading {
    /// All readings.
    pub const ALL: [InputReading; 7] = [
        InputReading::TimeMajor,
        InputReading::ChannelsFirst,
        InputReading::PlaneTimeMajor,
        InputReading::PlaneChannelsFirst,
        InputReading::FlatTimeMajor,
        InputReading::FlatChannelsFirst,
        InputReading::Row,
    ];

    /// The name in manifests and options.
    pub fn name(self) -> &'static str {
        match self {
            InputReading::TimeMajor => "time_major",
            InputReading::ChannelsFirst => "channels_first",
            InputReading::PlaneTimeMajor => "plane_time_major",
            InputReading::PlaneChannelsFirst => "plane_channels_first",
            InputReading::FlatTimeMajor => "flat_time_major",
            InputReading::FlatChannelsFirst => "flat_channels_first",
            InputReading::Row => "row",
        }
    }
}

impl fmt::Display for InputReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no reading has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no way to read an input: there are time_major [N, W, C], channels_first [N, C, W], \
     plane_time_major [N, 1, W, C], plane_channels_first [N, 1, C, W], flat_time_major [N, W*C], \
     flat_channels_first [N, C*W] and row [N, C]"
)]
pub struct UnknownReading(String);

impl FromStr for InputReading {
    type Err = UnknownReading;

    fn from_str(text: &str) -> Result<Self, UnknownReading> {
        let known = Self::ALL.into_iter().find(|reading| reading.name() == text);
        known.ok_or_else(|| UnknownReading(text.chars().take(40).collect()))
    }
}

impl Adopted {
    pub(super) fn check(&self, task: Task, classes: usize) -> Result<(), ManifestError> {
        check_text("adopted.output", &self.output)?;
        for (field, text) in [
            ("adopted.producer.name", &self.producer.name),
            ("adopted.producer.version", &self.producer.version),
        ] {
            if !text.is_empty() {
                check_text(field, text)?;
            }
        }
        if self.softmax && task != Task::Classification {
            return Err(refuse("adopted.softmax", "true", "only a classification has one"));
        }
        if self.second_class.is_some() && (classes != 2 || self.softmax) {
            let found = format!("given, with {classes} classes");
            let change = "it is for a classification with two classes and no softmax";
            return Err(refuse("adopted.second_class", &found, change));
        }
        match (&self.score, task == Task::Anomaly) {
            (Some(scale), true) => finite("adopted.score.centre", scale.centre),
            (None, false) => Ok(()),
            (Some(_), false) => {
                Err(refuse("adopted.score", "a scale", "only an anomaly detector has one"))
            }
            (None, true) => Err(refuse("adopted.score", "none", "an anomaly detector has one")),
        }
    }
}

impl Producer {
    /// What a file says about its writer, as far as a manifest holds it.
    pub fn of(name: &str, version: &str) -> Producer {
        let kept = |text: &str| {
            let mut kept = String::new();
            for symbol in text.chars().filter(|symbol| !symbol.is_control()) {
                if kept.len() + symbol.len_utf8() > NAME_BYTES_MAX {
                    break;
                }
                kept.push(symbol);
            }
            kept
        };
        Producer { name: kept(name), version: kept(version) }
    }
}
