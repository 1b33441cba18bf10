//! The MQTT broker that devices use: one of our own as a child process, or one that is there.
//!
//! rumqttd cannot be asked to end, does not tell which port it took and only logs that a port is
//! taken; in a process of its own none of that matters.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::data_folder::{FolderError, write_privately};

pub mod child;
mod embedded;

pub use embedded::Embedded;

/// The port where nothing else is said.
const PORT: u16 = 1883;

/// Which broker devices use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerOption {
    /// None: devices answer by HTTP alone, or know a broker themselves.
    None,
    /// One of our own.
    Embedded {
        /// Where it listens.
        ip: IpAddr,
        /// TCP port; 0 takes any free one.
        port: u16,
    },
    /// One that is there.
    Url(BrokerUrl),
}

/// The address of a broker, and how to sign in there.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerUrl {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name.
    pub user: Option<String>,
    /// Password.
    pub password: Option<String>,
}

/// What the passwords of the embedded broker's users are made of: 32 random bytes.
#[derive(Clone)]
pub struct BrokerSecret([u8; 32]);

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Not what the option takes.
    #[error(
        "{0:?} is no broker: none, embedded, embedded:PORT or mqtt://[USER[:PASSWORD]@]HOST[:PORT] \
         is expected"
    )]
    Option(String),
    /// Encrypted connections.
    #[error("mqtts:// is not supported by the trainer yet: name the broker's mqtt:// listener")]
    Tls,
    /// Another program has the port.
    #[error(
        "port {} is in use, so the embedded broker cannot have it: name another one with `--broker \
         embedded:PORT`, or use the broker that is there with `--broker mqtt://{address}`", address.port()
    )]
    Taken {
        /// The address.
        address: SocketAddr,
    },
    /// The child process did not start or does not answer.
    #[error("the embedded broker does not start: {0}")]
    Start(String),
    /// The secret's file.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The secret's file holds something else.
    #[error("{} does not hold a broker's secret: remove it, and a new one is made", .0.display())]
    Secret(PathBuf),
    /// The system gives no random numbers, no process or no file.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FromStr for BrokerOption {
    type Err = BrokerError;

    fn from_str(text: &str) -> Result<Self, BrokerError> {
        let refused = || BrokerError::Option(without_password(text));
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        match text {
            "none" => return Ok(BrokerOption::None),
            "embedded" => return Ok(BrokerOption::Embedded { ip, port: PORT }),
            _ => {}
        }
        if let Some(place) = text.strip_prefix("embedded:") {
            if let Ok(address) = place.parse::<SocketAddr>() {
                return Ok(BrokerOption::Embedded { ip: address.ip(), port: address.port() });
            }
            let port = place.parse().map_err(|_| refused())?;
            return Ok(BrokerOption::Embedded { ip, port });
        }
        text.parse().map(BrokerOption::Url)
    }
}

impl FromStr for BrokerUrl {
    type Err = BrokerError;

    fn from_str(text: &str) -> Result<Self, BrokerError> {
        let refused = || BrokerError::Option(without_password(text));
        if text.starts_with("mqtts://") {
            return Err(BrokerError::Tls);
        }
        let rest = text.strip_prefix("mqtt://").ok_or_else(refused)?;
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, "")))
        {
            None => (None, None),
            Some(("", _)) => return Err(refused()),
            Some((user, "")) => (Some(user.to_owned()), None),
            Some((user, password)) => (Some(user.to_owned()), Some(password.to_owned())),
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        // An IPv6 address stands in brackets, so that its colons are not taken for the port's.
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, PORT),
            Some((host, port)) => (
                host,
                port.strip_prefix(':').and_then(|port| port.parse().ok()).ok_or_else(refused)?,
            ),
            None => match place.split_once(':') {
                Some((host, port)) => (host, port.parse().map_err(|_| refused())?),
                None => (place, PORT),
            },
        };
        if host.is_empty() || host.contains(['/', ' ']) {
            return Err(refused());
        }
        Ok(BrokerUrl { host: host.to_owned(), port, user, password })
    }
}

