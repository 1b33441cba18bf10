//! Nearest names, for refusals that say what was probably meant.

/// The three nearest names, or all where there are at most five.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut known: Vec<&str> = known.into_iter().collect();
    if known.len() > 5 {
        known.sort_by_cached_key(|candidate| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase()),
                *candidate,
            )
        });
        known.truncate(3);
    }
    known.into_iter().map(str::to_owned).collect()
}

/// `; the nearest are …`, or what to do where there is none.
pub(crate) fn hint(nearest: &[String]) -> String {
    if nearest.is_empty() {
        "; there is none yet".to_owned()
    } else {
        format!("; known: {}", nearest.join(", "))
    }
}
