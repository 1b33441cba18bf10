//! Where a broker is and how to sign in there, as one text: `mqtt://[USER[:PASSWORD]@]HOST[:PORT]`,
//! or `mqtts://` where the connection is encrypted.

use std::fmt;
use std::str::FromStr;

use super::BrokerAccess;

/// The port where nothing else is said.
pub const BROKER_PORT: u16 = 1883;
/// The port for TLS where nothing else is said.
pub const BROKER_TLS_PORT: u16 = 8883;

/// The address of a broker, and how to sign in there.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerUrl {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name; empty for none.
    pub user: String,
    /// Password; empty for none.
    pub password: String,
}

/// A broker, for programs that can also reach it by TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Where it is, and how to sign in there.
    pub url: BrokerUrl,
    /// True for `mqtts://`.
    pub is_tls: bool,
}

/// Why a broker cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerUrlError {
    /// Not what the option takes.
    #[error(
        "{0:?} is no broker: mqtt://[USER[:PASSWORD]@]HOST[:PORT] is expected, or mqtts:// for TLS"
    )]
    Form(String),
}

impl FromStr for BrokerAddress {
    type Err = BrokerUrlError;

    fn from_str(text: &str) -> Result<Self, BrokerUrlError> {
        // What stands before an `@` may be a password: errors end in logs.
        let shown = text.rsplit_once('@').map_or(text, |(_, place)| place);
        let refused = || BrokerUrlError::Form(shown.chars().take(80).collect());
        let (rest, is_tls) = match (text.strip_prefix("mqtt://"), text.strip_prefix("mqtts://")) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) => (rest, true),
            (None, None) => return Err(refused()),
        };
        let (login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        if rest.contains('@') && user.is_empty() {
            return Err(refused());
        }
        let place = place.strip_suffix('/').unwrap_or(place);
        // An IPv6 address stands in brackets, so that its colons are not taken for the port's.
        let bracketed = place.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (host, port) = match bracketed {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(refused)?)),
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let usual = if is_tls { BROKER_TLS_PORT } else { BROKER_PORT };
        let port = port.map_or(Ok(usual), |port| port.parse().map_err(|_| refused()))?;
        if host.is_empty() || host.contains(['/', ' ', '?', '#']) || port == 0 {
            return Err(refused());
        }
        let [host, user, password] = [host, user, password].map(str::to_owned);
        Ok(BrokerAddress { url: BrokerUrl { host, port, user, password }, is_tls })
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mqtt://{}:{}", self.host, self.port)
    }
}

impl BrokerUrl {
    /// The same, as an enrolment tells it; `password`, where given, is the one to use.
    pub fn into_access(self, password: Option<String>, topic_prefix: &str) -> BrokerAccess {
        BrokerAccess {
            host: Some(self.host),
            port: self.port,
            user: self.user,
            password: password.unwrap_or(self.password),
            topic_prefix: topic_prefix.to_owned(),
            tls: None,
            revision: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(text: &str) -> (String, u16, String, String) {
        let access = text.parse::<BrokerAddress>().unwrap().url.into_access(None, "p");
        (access.host.unwrap(), access.port, access.user, access.password)
    }

    #[test]
    fn addresses_with_and_without_login_are_read() {
        let of = |host: &str, port, user: &str, password: &str| {
            (host.to_owned(), port, user.to_owned(), password.to_owned())
        };
        assert_eq!(access("mqtt://pi"), of("pi", 1883, "", ""));
        assert_eq!(access("mqtt://pi:1884/"), of("pi", 1884, "", ""));
        assert_eq!(access("mqtt://[::1]:7"), of("::1", 7, "", ""));
        assert_eq!(access("mqtt://a:b@c@10.0.0.1"), of("10.0.0.1", 1883, "a", "b@c"));
    }

    #[test]
    fn encrypted_connections_have_a_port_of_their_own() {
        let address: BrokerAddress = "mqtts://a:b@pi".parse().unwrap();
        assert_eq!((address.is_tls, address.url.port), (true, 8883));
        let address: BrokerAddress = "mqtts://pi:1883".parse().unwrap();
        assert_eq!((address.is_tls, address.url.port), (true, 1883));
        let address: BrokerAddress = "mqtt://pi".parse().unwrap();
        assert_eq!((address.is_tls, address.url.port), (false, 1883));
    }

    #[test]
    fn what_is_no_broker_is_refused_without_its_password() {
        for text in ["", "pi", "http://pi", "mqtt://", "mqtt://pi:x", "mqtt://:b@pi", "mqtt://a/b"]
        {
            assert!(text.parse::<BrokerAddress>().is_err(), "{text}");
        }
        let error = "mqtt://a:secret@pi:x".parse::<BrokerAddress>().unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
        let BrokerAddress { url, .. } = "mqtt://a:secret@pi".parse().unwrap();
        assert!(!format!("{url:?}").contains("secret"));
    }
}
