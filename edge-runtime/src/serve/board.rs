//! What the inference thread tells all others: the model in service, streams and counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use model_format::id::Digest;
use model_format::protocol::{StreamReport, StreamState};
use serde_json::{Value, json};

use super::operator::{Book, Mute, RaisedAlarm};
use super::state::{Core, ModelFacts};
use crate::service::ModelStatus;

/// What is published when it changes: the models, and what each stream is.
#[derive(PartialEq)]
pub(super) struct Situation {
    models: Vec<Digest>,
    /// Raised alarms: stream, model, name, and whether somebody has seen them; and the mutes.
    raised: Vec<(String, String, String, bool)>,
    mutes: usize,
    streams: Vec<(String, StreamState, Option<String>)>,
}

/// The state of the service at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    /// The models in service, by name.
    pub(super) models: Vec<Arc<ModelFacts>>,
    pub(super) model_status: BTreeMap<String, ModelStatus>,
    pub(super) streams: Vec<StreamReport>,
    pub(super) stream_count: usize,
    /// The names of all streams.
    pub(super) live: Arc<Vec<String>>,
    pub(super) samples: u64,
    pub(super) windows: u64,
    /// Windows that models have failed on since the program started.
    pub(super) all_failed_windows: u64,
    pub(super) gated_windows: u64,
    pub(super) left_out_results: u64,
    pub(super) raised_alarms: u64,
    pub(super) expired_streams: u64,
    pub(super) other_shard_messages: u64,
    /// The alarms that are raised, and the mutes.
    pub(super) book: Book,
    pub(super) dropped_samples: BTreeMap<&'static str, u64>,
    pub(super) refused_messages: BTreeMap<&'static str, u64>,
    pub(super) window_p50_us: f64,
    pub(super) window_p99_us: f64,
}

impl Snapshot {
    pub(super) fn of(core: &Core, models: Vec<Arc<ModelFacts>>) -> Self {
        Snapshot {
            models,
            model_status: core.model_status(),
            streams: core.reports(),
            stream_count: core.streams(),
            live: Arc::default(),
            samples: core.samples_seen(),
            windows: core.counts().windows,
            all_failed_windows: core.counts().failed_windows,
            gated_windows: core.counts().gated_windows,
            left_out_results: core.counts().left_out_results,
            raised_alarms: core.counts().raised_alarms,
            expired_streams: core.counts().expired_streams,
            other_shard_messages: core.counts().other_shard_messages,
            book: core.book(),
            dropped_samples: core.dropped_samples(),
            refused_messages: core.counts().refused.clone(),
            window_p50_us: core.counts().latencies.quantile_us(0.5),
            window_p99_us: core.counts().latencies.quantile_us(0.99),
        }
    }

    /// What is published when it changes: the models, and what each stream is.
    pub(super) fn situation(&self) -> Situation {
        let streams = self.streams.iter();
        let mut streams: Vec<_> = streams
            .map(|report| (report.stream.clone(), report.state, report.mismatch.clone()))
            .collect();
        streams.sort_by(|a, b| a.0.cmp(&b.0));
        let models = self.models.iter().map(|model| model.artifact_sha256).collect();
        let raised = self.book.raised.iter().map(|alarm| {
            let (stream, model) = (alarm.stream.clone(), alarm.model.clone());
            (stream, model, alarm.alarm.clone(), alarm.is_acknowledged)
        });
        Situation { models, raised: raised.collect(), mutes: self.book.mutes.len(), streams }
    }

    /// Windows that the models in service have failed on.
    pub(super) fn failed_windows(&self) -> u64 {
        self.model_status.values().map(|model| model.failed_windows).sum()
    }

    /// The document of the status topic.
    pub(super) fn status_document(&self, device: &str, boot: u64) -> Value {
        let models = self.models.iter().map(|model| {
            json!({
                "name": model.name,
                "version": model.version,
                "artifact_sha256": model.artifact_sha256,
            })
        });
        json!({
            "state": "online",
            "device": device,
            "version": env!("CARGO_PKG_VERSION"),
            "boot": boot,
            "models": models.collect::<Vec<_>>(),
            "windows": self.windows,
            "failed_windows": self.failed_windows(),
            "alarms": self.book.raised.iter().map(RaisedAlarm::shown).collect::<Vec<_>>(),
            "mutes": self.book.mutes.iter().map(Mute::shown).collect::<Vec<_>>(),
            "streams": self.streams,
        })
    }
}

/// The last snapshot, and the connection.
#[derive(Default)]
pub(super) struct Board {
    snapshot: RwLock<Arc<Snapshot>>,
    broker_connected: AtomicBool,
    /// Rounds that the inference thread has made.
    rounds: AtomicU64,
    is_stuck: AtomicBool,
    boot: u64,
}

impl Board {
    pub(super) fn new(boot: u64) -> Self {
        Board { boot, ..Board::default() }
    }

    /// How often the program has started on this state folder.
    pub(super) fn boot(&self) -> u64 {
        self.boot
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn show(&self, snapshot: Snapshot) {
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    /// The inference thread has made another round; it makes one a second at least.
    pub(super) fn note_round(&self) {
        self.rounds.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Relaxed)
    }

    /// Notes whether the inference thread has stopped making rounds.
    pub(super) fn set_stuck(&self, is_stuck: bool) {
        self.is_stuck.store(is_stuck, Ordering::Relaxed);
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.is_stuck.load(Ordering::Relaxed)
    }

    pub(super) fn set_broker_connected(&self, is_connected: bool) {
        self.broker_connected.store(is_connected, Ordering::Relaxed);
    }

    pub(super) fn broker_connected(&self) -> bool {
        self.broker_connected.load(Ordering::Relaxed)
    }
}
