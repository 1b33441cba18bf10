//! The names of the engines.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which engine executes an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// The operator set's own evaluation: our artifacts only.
    Native,
    /// tract with our kernels: any ONNX model.
    Tract,
    /// ONNX Runtime, from a library that is found when the program runs.
    Ort,
}

impl EngineKind {
    /// All engines, whether or not they are part of this build.
    pub const ALL: [EngineKind; 3] = [EngineKind::Native, EngineKind::Tract, EngineKind::Ort];

    /// The name, as it is written in commands, JSON and file names.
    pub fn name(self) -> &'static str {
        match self {
            EngineKind::Native => "native",
            EngineKind::Tract => "tract",
            EngineKind::Ort => "ort",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no engine has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no engine is called {found:?}; did you mean {nearest}? The engines are native, tract and ort"
)]
pub struct UnknownEngine {
    /// What was given, cut at 40 characters.
    pub found: String,
    /// The engine whose name is most like it.
    pub nearest: EngineKind,
}

impl FromStr for EngineKind {
    type Err = UnknownEngine;

    fn from_str(text: &str) -> Result<Self, UnknownEngine> {
        if let Some(kind) = Self::ALL.into_iter().find(|kind| kind.name() == text) {
            return Ok(kind);
        }
        let found: String = text.chars().take(40).collect();
        let distance = |kind: &EngineKind| strsim::osa_distance(&found.to_lowercase(), kind.name());
        let nearest = Self::ALL.into_iter().min_by_key(distance).unwrap_or(EngineKind::Native);
        Err(UnknownEngine { found, nearest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for kind in EngineKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest() {
        let error = "trakt".parse::<EngineKind>().unwrap_err();
        assert_eq!(error.nearest, EngineKind::Tract);
        assert!(error.to_string().contains("\"trakt\""), "{error}");
        assert_eq!("ORT".parse::<EngineKind>().unwrap_err().nearest, EngineKind::Ort);
        assert!("x".repeat(10_000).parse::<EngineKind>().unwrap_err().to_string().len() < 200);
    }
}
