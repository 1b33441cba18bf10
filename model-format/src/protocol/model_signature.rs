//! Signatures of models: detached, Ed25519, over a text that names the artifact's digest.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::id::Digest;

/// The 64 bytes of an Ed25519 signature over [`signed_text`]. A file `MODEL.onnx.sig` holds these
/// bytes as they are, JSON their base64.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelSignature([u8; 64]);

/// Text or bytes that are no signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a signature has 64 bytes, which stand in a file as they are and in JSON as base64; {0} bytes \
     were found"
)]
pub struct ModelSignatureError(usize);

/// What is signed for an artifact: two lines of text, the digest in lower-case hexadecimal digits.
/// The first line keeps such a signature from meaning anything else.
///
/// ```
/// let digest = model_format::id::Digest::of(b"");
/// let text = model_format::protocol::signed_text(digest);
/// assert!(text.starts_with(b"cirame-model-1\ne3b0c442") && text.ends_with(b"b855\n"));
/// ```
pub fn signed_text(artifact: Digest) -> Vec<u8> {
    format!("cirame-model-1\n{artifact}\n").into_bytes()
}

impl ModelSignature {
    /// The signature with these bytes.
    pub fn new(bytes: [u8; 64]) -> Self {
        ModelSignature(bytes)
    }

    /// The signature that a file holds.
    ///
    /// # Errors
    /// These are not 64 bytes.
    pub fn from_file(bytes: &[u8]) -> Result<Self, ModelSignatureError> {
        let found = ModelSignatureError(bytes.len());
        bytes.try_into().map(ModelSignature).map_err(|_| found)
    }

    /// The 64 bytes.
    pub fn bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Display for ModelSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for ModelSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ModelSignature {
    type Err = ModelSignatureError;

    fn from_str(text: &str) -> Result<Self, ModelSignatureError> {
        let bytes = STANDARD.decode(text.trim()).unwrap_or_default();
        ModelSignature::from_file(&bytes)
    }
}

impl TryFrom<String> for ModelSignature {
    type Error = ModelSignatureError;

    fn try_from(text: String) -> Result<Self, ModelSignatureError> {
        text.parse()
    }
}

impl From<ModelSignature> for String {
    fn from(signature: ModelSignature) -> String {
        signature.to_string()
    }
}
