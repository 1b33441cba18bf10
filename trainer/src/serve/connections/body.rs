//! The body of a request, whose rest is read where nobody wanted it: a connection that is closed with
//! unread bytes loses the answer that says why.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;
use tower_http::timeout::TimeoutBody;

/// Most bytes that are read for nothing: those of the largest part of an upload.
const WASTED_BYTES_MAX: usize = 33 << 20;

/// Longest time that is spent on them.
const WASTED_MAX: Duration = Duration::from_secs(30);

/// The body of a request.
pub(super) struct Requested {
    /// None once it has been read to its end.
    rest: Option<Pin<Box<TimeoutBody<Incoming>>>>,
}

impl Requested {
    pub(super) fn new(body: TimeoutBody<Incoming>) -> Self {
        Requested { rest: Some(Box::pin(body)) }
    }
}

impl Body for Requested {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        let frame = rest.as_mut().poll_frame(context);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.rest = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.rest.as_ref().is_none_or(|rest| rest.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.rest.as_ref().map_or_else(SizeHint::default, |rest| rest.size_hint())
    }
}

impl Drop for Requested {
    fn drop(&mut self) {
        let Some(rest) = self.rest.take() else { return };
        // Where the program ends there is nobody left to read.
        if let (false, Ok(runtime)) = (rest.is_end_stream(), Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(WASTED_MAX, async move {
                let mut rest = Limited::new(rest, WASTED_BYTES_MAX);
                while let Some(Ok(_)) = rest.frame().await {}
            }));
        }
    }
}
