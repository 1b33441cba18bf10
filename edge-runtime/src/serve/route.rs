//! Sources of samples and what the configuration says of them; shards.

use std::collections::HashMap;

use model_format::id::Digest;
use model_format::protocol::TopicSource;

/// Topics that carry samples, and which models answer them.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) topics: TopicSource,
    /// The models that answer; none for all whose channels come.
    pub(crate) models: Option<Vec<String>>,
    /// What stands under a payload's names, where the configuration says it.
    pub(crate) channels: HashMap<String, MappedChannel>,
}

impl AsRef<TopicSource> for Source {
    fn as_ref(&self) -> &TopicSource {
        &self.topics
    }
}

/// Nodes of Sparkplug B; a node is the stream `GROUP.NODE`, a device `GROUP.NODE.DEVICE`.
#[derive(Debug)]
pub(crate) struct SparkplugSource {
    /// The group; none for all.
    pub(crate) group: Option<String>,
    /// Which models answer, and what the metrics are.
    pub(crate) source: Source,
}

impl SparkplugSource {
    /// The filter to subscribe to.
    pub(crate) fn filter(&self) -> String {
        format!("spBv1.0/{}/#", self.group.as_deref().unwrap_or("+"))
    }

    pub(super) fn has(&self, group: &str) -> bool {
        self.group.as_deref().is_none_or(|known| known == group)
    }
}

/// What stands under a name in a payload.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MappedChannel {
    /// The channel's name in models.
    pub(crate) name: String,
    /// The unit after scaling, where it is known.
    pub(crate) unit: Option<String>,
    /// A value is multiplied by this, then `offset` is added.
    pub(crate) scale: f64,
    pub(crate) offset: f64,
}

impl Source {
    /// Whether a model of this name answers what comes from here.
    pub(crate) fn admits(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|known| known == model))
    }
}

/// One of several processes that divide streams among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// From 1.
    number: u32,
    count: u32,
}

/// Most processes.
const SHARDS_MAX: u32 = 1000;

impl Shard {
    /// True where this process has the stream. The first eight bytes of the SHA-256 of its name, as
    /// a little-endian number, modulo the number of processes.
    pub(crate) fn holds(&self, stream: &str) -> bool {
        let mut first = [0; 8];
        first.copy_from_slice(&Digest::of(stream.as_bytes()).bytes()[..8]);
        u64::from_le_bytes(first) % u64::from(self.count) == u64::from(self.number - 1)
    }
}

impl Shard {
    /// As a part of names: `1of2`.
    pub(crate) fn name(&self) -> String {
        format!("{}of{}", self.number, self.count)
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((number, count)) if (1..=count).contains(&number) && count <= SHARDS_MAX => {
                Ok(Shard { number, count })
            }
            _ => Err(format!(
                "i/n is expected, such as 1/2, with i from 1 to n, n at most {SHARDS_MAX}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_has_one_shard_and_all_have_some() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].map(|text| text.parse().unwrap()).into();
        let mut counts = [0; 3];
        for number in 0..300 {
            let stream = format!("pump-{number}");
            let held: Vec<bool> = shards.iter().map(|shard| shard.holds(&stream)).collect();
            assert_eq!(held.iter().filter(|held| **held).count(), 1);
            counts[held.iter().position(|held| *held).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| *count > 70), "{counts:?}");
        assert!("1/1".parse::<Shard>().unwrap().holds("any"));
    }

    #[test]
    fn text_that_is_no_shard_is_refused() {
        for text in ["", "1", "0/2", "3/2", "1/0", "a/b", "1/2/3", "-1/2", "1/1001"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
