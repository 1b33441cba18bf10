//! Bundles: a model with its proof and its signature in one file, for devices with no trainer in sight.
//!
//! A bundle is an uncompressed tar with these regular files and no others:
//!
//! | file | bytes at most | what it holds |
//! |---|---|---|
//! | `bundle.json` | 4 KiB | [`BundleFacts`] |
//! | `model.onnx` | [`FILE_BYTES_MAX`] | the artifact |
//! | `model.proof.json` | 256 KiB | the proof that was made with the artifact |
//! | `model.onnx.sig` | 64 | the detached signature; only where there is one |

use std::io::{self, Read as _};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tar::{Archive, Builder, EntryType, Header};

use crate::artifact::FILE_BYTES_MAX;
use crate::id::Digest;
use crate::protocol::{ModelSignature, ModelSignatureError, check_topic_level};

/// Largest bundle, in bytes.
pub const BUNDLE_BYTES_MAX: usize = FILE_BYTES_MAX + (1 << 20);

/// The format that is written and read.
const FORMAT_VERSION: u32 = 1;

const FACTS: &str = "bundle.json";
const ARTIFACT: &str = "model.onnx";
const PROOF: &str = "model.proof.json";
const SIGNATURE: &str = "model.onnx.sig";

/// Every file that may be in a bundle, with its largest size.
const FILES: [(&str, usize); 4] =
    [(FACTS, 4 << 10), (ARTIFACT, FILE_BYTES_MAX), (PROOF, 256 << 10), (SIGNATURE, 64)];

/// What `bundle.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleFacts {
    /// 1.
    pub format_version: u32,
    /// Name of the model: it takes the place of the one with this name on the device.
    pub model: String,
    /// Number of its version.
    pub version: u32,
    /// Digest of `model.onnx`.
    pub artifact_sha256: Digest,
}

/// A bundle that was read whole. Its artifact is bytes with the right digest, and nothing more is
/// known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// What it says of itself.
    pub facts: BundleFacts,
    /// The artifact's bytes.
    pub artifact: Vec<u8>,
    /// The proof that was made with it.
    pub proof: Value,
    /// Its detached signature.
    pub signature: Option<ModelSignature>,
}

/// Why a file is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is too large.
    #[error("the file has {0} bytes; a bundle has at most {BUNDLE_BYTES_MAX}")]
    TooLarge(usize),
    /// It is no tar, or is cut off.
    #[error(
        "the file is no bundle or is cut off ({0}): make it with `cirame-trainer bundle` and copy it \
         again"
    )]
    Tar(#[from] io::Error),
    /// It holds something else.
    #[error(
        "the bundle holds {0:?}, which does not belong there: make it with `cirame-trainer bundle`"
    )]
    Stranger(String),
    /// A file is there twice.
    #[error("the bundle holds {0} twice")]
    Twice(&'static str),
    /// A file is too large.
    #[error("{name} in the bundle has {found} bytes; at most {allowed} are read")]
    FileTooLarge {
        /// The file.
        name: &'static str,
        /// Its size.
        found: u64,
        /// The largest size.
        allowed: usize,
    },
    /// A file is not there.
    #[error("the bundle has no {0}: make it with `cirame-trainer bundle`")]
    Missing(&'static str),
    /// A file is no JSON, or says something else.
    #[error("{name} in the bundle cannot be read: {error}")]
    Json {
        /// The file.
        name: &'static str,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// A newer program made it.
    #[error(
        "the bundle has format version {0}, and this program reads {FORMAT_VERSION}: upgrade cirame-edge"
    )]
    Format(u32),
    /// Its name leads elsewhere.
    #[error(
        "{0:?} cannot be the name of a model: 1 to 200 bytes are, without `/`, `+`, `#` and control characters"
    )]
    Name(String),
    /// The artifact is not the one that it names.
    #[error(
        "model.onnx in the bundle has the SHA-256 {found}, and bundle.json names {named}: copy the bundle again"
    )]
    Digest {
        /// That of the bytes.
        found: Digest,
        /// That of `bundle.json`.
        named: Digest,
    },
    /// The signature is none.
    #[error("model.onnx.sig in the bundle is no signature: {0}")]
    Signature(#[from] ModelSignatureError),
}

