//! How the connection to the broker is encrypted, and who is trusted.
//!
//! Without a file of authorities, those of Mozilla's list are trusted, which is part of the program:
//! a board without a folder of certificates trusts the same as any other, and the link to the trainer
//! does, too.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// Who may have signed the broker's certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Authorities<'a> {
    /// Those of Mozilla's list.
    Public,
    /// Those in a file.
    File(&'a Path),
    /// Those that the trainer has told, as PEM.
    Told(&'a str),
}

/// The configuration for connections that trust these authorities, and present the certificate and key
/// in the files of `identity`, all PEM.
///
/// # Errors
/// Names the file that cannot be used.
pub(crate) fn client_config(
    authorities: Authorities<'_>,
    identity: Option<(&Path, &Path)>,
) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Authorities::File(path) => {
            for certificate in certificates(path)? {
                let added = roots.add(certificate);
                added.with_context(|| format!("{} has a bad certificate", path.display()))?;
            }
        }
        Authorities::Told(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let added = certificate.map_err(anyhow::Error::from);
                let added = added.and_then(|certificate| Ok(roots.add(certificate)?));
                added.context("the trainer's certificates for the broker cannot be used")?;
            }
            ensure!(!roots.is_empty(), "the trainer's certificates for the broker are none");
        }
        Authorities::Public => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS has no version that is safe")?
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((path, key_path)) => {
            let key = PrivateKeyDer::from_pem_file(key_path).with_context(|| {
                format!("{} has no private key as PEM, without a password", key_path.display())
            })?;
            builder.with_client_auth_cert(certificates(path)?, key).with_context(|| {
                format!("{} is not the key of {}", key_path.display(), path.display())
            })?
        }
    };
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let name = path.display();
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates =
        read.with_context(|| format!("{name} cannot be read as PEM certificates"))?;
    ensure!(!certificates.is_empty(), "{name} has no certificate as PEM");
    Ok(certificates)
}
