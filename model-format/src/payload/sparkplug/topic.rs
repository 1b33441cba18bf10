//! Topics of Sparkplug B.

use crate::payload::excerpt;

/// Where topics of Sparkplug B begin.
pub const NAMESPACE: &str = "spBv1.0";

/// A topic, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic<'a> {
    /// Of an edge node or one of its devices.
    Node {
        /// The group of nodes.
        group: &'a str,
        /// What the message is.
        kind: Kind,
        /// The edge node.
        node: &'a str,
        /// The device behind the node, for the kinds that begin with D.
        device: Option<&'a str>,
    },
    /// The state of a host application.
    State {
        /// The application.
        host: &'a str,
    },
}

/// What a message of a node or a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Birth of a node.
    NBirth,
    /// Death of a node.
    NDeath,
    /// Data of a node.
    NData,
    /// Command to a node.
    NCmd,
    /// Birth of a device.
    DBirth,
    /// Death of a device.
    DDeath,
    /// Data of a device.
    DData,
    /// Command to a device.
    DCmd,
}

const KINDS: [(Kind, &str); 8] = [
    (Kind::NBirth, "NBIRTH"),
    (Kind::NDeath, "NDEATH"),
    (Kind::NData, "NDATA"),
    (Kind::NCmd, "NCMD"),
    (Kind::DBirth, "DBIRTH"),
    (Kind::DDeath, "DDEATH"),
    (Kind::DData, "DDATA"),
    (Kind::DCmd, "DCMD"),
];

/// A topic that is none of Sparkplug B.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{topic}` is no topic of Sparkplug B: {NAMESPACE}/GROUP/NBIRTH/NODE, {NAMESPACE}/GROUP/DDATA/\
     NODE/DEVICE and the like are"
)]
pub struct TopicError {
    topic: String,
}

impl<'a> Topic<'a> {
    /// Takes a topic apart.
    ///
    /// # Errors
    /// If it is none of Sparkplug B.
    pub fn parse(topic: &'a str) -> Result<Self, TopicError> {
        Self::of_levels(topic).ok_or_else(|| TopicError { topic: excerpt(topic.as_bytes()) })
    }

    /// The stream that it belongs to: a node is `GROUP.NODE`, a device `GROUP.NODE.DEVICE`.
    pub fn stream(&self) -> Option<String> {
        match *self {
            Topic::Node { group, node, device: Some(device), .. } => {
                Some(format!("{group}.{node}.{device}"))
            }
            Topic::Node { group, node, device: None, .. } => Some(format!("{group}.{node}")),
            Topic::State { .. } => None,
        }
    }

    fn of_levels(topic: &'a str) -> Option<Self> {
        let mut levels = topic.split('/').map(|level| (!level.is_empty()).then_some(level));
        if levels.next()?? != NAMESPACE {
            return None;
        }
        let (group, kind) = (levels.next()??, levels.next()??);
        let (node, device) = (levels.next(), levels.next());
        if levels.next().is_some() {
            return None;
        }
        if group == "STATE" {
            return node.is_none().then_some(Topic::State { host: kind });
        }
        let (kind, text) = *KINDS.iter().find(|(_, text)| *text == kind)?;
        let device = match (text.starts_with('D'), device) {
            (true, Some(device)) => Some(device?),
            (false, None) => None,
            _ => return None,
        };
        Some(Topic::Node { group, kind, node: node??, device })
    }
}

impl Kind {
    /// As topics write it.
    pub fn name(self) -> &'static str {
        let (_, name) = KINDS.iter().find(|(kind, _)| *kind == self).expect("all are listed");
        name
    }
}
