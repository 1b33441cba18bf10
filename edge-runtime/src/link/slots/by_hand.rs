//! What people ask of the slots on the device itself: install a model, go back to the one before.

use model_format::protocol::{DesiredModel, INSTALLED};

use super::{Candidate, FailedDeployment, Installed, Slots};

/// Why a deployment is not in service any more, in the words of reports.
const WENT_BACK: &str = "somebody went back to the model before it, on the device itself (cirame-edge rollback); deploy \
     it again to try it again";

impl Slots {
    /// All models that have a slot.
    pub(in crate::link) fn models(&self) -> impl Iterator<Item = &DesiredModel> {
        let candidate = self.candidate.iter().map(|candidate| &candidate.model);
        let installed = self.installed.iter().map(|installed| &installed.model);
        self.current.iter().chain(&self.previous).chain(candidate).chain(installed)
    }

    /// Notes a model that was installed by hand; `told` is the deployment that the trainer desires, as
    /// far as it has said so.
    pub(in crate::link) fn install(&mut self, model: DesiredModel, told: Option<&str>) {
        let over = match told {
            Some(told) => Some(told.to_owned()),
            None => self.known_deployment(),
        };
        self.installed = Some(Installed { model, over });
    }

    /// Makes the installed model the candidate, for the next start of the program.
    pub(in crate::link) fn try_installed(&mut self) {
        if let Some(installed) = &self.installed {
            self.candidate = Some(Candidate { model: installed.model.clone(), tries: 0 });
            self.failed = None;
        }
    }

    /// The newest deployment of the trainer that the slots tell of.
    fn known_deployment(&self) -> Option<String> {
        let is_deployed = |id: &&String| !id.starts_with(INSTALLED);
        let candidate = self.candidate.as_ref().map(|candidate| &candidate.model.deployment_id);
        let failed = self.failed.as_ref().map(|failed| &failed.deployment_id);
        let current = self.current.as_ref().map(|current| &current.deployment_id);
        let known = candidate.filter(is_deployed).or(failed.filter(is_deployed));
        let known = known.or(current.filter(is_deployed)).cloned();
        known.or_else(|| self.installed.as_ref().and_then(|installed| installed.over.clone()))
    }

    /// Whether there is a model to go back to. `has_given`: the command line names one.
    ///
    /// # Errors
    /// Says what there is.
    pub(in crate::link) fn check_roll_back(&self, has_given: bool) -> Result<(), String> {
        let Slots { current, previous, candidate, .. } = self;
        match (candidate, current, previous) {
            (Some(_), Some(_), _) | (None, Some(_), Some(_)) => Ok(()),
            (Some(_), None, _) | (None, Some(_), None) if has_given => Ok(()),
            (Some(Candidate { model, .. }), None, _) | (None, Some(model), None) => Err(format!(
                "{} {} is the only good model of this name on the device: there is none before it. \
                 Deploy another version, or install a bundle",
                model.model, model.version
            )),
            (None, None, _) => {
                Err("there is no model of this name that could be gone back from".to_owned())
            }
        }
    }

    /// Goes back: gives a new model up, or else the last good one for the one before it. What is left
    /// is not tried again by itself.
    ///
    /// # Errors
    /// As [`Slots::check_roll_back`]; nothing is changed then.
    pub(in crate::link) fn roll_back(&mut self, has_given: bool) -> Result<(), String> {
        self.check_roll_back(has_given)?;
        let left = match self.candidate.take() {
            Some(candidate) => Some(candidate.model),
            None => self.replace_current(),
        };
        if let Some(left) = left {
            if self.installed.as_ref().is_some_and(|installed| installed.model == left) {
                self.installed = None;
            }
            self.failed = Some(FailedDeployment::new(&left, WENT_BACK));
        }
        Ok(())
    }

    /// The model before becomes the last good one; gives the one that was.
    pub(in crate::link) fn replace_current(&mut self) -> Option<DesiredModel> {
        // It has been in service for long, as far as anybody knows.
        self.starts = None;
        std::mem::replace(&mut self.current, self.previous.take())
    }
}
