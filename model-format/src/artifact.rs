//! The artifact: one ONNX file that holds pipeline, model, manifest and golden windows.
//!
//! `docs/artifact.md` describes the file for readers in other languages.

use std::sync::Arc;

use prost::Message as _;

use crate::id::Digest;
use crate::manifest::{Manifest, ManifestError, Task};
use crate::onnx::op::OpError;
use crate::onnx::op::tree_ensemble::Forest;
use crate::onnx::program::{Program, ProgramError};
use crate::onnx::proto::ModelProto;
use crate::signal::features::FeatureError;

mod adopted;
mod golden;
mod head;
mod read;
mod scan;
mod write;

pub use adopted::{
    AdoptedAnswer, Foreign, ForeignError, ForeignInput, ForeignOutput, ScoreSteps, Wrapping, seal,
};
pub use golden::Golden;
pub use head::{Head, HeadOutputs};
pub use write::build;

/// The largest artifact, in bytes.
pub const FILE_BYTES_MAX: usize = 64 << 20;
/// The most bytes of all keys and values in `metadata_props`.
pub const METADATA_BYTES_MAX: usize = 512 << 10;

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

/// Why an artifact cannot be built or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Too many bytes.
    #[error(
        "the file has {0} bytes; at most {FILE_BYTES_MAX} are accepted: fewer trees, larger leaves \
         (min_samples_leaf) or shorter paths (max_depth) make a smaller model"
    )]
    FileSize(usize),
    /// Not the bytes of an ONNX file.
    #[error("the file is no ONNX file, or a part of it is missing")]
    Broken,
    /// Not the bytes of an ONNX file, as the decoder sees it.
    #[error("the file is no ONNX file: {0}")]
    Decode(#[from] prost::DecodeError),
    /// Too much of something.
    #[error("the file has too many {what}; at most {max} are accepted")]
    Count {
        /// Of what.
        what: &'static str,
        /// The most accepted.
        max: usize,
    },
    /// A graph inside an attribute.
    #[error("an attribute holds a graph; artifacts have none")]
    Subgraph,
    /// Constants outside the file.
    #[error("a constant lies in another file: export the model into one file")]
    External,
    /// A first dimension that cannot be changed.
    #[error(
        "the graph is another program's, and how many windows it takes at once is its own: export \
         it there with a batch of 1, and adopt that file"
    )]
    AdoptedBatch,
    /// Other bytes than the writer gives for the same content.
    #[error(
        "the file holds fields that an artifact has not, or another program has rewritten it: \
         use the file as the trainer exported it"
    )]
    Form,
    /// A part of the model that is not what an artifact has.
    #[error("the file has {what} {found:.200}; an artifact has {expected:.200}")]
    Model {
        /// Which part.
        what: &'static str,
        /// What the file has.
        found: String,
        /// What an artifact has.
        expected: String,
    },
    /// Metadata that is missing, unknown or there twice.
    #[error("the metadata key {key:.80} {problem}")]
    Metadata {
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Too much metadata.
    #[error("the metadata has {0} bytes; at most {METADATA_BYTES_MAX} are accepted")]
    MetadataSize(usize),
    /// Metadata that is not the expected JSON.
    #[error("the metadata under {key} cannot be read: {problem}")]
    Json {
        /// The key.
        key: &'static str,
        /// What the JSON reader says.
        problem: String,
    },
    /// A manifest that cannot stand.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Features that cannot be computed.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// The id does not follow from lineage and pipeline.
    #[error("the manifest has the lineage id {found}; its lineage and pipeline give {derived}")]
    LineageId {
        /// The id in the file.
        found: Digest,
        /// The id that follows.
        derived: Digest,
    },
    /// The estimator answers another question than the manifest says.
    #[error("the manifest says {manifest:?}, the estimator answers {head:?}")]
    Task {
        /// In the manifest.
        manifest: Task,
        /// Of the estimator.
        head: Task,
    },
    /// A graph that cannot be evaluated.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A forest that cannot be used.
    #[error("the node {node:.80}: {source}")]
    Forest {
        /// Name of the node.
        node: String,
        /// What is wrong with it.
        source: OpError,
    },
    /// A golden window that cannot stand.
    #[error("golden window {at} {problem}")]
    Golden {
        /// Its position.
        at: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// No golden window fits.
    #[error(
        "a golden window takes {needed} bytes of metadata and {left} are left beside the \
         manifest; use shorter windows, fewer channels or fewer features"
    )]
    NoGolden {
        /// Bytes of the first window.
        needed: usize,
        /// Bytes left.
        left: usize,
    },
}

/// An artifact that has passed every check.
#[derive(Clone, Debug)]
pub struct Artifact {
    manifest: Manifest,
    golden: Vec<Golden>,
    sha256: Digest,
    batch: Batch,
    body: Body,
}

/// What is behind the manifest.
#[derive(Clone, Debug)]
enum Body {
    /// A graph of the closed operator set.
    Own(Box<OwnGraph>),
    /// The bytes of a file with another program's graph.
    Adopted(Arc<[u8]>),
}

/// A graph of our own.
#[derive(Clone, Debug)]
struct OwnGraph {
    model: ModelProto,
    kernel: bool,
}

/// An artifact with a graph of our own: what an adopted one has not.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a> {
    manifest: &'a Manifest,
    graph: &'a OwnGraph,
}

impl Artifact {
    /// Reads and checks the bytes of a file; nothing in them is trusted.
    ///
    /// # Errors
    /// Says what was found and what is accepted.
    pub fn read(bytes: &[u8]) -> Result<Artifact, ArtifactError> {
        read::read(bytes)
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

    /// The graph, where it is our own.
    pub fn own(&self) -> Option<Own<'_>> {
        match &self.body {
            Body::Own(graph) => Some(Own { manifest: &self.manifest, graph }),
            Body::Adopted(_) => None,
        }
    }

    /// The bytes of the file, where its graph is another program's.
    pub fn adopted(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Own(_) => None,
            Body::Adopted(bytes) => Some(bytes),
        }
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.body {
            Body::Own(graph) => graph.model.encode_to_vec(),
            Body::Adopted(bytes) => bytes.to_vec(),
        }
    }

    /// The first dimension of input and outputs.
    pub fn batch(&self) -> Batch {
        self.batch
    }

    /// The bytes of the same model with another first dimension of its input and outputs.
    ///
    /// # Errors
    /// Where the graph is another program's.
    pub fn with_batch(&self, batch: Batch) -> Result<Vec<u8>, ArtifactError> {
        write::with_batch(self, batch)
    }

    /// Names of the outputs: the floats, then `label` where there is one.
    pub fn output_names(&self) -> &'static [&'static str] {
        self.manifest.task.output_names()
    }
}

impl<'a> Own<'a> {
    /// The ONNX model.
    pub fn model(self) -> &'a ModelProto {
        &self.graph.model
    }

    /// True where the features run as kernels: the body in the file is the one that this program
    /// writes for the same pipeline. Otherwise the body itself is evaluated.
    pub fn has_kernel(self) -> bool {
        self.graph.kernel
    }

    /// The evaluator: input `windows` `[N, W, C]`; outputs as [`Artifact::output_names`] says.
    pub fn program(self) -> Program {
        read::program(&self.graph.model, self.manifest, self.graph.kernel)
            .expect("reading compiled the same model")
    }

    /// The forests that read the features, for [`Forest::margin`].
    pub fn forests(self) -> Vec<Forest> {
        read::forests(&self.graph.model, self.manifest).expect("reading saw the same forests")
    }
}
