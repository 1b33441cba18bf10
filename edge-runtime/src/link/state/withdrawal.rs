//! Nothing of a name is deployed any more: its deployed models leave the service and the disk.

use super::{Action, Good, Machine, Phase};
use crate::link::slots::Slots;

impl Machine {
    /// The trainer says that the device shall serve no model of this name. That of the command
    /// line serves again, where there is one; otherwise nothing does.
    pub(super) fn withdraw(&mut self) -> Vec<Action> {
        let serves_deployed = matches!(self.serving, Some(Good::Deployed(_)));
        if !serves_deployed && self.slots == Slots::default() {
            return Vec::new();
        }
        self.slots = Slots::default();
        (self.is_new, self.failing) = (false, None);
        let mut actions = Vec::new();
        // What serves is what matters: it does not wait for a disk that may be full.
        if serves_deployed {
            actions.push(match self.given.map(Good::Given) {
                Some(good) => {
                    self.phase = Phase::Restoring(good.clone());
                    Action::Restore(good)
                }
                None => {
                    self.phase = Phase::TakingOut;
                    Action::TakeOut
                }
            });
        }
        actions.extend(self.save_and_clean());
        actions
    }

    /// No model is in service any more.
    pub(super) fn taken_out(&mut self, now_ms: u64) -> Vec<Action> {
        if self.phase != Phase::TakingOut {
            return Vec::new();
        }
        self.phase = Phase::Idle;
        (self.serving, self.proof) = (None, None);
        self.follow(now_ms)
    }
}