/// What was given, without what stands before an `@`: errors end in logs.
fn without_password(text: &str) -> String {
    let shown = text.rsplit_once('@').map_or(text, |(_, place)| place);
    shown.chars().take(80).collect()
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BrokerUrl { host, port, user, .. } = self;
        f.debug_struct("BrokerUrl")
            .field("host", host)
            .field("port", port)
            .field("user", user)
            .finish()
    }
}

impl fmt::Debug for BrokerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrokerSecret")
    }
}

impl BrokerSecret {
    /// The secret in this file; makes one where there is no file.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or holds something else.
    pub fn load_or_make(path: &Path) -> Result<Self, BrokerError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut bytes = [0; 32];
                getrandom::fill(&mut bytes).map_err(io::Error::from)?;
                write_privately(path, URL_SAFE_NO_PAD.encode(bytes).as_bytes())?;
                return Ok(BrokerSecret(bytes));
            }
            Err(error) => return Err(error.into()),
        };
        Self::from_text(&text).ok_or_else(|| BrokerError::Secret(path.to_owned()))
    }

    fn from_text(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text.trim()).ok()?.try_into().ok().map(BrokerSecret)
    }

    fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The password of a user: HMAC-SHA256 of the name under the secret, as base64. The broker
    /// knows every password by the secret alone, also those of devices that enrol later.
    pub fn password_for(&self, user: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(user).finalize().into_bytes())
    }

    /// Whether that is the user's password; takes as long for a wrong one.
    pub fn is_password(&self, user: &str, password: &str) -> bool {
        let given = URL_SAFE_NO_PAD.decode(password);
        given.is_ok_and(|given| self.mac(user).verify_slice(&given).is_ok())
    }

    fn mac(&self, user: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length is a key");
        mac.update(user.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_named_in_four_ways() {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!("none".parse::<BrokerOption>().unwrap(), BrokerOption::None);
        let embedded = |ip, port| BrokerOption::Embedded { ip, port };
        assert_eq!("embedded".parse::<BrokerOption>().unwrap(), embedded(local, 1883));
        assert_eq!("embedded:0".parse::<BrokerOption>().unwrap(), embedded(local, 0));
        let everywhere = "0.0.0.0".parse().unwrap();
        assert_eq!(
            "embedded:0.0.0.0:1884".parse::<BrokerOption>().unwrap(),
            embedded(everywhere, 1884)
        );
        let url: BrokerUrl = "mqtt://ada:p:w@[::1]:1885".parse().unwrap();
        assert_eq!((url.host.as_str(), url.port), ("::1", 1885));
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("ada"), Some("p:w")));
        assert!(!format!("{url:?}").contains("p:w"), "a password must not reach a log");
        assert_eq!("mqtt://plant".parse::<BrokerUrl>().unwrap().port, 1883);
        for wrong in
            ["", "mqtt://", "embedded:x", "mqtt://:p@h", "mqtt://h:99999", "http://h", "mqtts://h"]
        {
            assert!(wrong.parse::<BrokerOption>().is_err(), "{wrong}");
        }
        let refusal = "http://ada:secret@h".parse::<BrokerOption>().unwrap_err().to_string();
        assert!(!refusal.contains("secret"), "{refusal}");
    }

    #[test]
    fn a_password_belongs_to_one_user_of_one_broker() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let secret = BrokerSecret::load_or_make(&path).unwrap();
        let again = BrokerSecret::load_or_make(&path).unwrap();
        let password = secret.password_for("device");
        assert_eq!(password, again.password_for("device"));
        assert!(secret.is_password("device", &password));
        assert!(!secret.is_password("devicf", &password));
        assert!(!secret.is_password("device", ""));
        let other = BrokerSecret::load_or_make(&folder.path().join("other")).unwrap();
        assert!(!other.is_password("device", &password));
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(BrokerSecret::load_or_make(&path), Err(BrokerError::Secret(_))));
    }

    #[test]
    fn the_password_is_the_hmac_that_python_computes() {
        // hmac.new(bytes(32), b"device", "sha256")
        let expected = "fXWqj1pr2r7Gpr3AFNIZ7_hIuVm4GB1kYzU2llEXTWM";
        assert_eq!(BrokerSecret([0; 32]).password_for("device"), expected);
    }
}
