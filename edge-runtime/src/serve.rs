//! The service: samples by MQTT and HTTP through one inference thread, results back.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use model_format::protocol::{BrokerAccess, command_topic};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{Listener, MqttVersion};
use crate::service::{ReadyModel, Service, ServiceStatus, SharedLinkStatus};

mod board;
mod book_file;
mod boot;
mod fit;
pub(crate) mod http;
mod inbox;
mod live_stream;
mod metrics;
mod mqtt;
mod operator;
mod outbox;
mod route;
mod state;
mod systemd;
mod watch;
mod whole_file;
mod worker;

use board::{Board, Snapshot};
use book_file::BookKeeper;
use boot::Boot;
use http::Access;
use inbox::{Inbox, Work};
use metrics::Metrics;
pub(crate) use mqtt::{Authorities, client_config as tls_config};
use mqtt::{Mqtt, Subscriptions};
use operator::Book;
use outbox::Outbox;
use state::Core;
use worker::Worker;

pub(crate) use route::{MappedChannel, Shard, Source, SparkplugSource};
pub(crate) use state::Plan;
pub(crate) use systemd::starting;
pub(crate) use watch::{
    AlarmSpec, Condition, GateSpec, Scope, Severity, Thinning, TopicCondition, WatchPlan, Watched,
};

/// How long messages that wait may still be answered after the program was asked to end.
const FINISH_MAX: Duration = Duration::from_secs(2);
/// Requests to Sparkplug B nodes that wait.
const REBIRTHS_MAX: usize = 64;
/// How long requests may go on then.
const GRACE: Duration = Duration::from_secs(2);

/// What the service is asked to be.
pub(crate) struct Options {
    /// Name in topics and result ids: that of the enrolment, or the one that was given.
    pub(crate) device: String,
    /// The broker; none for HTTP alone.
    pub(crate) broker: Option<Broker>,
    /// Folder for what must survive the program.
    pub(crate) state: PathBuf,
    /// Most bytes on the disk for results and alarms that wait for the broker.
    pub(crate) outbox_bytes_max: u64,
    /// Where HTTP listens; none for MQTT alone.
    pub(crate) listen: Option<Listener>,
    /// What is done with what comes.
    pub(crate) plan: Plan,
    /// Where the link tells how it is.
    pub(crate) link: SharedLinkStatus,
}

/// A broker, and how it is used.
pub(crate) struct Broker {
    pub(crate) access: BrokerAccess,
    /// How connections are encrypted; none for those that are not.
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
    pub(crate) version: MqttVersion,
    /// The name under which the broker keeps the session.
    pub(crate) client_id: String,
    /// Which part of the streams this process has, as a level of the status topic.
    pub(crate) part: Option<String>,
    /// Topic filters of what comes in.
    pub(crate) subscriptions: Vec<String>,
    /// Whether what comes in has QoS 1, otherwise 0.
    pub(crate) at_least_once: bool,
    /// A connection without traffic is tested after this.
    pub(crate) keep_alive: Duration,
}

