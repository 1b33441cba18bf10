//! Features column by column, as ranks among their distinct values.
//!
//! A split only depends on the order of values. Ranks keep the order exactly, compare as
//! integers, and sort by radix; the values come back when a threshold is written.

use crate::table::Table;

/// Features by column.
pub(crate) struct Columns {
    rows: usize,
    ranks: Vec<u32>,
    distinct: Vec<Vec<f32>>,
}

impl Columns {
    /// The features of a checked table.
    pub(crate) fn new(table: &Table) -> Self {
        let width = table.columns.len();
        let mut ranks = vec![0; table.rows * width];
        let mut distinct = Vec::with_capacity(width);
        let mut keys: Vec<u64> = Vec::with_capacity(table.rows);
        for column in 0..width {
            keys.clear();
            let values = table.values.iter().skip(column).step_by(width);
            let key = |(row, &value)| (u64::from(ordered_bits(value)) << 32) | row as u64;
            keys.extend(values.enumerate().map(key));
            keys.sort_unstable();
            let own = &mut ranks[column * table.rows..(column + 1) * table.rows];
            distinct.push(assign_ranks(&keys, own, |row| table.values[row * width + column]));
        }
        Columns { rows: table.rows, ranks, distinct }
    }

    /// Number of columns.
    pub(crate) fn width(&self) -> usize {
        self.distinct.len()
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The ranks of a column, by row.
    pub(crate) fn ranks(&self, column: usize) -> &[u32] {
        &self.ranks[column * self.rows..(column + 1) * self.rows]
    }

    /// The threshold [`between`] the values of two ranks, `low` before `high`.
    pub(crate) fn threshold(&self, column: usize, low: u32, high: u32) -> f32 {
        let values = &self.distinct[column];
        between(values[low as usize], values[high as usize])
    }
}

/// The threshold between two values: `value <= threshold` holds for `low` and not for `high`.
///
/// It is the middle of the two, rounded to a 32-bit float; where that rounds up to the upper value
/// (neighbouring floats), it is the lower value itself.
pub(crate) fn between(low: f32, high: f32) -> f32 {
    let middle = (f64::from(low) * 0.5 + f64::from(high) * 0.5) as f32;
    if middle < high { middle.max(low) } else { low }
}

/// Bits that order as the values do; both zeros alike.
fn ordered_bits(value: f32) -> u32 {
    let bits = (value + 0.0).to_bits();
    if bits >> 31 == 0 { bits | (1 << 31) } else { !bits }
}

fn assign_ranks(keys: &[u64], ranks: &mut [u32], value: impl Fn(usize) -> f32) -> Vec<f32> {
    let mut distinct: Vec<f32> = Vec::new();
    let mut last = None;
    for &key in keys {
        let row = key as u32 as usize;
        if last != Some(key >> 32) {
            last = Some(key >> 32);
            distinct.push(value(row) + 0.0);
        }
        ranks[row] = (distinct.len() - 1) as u32;
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Target;

    fn columns(values: &[f32]) -> Columns {
        Columns::new(&Table {
            columns: vec!["x".to_owned()],
            rows: values.len(),
            values: values.to_vec(),
            target: Target::None,
            groups: vec![0; values.len()],
            weights: None,
        })
    }

    #[test]
    fn ranks_follow_the_order_and_both_zeros_are_one_value() {
        let c = columns(&[3.0, -0.0, -5.0, 0.0, 3.0]);
        assert_eq!(c.ranks(0), [2, 1, 0, 1, 2]);
    }

    #[test]
    fn a_threshold_lies_at_or_above_the_lower_and_below_the_upper_value() {
        let next = 1.0_f32.next_up();
        let c = columns(&[1.0, next, f32::MAX, f32::MAX.next_down(), -f32::MAX, 0.0, 1e-45]);
        for low in 0..6 {
            let threshold = c.threshold(0, low, low + 1);
            let (a, b) = (c.distinct[0][low as usize], c.distinct[0][low as usize + 1]);
            assert!(a <= threshold && threshold < b, "{a} <= {threshold} < {b}");
        }
        assert_eq!(columns(&[1.0, next]).threshold(0, 0, 1), 1.0);
    }
}
