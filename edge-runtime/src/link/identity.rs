//! Identity: the device's own Ed25519 key, which never leaves the state folder.

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model_format::protocol::{PublicKey, message};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::state_folder::StateFolder;

const FILE: &str = "device.key";
const FILE_BYTES_MAX: u64 = 1024;

/// The device's key.
pub(crate) struct Identity {
    key: Ed25519KeyPair,
}

impl Identity {
    /// The key of the state folder; a new one, on the disk before it is used, where there is none.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds no key.
    pub(super) fn load_or_make(folder: &StateFolder) -> anyhow::Result<Identity> {
        if let Some(bytes) = folder.read(FILE, FILE_BYTES_MAX)? {
            return parse(&bytes).ok_or_else(|| {
                anyhow!(
                    "{} holds no key, which is the base64 text of 32 bytes: bring the file back \
                     from a backup, or remove it and device.json and enrol the device anew",
                    folder.path().join(FILE).display()
                )
            });
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).context("the system gives no random numbers for a key")?;
        let text = STANDARD.encode(secret) + "\n";
        folder
            .write(FILE, text.as_bytes())
            .with_context(|| format!("{FILE} cannot be written in {}", folder.path().display()))?;
        Identity::of(&secret).context("the key that was made does not serve")
    }

    /// The public half.
    pub(super) fn public_key(&self) -> PublicKey {
        PublicKey::new(self.key.public_key().as_ref().try_into().expect("32 bytes"))
    }

    /// The signature of a request, as its header carries it.
    pub(super) fn sign(&self, method: &str, path: &str, body: &[u8], time_ms: i64) -> String {
        STANDARD.encode(self.key.sign(&message(method, path, body, time_ms)))
    }

    fn of(secret: &[u8]) -> Option<Identity> {
        Some(Identity { key: Ed25519KeyPair::from_seed_unchecked(secret).ok()? })
    }
}

fn parse(bytes: &[u8]) -> Option<Identity> {
    let secret = STANDARD.decode(bytes.trim_ascii()).ok()?;
    Identity::of(&secret)
}
