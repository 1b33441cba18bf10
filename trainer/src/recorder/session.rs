//! One recorder at work: hears the broker, writes the journal, counts, until it is to end.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::journal::{Entry, Head, Journal};
use super::streams::Streams;
use super::{Plan, RecordError, RecordedStream};
use crate::broker::BrokerReach;
use crate::clock::now_ns;
use crate::data_folder::io_error;
use crate::mqtt::{Delivery, Heard, Subscription};

/// How often what came is handed to the system, and looked at.
const FLUSH_EVERY: Duration = Duration::from_millis(100);

/// How often it is brought to the disk.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Messages that wait between the connection and the journal.
const WAITING_MAX: usize = 16;

/// Requests and labels that wait.
const ASKED_MAX: usize = 64;

/// Why a recorder has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EndedBy {
    /// Somebody has stopped it.
    Stop,
    /// Its time is over.
    Duration,
    /// It has recorded as much as it may.
    Size,
    /// The disk takes no more: what came before is kept.
    Disk,
    /// The program that recorded had ended: what it had recorded was kept at the next start.
    Restart,
}

/// How a recorder stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = RecorderStanding)]
pub(crate) struct Standing {
    /// True while topics are followed.
    pub(crate) connected: bool,
    /// Why they are not.
    pub(crate) lost: Option<String>,
    /// The class of what comes.
    pub(crate) label: Option<String>,
    /// Bytes that were recorded.
    pub(crate) bytes: u64,
    /// The streams.
    pub(crate) streams: Vec<RecordedStream>,
    /// Messages that were of no use, by reason.
    pub(crate) refused: std::collections::BTreeMap<String, u64>,
}

/// What a recorder is told while it works, and how it stands.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    labels: mpsc::Sender<Option<String>>,
    stop: CancellationToken,
    standing: Arc<Mutex<Standing>>,
}

/// The other ends of a handle.
#[derive(Debug)]
pub(crate) struct Asked {
    labels: mpsc::Receiver<Option<String>>,
    stop: CancellationToken,
    standing: Arc<Mutex<Standing>>,
}

/// A handle, and its other ends; `stop` ends the recorder.
pub(crate) fn handle(stop: CancellationToken) -> (Handle, Asked) {
    let (sender, labels) = mpsc::channel(ASKED_MAX);
    let standing = Arc::new(Mutex::new(Standing::default()));
    let handle = Handle { labels: sender, stop: stop.clone(), standing: Arc::clone(&standing) };
    (handle, Asked { labels, stop, standing })
}

impl Handle {
    /// From now on, what comes has this class, or none. False where it takes no more labels.
    pub(crate) fn label(&self, class: Option<String>) -> bool {
        self.labels.try_send(class).is_ok()
    }

    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Where and what is recorded.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) broker: BrokerReach,
    pub(crate) plan: Arc<Plan>,
    pub(crate) head: Head,
    /// True where a broker that does not answer at first is an error, not something to wait for.
    pub(crate) fails_at_first: bool,
}

impl Session {
    /// Records into a journal at `path` until it is to end. Works on the thread that calls it.
    ///
    /// # Errors
    /// Where the journal cannot be begun, or the broker not be reached at first.
    pub(crate) fn run(self, path: &Path, asked: Asked) -> Result<EndedBy, RecordError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(RecordError::Thread)?;
        let journal = Journal::begin(path, &self.head).map_err(io_error(path))?;
        let streams = Streams::new(Arc::clone(&self.plan));
        let url = &self.broker.url;
        let work = Working {
            journal,
            streams,
            address: format!("{}:{}", url.host, url.port),
            connected: false,
            was_connected: false,
            lost: None,
            session: self,
            asked,
            synced: Instant::now(),
        };
        let ended = runtime.block_on(work.follow());
        runtime.shutdown_background();
        ended
    }
}

struct Working {
    session: Session,
    asked: Asked,
    journal: Journal,
    streams: Streams,
    address: String,
    connected: bool,
    was_connected: bool,
    lost: Option<String>,
    synced: Instant,
}

/// What happens next.
enum Next {
    Heard(Heard),
    Label(Option<String>),
    Look,
    Stop,
}

