//! The scaler: against scikit-learn, and what it promises of absurd and of constant values.

use learn::scaler::{MARGIN, SCALED_MAX, Scaler, Spread};
use learn::table::{Table, Target};
use proptest::prelude::*;
use serde_json::json;

/// Rows of `width` features.
fn wide(values: Vec<f32>, width: usize) -> Table {
    let rows = values.len() / width;
    Table {
        columns: (0..width).map(|column| format!("x{column}")).collect(),
        rows,
        values,
        target: Target::None,
        groups: vec![0; rows],
        weights: None,
    }
}

fn table(values: &[f32]) -> Table {
    wide(values.to_vec(), 1)
}
fn scaled(scaler: &Scaler, values: &[f32]) -> Vec<f32> {
    let mut out = Vec::new();
    values
        .iter()
        .flat_map(|&x| {
            scaler.apply(&[x], &mut out);
            out.clone()
        })
        .collect()
}

fn standard(values: &[f32]) -> Vec<f32> {
    scaled(&Scaler::new(&table(values), Spread::Standard, Some(MARGIN)).unwrap(), values)
}

#[test]
fn a_spread_of_some_last_bits_counts_as_none_and_a_small_one_counts_in_full() {
    let near = 1e5_f32;
    assert_eq!(standard(&[near, near.next_up(), near, near.next_down()]), [0.0; 4]);
    assert_eq!(standard(&[near - 1.0, near + 1.0]), [-1.0, 1.0]);
    let tiny = 2.0_f32.powi(-70);
    assert_eq!(standard(&[-tiny, tiny]), [-1.0, 1.0]);
    assert_eq!(standard(&[0.0, 0.0]), [0.0, 0.0]);
}

/// 0, 1, … 100: the middle is 1 to 99, and the bounds lie three times 98 beyond it.
fn hundred() -> Vec<f32> {
    (0..=100_u8).map(f32::from).collect()
}

#[test]
fn features_are_cut_three_widths_of_the_middle_beyond_it() {
    let scaler = Scaler::new(&table(&hundred()), Spread::Standard, Some(MARGIN)).unwrap();
    let far = scaled(&scaler, &[393.0, 394.0, 1e30, f32::MAX, -293.0, -294.0, -1e9]);
    assert_eq!(far[..4], [far[0]; 4]);
    assert_eq!(far[4..], [far[4]; 3]);
    assert!((far[0] - (393.0 - 50.0) / 850.0_f32.sqrt()).abs() < 1e-5, "{far:?}");
    assert!(scaled(&scaler, &[392.0])[0] < far[0]);
    assert_eq!(scaler.facts()["constant_features"], json!([]));
    assert!(!scaler.facts().contains_key("cut_features"));
}

#[test]
fn an_absurd_training_row_moves_the_scale_no_further_than_the_bounds() {
    let mut values: Vec<f32> = (0..1000_u16).map(f32::from).collect();
    let clean = standard(&values);
    values[0] = 1e29;
    let scaler = Scaler::new(&table(&values), Spread::Standard, Some(MARGIN)).unwrap();
    let found = scaled(&scaler, &values);
    let worst = clean.iter().zip(&found).skip(1).map(|(a, b)| (a - b).abs());
    assert!(worst.fold(0.0, f32::max) < 0.2, "the others keep their place");
    assert_eq!(scaler.facts()["cut_features"], json!([0]));
    let unbounded = Scaler::new(&table(&values), Spread::Standard, None).unwrap();
    assert!(scaled(&unbounded, &values)[1..].iter().all(|z| z.abs() < 0.05));
}

#[test]
fn a_robust_spread_is_no_smaller_than_a_twentieth_of_the_middle() {
    // 80 of 100 rows lie within 1e-3, the others far out on both sides.
    let row = |row: u8| match row {
        0..10 => -1e3,
        90.. => 1e3,
        _ => f32::from(row) * 1e-5,
    };
    let values: Vec<f32> = (0..100).map(row).collect();
    let scaler = Scaler::new(&table(&values), Spread::Robust, None).unwrap();
    assert!((scaled(&scaler, &[1e3])[0] - 10.0).abs() < 1e-3);
    assert_eq!(scaler.facts()["raised_features"], json!([0]));
    // One of 1000 rows is another value: there is no range, and the deviation counts.
    let values: Vec<f32> = (0..1000).map(|row| f32::from(u8::from(row == 7))).collect();
    let scaler = Scaler::new(&table(&values), Spread::Robust, Some(MARGIN)).unwrap();
    assert_eq!(scaler.facts()["raised_features"], json!([0]));
    assert!((scaled(&scaler, &[1.0])[0] - 31.6).abs() < 0.1);
    assert!(
        Scaler::new(&table(&[2.5; 9]), Spread::Robust, None).unwrap().facts()["constant_features"]
            == json!([0])
    );
}

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    margin: Option<f64>,
    train: Vec<Vec<f32>>,
    test: Vec<Vec<f32>>,
    standard: Vec<Vec<f64>>,
    robust: Vec<Vec<f64>>,
}

#[test]
fn scaled_features_are_those_of_scikit_learn_within_the_bounds() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("reference/scaler.json")).unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let train = wide(case.train.concat(), case.test[0].len());
        for (spread, expected) in
            [(Spread::Standard, &case.standard), (Spread::Robust, &case.robust)]
        {
            let scaler = Scaler::new(&train, spread, case.margin).unwrap();
            let mut found = Vec::new();
            for (row, expected) in case.test.iter().zip(expected) {
                scaler.apply(row, &mut found);
                for (column, (&found, &expected)) in found.iter().zip(expected).enumerate() {
                    let limit = f64::from(SCALED_MAX);
                    let expected = expected.clamp(-limit, limit);
                    let error = (f64::from(found) - expected).abs() / (1.0 + expected.abs());
                    // Means of features around 1e5 are rounded to 32 bits: a part of their spread.
                    let name = &case.name;
                    assert!(error < 2e-3, "{name}, {spread:?}, x{column}: {found}, not {expected}");
                    assert!(
                        error < 5e-6 || train.values[column].abs() > 1e4,
                        "{name}, {spread:?}, x{column}: {found}, not {expected}"
                    );
                }
            }
        }
    }
}

proptest! {
    /// Whatever was learned from: scaled features are finite, keep the order of what they scale, and do not
    /// change any more beyond the bounds.
    #[test]
    fn no_value_is_scaled_to_more_than_the_bounds(
        train in prop::collection::vec(prop_oneof![-1e30f32..1e30, -10.0f32..10.0, Just(3.5f32)], 1..40),
        any in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::ZERO | prop::num::f32::SUBNORMAL, 1..8),
        robust: bool,
    ) {
        let spread = if robust { Spread::Robust } else { Spread::Standard };
        let learned = table(&train);
        let scaler = Scaler::new(&learned, spread, Some(MARGIN)).unwrap();
        let ends = scaled(&scaler, &[-f32::MAX, f32::MAX]);
        prop_assert!(ends.iter().all(|z| z.abs() <= SCALED_MAX));
        let mut any = any;
        any.sort_by(f32::total_cmp);
        let found = scaled(&scaler, &any);
        prop_assert!(found.is_sorted());
        prop_assert!(found.iter().all(|z| (ends[0]..=ends[1]).contains(z)));
    }
}
