//! What somebody asks of this name on the device itself.

use model_format::protocol::DesiredModel;

use super::{Action, Machine, Phase, Wanted};

impl Machine {
    /// Goes back to the model before, as soon as nothing else is being done.
    ///
    /// # Errors
    /// There is none.
    pub(in crate::link) fn roll_back(&mut self, now_ms: u64) -> Result<Vec<Action>, String> {
        self.slots.check_roll_back(self.given.is_some())?;
        self.going_back = true;
        Ok(match self.phase {
            Phase::Idle => self.follow(now_ms),
            Phase::Downloading => vec![Action::Abort],
            _ => Vec::new(),
        })
    }

    /// Takes a model that somebody brought; its file is there already.
    pub(in crate::link) fn install(&mut self, model: DesiredModel, now_ms: u64) -> Vec<Action> {
        let told = match &self.told {
            Wanted::Model(told) => Some(told.deployment_id.as_str()),
            Wanted::Unknown | Wanted::Nothing => None,
        };
        self.slots.install(model, told);
        // At once: from here on the file is one that is kept.
        let mut actions = vec![self.save()];
        match self.phase {
            Phase::Idle => actions.extend(self.follow(now_ms)),
            Phase::Downloading => actions.push(Action::Abort),
            _ => {}
        }
        actions
    }

    /// None where there is nothing to go back to any more.
    pub(super) fn go_back_by_hand(&mut self, now_ms: u64) -> Option<Vec<Action>> {
        self.slots.roll_back(self.given.is_some()).ok()?;
        if !self.serves_current() {
            return Some(self.restore_and_save(now_ms));
        }
        (self.is_new, self.failing) = (false, None);
        Some(self.save_and_clean())
    }
}