impl Working {
    async fn follow(mut self) -> Result<EndedBy, RecordError> {
        let (heard, mut hears) = mpsc::channel(WAITING_MAX);
        let (requests, requested) = mpsc::channel(ASKED_MAX);
        let (broker, filters) = (self.session.broker.clone(), self.session.plan.filters());
        let subscription = Subscription::new(broker, filters, Delivery::AtLeastOnce);
        tokio::spawn(hear(subscription, heard, requested));
        let mut ticks = tokio::time::interval(FLUSH_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut began = None;
        loop {
            let next = tokio::select! {
                biased;
                () = self.asked.stop.cancelled() => Next::Stop,
                Some(class) = self.asked.labels.recv() => Next::Label(class),
                _ = ticks.tick() => Next::Look,
                Some(heard) = hears.recv() => Next::Heard(heard),
            };
            let written = match next {
                Next::Stop => return Ok(self.end(EndedBy::Stop)),
                Next::Label(class) => self.label(class.as_deref()),
                Next::Heard(heard) => {
                    if let Heard::Lost(reason) = &heard
                        && self.session.fails_at_first
                        && !self.was_connected
                    {
                        let (address, reason) = (self.address.clone(), reason.clone());
                        return Err(RecordError::Broker { address, reason });
                    }
                    self.heard(heard, &requests)
                }
                Next::Look => self.look(),
            };
            if let Err(error) = written {
                tracing::error!(error = %error, "the recorder cannot write, and ends");
                return Ok(self.end(EndedBy::Disk));
            }
            if self.was_connected && began.is_none() {
                began = Some(Instant::now());
            }
            let over = self.session.plan.duration_max;
            if began.zip(over).is_some_and(|(began, over)| began.elapsed() >= over) {
                return Ok(self.end(EndedBy::Duration));
            }
            if self.journal.bytes() >= self.session.plan.bytes_max {
                return Ok(self.end(EndedBy::Size));
            }
        }
    }

    fn heard(
        &mut self,
        heard: Heard,
        requests: &mpsc::Sender<(String, Vec<u8>)>,
    ) -> io::Result<()> {
        match heard {
            Heard::Message { topic, payload } => {
                let arrival_ns = now_ns();
                let entry = Entry::Message { arrival_ns, topic: &topic, payload: &payload };
                self.journal.add(entry)?;
                let rebirth = self.streams.message(arrival_ns, &topic, &payload, &mut |_| {});
                if let Some(rebirth) = rebirth {
                    // One that finds no room is asked again after a while.
                    let _ = requests.try_send((rebirth.topic, rebirth.payload));
                }
                Ok(())
            }
            Heard::Connected => {
                (self.connected, self.was_connected, self.lost) = (true, true, None);
                self.tell();
                Ok(())
            }
            Heard::Lost(reason) => {
                if self.lost.as_ref() != Some(&reason) {
                    tracing::warn!(reason, "the recorder has lost the broker; trying on");
                }
                (self.connected, self.lost) = (false, Some(reason));
                self.streams.lose_connection();
                self.journal.add(Entry::Lost)
            }
        }
    }

    fn label(&mut self, class: Option<&str>) -> io::Result<()> {
        if self.streams.label(class) {
            self.journal.add(Entry::Label(class))?;
        }
        self.look()
    }

    /// Hands on what was written, and tells how it stands.
    fn look(&mut self) -> io::Result<()> {
        if self.synced.elapsed() >= SYNC_EVERY {
            self.journal.sync()?;
            self.synced = Instant::now();
        } else {
            self.journal.flush()?;
        }
        self.tell();
        Ok(())
    }

    fn tell(&self) {
        let standing = Standing {
            connected: self.connected,
            lost: self.lost.clone(),
            label: self.streams.current_label().map(str::to_owned),
            bytes: self.journal.bytes(),
            streams: self.streams.standing(),
            refused: self.streams.refused(),
        };
        *self.asked.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    fn end(mut self, by: EndedBy) -> EndedBy {
        if let Err(error) = self.journal.sync() {
            tracing::error!(error = %error, "the end of the journal cannot be written");
        }
        self.connected = false;
        self.streams.finish(&mut |_| {});
        self.tell();
        by
    }
}

/// Hands on what is heard, until nobody wants it any more.
async fn hear(
    mut subscription: Subscription,
    heard: mpsc::Sender<Heard>,
    mut requested: mpsc::Receiver<(String, Vec<u8>)>,
) {
    loop {
        tokio::select! {
            next = subscription.next() => {
                if heard.send(next).await.is_err() {
                    return;
                }
            }
            Some((topic, payload)) = requested.recv() => subscription.request(topic, payload),
        }
    }
}
