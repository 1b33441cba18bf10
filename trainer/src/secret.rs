//! Secrets: random text that is shown once, and passwords as argon2id hashes.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Shortest password that is taken, in characters.
pub const PASSWORD_CHARS_MIN: usize = 10;

/// Longest password that is looked at, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// Why there is no secret or hash.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The machine gives no random numbers.
    #[error("the machine gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// A password could not be hashed.
    #[error("the password could not be hashed: {0}")]
    Hash(argon2::password_hash::Error),
    /// A password that is too short or too long.
    #[error(
        "a password has at least {PASSWORD_CHARS_MIN} characters and at most {PASSWORD_BYTES_MAX} bytes"
    )]
    Password,
}

/// A new secret of 256 random bits as text, behind `prefix`.
///
/// # Errors
/// Where the machine gives no random numbers.
pub fn random_secret(prefix: &str) -> Result<String, SecretError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// A new password that people can type: 20 letters and digits in groups, 99 bits.
///
/// # Errors
/// Where the machine gives no random numbers.
pub fn random_password() -> Result<String, SecretError> {
    // No letters that look like digits.
    const SIGNS: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes)?;
    let signs = bytes.map(|byte| char::from(SIGNS[usize::from(byte) % SIGNS.len()]));
    Ok(signs.chunks(5).map(String::from_iter).collect::<Vec<_>>().join("-"))
}

/// The argon2id hash of a password, in PHC form.
///
/// # Errors
/// Where the password is too short or too long.
pub fn hash_password(password: &str) -> Result<String, SecretError> {
    if password.chars().count() < PASSWORD_CHARS_MIN || password.len() > PASSWORD_BYTES_MAX {
        return Err(SecretError::Password);
    }
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(SecretError::Hash)?;
    Ok(hash.to_string())
}

/// Whether the password has this hash.
pub fn is_password(password: &str, hash: &str) -> bool {
    if password.len() > PASSWORD_BYTES_MAX {
        return false;
    }
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_told_from_others_by_its_hash() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(is_password("correct horse", &hash));
        assert!(!is_password("correct horsf", &hash));
        assert!(!is_password("", "no hash"));
        assert_ne!(hash, hash_password("correct horse").unwrap(), "salted");
        assert!(hash_password("short").is_err());
    }

    #[test]
    fn secrets_are_different_each_time() {
        let secrets: std::collections::HashSet<String> =
            (0..100).map(|_| random_secret("cme_").unwrap()).collect();
        assert_eq!(secrets.len(), 100);
        assert!(secrets.iter().all(|secret| secret.starts_with("cme_") && secret.len() == 47));
        assert_eq!(random_password().unwrap().len(), 23);
    }
}
