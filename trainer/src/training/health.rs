//! What a fit found about its features, as sentences for the notes of the run.

use serde_json::{Map, Value};

/// The most names in a sentence.
const NAMED_MAX: usize = 8;

/// What the facts of a fit say about the features, by their names.
pub(super) fn notes(facts: &Map<String, Value>, features: &[String]) -> Vec<String> {
    let kinds = [
        (
            "constant_features",
            "hardly vary in the training rows and count as constant, so that no answer hangs on what \
             they do later",
        ),
        (
            "cut_features",
            "have training values far beyond all others, which counted as no further out than the \
             bounds",
        ),
        (
            "raised_features",
            "have an interquartile range too small to scale by, and a scale from a wider range instead",
        ),
    ];
    let mut notes = Vec::new();
    for (fact, what) in kinds {
        let positions = facts.get(fact).and_then(Value::as_array);
        let positions = positions.into_iter().flatten().filter_map(Value::as_u64);
        let names: Vec<&str> =
            positions.filter_map(|at| features.get(at as usize)).map(String::as_str).collect();
        if names.is_empty() {
            continue;
        }
        let shown = names[..names.len().min(NAMED_MAX)].join(", ");
        let more = names.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        notes.push(format!("{} of {} features {what}: {shown}{more}", names.len(), features.len()));
    }
    notes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn features_are_told_by_name_and_many_are_counted() {
        let features: Vec<String> = (0..12).map(|n| format!("x{n}.mean")).collect();
        let facts = json!({"constant_features": [], "cut_features": [3], "raised_features":
            (0..12).collect::<Vec<_>>(), "iterations": 5});
        let notes = notes(facts.as_object().unwrap(), &features);
        assert_eq!(notes.len(), 2);
        assert!(notes[0].starts_with("1 of 12 features have training values far beyond"));
        assert!(notes[0].ends_with(": x3.mean"), "{}", notes[0]);
        assert!(notes[1].ends_with("x6.mean, x7.mean and 4 more"), "{}", notes[1]);
    }
}
