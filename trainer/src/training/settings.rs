//! What a user asks of a training run: read from options or JSON once, kept with the run.

use std::fmt;
use std::str::FromStr;

use model_format::pipeline::Gap;
use model_format::pipeline::machine::Machine;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::insight::Insight;

/// Everything a training run is asked to do. Its JSON is what the run keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Name of the dataset.
    pub dataset: String,
    /// Version of the dataset; the newest where absent.
    pub dataset_version: Option<u32>,
    /// Name of the estimator in the catalogue.
    pub estimator: String,
    /// Its parameters; what is not given has its default.
    pub parameters: Map<String, Value>,
    /// From samples to features.
    #[serde(default)]
    pub pipeline: PipelineSettings,
    /// What the windows are, and which are for what.
    pub selection: Selection,
    /// Decides everything that is drawn at random.
    pub seed: u64,
    /// What to find out beside the model.
    #[serde(default, skip_serializing_if = "Insight::is_empty")]
    pub insight: Insight,
}

/// From samples to features; what is left open is proposed, and told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PipelineSettings {
    /// Input channels; all that all recordings have where empty.
    pub channels: Vec<String>,
    /// Channels that are no inputs.
    pub without_channels: Vec<String>,
    /// The sampling rate of the pipeline: `recorded`, `none`, or a number of hertz as text.
    pub rate: RateChoice,
    /// Whether recordings of another rate are resampled, not refused.
    pub resample: bool,
    /// What happens where samples are missing.
    pub gap: Gap,
    /// Whether each row gets an answer of its own: windows end at every row, and are as long as the
    /// lags and differences among the features ask for. Then there is neither `window` nor `stride`.
    pub rows: bool,
    /// Length of a window; proposed where absent.
    pub window: Option<Extent>,
    /// From one window's start to the next; proposed where absent.
    pub stride: Option<Extent>,
    /// Families or names of features, `channel.name`, or `all`; `lag_3` and `difference_3` look back
    /// by so many samples.
    pub features: Vec<String>,
    /// What is known of the machine, for the features that need it; proposed as far as it can be.
    #[serde(skip_serializing_if = "Machine::is_empty")]
    pub machine: Machine,
}

impl Default for PipelineSettings {
    fn default() -> Self {
        PipelineSettings {
            channels: Vec::new(),
            without_channels: Vec::new(),
            rate: RateChoice::default(),
            resample: false,
            gap: Gap::default(),
            rows: false,
            window: None,
            stride: None,
            features: vec!["all".to_owned()],
            machine: Machine::default(),
        }
    }
}

/// Which windows are for what, and what is true of them. Part of the lineage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// How the labels in a window become the window's class; where absent, by the majority, and by the
    /// last row where each row gets an answer of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_rule: Option<LabelRule>,
    /// Which labels: the name of a label set; the recordings' own labels where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_set: Option<String>,
    /// The class of rows without a label; these have none where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlabelled: Option<String>,
    /// What a regression predicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetName>,
    /// How a target channel's values in a window become the window's value.
    pub target_rule: TargetRule,
    /// The class that is normal, for anomaly detectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normal: Option<String>,
    /// Only these recordings; all where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<Selector>,
    /// Learn from these rows of each recording alone, and test on what follows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_rows: Option<RowRange>,
    /// What to test on; the dataset's own testing partition or a quarter where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<TestChoice>,
    /// How a share to test on is drawn; proposed where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitBy>,
    /// Share of the normal training windows that is held back to set the alarm line.
    #[schema(minimum = 0.01, maximum = 0.99)]
    pub calibration_share: f64,
}

impl Default for Selection {
    fn default() -> Self {
        Selection {
            label_rule: None,
            label_set: None,
            unlabelled: None,
            target: None,
            target_rule: TargetRule::default(),
            normal: None,
            only: Vec::new(),
            train_rows: None,
            test: None,
            split: None,
            calibration_share: 0.3,
        }
    }
}

