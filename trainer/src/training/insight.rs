//! What a run is asked to find out beside its model. Nothing of it changes the model.

use learn::estimator::Estimator;
use learn::split::FOLDS_MAX;
use model_format::manifest::Task;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TrainError;

/// The most times that a feature is shuffled.
pub const REPEATS_MAX: u32 = 100;

/// What a run finds out beside its model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Insight {
    /// Cross-validation on the training windows with so many folds, divided as the test was: by
    /// recording, by tag or by time. Not for anomaly detectors.
    #[schema(minimum = 2, maximum = 20)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<u32>,
    /// How much each channel and feature matters: each is shuffled so many times over the test windows.
    #[schema(minimum = 1, maximum = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub importance_repeats: Option<u32>,
}

impl Insight {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Insight::default()
    }

    pub(super) fn check(&self, estimator: &dyn Estimator) -> Result<(), TrainError> {
        let within = |field, value: Option<u32>, min, max| match value {
            Some(found) if !(min..=max).contains(&found) => {
                Err(TrainError::Insight { field, found, min, max })
            }
            _ => Ok(()),
        };
        within("folds", self.folds, 2, FOLDS_MAX)?;
        within("importance_repeats", self.importance_repeats, 1, REPEATS_MAX)?;
        if self.folds.is_some() && estimator.task() == Task::Anomaly {
            return Err(TrainError::FoldsOfAnomalies { estimator: estimator.name() });
        }
        Ok(())
    }
}
