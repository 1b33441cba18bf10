//! The artifact: one ONNX file that holds pipeline, model, manifest and golden windows.

use crate::id::Digest;
use crate::manifest::Manifest;
use crate::onnx::op::tree_ensemble::Forest;
use crate::onnx::program::Program;
use crate::onnx::proto::ModelProto;

mod head;

pub use head::{Head, HeadOutputs};

/// What [`build`] needs.
pub struct Draft<'a> {
    /// The manifest; `lineage_id` is filled in by [`build`].
    pub manifest: Manifest,
    /// The fitted estimator.
    pub head: &'a dyn Head,
    /// Windows whose outputs the file carries, most telling first; each has W·C values,
    /// time-major. As many as fit are written.
    pub golden_windows: Vec<Vec<f32>>,
    /// The first dimension of inputs and outputs.
    pub batch: Batch,
}

/// The first dimension of inputs and outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batch {
    /// Any number of windows in one call.
    #[default]
    Symbolic,
    /// One window in each call.
    One,
}

/// A window with the outputs that the model must give for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Golden {
    /// W·C values, time-major.
    pub window: Vec<f32>,
    /// `probabilities` (K values), `value` (one) or `score` (one).
    pub floats: Vec<f32>,
    /// `label`, but for regression.
    pub label: Option<i64>,
}

/// Why an artifact cannot be built or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
}

/// An artifact that has passed every check.
#[derive(Clone, Debug)]
pub struct Artifact {
    model: ModelProto,
    manifest: Manifest,
    golden: Vec<Golden>,
    sha256: Digest,
}

/// Builds an artifact: equal drafts give equal bytes.
///
/// # Errors
/// Says which part of the draft cannot be written, with what was found.
pub fn build(draft: Draft<'_>) -> Result<Vec<u8>, ArtifactError> {
    unimplemented!()
}

impl Artifact {
    /// Reads and checks the bytes of a file; nothing in them is trusted.
    ///
    /// # Errors
    /// Says what was found and what is accepted.
    pub fn read(bytes: &[u8]) -> Result<Artifact, ArtifactError> {
        unimplemented!()
    }

    /// What the artifact says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Windows with the outputs that the model must give for them; at least one.
    pub fn golden(&self) -> &[Golden] {
        &self.golden
    }

    /// Digest of the file's bytes.
    pub fn sha256(&self) -> Digest {
        self.sha256
    }

    /// The ONNX model.
    pub fn model(&self) -> &ModelProto {
        &self.model
    }

    /// The evaluator: input `windows` `[N, W, C]`; outputs as [`Artifact::output_names`] says.
    pub fn program(&self) -> Program {
        unimplemented!()
    }

    /// Names of the outputs: the floats, then `label` where there is one.
    pub fn output_names(&self) -> &'static [&'static str] {
        unimplemented!()
    }

    /// The forests that read the features, for [`Forest::margin`].
    pub fn forests(&self) -> Vec<Forest> {
        unimplemented!()
    }
}
