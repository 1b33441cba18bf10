//! Waiting longer after each failure, and never in step with other devices.

/// Doubles the wait up to a limit; each wait is a random part of it between a half and the whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    first_ms: u64,
    limit_ms: u64,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(first_ms: u64, limit_ms: u64) -> Backoff {
        Backoff { first_ms, limit_ms, failures: 0 }
    }

    /// The wait after one more failure; `random` is any number.
    pub(crate) fn after_failure_ms(&mut self, random: u64) -> u64 {
        let doubled = self.first_ms.saturating_mul(1 << self.failures.min(32));
        self.failures = self.failures.saturating_add(1);
        let whole = doubled.min(self.limit_ms).max(1);
        whole / 2 + random % (whole - whole / 2 + 1)
    }

    /// All is well again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// `wait_ms` more or less a tenth.
pub(crate) fn about_ms(wait_ms: u64, random: u64) -> u64 {
    let tenth = wait_ms / 10;
    wait_ms - tenth + random % (2 * tenth + 1)
}

/// A number that differs from device to device, for waits only.
pub(crate) fn random() -> u64 {
    // A kernel without random numbers has larger problems than devices in step.
    getrandom::u64().unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_limit_and_start_anew() {
        let mut backoff = Backoff::new(1000, 60_000);
        for expected in [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000] {
            let mut same = backoff;
            assert_eq!(same.after_failure_ms(0), expected / 2);
            let random = expected / 2;
            assert_eq!(backoff.after_failure_ms(random), expected);
        }
        (0..100).for_each(|_| assert!(backoff.after_failure_ms(u64::MAX) <= 60_000));
        backoff.reset();
        assert!(backoff.after_failure_ms(7) <= 1000);
    }

    #[test]
    fn about_is_within_a_tenth() {
        for random in [0, 1, 999, u64::MAX] {
            assert!((4500..=5500).contains(&about_ms(5000, random)));
            assert_eq!(about_ms(5, random), 5);
        }
    }
}