impl Bundle {
    /// The bundle of an artifact.
    pub fn new(
        (model, version): (&str, u32),
        artifact: Vec<u8>,
        proof: Value,
        signature: Option<ModelSignature>,
    ) -> Bundle {
        let artifact_sha256 = Digest::of(&artifact);
        let model = model.to_owned();
        let facts = BundleFacts { format_version: FORMAT_VERSION, model, version, artifact_sha256 };
        Bundle { facts, artifact, proof, signature }
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// Says what is wrong with it; whatever the bytes are, nothing is written anywhere, and no more
    /// memory is taken than they have.
    pub fn read(bytes: &[u8]) -> Result<Bundle, BundleError> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(BundleError::TooLarge(bytes.len()));
        }
        let mut files: [Option<Vec<u8>>; FILES.len()] = Default::default();
        // Raw: what would give an entry another name or size is an entry itself, and refused.
        for entry in Archive::new(bytes).entries()?.raw(true) {
            let mut entry = entry?;
            let path = entry.path_bytes().into_owned();
            let place = FILES.iter().position(|(name, _)| name.as_bytes() == path);
            let place = place.filter(|_| entry.header().entry_type() == EntryType::Regular);
            let Some(place) = place else {
                let name = String::from_utf8_lossy(&path).chars().take(80).collect();
                return Err(BundleError::Stranger(name));
            };
            let ((name, allowed), found) = (FILES[place], entry.size());
            if found > allowed as u64 {
                return Err(BundleError::FileTooLarge { name, found, allowed });
            }
            let mut file = Vec::new();
            entry.read_to_end(&mut file)?;
            if file.len() as u64 != found {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            if files[place].replace(file).is_some() {
                return Err(BundleError::Twice(name));
            }
        }
        let [facts, artifact, proof, signature] = files;
        let facts: BundleFacts = json(FACTS, &facts.ok_or(BundleError::Missing(FACTS))?)?;
        if facts.format_version != FORMAT_VERSION {
            return Err(BundleError::Format(facts.format_version));
        }
        if !check_topic_level(&facts.model) {
            return Err(BundleError::Name(facts.model.chars().take(80).collect()));
        }
        let artifact = artifact.ok_or(BundleError::Missing(ARTIFACT))?;
        let (found, named) = (Digest::of(&artifact), facts.artifact_sha256);
        if found != named {
            return Err(BundleError::Digest { found, named });
        }
        let proof = json(PROOF, &proof.ok_or(BundleError::Missing(PROOF))?)?;
        let signature = signature.map(|bytes| ModelSignature::from_file(&bytes)).transpose()?;
        Ok(Bundle { facts, artifact, proof, signature })
    }

    /// The bytes of the bundle: the same for the same contents.
    ///
    /// # Errors
    /// A part is larger than may be read.
    pub fn write(&self) -> Result<Vec<u8>, BundleError> {
        let mut tar = Builder::new(Vec::new());
        let facts = pretty(FACTS, &self.facts)?;
        let proof = pretty(PROOF, &self.proof)?;
        let signature = self.signature.as_ref().map(|signature| &signature.bytes()[..]);
        let files = [Some(&facts[..]), Some(&self.artifact[..]), Some(&proof[..]), signature];
        for ((name, allowed), file) in FILES.into_iter().zip(files) {
            let Some(file) = file else { continue };
            let found = file.len() as u64;
            if file.len() > allowed {
                return Err(BundleError::FileTooLarge { name, found, allowed });
            }
            let mut header = Header::new_ustar();
            header.set_entry_type(EntryType::Regular);
            header.set_size(found);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, file)?;
        }
        Ok(tar.into_inner()?)
    }
}

fn json<T: serde::de::DeserializeOwned>(
    name: &'static str,
    bytes: &[u8],
) -> Result<T, BundleError> {
    serde_json::from_slice(bytes).map_err(|error| BundleError::Json { name, error })
}

