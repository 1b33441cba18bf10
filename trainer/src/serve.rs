//! The service: data folder, queue, broker and API as one running program.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use model_format::protocol::{BrokerAddress, BrokerTls};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::api::problem::{Problem, io_problem};
use crate::api::{self, ApiState, EdgePrograms};
use crate::broker::{
    Accounts, BrokerConfig, BrokerOption, BrokerPlace, BrokerReach, BrokerSecret, Embedded,
};
use crate::data_folder::{DataFolder, write_privately};
use crate::demo::{self, DemoPlan};
use crate::jobs::{self, Jobs};
use crate::live::results;
use crate::local_enrolment;
use crate::memory;
use crate::secret::{hash_password, random_password};
use crate::store::UserRole;

mod connections;

use connections::Patience;

/// Name of the user that is made at the first start.
const FIRST_USER: &str = "admin";

/// How long requests and jobs may go on after the service was asked to end.
const GRACE: Duration = Duration::from_secs(10);

/// What the service is asked to be.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it listens as well, for browsers: the same as there.
    pub console: Option<SocketAddr>,
    /// The MQTT broker that devices use.
    pub broker: BrokerConfig,
    /// Threads that a job may use.
    pub threads: usize,
    /// Jobs that are worked on at once.
    pub workers: usize,
    /// Memory that a job may take; most of the machine's where absent.
    pub memory_bytes: Option<u64>,
    /// True where browsers reach the trainer by HTTPS only.
    pub secure_cookies: bool,
    /// Longest time for a request's head to arrive, and longest pause within its body.
    pub pause_max: Duration,
    /// Time between two heartbeats of a device, in seconds.
    pub heartbeat_s: u32,
    /// The folder with the edge runtime for boards; the one beside the program where absent.
    pub edge_programs: Option<PathBuf>,
    /// The file for the enrolment token of a device on this host.
    pub local_device: Option<PathBuf>,
    /// True where that device gets a demo.
    pub demo: bool,
}

/// The broker as devices reach it.
#[derive(Clone, Debug)]
pub struct DeviceBroker {
    /// Host; where absent, the host under which devices know the trainer.
    pub host: Option<String>,
    /// TCP port.
    pub port: u16,
    /// Whom its certificate is believed from; none where connections are not encrypted.
    pub tls: Option<BrokerTls>,
    /// What device passwords are made of; none where all devices share one access.
    pub secret: Option<BrokerSecret>,
    /// User and password that all devices share, with a broker that is not ours.
    pub shared: Option<(String, String)>,
}

/// Where the service can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The API.
    pub api: SocketAddr,
    /// The address for browsers, where one was asked for.
    pub console: Option<SocketAddr>,
    /// The embedded broker, where there is one.
    pub broker: Option<SocketAddr>,
}

