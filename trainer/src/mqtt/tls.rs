//! Which broker's certificate is believed: one of an authority in a file, or of those in Mozilla's list, which
//! is part of the program, so that a container without certificates trusts the same as any other machine.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use model_format::protocol::AUTHORITIES_BYTES_MAX;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Largest file of authorities, in bytes: devices keep it beside what else they know of their trainer.
const FILE_BYTES_MAX: u64 = AUTHORITIES_BYTES_MAX as u64;

/// Who may have signed a broker's certificate.
#[derive(Clone, Debug)]
pub struct Authorities {
    /// The certificates as text, where they came from a file.
    pem: Option<String>,
    client: Arc<ClientConfig>,
}

impl Authorities {
    /// Those of Mozilla's list.
    ///
    /// # Errors
    /// Where the program was built without a safe version of TLS.
    pub(crate) fn public() -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        Ok(Authorities { pem: None, client: client(roots)? })
    }

    /// Those whose certificates a file holds.
    ///
    /// # Errors
    /// Where it cannot be read, is too large, or holds something else; the message names it.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let size = std::fs::metadata(path).with_context(|| format!("{shown} cannot be read"))?;
        ensure!(
            size.len() <= FILE_BYTES_MAX,
            "{shown} has {} bytes, more than {FILE_BYTES_MAX}: name a file with the certificates of the \
             authorities that the broker needs, and no others",
            size.len()
        );
        let pem =
            std::fs::read_to_string(path).with_context(|| format!("{shown} cannot be read"))?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate
                .with_context(|| format!("{shown} cannot be read as PEM certificates"))?;
            let added = roots.add(certificate);
            added.with_context(|| format!("{shown} has a bad certificate"))?;
        }
        ensure!(!roots.is_empty(), "{shown} has no certificate as PEM");
        Ok(Authorities { client: client(roots)?, pem: Some(pem) })
    }

    /// The certificates as text; none where they are those of Mozilla's list.
    pub(crate) fn pem(&self) -> Option<&str> {
        self.pem.as_deref()
    }

    pub(super) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.client)
    }
}

fn client(roots: RootCertStore) -> anyhow::Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS has no version that is safe")?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_holds_no_authority_is_named() {
        assert!(Authorities::public().unwrap().pem().is_none());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        assert!(format!("{:#}", Authorities::read(&path).unwrap_err()).contains("ca.pem"));
        for (text, part) in [
            (String::new(), "no certificate"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(), "bad"),
            ("x".repeat(FILE_BYTES_MAX as usize + 1), "more than"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = format!("{:#}", Authorities::read(&path).unwrap_err());
            assert!(error.contains(part) && error.contains("ca.pem"), "{error}");
        }
    }
}
