//! Arguments of HTTP: where `serve` listens, and what it wants from those who ask.

use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, bail, ensure};
use clap::Args;

/// The port where nothing else is said.
const PORT: u16 = 5300;
/// Length of a token, in characters: nobody guesses 16, and a header holds 1024.
const TOKEN_LENGTH: std::ops::RangeInclusive<usize> = 16..=1024;

/// Arguments of HTTP.
#[derive(Debug, Args)]
pub struct Http {
    /// Where HTTP listens: an address with a port, a port of this machine alone, or none. Port 0
    /// takes a free one; it is printed. An address beyond this machine needs a token.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5300", env = "CIRAME_LISTEN")]
    pub listen: Listen,

    /// The token that HTTP clients must show, as `Authorization: Bearer TOKEN` or as a password
    /// under any name. The environment and --http-token-file keep it out of the list of processes.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "CIRAME_HTTP_TOKEN",
        hide_env_values = true,
        conflicts_with = "http_token_file"
    )]
    pub http_token: Option<String>,

    /// A file that holds that token.
    #[arg(long, value_name = "FILE", env = "CIRAME_HTTP_TOKEN_FILE")]
    pub http_token_file: Option<PathBuf>,
}

/// Where HTTP listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// At this address.
    At(SocketAddr),
    /// Nowhere.
    None,
}

/// A place to listen, and the token to ask for there.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    /// None only where nobody but this machine can connect.
    pub(crate) token: Option<String>,
}

impl Http {
    /// Where to listen, if anywhere.
    ///
    /// # Errors
    /// The token cannot be read or is none, or the address needs one.
    pub(crate) fn listener(&self) -> anyhow::Result<Option<Listener>> {
        let token = match (&self.http_token, &self.http_token_file) {
            (Some(token), _) => Some(checked(token, "the token for HTTP")?),
            (None, Some(path)) => Some(read(path)?),
            (None, None) => None,
        };
        let address = match (self.listen, &token) {
            (Listen::At(address), _) => address,
            (Listen::None, None) => return Ok(None),
            (Listen::None, Some(_)) => bail!("a token for HTTP is given, but --listen is none"),
        };
        ensure!(
            token.is_some() || address.ip().is_loopback(),
            "{address} is reached from beyond this machine, so clients must show a token: make one \
             with `head -c 24 /dev/urandom | base64 > FILE` and name it with --http-token-file \
             FILE, or as CIRAME_HTTP_TOKEN in the environment; or listen on 127.0.0.1:{}",
            address.port()
        );
        Ok(Some(Listener { address, token }))
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("{shown} cannot be read"))?;
    let mut text = String::new();
    let read = file.take(2 * *TOKEN_LENGTH.end() as u64).read_to_string(&mut text);
    read.with_context(|| format!("{shown} cannot be read"))?;
    checked(text.trim_end_matches(['\r', '\n']), &format!("what {shown} holds"))
}

fn checked(token: &str, what: &str) -> anyhow::Result<String> {
    let (least, most) = TOKEN_LENGTH.into_inner();
    ensure!(
        TOKEN_LENGTH.contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic()),
        "{what} is no token: {least} to {most} visible ASCII characters on one line are expected, as \
         from `head -c 24 /dev/urandom | base64`"
    );
    Ok(token.to_owned())
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Listen::None);
        }
        if let Ok(port) = text.parse::<u16>() {
            return Ok(Listen::At((Ipv4Addr::LOCALHOST, port).into()));
        }
        let refused = format!("an address such as 127.0.0.1:{PORT}, a port, or none is expected");
        text.parse().map(Listen::At).map_err(|_| refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(listen: &str, token: Option<&str>) -> anyhow::Result<Option<Listener>> {
        let listen = listen.parse().unwrap();
        Http { listen, http_token: token.map(str::to_owned), http_token_file: None }.listener()
    }

    #[test]
    fn listeners_are_addresses_ports_or_none() {
        assert_eq!("none".parse(), Ok(Listen::None));
        assert_eq!("0".parse(), Ok(Listen::At(([127, 0, 0, 1], 0).into())));
        assert_eq!("0.0.0.0:80".parse(), Ok(Listen::At(([0, 0, 0, 0], 80).into())));
        assert!("everywhere".parse::<Listen>().is_err());
    }

    #[test]
    fn beyond_this_machine_a_token_is_needed() {
        assert!(listener("[::1]:5300", None).unwrap().unwrap().token.is_none());
        assert!(listener("none", None).unwrap().is_none());
        for address in ["0.0.0.0:5300", "[::]:5300", "192.168.1.7:5300"] {
            let refusal = listener(address, None).unwrap_err().to_string();
            assert!(refusal.contains("--http-token-file"), "{refusal}");
            let listener = listener(address, Some("0123456789abcdef")).unwrap().unwrap();
            assert_eq!(listener.token.as_deref(), Some("0123456789abcdef"));
        }
        assert!(listener("none", Some("0123456789abcdef")).is_err());
    }

    #[test]
    fn tokens_that_can_be_guessed_or_not_be_sent_are_refused() {
        for token in ["", "0123456789abcde", "0123456789 abcdef", "0123456789abcdeü"] {
            let refusal = listener("5300", Some(token)).unwrap_err().to_string();
            assert!(refusal.contains("16 to 1024 visible"), "{refusal}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0123456789abcdef\r\n").unwrap();
        assert_eq!(read(file.path()).unwrap(), "0123456789abcdef");
        std::fs::write(file.path(), "x".repeat(1 << 20)).unwrap();
        assert!(read(file.path()).is_err());
    }
}
