//! What must hold of every curve and histogram, whatever the scores.

use learn::metrics::curve::{NoCurve, POINTS_MAX, curves};
use learn::metrics::histogram::histogram;
use proptest::prelude::*;

/// Rows with scores that are often equal.
fn rows() -> impl Strategy<Value = Vec<(bool, f32)>> {
    let score = prop_oneof![
        (-3i8..=3).prop_map(f32::from),
        -1e30f32..1e30,
        Just(f32::INFINITY),
        Just(-0.0),
    ];
    prop::collection::vec((any::<bool>(), score), 2..600)
}

fn split(rows: &[(bool, f32)]) -> (Vec<bool>, Vec<f32>) {
    rows.iter().copied().unzip()
}

proptest! {
    #[test]
    fn curves_rise_within_the_unit_square_whatever_the_order_of_rows(
        rows in rows(), turn in 0usize..600, points_max in 0usize..400,
    ) {
        let (positive, scores) = split(&rows);
        let found = curves("c", &positive, &scores, points_max);
        let count = positive.iter().filter(|&&positive| positive).count();
        if count == 0 || count == rows.len() {
            prop_assert!(found.is_err());
            return Ok(());
        }
        let (roc, pr) = found.unwrap();
        prop_assert!((0.0..=1.0).contains(&roc.area) && (0.0..=1.0).contains(&pr.average_precision));
        prop_assert!(roc.points.len() <= points_max.clamp(2, POINTS_MAX));
        prop_assert!(pr.points.len() <= points_max.clamp(2, POINTS_MAX));
        let (first, last) = (roc.points[0], roc.points[roc.points.len() - 1]);
        prop_assert_eq!((first.false_positive_rate, first.true_positive_rate), (0.0, 0.0));
        prop_assert_eq!((last.false_positive_rate, last.true_positive_rate), (1.0, 1.0));
        prop_assert_eq!(pr.points[pr.points.len() - 1].recall, 1.0);
        for pair in roc.points.windows(2) {
            prop_assert!(pair[0].false_positive_rate <= pair[1].false_positive_rate);
            prop_assert!(pair[0].true_positive_rate <= pair[1].true_positive_rate);
            prop_assert!(pair[0].threshold.is_none_or(|above| above > pair[1].threshold.unwrap()));
        }
        for pair in pr.points.windows(2) {
            prop_assert!(pair[0].recall <= pair[1].recall);
            prop_assert!((0.0..=1.0).contains(&pair[1].precision));
        }
        let mut turned = rows;
        turned.rotate_left(turn % positive.len());
        let (positive, scores) = split(&turned);
        prop_assert_eq!(curves("c", &positive, &scores, points_max).unwrap(), (roc, pr));
    }

    #[test]
    fn scores_the_other_way_round_have_the_rest_of_the_area(rows in rows()) {
        let (positive, scores) = split(&rows);
        let against: Vec<f32> = scores.iter().map(|score| -score).collect();
        if let Ok((roc, _)) = curves("c", &positive, &scores, POINTS_MAX) {
            let (other, _) = curves("c", &positive, &against, POINTS_MAX).unwrap();
            prop_assert!((roc.area + other.area - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_histogram_counts_every_value_once_in_bins_that_touch(
        values in prop::collection::vec(
            prop_oneof![-1e3f64..1e3, Just(0.0), -1e300f64..1e300], 1..300,
        ),
    ) {
        let found = histogram(values.clone()).unwrap();
        prop_assert!((5..=100).contains(&found.bins.len()));
        prop_assert_eq!(found.bins.iter().map(|bin| bin.count).sum::<u64>(), values.len() as u64);
        for pair in found.bins.windows(2) {
            prop_assert!(pair[0].to == pair[1].from && pair[0].from <= pair[0].to);
        }
        let (low, high) = (found.bins[0].from, found.bins[found.bins.len() - 1].to);
        prop_assert!(values.iter().all(|&value| low <= value && value <= high));
    }
}

#[test]
fn one_class_alone_and_scores_that_are_none_have_no_curve_and_a_reason() {
    let reason =
        |positive: &[bool], scores: &[f32]| curves("c", positive, scores, POINTS_MAX).unwrap_err();
    assert_eq!(reason(&[true, true], &[0.1, 0.2]), NoCurve::NoNegative { rows: 2 });
    assert_eq!(reason(&[false], &[0.1]), NoCurve::NoPositive { rows: 1 });
    assert_eq!(reason(&[], &[]), NoCurve::NoPositive { rows: 0 });
    assert_eq!(reason(&[true, false], &[0.1, f32::NAN]), NoCurve::NotANumber { row: 1 });
    assert!(histogram(vec![]).is_none() && histogram(vec![f64::INFINITY]).is_none());
}
