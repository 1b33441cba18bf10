//! Back to a good model: at the start, after a failure, and where a good one is good no more.

use super::{Action, FailedDeployment, Good, Machine, Phase, TRIES_MAX};

impl Machine {
    /// A good model that is good no more.
    pub(super) fn forget(&mut self, good: &Good, reason: &str) {
        match good {
            Good::Given(_) => self.given = None,
            Good::Deployed(model) => {
                if self.slots.current.as_ref() == Some(model) {
                    self.slots.replace_current();
                }
                if self.slots.failed.is_none() {
                    self.slots.failed = Some(FailedDeployment::new(model, reason));
                }
            }
        }
    }

    /// Puts the best of the good models into service; goes on with what is wanted where none is.
    pub(super) fn restore(&mut self, now_ms: u64) -> Vec<Action> {
        self.is_new = false;
        self.failing = None;
        let deployed = self.slots.current.clone().map(Good::Deployed);
        match deployed.or(self.given.map(Good::Given)) {
            Some(good) => {
                self.phase = Phase::Restoring(good.clone());
                vec![Action::Restore(good)]
            }
            None => {
                self.phase = Phase::Idle;
                self.follow(now_ms)
            }
        }
    }

    /// What serves is what matters: a good model does not wait for a disk that may be full.
    pub(super) fn restore_and_save(&mut self, now_ms: u64) -> Vec<Action> {
        let mut actions = self.restore(now_ms);
        let task_waits = self.task_waits;
        let save = self.save();
        if self.is_restoring() {
            actions.push(save);
        } else {
            actions.insert(0, save);
            self.task_waits = task_waits;
        }
        actions
    }

    /// The model in service fails.
    pub(super) fn go_back(&mut self, reason: &str, now_ms: u64) -> Vec<Action> {
        if self.serves_candidate() {
            self.fail_candidate(reason);
        } else if self.serves_current() && !self.fail_current(reason) {
            return vec![self.save()];
        }
        self.restore_and_save(now_ms)
    }

    /// Counts a start with a last good model that has never been in service for long; true where the
    /// slots have changed.
    pub(super) fn count_start(&mut self) -> bool {
        let Some(starts) = self.slots.starts.filter(|_| self.slots.current.is_some()) else {
            return false;
        };
        if starts < TRIES_MAX {
            self.slots.starts = Some(starts + 1);
            return true;
        }
        let reason = format!(
            "the program ended {TRIES_MAX} times soon after it had put this model into service; look \
             into its log, then deploy the model again"
        );
        self.has_other_good() && self.fail_current(&reason)
    }

    /// The last good model is good no more. False where there is no other: then it goes on, and its
    /// failure is only told.
    fn fail_current(&mut self, reason: &str) -> bool {
        let Some(model) = &self.slots.current else { return false };
        let has_other = self.has_other_good();
        let ending = if has_other { "" } else { "; there is no model before it, so it goes on" };
        self.slots.failed = Some(FailedDeployment::new(model, &format!("{reason}{ending}")));
        if has_other {
            self.slots.replace_current();
        }
        has_other
    }

    fn has_other_good(&self) -> bool {
        self.slots.previous.is_some() || self.given.is_some()
    }
}
