//! Quantiles of one feature in the training rows, where rows may count differently.

/// The values of one feature, ascending, and where each lies in the line of all rows.
///
/// A row of weight w stands in line w times, so that quantiles are those of repeated rows. Between
/// neighbours a quantile lies in proportion, as NumPy's default does.
pub(super) struct Ranks {
    values: Vec<f32>,
    /// The place of each value's first copy; its index where all rows count once.
    places: Option<Vec<f64>>,
    /// The last place in the line.
    last: f64,
}

impl Ranks {
    /// Of at least one value, with as many positive weights where there are any. Weights of which
    /// some are below 1 are raised together until the smallest is 1.
    pub(super) fn new(mut values: Vec<f32>, weights: Option<&[f32]>) -> Ranks {
        let Some(weights) = weights else {
            values.sort_unstable_by(f32::total_cmp);
            let last = (values.len() - 1) as f64;
            return Ranks { values, places: None, last };
        };
        let smallest = weights.iter().copied().fold(1.0, f32::min);
        let copies = weights.iter().map(|&weight| f64::from(weight) / f64::from(smallest));
        let mut line: Vec<(f32, f64)> = values.into_iter().zip(copies).collect();
        line.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut end = 0.0;
        let mut place = |&(_, copies): &(f32, f64)| {
            let start = end;
            end += copies;
            start
        };
        let places = line.iter().map(&mut place).collect();
        let values = line.iter().map(|&(value, _)| value).collect();
        Ranks { values, places: Some(places), last: end - 1.0 }
    }

    /// The smallest value.
    pub(super) fn least(&self) -> f64 {
        f64::from(self.values[0])
    }

    /// The largest value.
    pub(super) fn most(&self) -> f64 {
        f64::from(self.values[self.values.len() - 1])
    }

    /// The value below which this share of the rows lies.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        let place = share * self.last;
        let at = match &self.places {
            None => place as usize,
            Some(places) => places.partition_point(|&start| start <= place) - 1,
        };
        let value = f64::from(self.values[at]);
        let Some(&next) = self.values.get(at + 1) else { return value };
        let (start, after) = match &self.places {
            None => (at as f64, at as f64 + 1.0),
            Some(places) => (places[at], places[at + 1]),
        };
        let end = start.max(after - 1.0);
        if place <= end {
            return value;
        }
        let part = (place - end) / (after - end);
        value * (1.0 - part) + f64::from(next) * part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_counts_like_copies() {
        let values = [5.0, -1.0, 2.0, 2.0, 9.0, 0.5];
        let weights = [2.0, 1.0, 3.0, 1.0, 1.0, 4.0];
        let copies = values.iter().zip(weights).flat_map(|(&v, w)| vec![v; w as usize]).collect();
        let weighed = Ranks::new(values.to_vec(), Some(&weights));
        let repeated = Ranks::new(copies, None);
        for percent in 0..=100 {
            let share = f64::from(percent) / 100.0;
            let (a, b) = (weighed.quantile(share), repeated.quantile(share));
            assert!((a - b).abs() < 1e-12, "{percent} %: {a} and {b}");
        }
    }

    #[test]
    fn small_weights_leave_quantiles_between_the_values() {
        let ranks = Ranks::new(vec![1.0, 2.0, 3.0], Some(&[1e-6, 0.5, 1e-6]));
        assert_eq!((ranks.quantile(0.0), ranks.quantile(1.0)), (1.0, 3.0));
        assert_eq!(ranks.quantile(0.5), 2.0);
        assert_eq!(Ranks::new(vec![4.0], None).quantile(0.99), 4.0);
    }
}
