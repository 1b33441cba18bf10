//! `serve`: the service, from its arguments to its end.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use model_format::payload::message::Times;
use model_format::protocol::{BrokerAccess, check_topic_level};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::{Listen, Serve};
use crate::link::{
    Enrolled, Link, LinkConfig, Pace, StateFolder, Stop, TrainerAccess, enrol_or_load,
};
use crate::service::SharedLinkStatus;
use crate::{log, serve};

/// Longest password that is read from a file, in bytes.
const PASSWORD_BYTES_MAX: usize = 4096;

impl Serve {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        log::start(self.log)?;
        ensure!(
            self.token.is_none() || self.trainer.is_some(),
            "a token is given without --trainer: name the trainer that made it"
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the service gets no runtime")?;
        let served = tokio::task::LocalSet::new().block_on(&runtime, self.serve());
        // Whatever blocks still must not hold the program.
        runtime.shutdown_background();
        served
    }

    async fn serve(&self) -> anyhow::Result<()> {
        let (shutdown, stop) = (CancellationToken::new(), Stop::default());
        end_on_signals(&shutdown, &stop)?;
        if self.end_with_input {
            end_with_input(&shutdown, &stop)?;
        }
        let (path, _temporary) = self.state_path()?;
        let folder = Arc::new(StateFolder::open(&path)?);
        let name = match &self.name {
            Some(name) => name.clone(),
            None => machine_name()?,
        };
        let Some(enrolled) = self.enrolled(&folder, &name, &stop).await? else { return Ok(()) };
        let status = SharedLinkStatus::default();
        let options = self.options(name, enrolled.as_ref(), Arc::clone(&status))?;
        let link = LinkConfig {
            folder,
            enrolled,
            given: self.model.clone(),
            memory_limit_bytes: self.memory_limit_mb.map(|mb| mb.saturating_mul(1_000_000)),
            status,
            pace: Pace::default(),
        };
        let start = move |service| Link::start(link, service, stop);
        serve::run(options, start, Link::end, shutdown).await
    }

    /// The device as its trainer knows it, or that it has none; nothing where the end came first.
    async fn enrolled(
        &self,
        folder: &Arc<StateFolder>,
        name: &str,
        stop: &Stop,
    ) -> anyhow::Result<Option<Option<Enrolled>>> {
        let access = self.trainer.clone();
        let access = access.map(|url| TrainerAccess { url, token: self.token.clone() });
        let (folder, name, asking) = (Arc::clone(folder), name.to_owned(), stop.clone());
        let ask = move || enrol_or_load(&folder, access.as_ref(), &name, &asking);
        let enrolled = tokio::task::spawn_blocking(ask).await.context("enrolling has failed")??;
        if stop.is_stopped() {
            return Ok(None);
        }
        ensure!(
            enrolled.is_some() || self.model.is_some(),
            "nothing says which model to serve: name a model file, or a --trainer with a --token"
        );
        Ok(Some(enrolled))
    }

    fn options(
        &self,
        name: String,
        enrolled: Option<&Enrolled>,
        link: SharedLinkStatus,
    ) -> anyhow::Result<serve::Options> {
        let options = serve::Options {
            device: enrolled.map_or(name, |enrolled| enrolled.device.device_id.clone()),
            broker: match (&self.broker, enrolled) {
                (Some(url), _) => {
                    Some(url.clone().into_access(self.broker_password()?, &self.topic_prefix))
                }
                (None, Some(enrolled)) => enrolled.device.broker.clone(),
                (None, None) => None::<BrokerAccess>,
            },
            listen: match self.listen {
                Listen::At(address) => Some(address),
                Listen::None => None,
            },
            times: match &self.time {
                Some(name) => Times::named(name, self.time_unit),
                None => Times::found(),
            },
            streams_max: self.max_streams as usize,
            link,
        };
        ensure!(
            options.listen.is_some() || options.broker.is_some(),
            "samples could come from nowhere: name a --broker, or let HTTP --listen"
        );
        Ok(options)
    }

    /// The state folder that is named, or the usual place for one. A model that is served without a
    /// trainer keeps nothing: its folder goes with the returned guard.
    fn state_path(&self) -> anyhow::Result<(PathBuf, Option<TempDir>)> {
        if let Some(path) = &self.state {
            return Ok((path.clone(), None));
        }
        if self.model.is_some() && self.trainer.is_none() {
            let folder = tempfile::tempdir()
                .context("there is no temporary folder; name a folder with --state")?;
            return Ok((folder.path().to_owned(), Some(folder)));
        }
        let of = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = || of("HOME").map(|home| home.join(".local/state"));
        let usual = || Some(of("XDG_STATE_HOME").or_else(home)?.join("cirame-edge"));
        let path = of("STATE_DIRECTORY").or_else(usual);
        let path = path.context("there is no usual place for state: name a folder with --state")?;
        Ok((path, None))
    }

    fn broker_password(&self) -> anyhow::Result<Option<String>> {
        let Some(path) = &self.broker_password_file else { return Ok(None) };
        let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        let password = text.trim_end_matches(['\r', '\n']);
        ensure!(
            !password.is_empty() && password.len() <= PASSWORD_BYTES_MAX,
            "{} does not hold a password",
            path.display()
        );
        Ok(Some(password.to_owned()))
    }
}

/// Ends as at a signal when standard input ends. The thread is left to the end of the program.
fn end_with_input(shutdown: &CancellationToken, stop: &Stop) -> anyhow::Result<()> {
    let (shutdown, stop) = (shutdown.clone(), stop.clone());
    let read = move || {
        // Whatever is read means nothing; an error means that there is no input any more.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        tracing::info!("standard input has ended, and the service with it");
        stop.stop();
        shutdown.cancel();
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

fn end_on_signals(shutdown: &CancellationToken, stop: &Stop) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be awaited")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be awaited")?;
    let (shutdown, stop) = (shutdown.clone(), stop.clone());
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.stop();
        shutdown.cancel();
    });
    Ok(())
}
