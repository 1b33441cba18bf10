//! Splitting by whole recordings or groups, class by class.

use super::{Index, Part, Place, SplitError, check_share};
use crate::random::Random;

/// Draws whole units for the test part. Units are drawn among those with the same main class, so
/// that every class keeps its share where units have one class each.
pub(super) fn split(
    index: &Index,
    among: &[usize],
    test_share: f64,
    seed: u64,
    (unit_word, names): (&'static str, &[String]),
    unit: impl Fn(&Place) -> Result<u32, SplitError>,
) -> Result<Vec<Part>, SplitError> {
    check_share(test_share)?;
    let Own { own, present } = of_windows(index, among, unit)?;
    if let [only] = present.as_slice() {
        let name = names[*only as usize].clone();
        return Err(SplitError::OneUnit { unit: unit_word, name });
    }
    let mut in_test = vec![false; names.len()];
    for (stratum, units) in strata(index, among, &own, &present).iter().enumerate() {
        let mut units = units.clone();
        Random::new(seed, stratum as u64).shuffle(&mut units);
        for unit in &units[..test_count(units.len(), test_share)] {
            in_test[*unit as usize] = true;
        }
    }
    // Strata of one unit each give none to the test part: then the last of them is tested.
    if !in_test.iter().any(|&test| test) {
        let mut units = present;
        Random::new(seed, u64::MAX).shuffle(&mut units);
        in_test[units[0] as usize] = true;
    }
    let part = |unit: &u32| if in_test[*unit as usize] { Part::Test } else { Part::Train };
    Ok(own.iter().map(part).collect())
}

/// Whose the windows are.
pub(super) struct Own {
    /// The unit of each window.
    pub(super) own: Vec<u32>,
    /// The units that there are, ascending.
    pub(super) present: Vec<u32>,
}

pub(super) fn of_windows(
    index: &Index,
    among: &[usize],
    unit: impl Fn(&Place) -> Result<u32, SplitError>,
) -> Result<Own, SplitError> {
    let own: Vec<u32> =
        among.iter().map(|&window| unit(&index.windows[window])).collect::<Result<_, _>>()?;
    let mut present = own.clone();
    present.sort_unstable();
    present.dedup();
    Ok(Own { own, present })
}

/// The units by their most frequent class (the first of equals); units without classes together.
pub(super) fn strata(
    index: &Index,
    among: &[usize],
    own: &[u32],
    present: &[u32],
) -> Vec<Vec<u32>> {
    let classes = index.classes.len();
    let mut counts = vec![vec![0_u64; classes + 1]; present.len()];
    for (&window, unit) in among.iter().zip(own) {
        let at = present.binary_search(unit).expect("present holds every unit of own");
        let class = index.windows[window].class.map_or(classes, |class| class as usize);
        counts[at][class] += 1;
    }
    let mut strata = vec![Vec::new(); classes + 1];
    for (&unit, counts) in present.iter().zip(&counts) {
        let largest = counts[..classes].iter().max().copied().unwrap_or(0);
        let main = counts[..classes].iter().position(|&count| count == largest && count > 0);
        strata[main.unwrap_or(classes)].push(unit);
    }
    strata
}

/// The share of the units, rounded, leaving at least one on each side where there are two.
fn test_count(units: usize, test_share: f64) -> usize {
    let wanted = (units as f64 * test_share).round() as usize;
    if units < 2 { 0 } else { wanted.clamp(1, units - 1) }
}
