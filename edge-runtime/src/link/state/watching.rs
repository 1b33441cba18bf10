//! Watching the model in service: a new one until it is trusted, any one for the limits that came with it.

use super::{Action, Good, Machine, Observed, PROBATION_MS, PROBATION_WINDOWS, Phase};

/// Windows over which latency and failures are judged.
pub(in crate::link) const LIMIT_WINDOWS_MIN: u64 = 100;

/// Looks in a row that find too much memory before it counts: loading a model takes some for a moment.
pub(in crate::link) const MEMORY_LOOKS_MIN: u32 = 10;

/// What is counted towards limits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Windows answered and failed when the share of failures was last judged.
    windows: u64,
    failed_windows: u64,
    /// Looks in a row that found too much memory.
    memory_looks: u32,
}

impl Machine {
    /// Another model is in service.
    pub(super) fn goes_into_service(&mut self, now_ms: u64) {
        self.since_ms = now_ms;
        self.tally = Tally::default();
        self.failing = None;
    }

    pub(super) fn observed(&mut self, seen: Observed, now_ms: u64) -> Vec<Action> {
        if !matches!(self.phase, Phase::Idle | Phase::Downloading | Phase::Proving) {
            return Vec::new();
        }
        if let Some(reason) = self.breach(seen).or_else(|| self.fails_while_new(seen)) {
            return self.found_failing(reason, now_ms);
        }
        let is_old = now_ms.saturating_sub(self.since_ms) >= PROBATION_MS;
        if self.is_new && seen.windows >= PROBATION_WINDOWS {
            self.is_new = false;
            if self.serves_candidate() {
                self.promote(is_old);
                return self.save_and_clean();
            }
        } else if is_old && self.forget_starts() {
            return vec![self.save()];
        }
        if self.phase != Phase::Idle {
            return Vec::new();
        }
        if self.save_again_ms.is_some_and(|again_ms| again_ms <= now_ms) {
            return self.save_and_clean();
        }
        self.follow(now_ms)
    }

    /// A new model answers every window, unless failures are allowed to it.
    fn fails_while_new(&self, seen: Observed) -> Option<String> {
        let Observed { windows, failed_windows: failed, .. } = seen;
        let share_max = match &self.serving {
            Some(Good::Deployed(model)) => model.limits.failed_share_max,
            _ => None,
        };
        let is_judged = share_max.is_none() || windows + failed >= PROBATION_WINDOWS;
        let is_over = failed as f64 > share_max.unwrap_or(0.0) * (windows + failed) as f64;
        (self.is_new && is_judged && is_over).then(|| {
            format!(
                "in service the engine failed on {failed} of the model's first windows ({windows} \
                 were answered); the device's log has the engine's words; where there is a model \
                 before it, that one answers again"
            )
        })
    }

    /// The limit that the model in service breaks, once.
    fn breach(&mut self, seen: Observed) -> Option<String> {
        let Some(Good::Deployed(model)) = &self.serving else { return None };
        let failed = self.slots.failed.as_ref();
        if failed.is_some_and(|failed| failed.deployment_id == model.deployment_id) {
            return None;
        }
        let limits = model.limits;
        let lead = "a limit that was given with the deployment is exceeded";
        if let Some(allowed) = limits.latency_p99_us_max
            && seen.windows >= LIMIT_WINDOWS_MIN
            && seen.latency_p99_us > allowed as f64
        {
            return Some(format!(
                "{lead}: latency_p99_us_max is {allowed}, found {:.0} over {} windows",
                seen.latency_p99_us, seen.windows
            ));
        }
        if let Some(allowed) = limits.memory_bytes_max {
            let found = seen.memory_bytes.unwrap_or_default();
            let looks = self.tally.memory_looks + 1;
            self.tally.memory_looks = if found > allowed { looks } else { 0 };
            if self.tally.memory_looks >= MEMORY_LOOKS_MIN {
                return Some(format!(
                    "{lead}: memory_bytes_max is {allowed}, found {found} for the whole program"
                ));
            }
        }
        let windows = seen.windows.saturating_sub(self.tally.windows);
        let failed = seen.failed_windows.saturating_sub(self.tally.failed_windows);
        if windows + failed < LIMIT_WINDOWS_MIN {
            return None;
        }
        (self.tally.windows, self.tally.failed_windows) = (seen.windows, seen.failed_windows);
        let allowed = limits.failed_share_max?;
        let found = failed as f64 / (windows + failed) as f64;
        (found > allowed).then(|| {
            format!(
                "{lead}: failed_share_max is {allowed}, found {found:.4} ({failed} of {} windows)",
                windows + failed
            )
        })
    }

    /// The model in service fails: back to the good one, as soon as nothing else is being done.
    fn found_failing(&mut self, reason: String, now_ms: u64) -> Vec<Action> {
        let is_news = self.failing.replace(reason).is_none();
        match self.phase {
            Phase::Idle => self.follow(now_ms),
            Phase::Downloading if is_news => vec![Action::Abort],
            _ => Vec::new(),
        }
    }

    fn promote(&mut self, is_old: bool) {
        let Some(candidate) = self.slots.candidate.take() else { return };
        self.slots.previous = self.slots.current.replace(candidate.model);
        self.slots.failed = None;
        self.slots.starts = (!is_old).then_some(0);
    }

    /// The model in service has been so for long: no end of the program is put down to it any more.
    /// True where that is news.
    fn forget_starts(&mut self) -> bool {
        if self.serves_candidate() {
            let candidate = self.slots.candidate.as_mut();
            return candidate.is_some_and(|candidate| std::mem::take(&mut candidate.tries) > 0);
        }
        self.serves_current() && self.slots.starts.take().is_some()
    }
}