/// Text that is not what an option takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not understood: {expected}")]
pub struct OptionError {
    found: String,
    expected: &'static str,
}

fn refused<T>(found: &str, expected: &'static str) -> Result<T, OptionError> {
    Err(OptionError { found: found.chars().take(80).collect(), expected })
}

/// A type whose JSON is the text of its option.
macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                String::schema()
            }
        }

        impl ToSchema for $name {}

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// The sampling rate of the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum RateChoice {
    /// That of the recordings, which must agree.
    #[default]
    Recorded,
    /// So many samples per second.
    Hz(f64),
    /// None: rows are cycles or irregular readings.
    None,
}

impl FromStr for RateChoice {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        match (text, text.parse::<f64>()) {
            ("none", _) => Ok(RateChoice::None),
            ("recorded", _) => Ok(RateChoice::Recorded),
            (_, Ok(hz)) if hz > 0.0 && hz.is_finite() => Ok(RateChoice::Hz(hz)),
            _ => refused(text, "a rate is `recorded`, `none` or a number of hertz above 0"),
        }
    }
}

impl fmt::Display for RateChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RateChoice::Recorded => f.write_str("recorded"),
            RateChoice::None => f.write_str("none"),
            RateChoice::Hz(hz) => hz.fmt(f),
        }
    }
}
as_text!(RateChoice);

/// A length of time: in seconds, or in samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// Seconds.
    Seconds(f64),
    /// Samples.
    Samples(u32),
}

/// How the labels in a window become the window's class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum LabelRule {
    /// The class of more than half of the rows.
    #[default]
    Majority,
    /// The class that all rows have.
    All,
    /// The class of the first row.
    First,
    /// The class of the last row.
    Last,
    /// The class of the most rows, if it has this share of all; none where two have as many.
    Threshold(f64),
}

impl FromStr for LabelRule {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let share = || text.strip_prefix("threshold:")?.parse::<f64>().ok();
        match text {
            "majority" => Ok(LabelRule::Majority),
            "all" => Ok(LabelRule::All),
            "first" => Ok(LabelRule::First),
            "last" => Ok(LabelRule::Last),
            _ => match share() {
                Some(share) if share > 0.0 && share <= 1.0 => Ok(LabelRule::Threshold(share)),
                _ => refused(
                    text,
                    "a label rule is `majority`, `all`, `first`, `last` or `threshold:SHARE` with a \
                     share above 0 and up to 1, such as threshold:0.2",
                ),
            },
        }
    }
}

impl fmt::Display for LabelRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LabelRule::Majority => f.write_str("majority"),
            LabelRule::All => f.write_str("all"),
            LabelRule::First => f.write_str("first"),
            LabelRule::Last => f.write_str("last"),
            LabelRule::Threshold(share) => write!(f, "threshold:{share}"),
        }
    }
}
as_text!(LabelRule);

/// How a target channel's values in a window become the window's value.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum TargetRule {
    /// The value of the last row.
    #[default]
    Last,
    /// The mean of all rows.
    Mean,
}

/// What a regression predicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetName {
    /// A channel, which then is no input.
    Channel(String),
    /// A tag with a number: one value for the whole recording.
    Tag(String),
}

impl FromStr for TargetName {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        match text.strip_prefix("tag:") {
            _ if text.is_empty() => refused(text, "a target is a channel's name or tag:NAME"),
            Some(tag) => Ok(TargetName::Tag(tag.to_owned())),
            None => Ok(TargetName::Channel(text.to_owned())),
        }
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TargetName::Channel(name) => f.write_str(name),
            TargetName::Tag(name) => write!(f, "tag:{name}"),
        }
    }
}
as_text!(TargetName);

/// Rows `from..to`, counted from 0, without `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowRange {
    /// The first row.
    pub from: u64,
    /// The first row after the range.
    pub to: u64,
}

