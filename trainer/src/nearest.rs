//! Names to offer in refusals: the nearest ones, or all of a few.

/// How many names are a few.
const FEW: usize = 5;

/// The names nearest to an unknown one; all of a few where none is near.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let known: Vec<&str> = known.into_iter().collect();
    let near = model_format::nearest::nearest(name, known.iter().copied());
    let offered = if near.is_empty() && known.len() <= FEW { known } else { near };
    offered.into_iter().map(str::to_owned).collect()
}

/// The end of a refusal's sentence that offers these names.
pub(crate) fn hint(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; there is {}", nearest.join(", ")) }
}
