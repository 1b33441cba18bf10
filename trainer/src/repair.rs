//! Joining and repairing: steps that make new recordings of others, and say how they did.
//!
//! A step is one file here and one line in the table below. The recordings that it is given stay as
//! they are; what it makes is the same on every machine and at every time, so that it can be made
//! again from the same inputs, byte by byte (`lineage.rs`).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::recording::Recording;

mod carry;
mod concatenate;
mod convert;
mod cut;
mod fill;
mod join;
mod lineage;
mod rename;
mod resample;
mod rows;
mod select;
#[cfg(test)]
mod tests;

pub(crate) use carry::{RepairError, RepairInput, repair};
pub(crate) use lineage::{Lineage, Replayed, replay};

/// Most samples that a repair holds at once, in bytes: those of its inputs, or those that a step makes
/// of them. Beside them lie the ones that are being made, and a file that is being read.
pub(crate) const BYTES_MAX: u64 = 1 << 30;

/// Most steps of a repair.
pub(crate) const STEPS_MAX: usize = 50;

/// Why a step cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepError {
    /// Which of its fields.
    pub(crate) field: &'static str,
    pub(crate) reason: String,
}

/// What was found on the way, for the report.
pub(crate) type Notes = Vec<String>;

fn refused<T>(field: &'static str, reason: impl Into<String>) -> Result<T, StepError> {
    Err(StepError { field, reason: reason.into() })
}

/// A step that makes one recording of one.
pub(crate) trait Each {
    fn apply(&self, recording: Recording, notes: &mut Notes) -> Result<Recording, StepError>;
}

/// A step that makes one recording of several.
pub(crate) trait Together {
    fn apply(&self, recordings: Vec<Recording>, notes: &mut Notes) -> Result<Recording, StepError>;
}

macro_rules! steps {
    (each { $($one:ident = $one_name:literal $one_type:ty,)* }
     together { $($many:ident = $many_name:literal $many_type:ty,)* }) => {
        /// One step of a repair.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
        #[serde(tag = "step", rename_all = "snake_case")]
        #[schema(as = RepairStep)]
        pub(crate) enum Step {
            $(#[allow(missing_docs, reason = "the type says it")] $one($one_type),)*
            $(#[allow(missing_docs, reason = "the type says it")] $many($many_type),)*
        }

        impl Step {
            /// The word in JSON and on the command line.
            pub(crate) fn name(&self) -> &'static str {
                match self {
                    $(Step::$one(_) => $one_name,)*
                    $(Step::$many(_) => $many_name,)*
                }
            }

            /// Whether it makes one recording of several.
            pub(crate) fn is_together(&self) -> bool {
                matches!(self, $(Step::$many(_))|*)
            }

            /// Carries the step out.
            pub(crate) fn apply(
                &self,
                recordings: Vec<Recording>,
                notes: &mut Notes,
            ) -> Result<Vec<Recording>, StepError> {
                match self {
                    $(Step::$one(step) => {
                        recordings.into_iter().map(|one| step.apply(one, notes)).collect()
                    })*
                    $(Step::$many(step) => Ok(vec![step.apply(recordings, notes)?]),)*
                }
            }
        }
    };
}

steps! {
    each {
        Select = "select" select::Select,
        Rename = "rename" rename::Rename,
        Convert = "convert" convert::Convert,
        Resample = "resample" resample::Resample,
        Fill = "fill" fill::Fill,
        Cut = "cut" cut::Cut,
    }
    together {
        Join = "join" join::Join,
        Concatenate = "concatenate" concatenate::Concatenate,
    }
}
