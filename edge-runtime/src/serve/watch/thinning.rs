//! Which results are published, where not all shall be.

/// Which results are published.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Thinning {
    /// All.
    #[default]
    None,
    /// Those whose label differs from the one published before, and one at least so often.
    OnChange { every_ns: Option<i64> },
    /// One so often.
    Every { every_ns: i64 },
}

/// What was published of one stream and model.
#[derive(Debug, Default)]
pub(super) struct Thinner {
    /// Label and window's end of the newest published result.
    newest: Option<(Option<i64>, i64)>,
    left_out: u64,
}

impl Thinner {
    /// Results left out before this one, or none where this one is left out. A window at which
    /// something happened to an alarm is always published.
    pub(super) fn publishes(
        &mut self,
        thinning: Thinning,
        label: Option<i64>,
        end_ns: i64,
        is_event: bool,
    ) -> Option<u64> {
        let (changed, every_ns) = match (thinning, self.newest) {
            (Thinning::None, _) | (_, None) => (true, None),
            (Thinning::OnChange { every_ns }, Some((before, _))) => (before != label, every_ns),
            (Thinning::Every { every_ns }, Some(_)) => (false, Some(every_ns)),
        };
        let is_due = |(every_ns, (_, newest_ns)): (i64, (Option<i64>, i64))| {
            // A clock that was set back does not silence a stream.
            end_ns < newest_ns || end_ns.saturating_sub(newest_ns) >= every_ns
        };
        if changed || is_event || every_ns.zip(self.newest).is_some_and(is_due) {
            self.newest = Some((label, end_ns));
            return Some(std::mem::take(&mut self.left_out));
        }
        self.left_out += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: i64 = 1_000_000_000;

    /// Which of results with these labels, one a second, are published.
    fn published(thinning: Thinning, labels: &[i64]) -> String {
        let mut thinner = Thinner::default();
        let mut text = String::new();
        for (second, label) in labels.iter().enumerate() {
            let end_ns = second as i64 * SECOND_NS;
            let left_out = thinner.publishes(thinning, Some(*label), end_ns, false);
            text += &left_out.map_or(".".to_owned(), |count| count.to_string());
        }
        text
    }

    #[test]
    fn changes_are_published_and_what_was_left_out_is_told() {
        let on_change = Thinning::OnChange { every_ns: None };
        assert_eq!(published(on_change, &[0, 0, 0, 1, 1, 0]), "0..2.1");
        let and_every = Thinning::OnChange { every_ns: Some(2 * SECOND_NS) };
        assert_eq!(published(and_every, &[0, 0, 0, 0, 1, 1, 1]), "0.1.1.1");
        assert_eq!(
            published(Thinning::Every { every_ns: 3 * SECOND_NS }, &[0, 1, 2, 3, 4]),
            "0..2."
        );
        assert_eq!(published(Thinning::None, &[0, 0]), "00");
    }

    #[test]
    fn an_alarm_and_a_clock_set_back_are_published() {
        let thinning = Thinning::Every { every_ns: 10 * SECOND_NS };
        let mut thinner = Thinner::default();
        assert_eq!(thinner.publishes(thinning, None, 100 * SECOND_NS, false), Some(0));
        assert_eq!(thinner.publishes(thinning, None, 101 * SECOND_NS, false), None);
        assert_eq!(thinner.publishes(thinning, None, 102 * SECOND_NS, true), Some(1));
        assert_eq!(thinner.publishes(thinning, None, 50 * SECOND_NS, false), Some(0));
    }
}
