//! Whose models this device trusts: Ed25519 public keys, and the signatures that they have made.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use model_format::id::Digest;
use model_format::protocol::{ModelSignature, signed_text};
use ring::signature::{ED25519, UnparsedPublicKey};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;

use super::state_folder::read_bounded;

/// Most keys.
const KEYS_MAX: usize = 16;
/// Largest file of a key, in bytes.
const KEY_BYTES_MAX: u64 = 4096;
/// What stands before the 32 bytes of an Ed25519 public key in its DER form (RFC 8410, section 4).
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// The keys of a device. Where there are none, signatures are not looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModelKeys {
    keys: Vec<UnparsedPublicKey<[u8; 32]>>,
}

impl ModelKeys {
    /// Reads the named files, and all files that end in `.pem` in the folder `keys` of the state folder.
    ///
    /// # Errors
    /// One cannot be read or holds no key: a device that was told to trust a key must not start to trust
    /// everybody.
    pub(crate) fn load(state: &Path, files: &[PathBuf]) -> anyhow::Result<ModelKeys> {
        let folder = state.join("keys");
        let mut paths = files.to_vec();
        match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            entries => {
                let entries = entries.and_then(Iterator::collect::<io::Result<Vec<_>>>);
                let entries = entries.with_context(|| format!("{}", folder.display()))?;
                let entries = entries.into_iter().map(|entry| entry.path());
                paths.extend(
                    entries.filter(|path| path.extension().is_some_and(|ending| ending == "pem")),
                );
            }
        }
        ensure!(
            paths.len() <= KEYS_MAX,
            "{} keys for models are named; at most {KEYS_MAX} are read",
            paths.len()
        );
        let keys: anyhow::Result<Vec<_>> = paths.iter().map(|path| read_key(path)).collect();
        Ok(ModelKeys { keys: keys? })
    }

    /// Whether this artifact may be loaded.
    ///
    /// # Errors
    /// There are keys, and none of them made the signature.
    pub(super) fn check(
        &self,
        artifact: Digest,
        signature: Option<&ModelSignature>,
    ) -> Result<(), String> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let Some(signature) = signature else {
            return Err(format!(
                "the model {artifact} has no signature, and this device takes signed models alone: \
                 sign it with `cirame-trainer sign`, then deploy it again"
            ));
        };
        let text = signed_text(artifact);
        if self.keys.iter().any(|key| key.verify(&text, signature.bytes()).is_ok()) {
            return Ok(());
        }
        Err(format!(
            "the signature of the model {artifact} was made by none of the {} keys that this device \
             trusts: sign it with the right key by `cirame-trainer sign`, then deploy it again",
            self.keys.len()
        ))
    }
}

fn read_key(path: &Path) -> anyhow::Result<UnparsedPublicKey<[u8; 32]>> {
    let name = path.display();
    let bytes = File::open(path).and_then(|file| read_bounded(file, KEY_BYTES_MAX));
    let bytes = bytes.with_context(|| format!("the key {name} cannot be read"))?;
    let key = parse_key(&bytes).ok_or_else(|| {
        anyhow!(
            "{name} holds no Ed25519 public key in PEM: make one with `cirame-trainer keygen`, or \
             `openssl pkey -in key.pem -pubout`"
        )
    })?;
    Ok(UnparsedPublicKey::new(&ED25519, key))
}

fn parse_key(pem: &[u8]) -> Option<[u8; 32]> {
    let key = SubjectPublicKeyInfoDer::from_pem_slice(pem).ok()?;
    key.strip_prefix(&ED25519_PREFIX)?.try_into().ok()
}

/// The signature beside a model's file, where there is one: `MODEL.onnx.sig`.
///
/// # Errors
/// It is there and is no signature.
pub(super) fn signature_beside(model: &Path) -> anyhow::Result<Option<ModelSignature>> {
    let mut path = model.as_os_str().to_owned();
    path.push(".sig");
    let path = PathBuf::from(path);
    let bytes = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.and_then(|file| read_bounded(file, 64)),
    };
    let signature = bytes
        .map_err(anyhow::Error::from)
        .and_then(|bytes| ModelSignature::from_file(&bytes).map_err(anyhow::Error::from));
    signature.map(Some).with_context(|| format!("{}", path.display()))
}