impl Broker {
    fn subscriptions(&self, device: &str, state: &Path) -> Subscriptions {
        let command = command_topic(&self.access.topic_prefix, device);
        let filters = self.subscriptions.iter().cloned().chain([command]).collect();
        Subscriptions::new(state, &self.client_id, filters)
    }
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
    let listener = match &options.listen {
        Some(listener) => Some(listen(listener.address).await?),
        None => None,
    };
    let access = Access::new(options.listen.and_then(|listener| listener.token).as_deref());
    let boot = Arc::new(Boot::begin(&options.state)?);
    let (inbox, works) = inbox::inbox();
    let board = Arc::new(Board::new(boot.number));
    let metrics = Arc::new(Metrics::new(Instant::now()));
    metrics.add_gaps("restart", boot.interrupted_streams.len() as u64);
    let outbox = match &options.broker {
        Some(_) => {
            let folder = options.state.join("outbox");
            Some(Arc::new(Outbox::open(&folder, options.outbox_bytes_max)?))
        }
        None => None,
    };
    let is_late = Arc::new(AtomicBool::new(false));
    let book: Book = book_file::read(&options.state)?;
    let keeper = BookKeeper::start(options.state.clone())?;
    let core = Core::new(options.device.clone(), options.plan, book, clock);
    let (asks, rebirths) = tokio::sync::mpsc::channel(REBIRTHS_MAX);
    let worker = Worker {
        core,
        works,
        board: Arc::clone(&board),
        metrics: Arc::clone(&metrics),
        outbox: outbox.clone(),
        rebirths: asks,
        keeper,
        live: Arc::default(),
        is_late: Arc::clone(&is_late),
    };
    let thread = inference(worker, &shutdown)?;
    let serving = Arc::new(Serving {
        inbox: inbox.clone(),
        board: Arc::clone(&board),
        outbox: outbox.clone(),
        metrics: Arc::clone(&metrics),
        link: options.link,
    });
    let server = listener.map(|listener| {
        let app = http::App::new(Arc::clone(&serving), access, &options.device);
        let counts = app.counts();
        let router = http::router(app);
        tokio::spawn(http::connections::accept(listener, router, counts, shutdown.clone(), GRACE))
    });
    systemd::ready();
    tokio::spawn(systemd::watch(Arc::clone(&serving.board), shutdown.clone()));
    let started = tokio::task::spawn_blocking(move || start(serving)).await;
    let started = started.context("the start has failed")??;
    let following = tokio::spawn(Arc::clone(&boot).follow(Arc::clone(&board)));
    let leave = CancellationToken::new();
    // Not before there are models: the broker sends at once what has waited there, and without them
    // it would be dropped.
    let client = match (options.broker, &outbox) {
        (Some(broker), Some(outbox)) => {
            let mqtt = Mqtt {
                subscriptions: broker.subscriptions(&options.device, &options.state),
                broker,
                device: options.device,
                inbox: inbox.clone(),
                outbox: Arc::clone(outbox),
                rebirths: rebirths.into(),
                board,
                metrics,
            };
            Some(tokio::task::spawn_local(mqtt.run(leave.clone())))
        }
        _ => None,
    };
    shutdown.cancelled().await;
    tracing::info!("the service is ending");
    tokio::task::spawn_blocking(move || end(started)).await.context("the end has failed")?;
    finish(&inbox, &is_late, thread).await?;
    leave.cancel();
    for task in [client, server].into_iter().flatten() {
        task.await.context("a part of the service has failed")?;
    }
    following.abort();
    let last = move || {
        if let Some(outbox) = outbox {
            outbox.end();
        }
        boot.end();
    };
    tokio::task::spawn_blocking(last).await.context("the end has failed")?;
    tracing::info!("the service has ended");
    Ok(())
}

/// Starts the inference thread. Without it there is no service: whatever ends it ends the program.
fn inference(
    worker: Worker,
    shutdown: &CancellationToken,
) -> anyhow::Result<std::thread::JoinHandle<()>> {
    let guard = shutdown.clone().drop_guard();
    let work = move || {
        let _guard = guard;
        worker.run();
    };
    let thread = std::thread::Builder::new().name("inference".to_owned());
    thread.spawn(work).context("the service gets no thread")
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

    fn take_out(&self, name: &str) -> anyhow::Result<()> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.inbox.push(Work::TakeOut(name.to_owned(), answer))?;
        answered.recv().context("the service is ending")?;
        tracing::info!(model = name, "a model is no longer in service");
        Ok(())
    }

    fn status(&self) -> ServiceStatus {
        let snapshot: Arc<Snapshot> = self.board.snapshot();
        let refused: u64 = snapshot.refused_messages.values().sum();
        let samples: u64 = snapshot.dropped_samples.values().sum();
        ServiceStatus {
            windows: snapshot.windows,
            models: snapshot.model_status.clone(),
            // A message that was dropped whole counts as one sample: nobody knows how many it had.
            dropped_samples: samples
                + refused
                + self.inbox.dropped()
                + self.metrics.late_messages.get(),
            dropped_results: self
                .outbox
                .as_ref()
                .map_or(0, |outbox| outbox.figures().results_dropped),
            broker_connected: self.board.broker_connected(),
            streams: snapshot.streams.clone(),
        }
    }
}
