//! Comparing two engines' answers, window by window.

use super::{Differences, OutputDifference};
use crate::Outputs;

/// In what one window's answers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// A float lies beyond the tolerance.
    pub(super) floats: bool,
    /// The label is another one.
    pub(super) label: bool,
}

/// Compares `found` with `reference` to this relative tolerance; `explains` says whether a difference is allowed.
pub(super) fn compare(
    names: &[&str],
    reference: &Outputs,
    found: &Outputs,
    tolerance: f64,
    mut explains: impl FnMut(usize, Difference) -> bool,
) -> Differences {
    let width = reference.width.max(1);
    let windows = reference.floats.len() / width;
    let mut outputs: Vec<_> = names.iter().map(|name| nothing_yet(name, windows)).collect();
    let mut differences = Differences::default();
    let labels = |outputs: &Outputs, window: usize| {
        outputs.labels.as_ref().and_then(|labels| labels.get(window).copied())
    };
    for window in 0..windows {
        let range = window * width..(window + 1) * width;
        let given = found.floats.get(range.clone()).filter(|_| found.width == reference.width);
        let floats = outputs[0].add(&reference.floats[range], given.unwrap_or_default(), tolerance);
        let (expected, given) = (labels(reference, window), labels(found, window));
        let label = expected != given;
        if let (Some(output), Some(expected)) = (outputs.get_mut(1), expected) {
            let given = given.map(|label| label as f32);
            output.add(&[expected as f32], given.as_slice(), tolerance);
        }
        let difference = Difference { floats, label };
        differences.class_changes += u64::from(label);
        if floats || label {
            let explained = explains(window, difference);
            differences.explained += u64::from(explained);
            differences.unexplained += u64::from(!explained);
        }
    }
    differences.outputs = outputs;
    differences
}

fn nothing_yet(name: &str, windows: usize) -> OutputDifference {
    OutputDifference {
        output: name.to_owned(),
        windows: windows as u64,
        absolute_max: 0.0,
        relative_max: 0.0,
        beyond_tolerance: 0,
    }
}

impl OutputDifference {
    /// Adds one window; true where it lies beyond the tolerance. What is missing or no number is
    /// as far away as can be.
    fn add(&mut self, expected: &[f32], found: &[f32], tolerance: f64) -> bool {
        let mut relative_max = 0.0_f64;
        for (at, &expected) in expected.iter().enumerate() {
            let expected = f64::from(expected);
            let distance =
                found.get(at).map_or(f64::MAX, |&found| (f64::from(found) - expected).abs());
            let distance = if distance.is_finite() { distance } else { f64::MAX };
            self.absolute_max = self.absolute_max.max(distance);
            relative_max = relative_max.max(distance / expected.abs().max(1.0));
        }
        self.relative_max = self.relative_max.max(relative_max);
        let beyond = relative_max > tolerance;
        self.beyond_tolerance += u64::from(beyond);
        beyond
    }
}

#[cfg(test)]
mod tests {
    use super::super::TOLERANCE;
    use super::*;

    fn outputs(floats: &[f32], labels: &[i64]) -> Outputs {
        Outputs { floats: floats.to_vec(), width: 2, labels: Some(labels.to_vec()) }
    }

    const NAMES: [&str; 2] = ["probabilities", "label"];

    #[test]
    fn equal_answers_do_not_differ() {
        let answers = outputs(&[0.25, 0.75, 1.0, 0.0], &[1, 0]);
        let found = compare(&NAMES, &answers, &answers, TOLERANCE, |_, _| unreachable!());
        assert_eq!((found.explained, found.unexplained, found.class_changes), (0, 0, 0));
        assert_eq!(found.outputs.len(), 2);
        assert!(found.outputs.iter().all(|o| o.windows == 2 && o.absolute_max == 0.0));
    }

    #[test]
    fn a_difference_is_counted_once_a_window_and_is_explained_or_not() {
        let reference = outputs(&[0.25, 0.75, 1.0, 0.0], &[1, 0]);
        let other = outputs(&[0.75, 0.25, 1.0, 1e-7], &[0, 0]);
        let found = compare(&NAMES, &reference, &other, TOLERANCE, |window, difference| {
            assert_eq!((window, difference), (0, Difference { floats: true, label: true }));
            true
        });
        assert_eq!((found.explained, found.unexplained, found.class_changes), (1, 0, 1));
        assert_eq!(found.outputs[0].absolute_max, 0.5);
        assert_eq!(found.outputs[1].beyond_tolerance, 1);
        assert_eq!(compare(&NAMES, &reference, &other, TOLERANCE, |_, _| false).unexplained, 1);
    }

    #[test]
    fn what_is_missing_or_no_number_is_as_far_as_can_be() {
        let reference = outputs(&[0.25, 0.75], &[1]);
        let narrow = Outputs { floats: vec![0.25], width: 1, labels: None };
        for other in [outputs(&[f32::NAN, 0.75], &[1]), outputs(&[], &[]), narrow] {
            let found = compare(&NAMES, &reference, &other, TOLERANCE, |_, _| false);
            assert_eq!(found.unexplained, 1);
            assert_eq!(found.outputs[0].absolute_max, f64::MAX);
        }
    }
}
