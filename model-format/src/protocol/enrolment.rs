//! Enrolment: a device shows a token and its public key, and becomes known.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A device's Ed25519 public key, written as base64 of its 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

/// Text that is no public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public key is the base64 text of 32 bytes")]
pub struct PublicKeyError;

impl PublicKey {
    /// The key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        PublicKey(bytes)
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let bytes = STANDARD.decode(text).map_err(|_| PublicKeyError)?;
        bytes.try_into().map(PublicKey).map_err(|_| PublicKeyError)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = PublicKeyError;

    fn try_from(text: String) -> Result<Self, PublicKeyError> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> String {
        key.to_string()
    }
}

/// `POST /api/devices/enrol`. Repeating it with the same token and key gives the same device, so
/// that a lost answer can be asked for again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrolmentRequest {
    /// The token that an operator was given.
    pub token: String,
    /// The name that the device proposes for itself: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// Its public key.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub public_key: PublicKey,
    /// [`super::PROTOCOL_VERSION`] of the device.
    pub protocol_version: u32,
    /// Version of its program.
    pub version: String,
    /// Processor architecture, as Rust names it.
    pub arch: String,
}

/// What an enrolled device gets to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Enrolment {
    /// The device's identifier, for the paths of its requests.
    pub device_id: String,
    /// Its name with the trainer: the one that it proposed, or that with a number behind it where
    /// another device has it.
    pub name: String,
    /// Time between two heartbeats, in seconds.
    pub heartbeat_s: u32,
    /// The trainer's clock, in milliseconds since 1970 UTC.
    pub time_ms: i64,
    /// The broker to use, where the trainer knows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<BrokerAccess>,
}

/// How to reach an MQTT broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BrokerAccess {
    /// Host name or address; where absent, the host under which the device knows the trainer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// TCP port.
    pub port: u16,
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
    /// First level or levels of all topics, without a slash at the end.
    pub topic_prefix: String,
    /// For an encrypted connection: how the broker shows who it is. Absent where it is not encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<BrokerTls>,
    /// A mark of all of this, for heartbeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// How a broker that is reached by TLS shows who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BrokerTls {
    /// Certificates (PEM) of the authorities one of which has signed its certificate, at most
    /// [`AUTHORITIES_BYTES_MAX`]; the public ones where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
}

/// Longest text of authorities' certificates, in bytes.
pub const AUTHORITIES_BYTES_MAX: usize = 32 << 10;
