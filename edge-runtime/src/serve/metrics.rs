//! Figures for Prometheus.

use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::board::Snapshot;
use crate::memory::resident_bytes;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    name: String,
    version: String,
    artifact_sha256: String,
    engine: &'static str,
}

/// What is counted.
pub(super) struct Metrics {
    registry: Mutex<Registry>,
    started: Instant,
    /// Time that the engine takes for a window.
    pub(super) window_duration: Histogram,
    /// Time from a sample to the broker's client.
    pub(super) sample_to_result: Histogram,
    /// Messages that were left when the program had to end.
    pub(super) late_messages: Counter,
    windows: Counter,
    failed_windows: Gauge<u64, AtomicU64>,
    samples: Counter,
    dropped_samples: Family<Reason, Counter>,
    dropped_messages: Family<Reason, Counter>,
    results_dropped: Counter,
    results_waiting: Gauge<u64, AtomicU64>,
    model: Family<ModelLabels, Gauge>,
    broker_connected: Gauge,
    streams: Gauge,
    memory: Gauge<u64, AtomicU64>,
    uptime: Gauge<f64, AtomicU64>,
}

/// What is known outside of the snapshot.
pub(super) struct Now<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// Messages that found no place in the inbox.
    pub(super) inbox_dropped: u64,
    pub(super) results_dropped: u64,
    pub(super) results_waiting: u64,
    pub(super) broker_connected: bool,
}

impl Metrics {
    pub(super) fn new(started: Instant) -> Self {
        let buckets = || exponential_buckets(20e-6, 2.0, 18);
        let metrics = Metrics {
            registry: Mutex::new(Registry::with_prefix("cirame_edge")),
            started,
            window_duration: Histogram::new(buckets()),
            sample_to_result: Histogram::new(buckets()),
            late_messages: Counter::default(),
            windows: Counter::default(),
            failed_windows: Gauge::default(),
            samples: Counter::default(),
            dropped_samples: Family::default(),
            dropped_messages: Family::default(),
            results_dropped: Counter::default(),
            results_waiting: Gauge::default(),
            model: Family::default(),
            broker_connected: Gauge::default(),
            streams: Gauge::default(),
            memory: Gauge::default(),
            uptime: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register("windows", "Windows answered", self.windows.clone());
        let text = "Windows that the engine of the model in service failed on";
        registry.register("failed_windows", text, self.failed_windows.clone());
        registry.register("samples", "Samples that came", self.samples.clone());
        let text = "Samples that did not become part of a window";
        registry.register("dropped_samples", text, self.dropped_samples.clone());
        let text = "Messages dropped before they gave a sample";
        registry.register("dropped_messages", text, self.dropped_messages.clone());
        let text = "Results dropped for newer ones while the broker was away";
        registry.register("results_dropped", text, self.results_dropped.clone());
        let text = "Results that the broker has not acknowledged";
        registry.register("results_waiting", text, self.results_waiting.clone());
        registry.register("model_info", "The model in service", self.model.clone());
        let text = "1 while connected to the broker";
        registry.register("broker_connected", text, self.broker_connected.clone());
        registry.register("streams", "Streams that have sent samples", self.streams.clone());
        let duration = self.window_duration.clone();
        let text = "Time that the engine took for a window";
        registry.register_with_unit("window_duration", text, Unit::Seconds, duration);
        let duration = self.sample_to_result.clone();
        let text = "Time from a window's last sample to its result with the broker's client";
        registry.register_with_unit("sample_to_result", text, Unit::Seconds, duration);
        let memory = self.memory.clone();
        registry.register_with_unit("resident_memory", "Memory", Unit::Bytes, memory);
        let text = "Time since the program started";
        registry.register_with_unit("uptime", text, Unit::Seconds, self.uptime.clone());
    }

    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// All figures as text.
    pub(super) fn text(&self, now: &Now<'_>) -> Result<String, fmt::Error> {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = now.snapshot;
        set(&self.windows, snapshot.windows);
        self.failed_windows.set(snapshot.failed_windows);
        set(&self.samples, snapshot.samples);
        for (&reason, &count) in &snapshot.dropped_samples {
            set(&self.dropped_samples.get_or_create(&Reason { reason }), count);
        }
        let late = self.late_messages.get();
        let own = [("queue_full", now.inbox_dropped), ("shutdown", late)];
        for (reason, count) in snapshot.refused_messages.iter().map(|(a, b)| (*a, *b)).chain(own) {
            set(&self.dropped_messages.get_or_create(&Reason { reason }), count);
        }
        set(&self.results_dropped, now.results_dropped);
        self.results_waiting.set(now.results_waiting);
        self.model.clear();
        if let Some(model) = &snapshot.model {
            let labels = ModelLabels {
                name: model.name.clone(),
                version: model.version.map(|version| version.to_string()).unwrap_or_default(),
                artifact_sha256: model.artifact_sha256.to_string(),
                engine: model.engine.name(),
            };
            self.model.get_or_create(&labels).set(1);
        }
        self.broker_connected.set(now.broker_connected.into());
        self.streams.set(snapshot.stream_count as i64);
        self.memory.set(resident_bytes().unwrap_or(0));
        self.uptime.set(self.uptime().as_secs_f64());
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// Counts are kept elsewhere and shown here.
fn set(counter: &Counter, value: u64) {
    counter.inner().store(value, std::sync::atomic::Ordering::Relaxed);
}
