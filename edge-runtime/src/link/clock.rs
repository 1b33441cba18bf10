//! The time that requests are signed with: the trainer's, as far as it is known, and always rising.

use model_format::protocol::CLOCK_SKEW_MS_MAX;

/// Furthest time that is believed, in milliseconds since 1970: the year 10 000.
const TIME_MS_MAX: i64 = 253_402_300_800_000;

/// Gives each request a time that is later than the one before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RequestClock {
    /// What the trainer's clock is ahead of the device's.
    offset_ms: i64,
    /// Time of the newest request.
    last_ms: i64,
}

impl RequestClock {
    /// The time for a request at `local_ms` of the device's clock.
    pub(super) fn next_ms(&mut self, local_ms: i64) -> i64 {
        let trainer_ms = local_ms.saturating_add(self.offset_ms);
        self.last_ms = trainer_ms.max(self.last_ms.saturating_add(1));
        self.last_ms
    }

    /// The trainer's clock was at `trainer_ms` when the device's was at `local_ms`.
    pub(super) fn learn(&mut self, local_ms: i64, trainer_ms: i64) {
        if (0..TIME_MS_MAX).contains(&trainer_ms) {
            self.offset_ms = trainer_ms.saturating_sub(local_ms);
        }
    }

    /// The trainer refused the newest request for its time. Requests that lie further ahead than it
    /// accepts were refused as well, and need not be surpassed.
    pub(super) fn refused(&mut self, local_ms: i64, trainer_ms: i64) {
        self.learn(local_ms, trainer_ms);
        let now_ms = local_ms.saturating_add(self.offset_ms);
        let accepted_ms_max = now_ms.saturating_add(CLOCK_SKEW_MS_MAX);
        if self.last_ms > accepted_ms_max {
            self.last_ms = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_rise_whatever_the_clocks_do() {
        let mut clock = RequestClock::default();
        let mut last = 0;
        for (local, trainer) in [(1000, 1500), (1000, 900), (1001, 0), (5000, 90_000), (5001, 10)] {
            let time = clock.next_ms(local);
            assert!(time > last, "{time} after {last}");
            last = time;
            clock.learn(local, trainer);
        }
    }

    #[test]
    fn a_refused_time_is_replaced_by_the_trainers() {
        let mut clock = RequestClock::default();
        for local in [0, 4_000_000_000_000] {
            clock.next_ms(local);
            clock.refused(local, 1_700_000_000_000);
            let time = clock.next_ms(local + 3);
            assert_eq!(time, 1_700_000_000_003, "from {local}");
        }
    }

    #[test]
    fn a_clock_that_was_ahead_a_little_keeps_rising() {
        let mut clock = RequestClock::default();
        assert_eq!(clock.next_ms(60_000), 60_000);
        clock.refused(60_000, 10_000);
        assert_eq!(clock.next_ms(60_001), 60_001);
    }

    #[test]
    fn an_absurd_time_is_not_believed() {
        let mut clock = RequestClock::default();
        for absurd in [i64::MAX, i64::MIN, -1] {
            clock.learn(1000, absurd);
        }
        assert_eq!(clock.next_ms(1000), 1000);
    }
}
