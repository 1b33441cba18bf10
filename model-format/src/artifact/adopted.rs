//! Adopted artifacts: one ONNX file around another program's graph, with our input, our outputs, our
//! manifest and golden windows.
//!
//! The graph may hold any operator; it is not evaluated here. What executes it is the engines'
//! question, what it answers stands in the golden windows.

mod foreign;
mod wire;
mod wrap;

pub use foreign::{Foreign, ForeignInput, ForeignOutput};

use prost::Message as _;

use super::read::{check_declarations, metadata, read_manifest};
use super::write::{GOLDEN_KEY, MANIFEST_KEY};
use super::{
    Artifact, ArtifactError, Batch, Body, FILE_BYTES_MAX, Golden, METADATA_BYTES_MAX, golden,
};
use crate::id::Digest;
use crate::manifest::{ADOPTED_FORMAT_VERSION, InputReading, Manifest, SecondClass};
use crate::onnx::proto::{ModelProto, StringStringEntryProto};

/// Why a file of another program cannot be adopted.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// Too large.
    #[error(
        "the file has {0} bytes; at most {FILE_BYTES_MAX} are accepted: quantise or prune the model"
    )]
    Size(usize),
    /// Not the bytes of an ONNX file, or too much of something.
    #[error(transparent)]
    File(#[from] ArtifactError),
    /// One of our own.
    #[error("the file is an artifact of CiRA ME already: deploy or prove it as it is")]
    Ours,
    /// No graph, or several parts of one, which readers would put together.
    #[error("the file holds {0} graphs; one is accepted: export the model anew")]
    Graphs(usize),
    /// An operator set that is too old.
    #[error(
        "the file uses version {found} of the ONNX operator set; {needed} and later are accepted: \
         export with opset 17, or convert it with onnx.version_converter"
    )]
    Opset {
        /// The version in the file.
        found: i64,
        /// The first that is accepted.
        needed: i64,
    },
    /// Not one input.
    #[error(
        "the file has {count} inputs ({names}); one is accepted: the window. Join them in front of \
         the model, and make states or lengths constants"
    )]
    Inputs {
        /// How many.
        count: usize,
        /// Their names.
        names: String,
    },
    /// An input that cannot take windows.
    #[error("the input {name:?} has {found}: {change}")]
    Input {
        /// Its name.
        name: String,
        /// What is wrong with it.
        found: String,
        /// What to do.
        change: &'static str,
    },
    /// Maps for outputs.
    #[error(
        "the output {name:?} is a list of maps, made by ZipMap: export with \
         convert_sklearn(..., options={{id(clf): {{\"zipmap\": False}}}}), where clf is the classifier"
    )]
    ZipMap {
        /// Its name.
        name: String,
    },
    /// Nothing to answer with.
    #[error(
        "no output is a tensor of 32-bit floats (found {found}): export probabilities, a value or a \
         score as float32; whole-numbered labels alone say nothing about certainty"
    )]
    NoFloats {
        /// The outputs.
        found: String,
    },
}

/// How a foreign graph is put between our input and our outputs.
#[derive(Clone, Copy, Debug)]
pub struct Wrapping<'a> {
    /// Its pipeline, task and classes decide the shapes.
    pub manifest: &'a Manifest,
    /// How the input reads a window.
    pub reading: InputReading,
    /// Name of the output that answers.
    pub output: &'a str,
    /// What is made of it.
    pub answer: AdoptedAnswer,
    /// The first dimension of input and outputs.
    pub batch: Batch,
}

/// What is made of a foreign output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AdoptedAnswer {
    /// Probabilities, after a softmax where the output has logits.
    Classification {
        /// Whether it has.
        softmax: bool,
    },
    /// The probability of the second of two classes, after a sigmoid where the output has its logit.
    SecondClass(SecondClass),
    /// A value.
    Regression,
    /// A score.
    Anomaly(ScoreSteps),
}

/// `score = (sign · output − centre) · factor`, each step in 32-bit floats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreSteps {
    /// 1, or -1 where lower outputs are more unusual.
    pub sign: f32,
    /// What has the score 0.
    pub centre: f32,
    /// One over the distance from there to the alarm line.
    pub factor: f32,
}

impl ScoreSteps {
    /// The score of an output, bit by bit as the graph computes it.
    pub fn score(&self, output: f32) -> f32 {
        (self.sign * output - self.centre) * self.factor
    }
}

impl Foreign {
    /// The file with our input and outputs, still without manifest: any ONNX engine runs it.
    ///
    /// # Errors
    /// Where the result would be too large.
    pub fn wrap(&self, wrapping: &Wrapping<'_>) -> Result<Vec<u8>, ArtifactError> {
        wrap::wrap(self, wrapping)
    }
}

/// Adds manifest and golden windows to a wrapped file; equal inputs give equal bytes. As many golden
/// windows as fit are written, from the first on.
///
/// # Errors
/// Says which part cannot stand, with what was found.
pub fn seal(
    wrapped: &[u8],
    mut manifest: Manifest,
    golden: &[Golden],
) -> Result<Vec<u8>, ArtifactError> {
    manifest.format_version = ADOPTED_FORMAT_VERSION;
    manifest.check()?;
    manifest.lineage_id = manifest.derived_lineage_id()?;
    let text = manifest.to_canonical_json()?;
    let used = text.len() + MANIFEST_KEY.len() + GOLDEN_KEY.len();
    let left = METADATA_BYTES_MAX.checked_sub(used);
    let left = left.ok_or(ArtifactError::MetadataSize(used))?;
    let golden = golden::write(golden, manifest.task, left)?;
    let mut bytes = wrapped.to_vec();
    for (key, value) in [(MANIFEST_KEY, text), (GOLDEN_KEY, golden)] {
        let entry = StringStringEntryProto { key: key.to_owned(), value };
        wire::write_bytes(&mut bytes, 14, &entry.encode_to_vec());
    }
    if bytes.len() > FILE_BYTES_MAX {
        return Err(ArtifactError::FileSize(bytes.len()));
    }
    // Nothing leaves here that a device would refuse.
    Artifact::read(&bytes)?;
    Ok(bytes)
}

/// True where the file says that its graph is another program's. Looks at nothing but the manifest's
/// version: whoever lies about it fails the checks of the other kind.
pub(super) fn is_adopted(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Version {
        format_version: u32,
    }
    let mut rest = bytes;
    while let Ok(Some(field)) = wire::next_field(&mut rest) {
        let wire::Value::Bytes(entry) = field.value else { continue };
        if field.number != 14 || entry.len() > METADATA_BYTES_MAX {
            continue;
        }
        let Ok(entry) = StringStringEntryProto::decode(entry) else { return false };
        if entry.key == MANIFEST_KEY {
            return serde_json::from_str(&entry.value)
                .is_ok_and(|version: Version| version.format_version == ADOPTED_FORMAT_VERSION);
        }
    }
    false
}

/// Reads and checks an adopted artifact.
pub(super) fn read(bytes: &[u8]) -> Result<Artifact, ArtifactError> {
    wire::check(bytes)?;
    let model = ModelProto::decode(bytes)?;
    let (manifest_text, golden_text) = metadata(&model)?;
    let manifest = read_manifest(manifest_text)?;
    let graph = model.graph.as_ref().ok_or(ArtifactError::Broken)?;
    let batch = check_declarations(graph, &manifest)?;
    let golden = golden::read(golden_text, &manifest)?;
    let sha256 = Digest::of(bytes);
    Ok(Artifact { manifest, golden, sha256, batch, body: Body::Adopted(bytes.into()) })
}
