//! `serve`: the service, from its arguments to its end.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use model_format::payload::message::{Reading, Times};
use model_format::protocol::{
    NameTemplate, TOPIC_PREFIX, TopicSource, TopicTemplate, check_topic_level, command_topic,
    samples_topic,
};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::{ConfigFile, Listener, Serve};
use crate::link::{
    Engines, Enrolled, EnrolmentToken, Link, LinkConfig, ModelKeys, Pace, StateFolder, Stop,
    TrainerAccess, enrol_or_load, standing, usual_path,
};
use crate::service::SharedLinkStatus;
use crate::{log, serve};

/// How long the state folder may still be held when the service begins anew, and how often it is looked at:
/// a request that is under way may take so long.
const FREE_MAX: Duration = Duration::from_secs(60);
const FREE_LOOK: Duration = Duration::from_millis(50);

/// What comes after the service has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The end of the program.
    End,
    /// The service again, with what the state folder holds now.
    Anew,
}

impl Serve {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        log::start(self.log)?;
        ensure!(
            (self.token.is_none() && self.token_file.is_none()) || self.trainer.is_some(),
            "a token is given without --trainer: name the trainer that made it"
        );
        let listener = self.http.listener()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the service gets no runtime")?;
        // Once, so that no signal is missed between two beginnings.
        let ended = CancellationToken::new();
        runtime.block_on(async { end_on_signals(&ended) })?;
        if self.end_with_input {
            end_with_input(&ended)?;
        }
        let mut begins_anew = false;
        let served = loop {
            let served = self.serve(listener.clone(), begins_anew, &ended);
            match tokio::task::LocalSet::new().block_on(&runtime, served) {
                Ok(Next::Anew) => begins_anew = true,
                Ok(Next::End) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        // Whatever blocks still must not hold the program.
        runtime.shutdown_background();
        served
    }

    /// Serves until `ended`, or until the device has to begin anew.
    async fn serve(
        &self,
        listener: Option<Listener>,
        begins_anew: bool,
        ended: &CancellationToken,
    ) -> anyhow::Result<Next> {
        let (shutdown, stop) = (ended.child_token(), Stop::default());
        tokio::spawn({
            let (shutdown, stop) = (shutdown.clone(), stop.clone());
            async move {
                shutdown.cancelled().await;
                stop.stop();
            }
        });
        let (path, _temporary) = self.state_path()?;
        let keys = ModelKeys::load(&path, &self.model_keys)?;
        let folder = match begins_anew {
            false => StateFolder::open(&path)?,
            true => serve::starting(open_again(&path)).await?,
        };
        let folder = Arc::new(folder);
        let name = match &self.name {
            Some(name) => name.clone(),
            None => machine_name()?,
        };
        let file = match &self.config {
            Some(path) => ConfigFile::read(path)?,
            None => ConfigFile::default(),
        };
        let engines = Engines { usual: self.engine, of_models: file.engines()? };
        let Some(enrolled) = self.enrolled(&folder, &name, &stop).await? else {
            return Ok(Next::End);
        };
        let status = SharedLinkStatus::default();
        let options =
            self.options(&file, name, enrolled.as_ref(), &path, Arc::clone(&status), listener)?;
        let is_anew = Arc::new(AtomicBool::new(false));
        let begin_anew = {
            let (is_anew, shutdown) = (Arc::clone(&is_anew), shutdown.clone());
            Arc::new(move || {
                is_anew.store(true, Ordering::Relaxed);
                shutdown.cancel();
            })
        };
        let link = LinkConfig {
            folder,
            enrolled,
            token: self.token_file.clone().map(EnrolmentToken::File),
            uses_broker: self.mqtt.broker.is_none(),
            begin_anew,
            given: self.models.clone(),
            keys,
            engines,
            memory_limit_bytes: self.memory_limit_mb.map(|mb| mb.saturating_mul(1_000_000)),
            status,
            pace: Pace::default(),
        };
        let start = move |service| Link::start(link, service, stop);
        serve::run(options, start, Link::end, shutdown).await?;
        let is_anew = is_anew.load(Ordering::Relaxed) && !ended.is_cancelled();
        Ok(if is_anew { Next::Anew } else { Next::End })
    }

    /// The device as its trainer knows it, or that it has none; nothing where the end came first.
    async fn enrolled(
        &self,
        folder: &Arc<StateFolder>,
        name: &str,
        stop: &Stop,
    ) -> anyhow::Result<Option<Option<Enrolled>>> {
        let access = self.trainer.clone();
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => Some(EnrolmentToken::Given(token.clone())),
            (None, Some(path)) => Some(EnrolmentToken::File(path.clone())),
            (None, None) => None,
        };
        let access = access.map(|url| TrainerAccess { url, token });
        let path = folder.path().to_owned();
        let (folder, name, asking) = (Arc::clone(folder), name.to_owned(), stop.clone());
        let ask = move || enrol_or_load(&folder, access.as_ref(), &name, &asking);
        let asked = serve::starting(tokio::task::spawn_blocking(ask)).await;
        let enrolled = asked.context("enrolling has failed")??;
        if stop.is_stopped() {
            return Ok(None);
        }
        let has_models = !standing(&path)?.0.is_empty();
        ensure!(
            enrolled.is_some() || !self.models.is_empty() || has_models,
            "nothing says which model to serve: name a model file, or a --trainer with a --token, or \
             install a bundle with `cirame-edge install`"
        );
        Ok(Some(enrolled))
    }

