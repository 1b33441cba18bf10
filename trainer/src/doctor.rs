//! What may be wrong around a trainer: its folder, disk, clock, broker; and what to do about it.
//!
//! Each check looks at one thing and changes nothing. It works while the service does.

use serde::Serialize;

mod clock;
mod disk;
mod files;
mod services;

pub(crate) use clock::check_clock;
pub(crate) use disk::{check_file_systems, check_space};
pub(crate) use files::{check_database, check_folders};
pub(crate) use services::{check_broker, check_memory, check_onnx_runtime};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// All is well.
    Ok,
    /// It works, and should be looked at.
    Warning,
    /// It does not work.
    Failure,
}

impl Verdict {
    /// The word in the table and in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failure => "failure",
        }
    }
}

/// What a check has found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) check: &'static str,
    /// How it is.
    pub(crate) verdict: Verdict,
    /// What was found, and what to do where it is not well.
    pub(crate) text: String,
}

impl Finding {
    fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Finding { check, verdict: Verdict::Ok, text: text.into() }
    }

    fn warning(check: &'static str, text: impl Into<String>) -> Self {
        Finding { check, verdict: Verdict::Warning, text: text.into() }
    }

    fn failure(check: &'static str, text: impl Into<String>) -> Self {
        Finding { check, verdict: Verdict::Failure, text: text.into() }
    }
}
