//! Trouble for whoever receives messages: malformed, late, duplicate and absurd ones, from a seed.

use super::noise::Noise;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// It is cut, turned into bytes that mean nothing, or has text where numbers are expected.
    Malformed,
    /// It is sent after messages that come later.
    Late,
    /// It is sent twice.
    Duplicate,
    /// Before it comes one with values, times or names that cannot be.
    Absurd,
}

impl Trouble {
    /// All of it.
    pub const ALL: [Trouble; 4] =
        [Trouble::Malformed, Trouble::Late, Trouble::Duplicate, Trouble::Absurd];

    /// One word for counters.
    pub fn name(self) -> &'static str {
        match self {
            Trouble::Malformed => "malformed",
            Trouble::Late => "late",
            Trouble::Duplicate => "duplicate",
            Trouble::Absurd => "absurd",
        }
    }
}

/// Decides which messages get into trouble, and how.
#[derive(Clone, Debug)]
pub struct Chaos {
    noise: Noise,
    share: f64,
}

/// Longest delay of a late message, in messages.
const DELAY_MESSAGES_MAX: f64 = 50.0;

/// How deep an absurd message is nested.
const DEPTH: usize = 10_000;

impl Chaos {
    /// Trouble for this share of all messages, 0 to 1.
    pub fn new(seed: u64, share: f64) -> Self {
        Chaos { noise: Noise::new(seed), share }
    }

    /// What becomes of the next message, if anything.
    pub fn next_trouble(&mut self) -> Option<Trouble> {
        let is_hit = self.noise.uniform() < self.share;
        let kind = self.below(Trouble::ALL.len());
        is_hit.then(|| Trouble::ALL[kind])
    }

    /// How many messages a late one lets pass.
    pub fn delay_messages(&mut self) -> usize {
        self.noise.between(1.0, DELAY_MESSAGES_MAX) as usize
    }

    /// A payload that is none any more.
    pub fn malformed(&mut self, payload: &[u8]) -> Vec<u8> {
        match self.below(4) {
            0 => payload[..self.below(payload.len().max(1))].to_vec(),
            1 => (0..self.below(200)).map(|_| self.below(256) as u8).collect(),
            2 => br#"{"channels":["a"],"t_ns":[1],"values":[["text"]]}"#.to_vec(),
            _ => {
                let mut changed = payload.to_vec();
                for _ in 0..4 {
                    let place = self.below(changed.len().max(1));
                    if let Some(byte) = changed.get_mut(place) {
                        *byte = self.below(256) as u8;
                    }
                }
                changed
            }
        }
    }

    /// A payload that is written as it should, and says what cannot be.
    pub fn absurd(&mut self, channel: &str, time_ns: i64) -> Vec<u8> {
        let row = |time_ns: i64, value: &str| {
            format!("{{\"channels\":[\"{channel}\"],\"t_ns\":[{time_ns}],\"values\":[[{value}]]}}")
        };
        const CENTURY_NS: i64 = 100 * 365 * 86_400 * 1_000_000_000;
        match self.below(6) {
            0 => row(time_ns, "1e38"),
            1 => row(time_ns, "1e400"),
            2 => row(time_ns.saturating_add(CENTURY_NS), "0"),
            3 => row(0, "0"),
            4 => format!("{{\"t_ns\":{time_ns},\"{}\":1}}", "name".repeat(1000)),
            _ => format!("{}1{}", "[".repeat(DEPTH), "]".repeat(DEPTH)),
        }
        .into_bytes()
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.noise.uniform() * limit as f64) as usize
    }
}
