//! Identifiers: content digests and the newtypes of the things that have one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Digest(Sha256::digest(bytes).into())
    }

    /// The digest with these bytes, for content that was hashed piece by piece.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Digest(bytes)
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Digest {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Digest {}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The id of the answer for one window: equal wherever and whenever the same artifact sees the same
/// window of the same stream, so that a replayed or repeated result is recognised. Written as 32
/// lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResultId([u8; 16]);

/// The id of the result that `artifact`, running on `device`, gives for window `window_index` of
/// the segment of `stream` that starts at `segment_start_ns`.
///
/// The first 16 bytes of the SHA-256 of the five fields, each preceded by its length in bytes as a
/// little-endian `u64`: texts as UTF-8, the artifact as its 32 bytes, numbers as 8 little-endian
/// bytes.
pub fn result_id(
    device: &str,
    artifact: &Digest,
    stream: &str,
    segment_start_ns: i64,
    window_index: u64,
) -> ResultId {
    of_fields(&[
        device.as_bytes(),
        artifact.bytes(),
        stream.as_bytes(),
        &segment_start_ns.to_le_bytes(),
        &window_index.to_le_bytes(),
    ])
}

/// The id of something that happened to an alarm: `event` (such as `raise`) at `at_ns` to the alarm
/// `alarm` of `model` that is raised since `since_ns` on `stream`. Made like [`result_id`], of these
/// seven fields.
pub fn event_id(
    device: &str,
    (stream, model, alarm): (&str, &str, &str),
    since_ns: i64,
    (event, at_ns): (&str, i64),
) -> ResultId {
    of_fields(&[
        device.as_bytes(),
        stream.as_bytes(),
        model.as_bytes(),
        alarm.as_bytes(),
        &since_ns.to_le_bytes(),
        event.as_bytes(),
        &at_ns.to_le_bytes(),
    ])
}

fn of_fields(fields: &[&[u8]]) -> ResultId {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    ResultId(id)
}

impl ResultId {
    /// The 16 bytes.
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for ResultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ResultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not a result id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a result id: 32 hexadecimal digits are expected")]
pub struct ResultIdError(String);

impl FromStr for ResultId {
    type Err = ResultIdError;

    fn from_str(text: &str) -> Result<Self, ResultIdError> {
        hex_bytes(text).map(ResultId).ok_or_else(|| ResultIdError(text.chars().take(80).collect()))
    }
}

impl TryFrom<String> for ResultId {
    type Error = ResultIdError;

    fn try_from(text: String) -> Result<Self, ResultIdError> {
        text.parse()
    }
}

impl From<ResultId> for String {
    fn from(id: ResultId) -> String {
        id.to_string()
    }
}

/// `N` bytes from exactly `2 N` hexadecimal digits.
fn hex_bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Some(bytes)
}

/// Text that is not a SHA-256 digest.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a SHA-256 digest: 64 hexadecimal digits are expected")]
pub struct DigestError(String);

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        hex_bytes(text).map(Digest).ok_or_else(|| DigestError(text.chars().take(80).collect()))
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_id_is_the_same_everywhere() {
        let id = result_id("pump-7", &Digest::of(b"artifact"), "vibration", -5, 42);
        assert_eq!(id.to_string(), "e98de3dccaaec89f01785476bf56ca29");
        assert_eq!(id.to_string().parse(), Ok(id));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<ResultId>(&json).unwrap(), id);
    }

    #[test]
    fn texts_that_run_together_give_different_ids() {
        let artifact = Digest::of(b"");
        let ids = [("ab", "c", 0, 0), ("a", "bc", 0, 0), ("ab", "c", 1, 0), ("ab", "c", 0, 1)].map(
            |(device, stream, start, index)| result_id(device, &artifact, stream, start, index),
        );
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id));
        }
    }

    #[test]
    fn what_happens_to_an_alarm_has_an_id_of_its_own_everywhere_the_same() {
        let id = |device, stream, model, alarm, since, event, at| {
            event_id(device, (stream, model, alarm), since, (event, at)).to_string()
        };
        let raise = id("gateway", "pump-7", "pump", "bearing", 5, "raise", 9);
        assert_eq!(raise, "d34d1eb3f7823c708fc65a969d9b68a7");
        let others = [
            id("gatewa", "ypump-7", "pump", "bearing", 5, "raise", 9),
            id("gateway", "pump-8", "pump", "bearing", 5, "raise", 9),
            id("gateway", "pump-7", "fan", "bearing", 5, "raise", 9),
            id("gateway", "pump-7", "pump", "cavity", 5, "raise", 9),
            id("gateway", "pump-7", "pump", "bearing", 6, "raise", 9),
            id("gateway", "pump-7", "pump", "bearing", 5, "clear", 9),
            id("gateway", "pump-7", "pump", "bearing", 5, "raise", 8),
        ];
        assert!(!others.contains(&raise));
    }

    #[test]
    fn text_that_is_no_id_is_refused() {
        for text in ["", "0", "é000000000000000000000000000000", &"g".repeat(32), &"0".repeat(33)]
        {
            assert!(text.parse::<ResultId>().is_err(), "{text}");
        }
        for text in ["", &"é".repeat(32), &"g".repeat(64), &"0".repeat(65)] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
