//! Who has failed to sign in too often must wait, longer each time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Failures without a wait.
const FREE: u32 = 5;

/// The longest wait, in milliseconds; failures are forgotten after twice as long.
const WAIT_MS_MAX: i64 = 15 * 60 * 1000;

/// Most names that are remembered; the one whose failure is oldest is forgotten for one more.
const NAMES_MAX: usize = 10_000;

/// Failures by name.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: Mutex<HashMap<String, Failures>>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last_ms: i64,
}

impl Failures {
    fn wait_ms(self) -> i64 {
        match self.count.checked_sub(FREE) {
            None => 0,
            Some(beyond) => (1000_i64 << beyond.min(20)).min(WAIT_MS_MAX),
        }
    }
}

impl Backoff {
    /// Counts an attempt as failed, until [`Self::succeeded`] says otherwise.
    ///
    /// # Errors
    /// With the milliseconds that this name must wait before it may try.
    pub fn attempt(&self, name: &str, now_ms: i64) -> Result<(), u64> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let known = failures.get(name).copied();
        let wait_ms = known.map_or(0, |known| known.last_ms + known.wait_ms() - now_ms);
        if let Ok(wait_ms @ 1..) = u64::try_from(wait_ms) {
            return Err(wait_ms);
        }
        failures.retain(|_, known| now_ms - known.last_ms < 2 * WAIT_MS_MAX);
        if failures.len() >= NAMES_MAX && !failures.contains_key(name) {
            let oldest = failures.iter().min_by_key(|(_, known)| known.last_ms);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                failures.remove(&oldest);
            }
        }
        let known =
            failures.entry(name.to_owned()).or_insert(Failures { count: 0, last_ms: now_ms });
        known.count = known.count.saturating_add(1);
        known.last_ms = now_ms;
        Ok(())
    }

    /// It succeeded.
    pub fn succeeded(&self, name: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_the_sixth_failure_to_a_quarter_of_an_hour() {
        let backoff = Backoff::default();
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..20 {
            let wait = backoff.attempt("ada", now).err().unwrap_or(0);
            waits.push(wait as i64);
            now += wait as i64;
            if wait > 0 {
                assert_eq!(backoff.attempt("ada", now - 1), Err(1));
                assert_eq!(backoff.attempt("ada", now), Ok(()));
            }
        }
        assert_eq!(&waits[..8], &[0, 0, 0, 0, 0, 1000, 2000, 4000]);
        assert_eq!(waits[19], WAIT_MS_MAX);
        assert_eq!(backoff.attempt("grace", now), Ok(()), "others need not wait");
        backoff.succeeded("ada");
        assert_eq!(backoff.attempt("ada", now), Ok(()));
    }

    #[test]
    fn it_remembers_a_bounded_number_of_names() {
        let backoff = Backoff::default();
        for name in 0..NAMES_MAX + 10 {
            assert_eq!(backoff.attempt(&name.to_string(), name as i64), Ok(()));
        }
        assert_eq!(backoff.failures.lock().unwrap().len(), NAMES_MAX);
    }
}
