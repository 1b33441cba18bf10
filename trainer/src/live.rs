//! What happens on devices, told to whoever follows it: results, devices, deployments, the broker.
//!
//! Everybody who follows has a queue of their own: one who reads slowly misses events, is told how
//! many, and holds nobody up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use utoipa::ToSchema;

use crate::store::{Deployment, Device, DeviceId, OwnerId};

mod recent;
pub(crate) mod results;

use recent::Recent;

/// Most who follow at once.
const FOLLOWERS_MAX: usize = 100;

/// Most events that wait for one of them.
const WAITING_MAX: usize = 256;

/// How the trainer's own connection to the broker stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BrokerStanding {
    /// Whether results arrive.
    pub state: BrokerState,
    /// Why they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Whether results of devices arrive at the trainer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BrokerState {
    /// The trainer was started without a broker.
    None,
    /// It is being connected to.
    Connecting,
    /// Results arrive.
    Connected,
}

/// A result as it came from a device.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DeviceResult {
    /// The device.
    pub device_id: DeviceId,
    /// The stream that it answers.
    pub stream: String,
    /// When it came, in milliseconds since 1970 UTC.
    pub received_ms: i64,
    /// The result, as the device published it.
    #[schema(value_type = Object)]
    pub result: Value,
}

/// Events that one who follows has missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Lagged {
    /// How many.
    pub dropped: u64,
}

/// Why a result, or an event of it, was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum DropReason {
    /// It is larger than results are.
    TooLarge,
    /// No known device is named in its topic.
    UnknownDevice,
    /// It is no JSON object.
    Unreadable,
    /// The store could not tell whose it is.
    Store,
    /// Results of other streams needed the room.
    NoRoom,
    /// Somebody who follows reads too slowly.
    SlowReader,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct DropLabels {
    reason: DropReason,
}

/// What is counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveCounts {
    pub(crate) results: Counter,
    pub(crate) dropped: Family<DropLabels, Counter>,
}

/// An event: its name, and its data as JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) event: &'static str,
    pub(crate) data: Arc<str>,
}

impl Told {
    pub(crate) fn new(event: &'static str, data: &impl Serialize) -> Told {
        let data = serde_json::to_string(data).expect("plain data has a JSON form");
        Told { event, data: data.into() }
    }
}

/// What one who follows wants to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    /// Whose devices.
    pub(crate) owner: OwnerId,
    /// This one alone.
    pub(crate) device: Option<DeviceId>,
}

/// Tells what happens.
#[derive(Debug)]
pub struct Live {
    inner: Mutex<Inner>,
    places: Arc<Semaphore>,
    counts: LiveCounts,
}

#[derive(Debug)]
struct Inner {
    standing: BrokerStanding,
    recent: Recent,
    followers: Vec<Follower>,
}

#[derive(Debug)]
struct Follower {
    about: About,
    queue: mpsc::Sender<Told>,
    missed: Arc<AtomicU64>,
}

/// What comes to one who follows.
#[derive(Debug)]
pub(crate) struct Feed {
    /// How the broker stood at the beginning.
    pub(crate) broker: Told,
    /// The newest results at the beginning.
    pub(crate) recent: Vec<Told>,
    queue: mpsc::Receiver<Told>,
    missed: Arc<AtomicU64>,
    /// Held, not read: there is a bound on those who follow.
    _place: OwnedSemaphorePermit,
}

impl Feed {
    /// The next event. None where the trainer tells no more.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        let dropped = self.missed.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            return Some(Told::new("lagged", &Lagged { dropped }));
        }
        self.queue.recv().await
    }
}

impl Live {
    pub(crate) fn new(counts: LiveCounts) -> Self {
        let standing = BrokerStanding { state: BrokerState::None, detail: None };
        let inner = Inner { standing, recent: Recent::default(), followers: Vec::new() };
        let places = Arc::new(Semaphore::new(FOLLOWERS_MAX));
        Live { inner: Mutex::new(inner), places, counts }
    }