/// Serves until `shutdown` says to end. `ready` is told where it listens, and what the service
/// works with.
///
/// # Errors
/// Where the data folder is in use, an address is taken, or the broker does not start; the message
/// names the option to change.
pub fn serve(
    folder: DataFolder,
    config: &ServeConfig,
    shutdown: CancellationToken,
    ready: impl FnOnce(Listening, &ApiState) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let edge_programs = EdgePrograms::read(config.edge_programs.as_deref())?;
    first_user(&folder)?;
    // Names that somebody else has are told now, not in the log of a running service.
    DemoPlan::of(&folder, config.demo)?;
    if let Some(file) = &config.local_device {
        local_enrolment::offer(&folder, file)?;
    }
    let folder = Arc::new(folder);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("api")
        .build()
        .context("the service gets no threads")?;
    let (listener, api) = runtime.block_on(bind(config.listen, "--listen"))?;
    let console = match config.console {
        Some(address) => Some(runtime.block_on(bind(address, "--console"))?),
        None => None,
    };
    let (embedded, broker) = start_broker(&folder, &config.broker)?;
    let jobs = Arc::new(Jobs::default());
    let workers = start_workers(&folder, &jobs, config)?;
    let own_access = own_access(&folder, &config.broker, embedded.as_ref())?;
    let keeping = start_accounts(&folder, config, broker.as_ref(), own_access.as_ref(), &shutdown)?;
    let (accounts, keeper) = keeping.unzip();
    let state = ApiState::new(
        folder,
        Arc::clone(&jobs),
        broker,
        own_access.clone(),
        accounts.clone(),
        edge_programs,
        config,
    );
    let recorders = Arc::clone(&state.recorders);
    recorders.recover().context("what was recorded gets no thread")?;
    let demo = match (&own_access, config.demo) {
        (Some(access), true) => Some((state.clone(), access.clone())),
        _ => None,
    };
    let live = own_access.map(|access| {
        let (folder, live) = (Arc::clone(&state.folder), Arc::clone(&state.live));
        results::start(folder, live, access, accounts, shutdown.clone())
    });
    let live = live.transpose().context("results of devices get no thread")?;
    let router = api::router(state.clone());
    tracing::info!(address = %api, "the trainer listens");
    let listening = Listening {
        api,
        console: console.as_ref().map(|(_, address)| *address),
        broker: embedded.as_ref().map(Embedded::address),
    };
    ready(listening, &state)?;
    drop(state);
    let demo = demo.map(|(state, access)| demo::beside::start(state, access, shutdown.clone()));
    let demo = demo.transpose().context("the demo gets no thread")?;
    let stop_jobs = {
        let (jobs, shutdown) = (Arc::clone(&jobs), shutdown.clone());
        async move {
            shutdown.cancelled().await;
            jobs.stop();
            Instant::now()
        }
    };
    let patience = Patience { pause: config.pause_max, grace: GRACE };
    let listeners = [Some(listener), console.map(|(listener, _)| listener)];
    let accepts = listeners
        .into_iter()
        .flatten()
        .map(|listener| connections::accept(listener, router.clone(), shutdown.clone(), patience));
    let (asked_at, _) = runtime
        .block_on(async { tokio::join!(stop_jobs, futures_util::future::join_all(accepts)) });
    let threads = [
        (live, "follows the results of devices"),
        (keeper, "makes accounts"),
        (demo, "makes the demo"),
    ];
    for (thread, what) in threads {
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that {what} panicked");
        }
    }
    recorders.shut_down();
    wait_for_workers(&workers, asked_at + GRACE);
    if let Some(embedded) = embedded {
        embedded.stop();
    }
    runtime.shutdown_timeout(Duration::from_secs(1));
    tracing::info!("the trainer has ended");
    Ok(())
}

/// Starts the threads that carry out jobs.
fn start_workers(
    folder: &Arc<DataFolder>,
    jobs: &Arc<Jobs>,
    config: &ServeConfig,
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let memory_bytes = config.memory_bytes.unwrap_or_else(default_memory_bytes);
    let start = |_| {
        let (folder, jobs) = (Arc::clone(folder), Arc::clone(jobs));
        jobs::start_worker(folder, jobs, config.threads, memory_bytes)
    };
    let workers = (0..config.workers.max(1)).map(start).collect::<io::Result<Vec<_>>>();
    workers.context("the queue gets no thread")
}

/// What is in work ends as soon as it looks up; a fit that does not is left to the next start.
fn wait_for_workers(workers: &[JoinHandle<()>], deadline: Instant) {
    while workers.iter().any(|worker| !worker.is_finished()) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Listens at `address`, which `option` names.
async fn bind(address: SocketAddr, option: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}: name another address with {option}, or stop what uses it"
        )
    })?;
    let address = listener.local_addr().context("the listener has no address")?;
    Ok((listener, address))
}

/// How the trainer itself reaches the broker of its devices, where there is one.
fn own_access(
    folder: &DataFolder,
    config: &BrokerConfig,
    embedded: Option<&Embedded>,
) -> anyhow::Result<Option<BrokerReach>> {
    let option = match (&config.option, embedded) {
        (BrokerOption::None, _) => return Ok(None),
        // It was perhaps asked for any free port.
        (_, Some(embedded)) => {
            let address = embedded.address();
            BrokerOption::Embedded { ip: address.ip(), port: address.port() }
        }
        (option, None) => option.clone(),
    };
    Ok(Some(option.reach(folder.path(), config.authorities.as_ref())?))
}