    fn options(
        &self,
        file: &ConfigFile,
        name: String,
        enrolled: Option<&Enrolled>,
        state: &Path,
        link: SharedLinkStatus,
        listen: Option<Listener>,
    ) -> anyhow::Result<serve::Options> {
        let device = enrolled.map_or(name, |enrolled| enrolled.device.device_id.clone());
        let of_trainer = enrolled.and_then(|enrolled| enrolled.device.broker.clone());
        let mut broker = self.mqtt.connection(&device, of_trainer)?;
        let prefix = broker.as_ref().map_or(TOPIC_PREFIX, |broker| &broker.access.topic_prefix);
        let plan = self.plan(file, &device, prefix)?;
        if let Some(broker) = &mut broker {
            broker.subscriptions = plan.filters();
            if let Some(shard) = self.shard {
                // Two clients of one name would throw each other out.
                broker.client_id = format!("{}-{}", broker.client_id, shard.name());
                broker.part = Some(shard.name());
            }
        }
        let options = serve::Options {
            device,
            broker,
            state: state.to_owned(),
            outbox_bytes_max: u64::from(self.mqtt.outbox_mb) * 1_000_000,
            listen,
            plan,
            link,
        };
        ensure!(
            options.listen.is_some() || options.broker.is_some(),
            "samples could come from nowhere: name a --broker, or let HTTP --listen"
        );
        Ok(options)
    }

    /// What is done with what comes: the configuration, and what the command line says.
    fn plan(&self, file: &ConfigFile, device: &str, prefix: &str) -> anyhow::Result<serve::Plan> {
        let times = match &self.time {
            Some(name) => Times::named(name, self.time_unit),
            None => Times::found(),
        };
        let topic = TopicTemplate::parse(&samples_topic(prefix, "{stream}"))?;
        let direct = || serve::Source {
            topics: TopicSource {
                stream: NameTemplate::all(&topic),
                topic: topic.clone(),
                reading: Reading::json(times.clone()),
                channel: None,
                stream_tag: None,
            },
            models: None,
            channels: HashMap::new(),
        };
        let mut sources = file.sources()?;
        let sparkplug = file.sparkplug()?;
        if sources.is_empty() && sparkplug.is_empty() {
            sources.push(direct());
        }
        Ok(serve::Plan {
            sources: sources.into(),
            direct: Arc::new(direct()),
            sparkplug: sparkplug.into(),
            watch: file.watch()?,
            command_topic: command_topic(prefix, device),
            shard: self.shard,
            streams_max: self.max_streams as usize,
            expire_ns: file.expire_ns()?,
        })
    }

    /// The state folder that is named, or the usual place for one. A model that is served without a
    /// trainer keeps nothing: its folder goes with the returned guard.
    fn state_path(&self) -> anyhow::Result<(PathBuf, Option<TempDir>)> {
        if let Some(path) = &self.state {
            return Ok((path.clone(), None));
        }
        if !self.models.is_empty() && self.trainer.is_none() {
            let folder = tempfile::tempdir()
                .context("there is no temporary folder; name a folder with --state")?;
            return Ok((folder.path().to_owned(), Some(folder)));
        }
        Ok((usual_path()?, None))
    }
}

/// Opens the state folder that threads of before may still hold for a moment.
async fn open_again(path: &Path) -> anyhow::Result<StateFolder> {
    let deadline = Instant::now() + FREE_MAX;
    loop {
        match StateFolder::open(path) {
            Err(_) if Instant::now() < deadline => tokio::time::sleep(FREE_LOOK).await,
            opened => return opened,
        }
    }
}

/// Ends as at a signal when standard input ends. The thread is left to the end of the program.
fn end_with_input(ended: &CancellationToken) -> anyhow::Result<()> {
    let ended = ended.clone();
    let read = move || {
        // Whatever is read means nothing; an error means that there is no input any more.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        tracing::info!("standard input has ended, and the service with it");
        ended.cancel();
    };
    let thread = std::thread::Builder::new().name("input".to_owned());
    thread.spawn(read).context("standard input cannot be watched")?;
    Ok(())
}

fn machine_name() -> anyhow::Result<String> {
    let text = fs::read_to_string(Path::new("/proc/sys/kernel/hostname")).unwrap_or_default();
    let name = text.trim().to_owned();
    ensure!(check_topic_level(&name), "this machine has no usable name: give one with --name");
    Ok(name)
}

fn end_on_signals(ended: &CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be awaited")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be awaited")?;
    let ended = ended.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        ended.cancel();
    });
    Ok(())
}
