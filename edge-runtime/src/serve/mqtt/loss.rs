//! Why there is no connection to the broker, and what to change.

use std::io;

use rustls::{AlertDescription, CertificateError, InvalidMessage};

/// Why a connection could not be made, or ended.
#[derive(Debug)]
pub(super) enum Loss {
    /// User or password.
    Login,
    /// The user, or the certificate, may not connect.
    NotAuthorized,
    /// The version of MQTT.
    Version,
    /// The client id.
    ClientId,
    /// It will take connections later.
    Busy,
    /// A packet of so many bytes came.
    TooLarge(usize),
    /// Another client with the same id has connected.
    TakenOver,
    /// It closed the connection without a word.
    Closed,
    /// It is there and says nothing.
    Silent,
    /// It did not answer in time.
    Unanswered,
    Tls(rustls::Error),
    Io(io::Error),
    Other(String),
}

/// Why the broker does not take a subscription or a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NotAuthorized,
    Other(String),
}

/// The connection that was tried.
#[derive(Clone, Copy)]
pub(super) struct Tried<'a> {
    pub(super) user: &'a str,
    pub(super) client_id: &'a str,
    pub(super) is_tls: bool,
    /// The broker had taken the connection.
    pub(super) was_connected: bool,
}

impl Loss {
    /// What was found, and what to change.
    pub(super) fn advice(&self, tried: Tried<'_>) -> String {
        let Tried { user, client_id, is_tls, was_connected } = tried;
        match self {
            Loss::Login | Loss::NotAuthorized if user.is_empty() => {
                "the broker wants a user and a password: give them as \
                 CIRAME_BROKER=mqtt://USER:PASSWORD@HOST, or the password with \
                 --broker-password-file"
                    .to_owned()
            }
            Loss::Login => format!("the broker refuses user {user:?} or the password: check both"),
            Loss::NotAuthorized => format!(
                "the broker does not let user {user:?} in: check the password, and the broker's \
                 list of users"
            ),
            Loss::Version => "the broker does not speak this version of MQTT: choose the other \
                              with --mqtt-version"
                .to_owned(),
            Loss::ClientId => format!(
                "the broker refuses the client id {client_id:?}: choose one that it takes with \
                 --client-id"
            ),
            Loss::Busy => "the broker takes no connections at the moment".to_owned(),
            Loss::TooLarge(bytes) => format!(
                "a message of {bytes} bytes came, which is too large: end its sender, or keep it \
                 off the topics with samples"
            ),
            Loss::TakenOver => format!(
                "another program has connected to the broker as {client_id:?}: give each its own \
                 --name or --client-id"
            ),
            Loss::Closed if !was_connected && !is_tls => {
                "the broker closed the connection without an answer: it may want encryption \
                 (mqtts://, usually port 8883), or another --mqtt-version"
                    .to_owned()
            }
            Loss::Closed if !was_connected => {
                "the broker closed the connection without an answer: it may not speak TLS on this \
                 port (mqtt://, usually port 1883), or want a certificate of this device \
                 (--broker-cert)"
                    .to_owned()
            }
            Loss::Closed => "the broker closed the connection".to_owned(),
            Loss::Silent => "the broker does not answer any more".to_owned(),
            Loss::Unanswered => "nothing answers at the broker's address in time".to_owned(),
            Loss::Tls(error) => of_tls(error),
            Loss::Io(error) => error.to_string(),
            Loss::Other(text) => text.clone(),
        }
    }
}

impl Refusal {
    /// What was found, and what to change.
    pub(super) fn advice(&self, user: &str) -> String {
        match self {
            Refusal::NotAuthorized if user.is_empty() => {
                "the broker does not allow it without a user: give one in the broker's URL, or \
                 change the broker's access list"
                    .to_owned()
            }
            Refusal::NotAuthorized => {
                format!("the broker does not allow it to user {user:?}: change its access list")
            }
            Refusal::Other(reason) => format!("the broker's reason: {reason}"),
        }
    }
}

fn of_tls(error: &rustls::Error) -> String {
    let advice = match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer => {
                "name the certificate of the authority that signed the broker's with --broker-ca"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "name the broker as its certificate does"
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                "check this machine's clock, then renew the broker's certificate"
            }
            _ => "check the broker's certificate",
        },
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure,
        ) => "the broker wants a certificate of this device: --broker-cert and --broker-key",
        rustls::Error::AlertReceived(_) => {
            "the broker does not take this device's certificate: check --broker-cert"
        }
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the broker does not speak TLS on this port: name its port for TLS, or mqtt://"
        }
        _ => return format!("TLS: {error}"),
    };
    format!("TLS: {error}: {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_change_depends_on_what_was_tried() {
        let tried = Tried { user: "", client_id: "c", is_tls: false, was_connected: false };
        assert!(Loss::NotAuthorized.advice(tried).contains("CIRAME_BROKER"));
        assert!(Loss::Closed.advice(tried).contains("mqtts://"));
        let tried = Tried { user: "ada", was_connected: true, ..tried };
        assert!(Loss::Login.advice(tried).contains("\"ada\""));
        assert!(!Loss::Closed.advice(tried).contains("mqtts://"));
        let error = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(Loss::Tls(error).advice(tried).contains("--broker-ca"));
    }
}
