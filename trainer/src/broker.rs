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
use model_format::protocol::{
    BROKER_PORT, BROKER_TLS_PORT, BrokerAddress, BrokerUrl, BrokerUrlError,
};
use sha2::Sha256;

use crate::data_folder::{FolderError, write_privately};

mod accounts;
pub mod child;
mod embedded;

pub use crate::mqtt::Authorities;
pub use accounts::Accounts;
pub(crate) use accounts::{AccountError, add_sensor, check_accounts, remove_sensor};
pub use embedded::Embedded;

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
    Url(BrokerAddress),
}

/// What is decided about the broker of devices.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// Which one.
    pub option: BrokerOption,
    /// Who may have signed the broker's certificate, where it is reached by TLS.
    pub authorities: Option<Authorities>,
    /// True where every device gets an account at a broker that is not ours.
    pub accounts: bool,
    /// Where devices reach it, where that is another address.
    pub for_devices: Option<BrokerPlace>,
    /// Topics that devices may read besides their samples.
    pub device_topics: Vec<String>,
}

impl From<BrokerOption> for BrokerConfig {
    fn from(option: BrokerOption) -> Self {
        BrokerConfig {
            option,
            authorities: None,
            accounts: false,
            for_devices: None,
            device_topics: Vec::new(),
        }
    }
}

/// Where devices find a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerPlace {
    /// Host name or address.
    pub host: String,
    /// TCP port; the usual one where nothing is said.
    pub port: Option<u16>,
    /// Whether that is by TLS; as the trainer does it where nothing is said.
    pub is_tls: Option<bool>,
}

impl BrokerPlace {
    /// The port, where the connection is encrypted or not.
    pub fn port(&self, is_tls: bool) -> u16 {
        self.port.unwrap_or(if is_tls { BROKER_TLS_PORT } else { BROKER_PORT })
    }
}

/// A broker as a program on this machine reaches it.
#[derive(Clone)]
pub struct BrokerReach {
    /// Where it is, and how to sign in there.
    pub url: BrokerUrl,
    /// Whom its certificate is believed from; none for a connection that is not encrypted.
    pub tls: Option<Authorities>,
}

impl fmt::Debug for BrokerReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://{}:{}", self.url.host, self.url.port)
    }
}

impl FromStr for BrokerPlace {
    type Err = BrokerUrlError;

    fn from_str(text: &str) -> Result<Self, BrokerUrlError> {
        if text.contains('@') {
            return Err(BrokerUrlError::Form("the address for devices takes no login".to_owned()));
        }
        let (is_tls, place) = match text.split_once("://") {
            Some(("mqtt", place)) => (Some(false), place),
            Some(("mqtts", place)) => (Some(true), place),
            Some(_) => return Err(BrokerUrlError::Form(text.chars().take(80).collect())),
            None => (None, text),
        };
        // Read both ways, the port shows whether one was given.
        let BrokerAddress { url: BrokerUrl { host, port, .. }, .. } =
            format!("mqtt://{place}").parse()?;
        let other: BrokerAddress = format!("mqtts://{place}").parse()?;
        Ok(BrokerPlace { host, port: (port == other.url.port).then_some(port), is_tls })
    }
}

/// Name with which the trainer's own programs sign in at the embedded broker.
const OWN_USER: &str = "trainer";

/// What the passwords of the embedded broker's users are made of: 32 random bytes.
#[derive(Clone)]
pub struct BrokerSecret([u8; 32]);

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Not what the option takes.
    #[error(
        "{0:?} is no broker: none, embedded, embedded:PORT, mqtt://[USER[:PASSWORD]@]HOST[:PORT] or \
         mqtts:// for TLS is expected"
    )]
    Option(String),
    /// An address that is none.
    #[error(transparent)]
    Url(#[from] BrokerUrlError),
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
    /// No embedded broker was ever started with this data folder.
    #[error(
        "no embedded broker was started with the data folder {}: start it with `cirame-trainer \
         serve --broker embedded`, or name its folder with --data", .0.display()
    )]
    NeverStarted(PathBuf),
    /// The secret's file.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The secret's file holds something else.
    #[error("{} does not hold a broker's secret: remove it, and a new one is made", .0.display())]
    Secret(PathBuf),
    /// There is no TLS.
    #[error(transparent)]
    Tls(anyhow::Error),
    /// The system gives no random numbers, no process or no file.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl BrokerConfig {
    /// How a program on this machine reaches the broker; `data` is the data folder of the trainer
    /// that runs an embedded one.
    ///
    /// # Errors
    /// Where there is none, or the embedded one was never started with this data folder.
    pub fn reach(&self, data: &Path) -> Result<BrokerReach, BrokerError> {
        self.option.reach(data, self.authorities.as_ref())
    }
}

