//! The trainer's address, as it is given and as it is kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ureq::http::Uri;

/// Longest address, in bytes.
const BYTES_MAX: usize = 500;

/// `http://host:port` or `https://host:port`, with nothing behind it: what is signed is the path
/// that the trainer sees.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct TrainerUrl {
    text: String,
    host: String,
}

/// Text that is no address of a trainer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no address of a trainer, {problem}: give one like http://192.168.1.10:5100")]
pub(crate) struct TrainerUrlError {
    found: String,
    problem: &'static str,
}

impl TrainerUrl {
    /// Host name or address, without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The address of a path, which begins with `/`.
    pub(super) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }
}

impl FromStr for TrainerUrl {
    type Err = TrainerUrlError;

    fn from_str(text: &str) -> Result<Self, TrainerUrlError> {
        // What stands before an @ may be a password, and does not go into messages.
        let shown = text.rsplit('@').next().unwrap_or_default();
        let found: String = shown.chars().take(100).collect();
        let refused = |problem| TrainerUrlError { found: found.clone(), problem };
        if text.len() > BYTES_MAX {
            return Err(refused("it is too long"));
        }
        let uri: Uri = text.parse().map_err(|_| refused("it cannot be read"))?;
        let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme));
        let scheme = scheme.ok_or_else(|| refused("it does not begin with http:// or https://"))?;
        let authority = uri.authority().ok_or_else(|| refused("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(refused("it holds a user name"));
        }
        if uri.path() != "/" || uri.query().is_some() {
            return Err(refused("a path or query stands behind the host"));
        }
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host).unwrap_or_default() {
            "" => None,
            rest => {
                let port = rest.strip_prefix(':').and_then(|port| port.parse::<u16>().ok());
                Some(port.ok_or_else(|| refused("its port is none"))?)
            }
        };
        let host = host.to_ascii_lowercase();
        if host.is_empty() {
            return Err(refused("it names no host"));
        }
        let default_port = if scheme == "http" { 80 } else { 443 };
        let text = match port.filter(|&port| port != default_port) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(TrainerUrl { text, host })
    }
}

impl TryFrom<String> for TrainerUrl {
    type Error = TrainerUrlError;

    fn try_from(text: String) -> Result<Self, TrainerUrlError> {
        text.parse()
    }
}

impl From<TrainerUrl> for String {
    fn from(url: TrainerUrl) -> String {
        url.text
    }
}

impl fmt::Display for TrainerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for TrainerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_addresses_are_equal() {
        for text in ["http://Trainer.local", "HTTP://trainer.local:80/", "http://trainer.local/"] {
            let url: TrainerUrl = text.parse().expect(text);
            assert_eq!(url.to_string(), "http://trainer.local");
            assert_eq!(url.join("/api/x"), "http://trainer.local/api/x");
        }
        let url: TrainerUrl = "https://[fe80::1]:5100".parse().unwrap();
        assert_eq!((url.host(), url.to_string().as_str()), ("fe80::1", "https://[fe80::1]:5100"));
    }

    #[test]
    fn other_text_is_refused_without_its_password() {
        for text in [
            "",
            "trainer:5100",
            "ftp://trainer",
            "http://",
            "http://trainer/console",
            "http://trainer?x=1",
            "http://user:geheim@trainer",
            "http://trainer:99999999",
            "http://trainer:",
            "http://a b",
        ] {
            let error = text.parse::<TrainerUrl>().expect_err(text).to_string();
            assert!(error.contains("give one like"), "{error}");
            assert!(!error.contains("geheim"), "{error}");
        }
        assert!("http://x".repeat(100).parse::<TrainerUrl>().is_err());
    }
}