fn pretty(name: &'static str, value: &impl Serialize) -> Result<Vec<u8>, BundleError> {
    serde_json::to_vec_pretty(value).map_err(|error| BundleError::Json { name, error })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bundle() -> Bundle {
        let signature = ModelSignature::new([7; 64]);
        Bundle::new(("pump", 3), b"artifact".to_vec(), json!({"passed": true}), Some(signature))
    }

    /// A tar with these entries: name, kind, announced size, bytes.
    fn tar(entries: &[(&str, EntryType, u64, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, kind, size, data) in entries {
            let mut header = Header::new_ustar();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(*size);
            header.set_mode(0o644);
            header.set_cksum();
            bytes.extend(header.as_bytes());
            bytes.extend(*data);
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
        bytes.resize(bytes.len() + 1024, 0);
        bytes
    }

    fn refusal(bytes: &[u8]) -> String {
        Bundle::read(bytes).expect_err("it is refused").to_string()
    }

    #[test]
    fn what_was_written_is_read_and_written_the_same_again() {
        for bundle in [bundle(), Bundle { signature: None, ..bundle() }] {
            let bytes = bundle.write().unwrap();
            assert_eq!(Bundle::read(&bytes).unwrap(), bundle);
            assert_eq!(Bundle::read(&bytes).unwrap().write().unwrap(), bytes);
        }
    }

    #[test]
    fn entries_that_lead_elsewhere_are_refused() {
        let regular = EntryType::Regular;
        for name in ["../model.onnx", "/etc/passwd", "./model.onnx", "sub/bundle.json", ""] {
            let text = refusal(&tar(&[(name, regular, 1, b"x")]));
            assert!(text.contains("does not belong"), "{name}: {text}");
        }
        use EntryType::{Char, Directory, Fifo, GNULongName, GNUSparse, Link, Symlink, XHeader};
        for kind in [Link, Symlink, Char, Fifo, Directory, GNUSparse, GNULongName, XHeader] {
            let text = refusal(&tar(&[("model.onnx", kind, 0, b"")]));
            assert!(text.contains("does not belong"), "{kind:?}: {text}");
        }
    }

    #[test]
    fn sizes_that_are_announced_and_not_there_take_no_memory() {
        let huge = tar(&[("bundle.json", EntryType::Regular, 1 << 40, b"{}")]);
        assert!(refusal(&huge).contains("at most 4096"), "{}", refusal(&huge));
        let cut = tar(&[("model.onnx", EntryType::Regular, 1 << 20, b"x")]);
        assert!(refusal(&cut).contains("cut off"), "{}", refusal(&cut));
        assert!(refusal(&vec![0; BUNDLE_BYTES_MAX + 1]).contains("at most"));
    }

    #[test]
    fn every_beginning_of_a_bundle_and_every_flipped_byte_is_refused_or_harmless() {
        let good = bundle();
        let bytes = good.write().unwrap();
        for length in (0..bytes.len() - 1024).step_by(7) {
            assert!(Bundle::read(&bytes[..length]).is_err(), "{length}");
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x55;
            if let Ok(read) = Bundle::read(&bytes) {
                assert_eq!(read.artifact, good.artifact, "byte {at}");
            }
        }
    }

    #[test]
    fn names_that_are_no_names_and_other_digests_are_refused() {
        for name in ["", "a/b", "a\nb", "#"] {
            let mut bundle = bundle();
            bundle.facts.model = name.to_owned();
            assert!(refusal(&bundle.write().unwrap()).contains("name of a model"), "{name:?}");
        }
        let mut other = bundle();
        other.artifact.push(0);
        assert!(refusal(&other.write().unwrap()).contains("SHA-256"));
        let mut newer = bundle();
        newer.facts.format_version = 2;
        assert!(refusal(&newer.write().unwrap()).contains("upgrade cirame-edge"));
    }

    #[test]
    fn files_that_are_missing_or_there_twice_are_named() {
        let regular = EntryType::Regular;
        assert!(refusal(&tar(&[])).contains("no bundle.json"));
        let twice = [("model.onnx.sig", regular, 1, &b"x"[..]); 2];
        assert!(refusal(&tar(&twice)).contains("model.onnx.sig twice"));
        assert!(refusal(b"not a tar").contains("no bundle"));
    }
}
