//! Topics: where samples come from and results go to.

/// `{prefix}/samples/{stream}`: samples of one asset.
pub fn samples_topic(prefix: &str, stream: &str) -> String {
    format!("{prefix}/samples/{stream}")
}

/// `{prefix}/devices/{device}/results/{stream}`: the results of one stream, one JSON object each.
pub fn results_topic(prefix: &str, device: &str, stream: &str) -> String {
    format!("{prefix}/devices/{device}/results/{stream}")
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
}