/// Three quarters of the machine's memory.
fn default_memory_bytes() -> u64 {
    memory::total_bytes().map_or(u64::MAX, |total| total / 4 * 3)
}

fn start_broker(
    folder: &DataFolder,
    config: &BrokerConfig,
) -> anyhow::Result<(Option<Embedded>, Option<DeviceBroker>)> {
    // Where devices find it: as the trainer does, or at the place that was named.
    let for_devices = |host: Option<String>, port, is_tls| {
        let (host, port, is_tls) = match &config.for_devices {
            None => (host, port, is_tls),
            Some(place @ BrokerPlace { host, .. }) => {
                let is_tls = place.is_tls.unwrap_or(is_tls);
                (Some(host.clone()), place.port(is_tls), is_tls)
            }
        };
        let authorities = config.authorities.as_ref().and_then(|known| known.pem());
        let tls = is_tls.then(|| BrokerTls { authorities: authorities.map(str::to_owned) });
        DeviceBroker { host, port, tls, secret: None, shared: None }
    };
    match &config.option {
        BrokerOption::None => Ok((None, None)),
        BrokerOption::Embedded { ip, port } => {
            let secret = BrokerSecret::load_or_make(&BrokerSecret::path(folder.path()))?;
            let program = std::env::current_exe().context("the program does not know its file")?;
            let embedded = Embedded::start(&program, SocketAddr::new(*ip, *port), &secret)?;
            let place = for_devices(None, embedded.address().port(), false);
            tracing::info!(address = %embedded.address(), "the embedded broker listens");
            let broker = DeviceBroker { secret: Some(secret), ..place };
            Ok((Some(embedded), Some(broker)))
        }
        BrokerOption::Url(BrokerAddress { url, is_tls }) => {
            let login = (url.user.clone(), url.password.clone());
            let place = for_devices(Some(url.host.clone()), url.port, *is_tls);
            let (secret, shared) = match config.accounts {
                true => {
                    (Some(BrokerSecret::load_or_make(&BrokerSecret::path(folder.path()))?), None)
                }
                false => (None, (!login.0.is_empty()).then_some(login)),
            };
            Ok((None, Some(DeviceBroker { secret, shared, ..place })))
        }
    }
}

/// Starts what makes accounts for devices at a broker that is not ours, where that is asked for.
fn start_accounts(
    folder: &Arc<DataFolder>,
    config: &ServeConfig,
    broker: Option<&DeviceBroker>,
    own_access: Option<&BrokerReach>,
    shutdown: &CancellationToken,
) -> anyhow::Result<Option<(Accounts, JoinHandle<()>)>> {
    let secret = broker.and_then(|broker| broker.secret.clone());
    let (Some(access), true, Some(secret)) = (own_access, config.broker.accounts, secret) else {
        return Ok(None);
    };
    let topics = config.broker.device_topics.clone();
    let started =
        Accounts::start(Arc::clone(folder), access.clone(), secret, topics, shutdown.clone());
    started.map(Some).context("accounts of devices get no thread")
}

/// At the first start, makes the first admin with a random password, which stands in a file that
/// only the owner of the process can read until it was used.
fn first_user(folder: &DataFolder) -> anyhow::Result<()> {
    if folder.store().has_users()? {
        return Ok(());
    }
    let password = random_password()?;
    let path = folder.first_login_path();
    let text = format!("user {FIRST_USER}\npassword {password}\n");
    write_privately(&path, text.as_bytes())?;
    folder.store().add_user(FIRST_USER, UserRole::Admin, &hash_password(&password)?)?;
    let mut output = io::stderr().lock();
    // A closed standard error must not keep the service from starting: the file has it too.
    let _ = writeln!(
        output,
        "first start: sign in as `{FIRST_USER}` with the password {password}\n\
         (it also stands in {} until you have signed in)",
        path.display()
    );
    Ok(())
}

/// Removes the file with the first password once somebody has signed in.
pub(crate) fn forget_first_login(path: &Path) -> Result<(), Problem> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_problem(&path.display().to_string(), &error)),
    }
}
