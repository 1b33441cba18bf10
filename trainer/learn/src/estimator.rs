//! The contract of an estimator: fit with a context, emit a graph.

use serde_json::{Map, Value};

use model_format::artifact::Head;
use model_format::manifest::{Task, Threshold};

use crate::table::Table;

/// An algorithm with checked parameters. Made by [`crate::catalogue::estimator`].
///
/// The same table, parameters and seed give the same fitted bytes, at any number of threads and on
/// any processor: estimators use IEEE basic operations and the `libm` crate only, draw random
/// numbers from streams that are numbered by tree, and merge in a fixed order.
pub trait Estimator: Send + Sync {
    /// Name in the catalogue.
    fn name(&self) -> &'static str;

    /// What it answers.
    fn task(&self) -> Task;

    /// All parameters, defaults written out: what the lineage keeps.
    fn parameters(&self) -> &Map<String, Value>;

    /// Learns from `train`. `calibration` holds rows that were held back from `train`; estimators
    /// whose catalogue entry says `needs_calibration` require it, the others refuse it.
    ///
    /// # Errors
    /// Says which row, column or option is wrong and what to change.
    fn fit(
        &self,
        train: &Table,
        calibration: Option<&Table>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError>;
}

/// What fitting left behind: a part of a graph, and what was found on the way.
pub trait Fitted: Head + Send + Sync {
    /// Number of features that the graph expects.
    fn features(&self) -> usize;

    /// What the fit found, for people: iterations, components, sizes. In a fixed order.
    fn facts(&self) -> Map<String, Value>;

    /// The alarm line before the score was scaled to 1.0; anomaly detectors only.
    fn threshold(&self) -> Option<Threshold> {
        None
    }
}

/// What surrounds one fit.
#[derive(Clone, Copy)]
pub struct FitContext<'a> {
    /// Where all random numbers come from.
    pub seed: u64,
    /// How many threads may work; at least one. Never changes the result.
    pub threads: usize,
    /// Told the finished share, 0 to 1, now and then and from any thread.
    pub progress: &'a (dyn Fn(f64) + Sync),
    /// Asked now and then, from any thread: true ends the fit with [`FitError::Cancelled`].
    pub cancel: &'a (dyn Fn() -> bool + Sync),
}

impl FitContext<'_> {
    /// Ends the fit where that was asked for.
    pub(crate) fn check_cancel(&self) -> Result<(), FitError> {
        if (self.cancel)() { Err(FitError::Cancelled) } else { Ok(()) }
    }
}

/// Why a fit was refused or ended.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    /// There is no feature.
    #[error("the table has no columns: choose at least one feature")]
    NoColumns,
    /// A part of the table has the wrong length.
    #[error("the table's {part} have {found} entries where {expected} were expected")]
    Length {
        /// The part.
        part: &'static str,
        /// Entries found.
        found: usize,
        /// Entries expected.
        expected: usize,
    },
    /// A feature is NaN or infinite.
    #[error(
        "row {row}, column {column} is {found}: estimators need finite numbers; leave the row or \
         the feature out"
    )]
    NotFinite {
        /// The row, from 0.
        row: usize,
        /// The column's name.
        column: String,
        /// The value.
        found: f32,
    },
    /// A target value is NaN or infinite.
    #[error("the target of row {row} is {found}: leave rows without a finite target out")]
    TargetNotFinite {
        /// The row, from 0.
        row: usize,
        /// The value.
        found: f32,
    },
    /// A weight is not a positive number.
    #[error("the weight of row {row} is {found}: weights must be positive; leave the row out")]
    Weight {
        /// The row, from 0.
        row: usize,
        /// The weight.
        found: f32,
    },
    /// A class index names no class.
    #[error("row {row} has class index {class}, but the table names {classes} classes")]
    UnknownClass {
        /// The row, from 0.
        row: usize,
        /// The index.
        class: u32,
        /// How many classes are named.
        classes: usize,
    },
    /// The target does not fit the estimator.
    #[error("{estimator} needs {expected} to learn from, but the table has {found}")]
    Target {
        /// The estimator.
        estimator: &'static str,
        /// What it needs.
        expected: &'static str,
        /// What there is.
        found: &'static str,
    },
    /// Too few classes to tell apart.
    #[error(
        "the table names {found} class(es) and a classifier tells at least two apart: label \
         recordings of another class, or train an anomaly detector on the normal ones"
    )]
    TooFewClasses {
        /// How many classes are named.
        found: usize,
    },
    /// A class has no training row.
    #[error(
        "class {class:?} has no training row: add recordings of it, change the split, or take it \
         out of the classes"
    )]
    EmptyClass {
        /// The class.
        class: String,
    },
    /// Not enough rows.
    #[error("{rows} {kind} rows are too few: {reason}; at least {needed} are needed")]
    TooFewRows {
        /// Training or calibration.
        kind: &'static str,
        /// How many there are.
        rows: usize,
        /// How many it takes.
        needed: usize,
        /// Why.
        reason: String,
    },
    /// The estimator cannot weigh rows.
    #[error("{estimator} cannot weigh rows: leave the weights out or choose another estimator")]
    Weights {
        /// The estimator.
        estimator: &'static str,
    },
    /// Held-back rows are missing.
    #[error(
        "{estimator} needs held-back normal rows to set its alarm line: give a calibration part"
    )]
    CalibrationMissing {
        /// The estimator.
        estimator: &'static str,
    },
    /// Held-back rows have no use.
    #[error("{estimator} has no use for calibration rows: leave them with the training rows")]
    CalibrationUnused {
        /// The estimator.
        estimator: &'static str,
    },
    /// Training and calibration rows differ in their columns.
    #[error("the calibration rows have other columns than the training rows: compute both alike")]
    CalibrationColumns,
    /// Something would grow beyond its bound.
    #[error("{what} would reach {found}, the limit is {limit}: {advice}")]
    TooLarge {
        /// What grows.
        what: &'static str,
        /// How far.
        found: u64,
        /// The limit.
        limit: u64,
        /// What to change.
        advice: &'static str,
    },
    /// The numbers leave the range of 32-bit floats.
    #[error("{what} leaves the range of 32-bit floats: {advice}")]
    Range {
        /// Which number.
        what: String,
        /// What to change.
        advice: &'static str,
    },
    /// What was learned cannot be written as a graph that answers.
    #[error("{estimator} cannot answer with what it has learned ({reason}): choose fewer features")]
    Graph {
        /// The estimator.
        estimator: &'static str,
        /// What the graph's operators refuse.
        reason: String,
    },
    /// The parameters and the table do not fit together.
    #[error("parameter {parameter} is {found}: {reason}")]
    Parameter {
        /// The parameter.
        parameter: &'static str,
        /// Its value.
        found: String,
        /// What is wrong and what would be possible.
        reason: String,
    },
    /// Threads could not be started.
    #[error("{threads} threads could not be started ({reason}): ask for fewer")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// The system's reason.
        reason: String,
    },
    /// Somebody asked for the end.
    #[error("cancelled")]
    Cancelled,
}
