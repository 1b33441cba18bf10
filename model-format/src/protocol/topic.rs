//! Topics: where samples come from and results go to.

/// First level of all topics, where nothing else is said.
pub const TOPIC_PREFIX: &str = "cirame";

/// `{prefix}/samples/{stream}`: samples of one asset.
pub fn samples_topic(prefix: &str, stream: &str) -> String {
    format!("{prefix}/samples/{stream}")
}

/// `{prefix}/devices/{device}/results/{stream}`: the results of one stream, one JSON object each.
pub fn results_topic(prefix: &str, device: &str, stream: &str) -> String {
    format!("{prefix}/devices/{device}/results/{stream}")
}

/// `{prefix}/devices/{device}/alarms/{stream}`: raises, clearings and acknowledgements of one
/// stream's alarms, one JSON object each.
pub fn alarms_topic(prefix: &str, device: &str, stream: &str) -> String {
    format!("{prefix}/devices/{device}/alarms/{stream}")
}

/// `{prefix}/devices/{device}/command`: what an operator asks of the device, one JSON object each.
pub fn command_topic(prefix: &str, device: &str) -> String {
    format!("{prefix}/devices/{device}/command")
}

/// `{prefix}/devices/{device}/status`: retained; `{"state":"online",…}`, and `{"state":"offline"}`
/// as the will.
pub fn status_topic(prefix: &str, device: &str) -> String {
    format!("{prefix}/devices/{device}/status")
}

/// Whether `text` can stand as one level of a topic: not empty, at most 200 bytes, no `/`, `+`,
/// `#` and no control characters.
pub fn check_topic_level(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 200
        && !text.chars().any(|c| matches!(c, '/' | '+' | '#') || c.is_control())
}

/// Whether `text` can be the first levels of topics: levels divided by `/`, at most 200 bytes, not
/// beginning with `$`, which brokers keep for themselves.
pub fn check_topic_prefix(text: &str) -> bool {
    text.len() <= 200 && !text.starts_with('$') && text.split('/').all(check_topic_level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_cannot_reach_other_topics() {
        for level in ["", "a/b", "+", "#", "a\u{0}", "a\nb", &"x".repeat(201)] {
            assert!(!check_topic_level(level), "{level:?}");
        }
        assert!(check_topic_level("pump 7 – Süd"));
    }

    #[test]
    fn prefixes_cannot_reach_other_topics() {
        for text in ["", "/", "a//b", "a/", "a/+", "#", "$SYS", &"x".repeat(201)] {
            assert!(!check_topic_prefix(text), "{text}");
        }
        assert!(check_topic_prefix("plant/hall 3"));
    }
}
