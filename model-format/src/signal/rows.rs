//! Rows of whatever channels come, in the order of their time: what is kept of a stream that no model
//! asks for yet.

use super::order::Order;
pub use super::order::{Part, Placed};

/// Rows on their way: held until none that belongs before them can come, with channels that are met
/// as they come. The same order as that of a [`Stream`](super::stream::Stream).
#[derive(Debug)]
pub struct OrderedRows {
    order: Order,
    channels: usize,
}

impl OrderedRows {
    /// Samples may come out of order by this much.
    pub fn new(lateness_ms: u32) -> Self {
        OrderedRows { order: Order::of_rows(lateness_ms), channels: 0 }
    }

    /// There are so many channels from now on, never fewer than before.
    pub fn widen(&mut self, channels: usize) {
        if channels > self.channels {
            self.order.widen(channels);
            self.channels = channels;
        }
    }

    /// Places a part, with a value for each channel or that of one, and passes on the rows that are
    /// certain. After [`Placed::ClockBack`], [`OrderedRows::finish`] begins anew.
    pub fn place(
        &mut self,
        time_ns: i64,
        part: Part<'_>,
        next: &mut impl FnMut(i64, &[f32]),
    ) -> Placed {
        self.order.place(time_ns, part, next)
    }

    /// The latest time that came.
    pub fn newest_ns(&self) -> Option<i64> {
        self.order.newest_ns()
    }

    /// Passes on all that is held, and forgets what time it is.
    pub fn finish(&mut self, next: &mut impl FnMut(i64, &[f32])) {
        self.order.finish(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_comes_later_is_missing_in_the_rows_before_it() {
        let mut found: Vec<(i64, Vec<f32>)> = Vec::new();
        let mut next = |time, values: &[f32]| found.push((time, values.to_vec()));
        let mut ordered = OrderedRows::new(1);
        ordered.widen(1);
        ordered.place(0, Part::One(0, 1.0), &mut next);
        ordered.place(100, Part::One(0, 2.0), &mut next);
        ordered.widen(2);
        assert_eq!(ordered.place(100, Part::One(1, 5.0), &mut next), Placed::Joined);
        assert_eq!(ordered.place(50, Part::Row(&[1.5, 4.0]), &mut next), Placed::Row);
        assert_eq!(ordered.place(50, Part::Row(&[1.5, 4.0]), &mut next), Placed::Duplicate);
        ordered.finish(&mut next);
        let times: Vec<i64> = found.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, [0, 50, 100]);
        assert!(found[0].1.len() == 2 && found[0].1[1].is_nan());
        assert_eq!((&found[1].1[..], &found[2].1[..]), (&[1.5, 4.0][..], &[2.0, 5.0][..]));
    }

    #[test]
    fn what_comes_after_its_row_has_left_is_late() {
        let mut ordered = OrderedRows::new(0);
        ordered.widen(1);
        let mut next = |_: i64, _: &[f32]| {};
        assert_eq!(ordered.place(10, Part::Row(&[1.0]), &mut next), Placed::Row);
        assert_eq!(ordered.place(5, Part::Row(&[1.0]), &mut next), Placed::Late);
        assert_eq!(ordered.place(10, Part::Row(&[1.0]), &mut next), Placed::Duplicate);
    }
}