    /// Follows from now on; none where too many do.
    pub(crate) fn follow(&self, about: About) -> Option<Feed> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let (sender, queue) = mpsc::channel(WAITING_MAX);
        let missed = Arc::new(AtomicU64::new(0));
        let mut inner = self.lock();
        let recent = inner.recent.of(about.owner, about.device).into_iter();
        let recent = recent.map(|data| Told { event: "result", data }).collect();
        let broker = Told::new("broker", &inner.standing);
        let follower = Follower { about, queue: sender, missed: Arc::clone(&missed) };
        inner.followers.retain(|follower| !follower.queue.is_closed());
        inner.followers.push(follower);
        Some(Feed { broker, recent, queue, missed, _place: place })
    }

    /// Whether anybody follows this device: where nobody does, there is nothing to read.
    pub(crate) fn is_followed(&self, owner: OwnerId, device: DeviceId) -> bool {
        let inner = self.lock();
        inner.followers.iter().any(|follower| follower.wants(owner, device))
    }

    /// A device has changed.
    pub(crate) fn device(&self, device: &Device) {
        self.tell(&mut self.lock(), device.owner, device.id, &Told::new("device", device));
    }

    /// A deployment was made or has changed.
    pub(crate) fn deployment(&self, owner: OwnerId, deployment: &Deployment) {
        let told = Told::new("deployment", deployment);
        self.tell(&mut self.lock(), owner, deployment.device_id, &told);
    }

    /// A device, or one stream of it, is no more.
    pub(crate) fn forget(&self, device: DeviceId, stream: Option<&str>) {
        self.lock().recent.forget(device, stream);
    }

    /// A result has come.
    pub(crate) fn result(&self, owner: OwnerId, result: &DeviceResult) {
        let told = Told::new("result", result);
        self.counts.results.inc();
        let mut inner = self.lock();
        let (device, data) = (result.device_id, Arc::clone(&told.data));
        let dropped = inner.recent.add(owner, device, &result.stream, data);
        self.drops(DropReason::NoRoom, dropped);
        self.tell(&mut inner, owner, device, &told);
    }

    /// The connection to the broker stands like this now.
    pub(crate) fn stands(&self, state: BrokerState, detail: Option<String>) {
        let mut inner = self.lock();
        let standing = BrokerStanding { state, detail };
        if inner.standing == standing {
            return;
        }
        let told = Told::new("broker", &standing);
        inner.standing = standing;
        for follower in &inner.followers {
            self.hand(follower, &told);
        }
    }

    /// Counts what was dropped.
    pub(crate) fn drops(&self, reason: DropReason, count: u64) {
        if count > 0 {
            self.counts.dropped.get_or_create(&DropLabels { reason }).inc_by(count);
        }
    }

    fn tell(&self, inner: &mut Inner, owner: OwnerId, device: DeviceId, told: &Told) {
        inner.followers.retain(|follower| !follower.queue.is_closed());
        let wanting = inner.followers.iter().filter(|follower| follower.wants(owner, device));
        wanting.for_each(|follower| self.hand(follower, told));
    }

    fn hand(&self, follower: &Follower, told: &Told) {
        if let Err(mpsc::error::TrySendError::Full(_)) = follower.queue.try_send(told.clone()) {
            follower.missed.fetch_add(1, Ordering::Relaxed);
            self.drops(DropReason::SlowReader, 1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    fn wants(&self, owner: OwnerId, device: DeviceId) -> bool {
        self.about.owner == owner && self.about.device.is_none_or(|wanted| wanted == device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(device_id: DeviceId, index: u64) -> DeviceResult {
        let result = serde_json::json!({ "index": index });
        DeviceResult { device_id, stream: "s".to_owned(), received_ms: 1, result }
    }

    /// Everything that waits.
    fn waiting(feed: &mut Feed) -> Vec<Told> {
        std::iter::from_fn(|| futures_util::FutureExt::now_or_never(feed.next()).flatten())
            .collect()
    }

    #[test]
    fn a_slow_reader_is_told_how_much_it_missed_and_holds_nobody_up() {
        let live = Live::new(LiveCounts::default());
        let (ada, bob, device) = (OwnerId::new(), OwnerId::new(), DeviceId::new());
        let mut slow = live.follow(About { owner: ada, device: None }).unwrap();
        let mut other = live.follow(About { owner: bob, device: None }).unwrap();
        for index in 0..WAITING_MAX as u64 + 5 {
            live.result(ada, &result(device, index));
        }
        let told = waiting(&mut slow);
        assert_eq!(told[0], Told::new("lagged", &Lagged { dropped: 5 }));
        assert_eq!(told[1], Told::new("result", &result(device, 0)));
        assert_eq!(told.len(), WAITING_MAX + 1);
        live.result(ada, &result(device, 999));
        assert_eq!(waiting(&mut slow), [Told::new("result", &result(device, 999))]);
        assert!(waiting(&mut other).is_empty());
        let slow = DropLabels { reason: DropReason::SlowReader };
        assert_eq!(live.counts.dropped.get_or_create(&slow).get(), 5);
    }

    #[test]
    fn one_who_comes_later_gets_the_newest_results_once() {
        let live = Live::new(LiveCounts::default());
        let (owner, device, other) = (OwnerId::new(), DeviceId::new(), DeviceId::new());
        live.result(owner, &result(device, 0));
        live.result(owner, &result(other, 1));
        let mut feed = live.follow(About { owner, device: Some(device) }).unwrap();
        live.result(owner, &result(device, 2));
        live.result(owner, &result(other, 3));
        assert_eq!(feed.recent, [Told::new("result", &result(device, 0))]);
        assert_eq!(waiting(&mut feed), [Told::new("result", &result(device, 2))]);
        assert!(live.is_followed(owner, device) && !live.is_followed(owner, other));
        drop(feed);
        live.result(owner, &result(device, 4));
        assert!(!live.is_followed(owner, device));
    }

    #[test]
    fn more_followers_than_there_are_places_are_refused() {
        let live = Live::new(LiveCounts::default());
        let about = About { owner: OwnerId::new(), device: None };
        let feeds: Vec<Feed> = (0..FOLLOWERS_MAX).map(|_| live.follow(about).unwrap()).collect();
        assert!(live.follow(about).is_none());
        drop(feeds);
        assert!(live.follow(about).is_some());
    }
}
