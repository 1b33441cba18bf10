//! What the inference thread tells all others: the model in service, streams and counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use model_format::id::Digest;
use model_format::protocol::{StreamReport, StreamState};
use serde_json::{Value, json};

use super::state::{Core, ModelFacts};

/// What is published when it changes: the model, and what each stream is.
#[derive(PartialEq)]
pub(super) struct Situation {
    model: Option<Digest>,
    streams: Vec<(String, StreamState, Option<String>)>,
}

/// The state of the service at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    pub(super) model: Option<Arc<ModelFacts>>,
    pub(super) streams: Vec<StreamReport>,
    pub(super) stream_count: usize,
    pub(super) samples: u64,
    pub(super) windows: u64,
    pub(super) failed_windows: u64,
    pub(super) dropped_samples: BTreeMap<&'static str, u64>,
    pub(super) refused_messages: BTreeMap<&'static str, u64>,
    pub(super) window_p50_us: f64,
    pub(super) window_p99_us: f64,
}

impl Snapshot {
    pub(super) fn of(core: &Core, model: Option<Arc<ModelFacts>>) -> Self {
        Snapshot {
            model,
            streams: core.reports(),
            stream_count: core.streams(),
            samples: core.samples(),
            windows: core.windows(),
            failed_windows: core.failed_windows(),
            dropped_samples: core.dropped_samples(),
            refused_messages: core.refused().clone(),
            window_p50_us: core.latencies().quantile_us(0.5),
            window_p99_us: core.latencies().quantile_us(0.99),
        }
    }

    /// What is published when it changes: the model, and what each stream is.
    pub(super) fn situation(&self) -> Situation {
        let streams = self.streams.iter();
        let mut streams: Vec<_> = streams
            .map(|report| (report.stream.clone(), report.state, report.mismatch.clone()))
            .collect();
        streams.sort_by(|a, b| a.0.cmp(&b.0));
        Situation { model: self.model.as_ref().map(|model| model.artifact_sha256), streams }
    }

    /// The document of the status topic.
    pub(super) fn status_document(&self, device: &str) -> Value {
        json!({
            "state": "online",
            "device": device,
            "version": env!("CARGO_PKG_VERSION"),
            "model": self.model.as_ref().map(|model| json!({
                "name": model.name,
                "version": model.version,
                "artifact_sha256": model.artifact_sha256,
            })),
            "windows": self.windows,
            "failed_windows": self.failed_windows,
            "streams": self.streams,
        })
    }
}

/// The last snapshot, and the connection.
#[derive(Default)]
pub(super) struct Board {
    snapshot: RwLock<Arc<Snapshot>>,
    broker_connected: AtomicBool,
}

impl Board {
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn show(&self, snapshot: Snapshot) {
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    pub(super) fn set_broker_connected(&self, is_connected: bool) {
        self.broker_connected.store(is_connected, Ordering::Relaxed);
    }

    pub(super) fn broker_connected(&self) -> bool {
        self.broker_connected.load(Ordering::Relaxed)
    }
}
