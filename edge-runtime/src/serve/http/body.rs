//! Bodies on their way: read within a time and a common budget, before they take a place at work.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use model_format::payload::message::MESSAGE_BYTES_MAX;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connections::Client;
use super::{App, NotTaken, Refusal};

/// Longest time for a body to arrive.
const BODY_MAX: Duration = Duration::from_secs(10);
/// What each body and each answer may have beside the budget, in bytes: the number of connections
/// bounds the sum. So whatever the large ones do, small ones find room.
const FREE_BYTES: usize = 256 << 10;
/// What all bodies and answers on their way may have beyond that, in bytes.
const BUDGET_BYTES: usize = 48 << 20;
/// Most requests with bodies that are worked on at once.
const POSTS_MAX: usize = 4;
/// Most bytes that are read for nothing, so that the client reads why.
const WASTED_BYTES_MAX: usize = 128 << 20;

/// What bounds the memory of bodies and answers.
pub(super) struct Bodies {
    budget: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// A request's body that has come, and its place at work.
pub(super) struct Posted {
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
    _place: OwnedSemaphorePermit,
}

impl Default for Bodies {
    fn default() -> Self {
        Bodies {
            budget: Arc::new(Semaphore::new(BUDGET_BYTES)),
            places: Arc::new(Semaphore::new(POSTS_MAX)),
        }
    }
}

impl FromRequest<App> for Posted {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        let client = request.extensions().get::<Arc<Client>>().cloned();
        let (parts, body) = request.into_parts();
        if parts.headers.contains_key(header::CONTENT_ENCODING) {
            discard(&parts.headers, body).await;
            let text = "compressed bodies are not accepted: send the body as it is (in \
                tritonclient: without request_compression_algorithm)";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        let bytes = app.bodies.read(&parts.headers, body).await?;
        if let Some(client) = client {
            client.works();
        }
        let place = Arc::clone(&app.bodies.places).acquire_owned().await;
        let _place = place.map_err(|_| NotTaken::Ended)?;
        Ok(Posted { headers: parts.headers, bytes, _place })
    }
}

impl Bodies {
    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
        let length = body.size_hint().lower();
        if length > MESSAGE_BYTES_MAX as u64 {
            discard(headers, body).await;
            return Err(too_large());
        }
        let collected = self.collect(body, length as usize);
        tokio::time::timeout(BODY_MAX, collected).await.unwrap_or_else(|_| {
            let text = format!("the body has not come within {} seconds", BODY_MAX.as_secs());
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, text))
        })
    }

    /// What comes, paid for as it comes: who announces much and sends nothing holds nothing.
    async fn collect(&self, mut body: Body, length: usize) -> Result<Bytes, Refusal> {
        let mut held = Held { bytes: Vec::with_capacity(length), paid: None };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refusal::bad("the body has ended too early"))?;
            let Ok(data) = frame.into_data() else { continue };
            if held.bytes.len() + data.len() > MESSAGE_BYTES_MAX {
                discard(&HeaderMap::new(), body).await;
                return Err(too_large());
            }
            self.pay(&mut held.paid, held.bytes.len() + data.len()).map_err(|NoRoom| {
                let text = "too many large bodies are on their way: try again later";
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text)
            })?;
            held.bytes.extend_from_slice(&data);
        }
        Ok(Bytes::from_owner(held))
    }

    /// An answer of this kind, which is paid for until the client has it.
    pub(super) fn answer(&self, kind: &'static str, bytes: Vec<u8>) -> Result<Response, Refusal> {
        let length = bytes.len();
        let mut held = Held { bytes, paid: None };
        self.pay(&mut held.paid, length).map_err(|NoRoom| {
            let text = match length > BUDGET_BYTES {
                true => format!(
                    "the answer has {length} bytes, more than {BUDGET_BYTES}: send less at once"
                ),
                false => {
                    "too many large answers wait for their readers: try again later".to_owned()
                }
            };
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text)
        })?;
        let mut response = Body::from(Bytes::from_owner(held)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        Ok(response)
    }

    /// Takes from the budget what `length` bytes need beyond what has been paid.
    fn pay(&self, paid: &mut Option<OwnedSemaphorePermit>, length: usize) -> Result<(), NoRoom> {
        let before = paid.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let owed = length.saturating_sub(FREE_BYTES).saturating_sub(before);
        let owed = u32::try_from(owed).map_err(|_| NoRoom)?;
        if owed == 0 {
            return Ok(());
        }
        let more = Arc::clone(&self.budget).try_acquire_many_owned(owed).map_err(|_| NoRoom)?;
        match paid {
            Some(paid) => paid.merge(more),
            None => *paid = Some(more),
        }
        Ok(())
    }
}

#[derive(Debug)]
struct NoRoom;

/// Bytes that give back what was paid for them once nobody has them any more.
struct Held {
    bytes: Vec<u8>,
    paid: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn too_large() -> Refusal {
    let text = format!("the body is larger than {MESSAGE_BYTES_MAX} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text)
}

/// Reads a body for nothing: a connection that is closed with unread bytes loses the answer that
/// says why. Who asks before it sends is not kept.
pub(super) async fn discard(headers: &HeaderMap, mut body: Body) {
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let read = async {
        let mut left = WASTED_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            let Some(rest) = left.checked_sub(length) else { return };
            left = rest;
        }
    };
    // The answer leaves in any case.
    let _ = tokio::time::timeout(BODY_MAX, read).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_share_a_budget_and_small_ones_need_none() {
        let bodies = Bodies::default();
        let mut large = None;
        bodies.pay(&mut large, FREE_BYTES + 1).unwrap();
        bodies.pay(&mut large, BUDGET_BYTES + FREE_BYTES).unwrap();
        assert_eq!(bodies.budget.available_permits(), 0);
        let mut small = None;
        bodies.pay(&mut small, FREE_BYTES).unwrap();
        assert!(bodies.pay(&mut small, FREE_BYTES + 1).is_err());
        drop(large);
        bodies.pay(&mut small, FREE_BYTES + 1).unwrap();
        assert_eq!(bodies.budget.available_permits(), BUDGET_BYTES - 1);
    }

    #[test]
    fn an_answer_is_paid_for_until_its_bytes_are_gone() {
        let bodies = Bodies::default();
        let answer = bodies.answer("text/plain", vec![0; FREE_BYTES + 7]).unwrap();
        assert_eq!(bodies.budget.available_permits(), BUDGET_BYTES - 7);
        drop(answer);
        assert_eq!(bodies.budget.available_permits(), BUDGET_BYTES);
        let refusal = bodies.answer("text/plain", vec![0; BUDGET_BYTES + FREE_BYTES + 1]);
        assert!(refusal.unwrap_err().text.contains("send less at once"));
    }
}