impl BrokerOption {
    /// The same; `authorities` may have signed the certificate of a broker that is reached by TLS, those
    /// of Mozilla's list otherwise.
    ///
    /// # Errors
    /// The same.
    pub fn reach(
        &self,
        data: &Path,
        authorities: Option<&Authorities>,
    ) -> Result<BrokerReach, BrokerError> {
        match self {
            BrokerOption::None => Err(BrokerError::Option("none".to_owned())),
            BrokerOption::Url(BrokerAddress { url, is_tls: false }) => {
                Ok(BrokerReach { url: url.clone(), tls: None })
            }
            BrokerOption::Url(BrokerAddress { url, is_tls: true }) => {
                let tls = match authorities {
                    Some(authorities) => authorities.clone(),
                    None => Authorities::public().map_err(BrokerError::Tls)?,
                };
                Ok(BrokerReach { url: url.clone(), tls: Some(tls) })
            }
            BrokerOption::Embedded { ip, port } => {
                let secret = BrokerSecret::of_folder(data)?;
                let host = if ip.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { *ip };
                let url = BrokerUrl {
                    host: host.to_string(),
                    port: *port,
                    user: OWN_USER.to_owned(),
                    password: secret.password_for(OWN_USER),
                };
                Ok(BrokerReach { url, tls: None })
            }
        }
    }

    /// The same, where an embedded broker is open to the network instead of this machine alone.
    #[must_use]
    pub fn opened(self) -> Self {
        match self {
            BrokerOption::Embedded { ip, port } if ip.is_loopback() => {
                BrokerOption::Embedded { ip: Ipv4Addr::UNSPECIFIED.into(), port }
            }
            other => other,
        }
    }
}

impl FromStr for BrokerOption {
    type Err = BrokerError;

    fn from_str(text: &str) -> Result<Self, BrokerError> {
        let refused = || BrokerError::Option(without_password(text));
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        match text {
            "none" => return Ok(BrokerOption::None),
            "embedded" => return Ok(BrokerOption::Embedded { ip, port: BROKER_PORT }),
            _ => {}
        }
        if let Some(place) = text.strip_prefix("embedded:") {
            if let Ok(address) = place.parse::<SocketAddr>() {
                return Ok(BrokerOption::Embedded { ip: address.ip(), port: address.port() });
            }
            let port = place.parse().map_err(|_| refused())?;
            return Ok(BrokerOption::Embedded { ip, port });
        }
        if text.contains("://") { Ok(BrokerOption::Url(text.parse()?)) } else { Err(refused()) }
    }
}

/// What was given, without what stands before an `@`: errors end in logs.
fn without_password(text: &str) -> String {
    let shown = text.rsplit_once('@').map_or(text, |(_, place)| place);
    shown.chars().take(80).collect()
}

impl fmt::Debug for BrokerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrokerSecret")
    }
}

impl BrokerSecret {
    /// Where the secret of a data folder stands.
    pub fn path(data: &Path) -> PathBuf {
        data.join("broker-secret")
    }

    /// The secret of a data folder whose trainer has run an embedded broker.
    ///
    /// # Errors
    /// Where it never has, or the file cannot be read.
    pub fn of_folder(data: &Path) -> Result<Self, BrokerError> {
        let path = Self::path(data);
        if path.exists() {
            return Self::load_or_make(&path);
        }
        Err(BrokerError::NeverStarted(data.to_owned()))
    }

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
        let url: BrokerAddress = "mqtt://ada:p:w@[::1]:1885".parse().unwrap();
        assert_eq!(
            "mqtt://ada:p:w@[::1]:1885".parse::<BrokerOption>().unwrap(),
            BrokerOption::Url(url)
        );
        for wrong in ["", "mqtt://", "embedded:x", "mqtt://:p@h", "mqtt://h:99999", "http://h"] {
            assert!(wrong.parse::<BrokerOption>().is_err(), "{wrong}");
        }
        let refusal = "http://ada:secret@h".parse::<BrokerOption>().unwrap_err().to_string();
        assert!(!refusal.contains("secret"), "{refusal}");
    }

    #[test]
    fn devices_are_told_another_place_with_or_without_tls() {
        let place = |text: &str| text.parse::<BrokerPlace>();
        let of = |host: &str, port, is_tls| BrokerPlace { host: host.to_owned(), port, is_tls };
        assert_eq!(place("plant").unwrap(), of("plant", None, None));
        assert_eq!(place("plant:1884").unwrap(), of("plant", Some(1884), None));
        assert_eq!(place("mqtts://plant").unwrap(), of("plant", None, Some(true)));
        assert_eq!(place("mqtts://plant:1883").unwrap(), of("plant", Some(1883), Some(true)));
        assert_eq!(place("mqtt://plant").unwrap(), of("plant", None, Some(false)));
        assert_eq!((of("h", None, None).port(true), of("h", None, None).port(false)), (8883, 1883));
        for wrong in ["", "http://plant", "user@plant", "plant:x"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
        let tls = "mqtts://ada:secret@h".parse::<BrokerOption>().unwrap();
        let reach = tls.reach(Path::new("/nowhere"), None).unwrap();
        assert_eq!(format!("{reach:?}"), "mqtts://h:8883");
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
