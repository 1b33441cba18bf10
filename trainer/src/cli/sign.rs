//! `keygen` and `sign`: whose models devices trust.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use clap::Args;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _};
use ed25519_dalek::{Signer as _, SigningKey};
use model_format::id::Digest;
use model_format::protocol::{ModelSignature, signed_text};
use serde_json::json;

use super::report::{Report, short};
use super::{Context, Versioned};
use crate::data_folder::write_atomically;
use crate::store::OwnerId;

/// Make an Ed25519 key for signing models, and its public half for devices.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer keygen -o plant.pem          (writes plant.pem and plant.pub.pem)
  cirame-edge serve --model-key plant.pub.pem

The files are PKCS #8 and SPKI in PEM, as `openssl genpkey -algorithm ed25519` writes them. Whoever has
the private key can put models onto the devices that trust it: keep it off them.")]
pub(super) struct Keygen {
    /// The file for the private key; the public one is beside it and ends in .pub.pem.
    #[arg(long, short, value_name = "FILE.pem")]
    output: PathBuf,
}

impl Keygen {
    pub(super) fn run(&self) -> anyhow::Result<Report> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).context("the system gives no random numbers for a key")?;
        let key = SigningKey::from_bytes(&secret);
        let private = key.to_pkcs8_pem(LineEnding::LF)?;
        let public = key.verifying_key().to_public_key_pem(LineEnding::LF)?;
        let public_path = self.output.with_extension("pub.pem");
        write_new(&self.output, private.as_bytes())?;
        write_new(&public_path, public.as_bytes())?;
        let text = format!(
            "{} signs models; keep it secret\n{} is for devices: cirame-edge serve --model-key\n",
            self.output.display(),
            public_path.display()
        );
        let json = json!({
            "private_key": self.output.display().to_string(),
            "public_key": public_path.display().to_string(),
        });
        Ok(Report { text, json })
    }
}

/// A file for its owner alone; never in the place of another one.
fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.with_context(|| format!("{} cannot be made", path.display()))
}

/// Sign a model, so that devices which trust the key take it.
///
/// A file gets its signature beside it, as FILE.onnx.sig. A model of the registry keeps its signature,
/// and deployments and bundles carry it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer sign pump@3 --key plant.pem
  cirame-trainer sign pump.onnx --key plant.pem
  cirame-trainer sign pump@3 --signature pump.onnx.sig     (made elsewhere, for example by openssl)

Signed is a text of two lines, `cirame-model-1` and the SHA-256 of the file in hexadecimal digits:
  printf 'cirame-model-1\\n%s\\n' $(sha256sum < pump.onnx | cut -c1-64) > text
  openssl pkeyutl -sign -rawin -inkey plant.pem -in text -out pump.onnx.sig")]
pub(super) struct Sign {
    /// Name of a model (NAME or NAME@VERSION), or an .onnx file.
    #[arg(value_name = "MODEL|FILE")]
    model: String,
    /// The private key, PKCS #8 in PEM.
    #[arg(long, value_name = "FILE.pem", required_unless_present = "signature")]
    key: Option<PathBuf>,
    /// A signature that was made elsewhere, for a model of the registry.
    #[arg(long, value_name = "FILE.sig", conflicts_with = "key")]
    signature: Option<PathBuf>,
}

impl Sign {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let path = PathBuf::from(&self.model);
        if path.is_file() || path.extension().is_some_and(|ending| ending == "onnx") {
            return self.sign_file(&path);
        }
        let model: Versioned = self.model.parse().map_err(anyhow::Error::msg)?;
        let folder = context.open()?;
        let store = folder.store();
        let version = store.model_version(OwnerId::LOCAL, &model.name, model.number)?;
        let signature = match &self.signature {
            Some(path) => read_signature(path)?,
            None => self.sign(version.artifact_sha256)?,
        };
        let number = Some(version.number);
        store.set_signature(OwnerId::LOCAL, &model.name, number, signature)?;
        let text = format!(
            "{}@{} (sha256 {}) is signed\n",
            version.model,
            version.number,
            short(version.artifact_sha256)
        );
        let json = json!({
            "model": version.model,
            "version": version.number,
            "artifact_sha256": version.artifact_sha256,
            "signature": signature,
        });
        Ok(Report { text, json })
    }

    fn sign_file(&self, path: &Path) -> anyhow::Result<Report> {
        ensure!(
            self.signature.is_none(),
            "--signature is for a model of the registry: a file has its signature beside it already"
        );
        let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let digest = Digest::of(&bytes);
        let signature = self.sign(digest)?;
        let mut output = path.as_os_str().to_owned();
        output.push(".sig");
        let output = PathBuf::from(output);
        write_atomically(&output, signature.bytes())?;
        let text = format!("{} (of sha256 {})\n", output.display(), short(digest));
        let json = json!({
            "file": output.display().to_string(),
            "artifact_sha256": digest,
            "signature": signature,
        });
        Ok(Report { text, json })
    }

    fn sign(&self, artifact: Digest) -> anyhow::Result<ModelSignature> {
        let path = self.key.as_ref().context("--key names the private key")?;
        let name = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
        let key = SigningKey::from_pkcs8_pem(text.trim()).map_err(|error| {
            anyhow!(
                "{name} holds no Ed25519 private key in PEM ({error}): make one with `cirame-trainer \
                 keygen`, or `openssl genpkey -algorithm ed25519`"
            )
        })?;
        Ok(ModelSignature::new(key.sign(&signed_text(artifact)).to_bytes()))
    }
}

fn read_signature(path: &Path) -> anyhow::Result<ModelSignature> {
    let name = path.display();
    let bytes = fs::read(path).with_context(|| format!("{name} cannot be read"))?;
    ModelSignature::from_file(&bytes).with_context(|| format!("{name}"))
}
