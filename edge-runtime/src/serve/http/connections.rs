//! Connections: a bound on their number, their heads and the time that they wait for their clients.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use patient::Patient;

use super::counts::Counts;

mod patient;

/// Most connections at once. One more takes the place of the one that has waited longest for its
/// client: to send a head or a body, or to read its answer.
const CONNECTIONS_MAX: usize = 64;

/// Longest time for a request's head to arrive, and for a connection to stand idle.
const HEAD_MAX: Duration = Duration::from_secs(30);

/// Largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 32 << 10;

/// Most header lines.
const HEADERS_MAX: usize = 64;

/// How long to wait after an accept failed: the process may be out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long to wait for a place before another connection is cut.
const PLACE_PAUSE: Duration = Duration::from_millis(100);

/// Serves connections until `shutdown`, then waits up to `grace` for those that are at work.
pub(in crate::serve) async fn accept(
    listener: TcpListener,
    router: Router,
    counts: Counts,
    shutdown: CancellationToken,
    grace: Duration,
) {
    let open = Arc::new(Open::default());
    let tasks = TaskTracker::new();
    loop {
        let accepted = async {
            let stream = listener.accept().await.map(|(stream, _)| stream);
            match stream {
                Ok(stream) => Some((stream, open.place().await)),
                Err(error) => {
                    tracing::debug!(error = %error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    None
                }
            }
        };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accepted => accepted,
        };
        let Some((stream, place)) = accepted else { continue };
        let (router, shutdown, open) = (router.clone(), shutdown.clone(), Arc::clone(&open));
        let counts = counts.clone();
        tasks.spawn(async move {
            let client = Arc::new(Client::default());
            let number = open.enter(&client);
            counts.open.inc();
            tokio::select! {
                () = connection(stream, router, shutdown, &client) => {}
                () = client.cut.cancelled() => { counts.cut.inc(); }
            }
            counts.open.dec();
            open.leave(number);
            drop(place);
        });
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(grace, tasks.wait()).await.is_err() {
        tracing::warn!("connections were cut: they did not end in time");
    }
}

/// The connections that are open.
struct Open {
    places: Arc<Semaphore>,
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    next: u64,
    by_number: BTreeMap<u64, Arc<Client>>,
}

impl Default for Open {
    fn default() -> Self {
        Open { places: Arc::new(Semaphore::new(CONNECTIONS_MAX)), clients: Mutex::default() }
    }
}

impl Open {
    /// A place for a connection. Where there is none, connections lose theirs one by one: those that
    /// wait for their clients, never those that are at work.
    async fn place(&self) -> OwnedSemaphorePermit {
        loop {
            if self.places.available_permits() == 0 {
                self.clients().cut_longest_waiting();
            }
            let place = Arc::clone(&self.places).acquire_owned();
            if let Ok(place) = tokio::time::timeout(PLACE_PAUSE, place).await {
                return place.expect("this semaphore is never closed");
            }
        }
    }

    fn enter(&self, client: &Arc<Client>) -> u64 {
        let mut clients = self.clients();
        let number = clients.next;
        clients.next += 1;
        clients.by_number.insert(number, Arc::clone(client));
        number
    }

    fn leave(&self, number: u64) {
        self.clients().by_number.remove(&number);
    }

    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clients {
    fn cut_longest_waiting(&mut self) {
        let waiting = self.by_number.values().filter(|client| !client.cut.is_cancelled());
        let waiting = waiting.filter_map(|client| Some((client.waits_since()?, client)));
        if let Some((_, client)) = waiting.min_by_key(|(since, _)| *since) {
            client.cut.cancel();
        }
    }
}

/// What the program and a connection's client wait for.
pub(super) struct Client {
    /// Since when the program waits for the client; none while the client waits for an answer.
    waits_since: Mutex<Option<Instant>>,
    cut: CancellationToken,
}

impl Default for Client {
    fn default() -> Self {
        Client { waits_since: Mutex::new(Some(Instant::now())), cut: CancellationToken::new() }
    }
}

impl Client {
    /// It is the program's turn.
    pub(super) fn works(&self) {
        *self.lock() = None;
    }

    /// It is the client's turn.
    fn waits(&self) {
        *self.lock() = Some(Instant::now());
    }

    fn waits_since(&self) -> Option<Instant> {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.waits_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connection(
    stream: TcpStream,
    router: Router,
    shutdown: CancellationToken,
    client: &Arc<Client>,
) {
    // Answers are small and wanted at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = %error, "a connection has gone");
    }
    let stream = Patient::new(stream, Arc::clone(client));
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        let (router, client) = (router.clone(), Arc::clone(client));
        async move {
            match request.body().is_end_stream() {
                true => client.works(),
                false => client.waits(),
            }
            request.extensions_mut().insert(Arc::clone(&client));
            let answered = router.oneshot(request.map(Body::new)).await;
            client.waits();
            Ok::<_, Infallible>(answered.unwrap_or_else(|never| match never {}))
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = shutdown.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_waiting_is_cut_first_and_who_is_at_work_never() {
        let open = Open::default();
        let [old, working, young] = [(); 3].map(|()| Arc::new(Client::default()));
        for client in [&young, &working, &old] {
            open.enter(client);
        }
        *old.lock() = Some(Instant::now() - Duration::from_secs(9));
        working.works();
        open.clients().cut_longest_waiting();
        assert!(old.cut.is_cancelled() && !young.cut.is_cancelled());
        open.clients().cut_longest_waiting();
        assert!(young.cut.is_cancelled());
        open.clients().cut_longest_waiting();
        assert!(!working.cut.is_cancelled());
    }
}
