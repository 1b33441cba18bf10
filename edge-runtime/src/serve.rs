//! The service: samples by MQTT and HTTP through one inference thread, results back.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use model_format::payload::message::Times;
use model_format::protocol::BrokerAccess;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::service::{ReadyModel, Service, ServiceStatus, SharedLinkStatus};

mod board;
mod http;
mod inbox;
mod live_stream;
mod metrics;
mod mqtt;
mod outbox;
mod state;
mod worker;

use board::{Board, Snapshot};
use inbox::{Inbox, Work};
use metrics::Metrics;
use mqtt::Mqtt;
use outbox::Outbox;
use state::Core;
use worker::Worker;

/// How long messages that wait may still be answered after the program was asked to end.
const FINISH_MAX: Duration = Duration::from_secs(2);
/// How long requests may go on then.
const GRACE: Duration = Duration::from_secs(2);

/// What the service is asked to be.
pub(crate) struct Options {
    /// Name in topics and result ids: that of the enrolment, or the one that was given.
    pub(crate) device: String,
    /// The broker; none for HTTP alone.
    pub(crate) broker: Option<BrokerAccess>,
    /// Where HTTP listens; none for MQTT alone.
    pub(crate) listen: Option<SocketAddr>,
    /// Where times stand in messages.
    pub(crate) times: Times,
    /// Most streams.
    pub(crate) streams_max: usize,
    /// Where the link tells how it is.
    pub(crate) link: SharedLinkStatus,
}

/// The running service, for what decides which model it runs.
pub(crate) struct Serving {
    inbox: Inbox,
    board: Arc<Board>,
    outbox: Option<Arc<Outbox>>,
    metrics: Arc<Metrics>,
    link: SharedLinkStatus,
}

/// Serves until `shutdown`. `start` is told the service once it takes models, and starts what
/// decides which; `end` ends that. Both may wait: they are called on a thread of their own.
///
/// # Errors
/// Where the address is taken, the system gives no thread, or `start` fails.
pub(crate) async fn run<T: Send + 'static>(
    options: Options,
    start: impl FnOnce(Arc<dyn Service>) -> anyhow::Result<T> + Send + 'static,
    end: impl FnOnce(T) + Send + 'static,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let listener = match options.listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let (inbox, works) = inbox::inbox();
    let board = Arc::new(Board::default());
    let metrics = Arc::new(Metrics::new(Instant::now()));
    let outbox = options.broker.is_some().then(|| Arc::new(Outbox::default()));
    let is_late = Arc::new(AtomicBool::new(false));
    let core = Core::new(options.device.clone(), options.times, options.streams_max, clock);
    let worker = Worker {
        core,
        works,
        board: Arc::clone(&board),
        metrics: Arc::clone(&metrics),
        outbox: outbox.clone(),
        is_late: Arc::clone(&is_late),
    };
    let thread = std::thread::Builder::new().name("inference".to_owned());
    // Without it there is no service: whatever ends it ends the program.
    let guard = shutdown.clone().drop_guard();
    let work = move || {
        let _guard = guard;
        worker.run();
    };
    let thread = thread.spawn(work).context("the service gets no thread")?;
    let leave = CancellationToken::new();
    let client = match (options.broker, &outbox) {
        (Some(access), Some(outbox)) => {
            let mqtt = Mqtt {
                access,
                device: options.device,
                inbox: inbox.clone(),
                outbox: Arc::clone(outbox),
                board: Arc::clone(&board),
                metrics: Arc::clone(&metrics),
            };
            Some(tokio::task::spawn_local(mqtt.run(leave.clone())))
        }
        _ => None,
    };
    let serving =
        Arc::new(Serving { inbox: inbox.clone(), board, outbox, metrics, link: options.link });
    let server = listener.map(|listener| {
        let router = http::router(http::App::new(Arc::clone(&serving)));
        tokio::spawn(http::connections::accept(listener, router, shutdown.clone(), GRACE))
    });
    let started = tokio::task::spawn_blocking(move || start(serving)).await;
    let started = started.context("the start has failed")??;
    shutdown.cancelled().await;
    tracing::info!("the service is ending");
    tokio::task::spawn_blocking(move || end(started)).await.context("the end has failed")?;
    finish(&inbox, &is_late, thread).await?;
    leave.cancel();
    for task in [client, server].into_iter().flatten() {
        task.await.context("a part of the service has failed")?;
    }
    tracing::info!("the service has ended");
    Ok(())
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}: name another address with --listen, or `none`")
    })?;
    let address = listener.local_addr().context("the listener has no address")?;
    tracing::info!(%address, "listening for HTTP");
    // For whoever asked for port 0; nobody need look at it.
    let _ = writeln!(io::stdout().lock(), "listening on http://{address}");
    Ok(listener)
}

/// Lets the inference thread answer what waits, for a while, and ends it.
async fn finish(
    inbox: &Inbox,
    is_late: &Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
) -> anyhow::Result<()> {
    let inbox = inbox.clone();
    let ended = tokio::task::spawn_blocking(move || {
        // A thread that has ended already takes nothing.
        let _ = inbox.push(Work::End);
        thread.join()
    });
    tokio::pin!(ended);
    let ended = tokio::select! {
        ended = &mut ended => ended,
        () = tokio::time::sleep(FINISH_MAX) => {
            is_late.store(true, Ordering::Relaxed);
            ended.await
        }
    };
    ended.ok().and_then(Result::ok).context("the inference thread has failed")
}

/// Time since this function was first called.
fn clock() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}

impl Service for Serving {
    fn swap(&self, model: ReadyModel) -> anyhow::Result<()> {
        let name = model.name.clone();
        let (answer, answered) = mpsc::sync_channel(1);
        self.inbox.push(Work::Swap(Box::new(model), answer))?;
        let swapped = answered.recv().context("the service is ending")?;
        swapped.with_context(|| format!("the model {name} cannot go into service"))?;
        tracing::info!(model = name, "a model is in service");
        Ok(())
    }

    fn take_out(&self) -> anyhow::Result<()> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.inbox.push(Work::TakeOut(answer))?;
        answered.recv().context("the service is ending")?;
        tracing::info!("no model is in service any more");
        Ok(())
    }

    fn status(&self) -> ServiceStatus {
        let snapshot: Arc<Snapshot> = self.board.snapshot();
        let refused: u64 = snapshot.refused_messages.values().sum();
        let samples: u64 = snapshot.dropped_samples.values().sum();
        ServiceStatus {
            windows: snapshot.windows,
            failed_windows: snapshot.failed_windows,
            // A message that was dropped whole counts as one sample: nobody knows how many it had.
            dropped_samples: samples
                + refused
                + self.inbox.dropped()
                + self.metrics.late_messages.get(),
            dropped_results: self.outbox.as_ref().map_or(0, |outbox| outbox.dropped()),
            broker_connected: self.board.broker_connected(),
            streams: snapshot.streams.clone(),
        }
    }
}