impl FromStr for RowRange {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let parsed = text.split_once("..").and_then(|(from, to)| {
            let from = if from.is_empty() { 0 } else { from.parse().ok()? };
            Some(RowRange { from, to: to.parse().ok()? })
        });
        match parsed {
            Some(range) if range.from < range.to => Ok(range),
            _ => refused(text, "rows are FROM..TO, such as 0..400 for the first 400"),
        }
    }
}

impl fmt::Display for RowRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)
    }
}
as_text!(RowRange);

/// Names recordings by tag or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Recordings with this value of a tag.
    Tag(String, String),
    /// Recordings whose name matches; `*` stands for any text.
    Recording(String),
}

impl FromStr for Selector {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let expected =
            "recordings are named by tag:NAME=VALUE or recording:NAME, where * is any text";
        if let Some(pattern) = text.strip_prefix("recording:").filter(|name| !name.is_empty()) {
            return Ok(Selector::Recording(pattern.to_owned()));
        }
        match text.strip_prefix("tag:").and_then(|tag| tag.split_once('=')) {
            Some((name, value)) => Ok(Selector::Tag(name.to_owned(), value.to_owned())),
            None => refused(text, expected),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::Tag(name, value) => write!(f, "tag:{name}={value}"),
            Selector::Recording(pattern) => write!(f, "recording:{pattern}"),
        }
    }
}
as_text!(Selector);

/// What to test on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestChoice {
    /// A share of the windows, drawn as the split says.
    Share(f64),
    /// All windows of these recordings.
    Recordings(Vec<Selector>),
    /// All windows of another dataset: its name and version.
    Dataset(String, Option<u32>),
}

/// How a share to test on is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SplitBy {
    /// Whole recordings.
    Recording,
    /// All recordings with the same value of this tag together.
    Tag(String),
    /// The last part of each recording.
    Time,
}

impl FromStr for SplitBy {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        match (text, text.strip_prefix("tag:")) {
            ("recording", _) => Ok(SplitBy::Recording),
            ("time", _) => Ok(SplitBy::Time),
            (_, Some(tag)) if !tag.is_empty() => Ok(SplitBy::Tag(tag.to_owned())),
            _ => refused(
                text,
                "a split goes by `recording`, `tag:NAME` or `time`, never by single windows",
            ),
        }
    }
}

impl fmt::Display for SplitBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SplitBy::Recording => f.write_str("recording"),
            SplitBy::Tag(tag) => write!(f, "tag:{tag}"),
            SplitBy::Time => f.write_str("time"),
        }
    }
}
as_text!(SplitBy);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_back_from_what_they_print() {
        fn round_trip<T: FromStr + fmt::Display>(text: &str)
        where
            T::Err: fmt::Debug,
        {
            assert_eq!(text.parse::<T>().unwrap().to_string(), text);
        }
        round_trip::<RateChoice>("none");
        round_trip::<RateChoice>("62.5");
        for rule in ["majority", "all", "first", "last", "threshold:0.2", "threshold:1"] {
            round_trip::<LabelRule>(rule);
        }
        round_trip::<TargetName>("tag:wear");
        round_trip::<TargetName>("TEY");
        round_trip::<RowRange>("0..400");
        round_trip::<Selector>("tag:load=3");
        round_trip::<Selector>("recording:hp3_*");
        round_trip::<SplitBy>("tag:machine");
        round_trip::<SplitBy>("time");
    }

    #[test]
    fn a_refused_option_says_what_is_expected() {
        let refusal = "window".parse::<SplitBy>().unwrap_err().to_string();
        assert!(refusal.contains("window") && refusal.contains("never by single"), "{refusal}");
        assert!("400".parse::<RowRange>().is_err());
        assert!("5..5".parse::<RowRange>().is_err());
        assert!("load=3".parse::<Selector>().is_err());
        assert!("-1".parse::<RateChoice>().is_err());
        for rule in ["mean", "threshold", "threshold:0", "threshold:1.1", "threshold:NaN"] {
            let refusal = rule.parse::<LabelRule>().unwrap_err().to_string();
            assert!(refusal.contains("threshold:0.2"), "{refusal}");
        }
    }
}
