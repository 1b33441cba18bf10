//! The names nearest to one that is unknown, for error messages.

use std::fmt::Write as _;

/// How many names a message offers at most.
const OFFERED_MAX: usize = 3;
/// Below this similarity (0 to 1) a name is no help.
const SIMILARITY_MIN: f64 = 0.6;
/// A name that is so much less similar than the best one only distracts from it.
const BEHIND_BEST_MAX: f64 = 0.1;

/// At most three of `known` that resemble `unknown`, the most similar first; equally similar ones
/// in the order of `known`. Upper and lower case count as equal.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // The comparison costs the product of both lengths: a hostile name must not make it long.
    let unknown: String = unknown.chars().take(128).collect::<String>().to_lowercase();
    let mut found: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&unknown, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best = found.first().map_or(0.0, |(similarity, _)| *similarity);
    let near = found.into_iter().filter(|(similarity, _)| best - similarity <= BEHIND_BEST_MAX);
    near.take(OFFERED_MAX).map(|(_, name)| name).collect()
}

/// The same as the end of a sentence: `; did you mean "rms" or "crest"?`, or nothing where no
/// name is near.
pub fn did_you_mean<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let names = nearest(unknown, known);
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let before = match index {
            0 => "; did you mean ",
            _ if index + 1 == names.len() => " or ",
            _ => ", ",
        };
        let _ = write!(text, "{before}{name:?}");
    }
    if !text.is_empty() {
        text.push('?');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_its_name() {
        let known = ["rms", "crest_factor", "zero_crossings", "kurtosis"];
        assert_eq!(nearest("kurtosys", known), ["kurtosis"]);
        assert_eq!(did_you_mean("RMS", known), "; did you mean \"rms\"?");
        assert_eq!(did_you_mean("§§§", known), "");
    }

    #[test]
    fn several_are_offered_most_similar_first() {
        let text = did_you_mean("accX", ["accZ", "accX1", "gyroX"]);
        assert_eq!(text, "; did you mean \"accX1\" or \"accZ\"?");
    }
}
