//! The frame of an estimator that learns from targets: what all of them check and tell alike.

use model_format::manifest::Task;
use serde_json::{Map, Value};

use crate::estimator::{Estimator, FitContext, FitError, Fitted};
use crate::parameter::Checked;
use crate::table::Table;

/// Learns from a checked table.
pub(crate) type Learn = fn(&Checked, &Table, &FitContext<'_>) -> Result<Box<dyn Fitted>, FitError>;

/// An estimator that is its parameters and a function.
pub(crate) struct Supervised {
    /// Name in the catalogue.
    pub(crate) name: &'static str,
    /// What it answers.
    pub(crate) task: Task,
    /// Complete parameters.
    pub(crate) parameters: Checked,
    /// Learns.
    pub(crate) learn: Learn,
}

impl Estimator for Supervised {
    fn name(&self) -> &'static str {
        self.name
    }

    fn task(&self) -> Task {
        self.task
    }

    fn parameters(&self) -> &Map<String, Value> {
        self.parameters.map()
    }

    fn fit(
        &self,
        train: &Table,
        calibration: Option<&Table>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        train.check()?;
        if calibration.is_some() {
            return Err(FitError::CalibrationUnused { estimator: self.name });
        }
        context.check_cancel()?;
        let fitted = (self.learn)(&self.parameters, train, context)?;
        context.check_cancel()?;
        (context.progress)(1.0);
        Ok(fitted)
    }
}
