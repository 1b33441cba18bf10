//! Signed requests: what a device signs, and in which headers it stands.

use crate::id::Digest;

/// Header with the device's identifier.
pub const DEVICE_HEADER: &str = "cirame-device";

/// Header with the time of the request, in milliseconds since 1970 UTC. The times of a device's
/// `POST` requests must rise: a recorded request cannot be played again.
pub const TIME_HEADER: &str = "cirame-time";

/// Header with the signature: base64 of the 64 bytes of Ed25519 over [`message`].
pub const SIGNATURE_HEADER: &str = "cirame-signature";

/// How far a request's time may lie from the trainer's. A refusal carries the trainer's time, so
/// that a device with a wrong clock can ask again by that time.
pub const CLOCK_SKEW_MS_MAX: i64 = 5 * 60 * 1000;

/// The bytes that are signed: a line each for the protocol, the method in capitals, the path with
/// its query as it is sent, the SHA-256 of the body in hexadecimal digits, and the time.
///
/// ```
/// let message = model_format::protocol::message("GET", "/api/x", b"", 17);
/// assert!(message.starts_with(b"cirame-device-1\nGET\n/api/x\ne3b0c442"));
/// assert!(message.ends_with(b"b855\n17\n"));
/// ```
pub fn message(method: &str, path_and_query: &str, body: &[u8], time_ms: i64) -> Vec<u8> {
    let digest = Digest::of(body);
    format!("cirame-device-1\n{method}\n{path_and_query}\n{digest}\n{time_ms}\n").into_bytes()
}
