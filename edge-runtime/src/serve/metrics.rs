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
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::board::Snapshot;
use super::outbox::Figures;
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
    failed_windows: Counter,
    samples: Counter,
    dropped_samples: Family<Reason, Counter>,
    dropped_messages: Family<Reason, Counter>,
    other_shard_messages: Counter,
    gated_windows: Counter,
    left_out_results: Counter,
    alarms: Counter,
    raised_alarms: Gauge,
    expired_streams: Counter,
    /// Messages that were larger than a packet may be.
    pub(super) large_messages: Counter,
    gaps: Family<Reason, Counter>,
    results_dropped: Counter,
    alarms_dropped: Counter,
    publications_refused: Counter,
    outbox_damaged: Counter,
    outbox_disk_errors: Counter,
    results_waiting: Gauge<u64, AtomicU64>,
    alarms_waiting: Gauge<u64, AtomicU64>,
    outbox_disk: Gauge<u64, AtomicU64>,
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
    pub(super) outbox: Figures,
    pub(super) broker_connected: bool,
}

impl Metrics {
    pub(super) fn new(started: Instant) -> Self {
        // From a microsecond to a second, three to a decade.
        let buckets = || (0..=18).map(|step| 1e-6 * 10_f64.powf(f64::from(step) / 3.0));
        let metrics = Metrics {
            registry: Mutex::new(Registry::with_prefix("cirame_edge")),
            started,
            window_duration: Histogram::new(buckets()),
            sample_to_result: Histogram::new(buckets()),
            late_messages: Counter::default(),
            windows: Counter::default(),
            failed_windows: Counter::default(),
            samples: Counter::default(),
            dropped_samples: Family::default(),
            dropped_messages: Family::default(),
            other_shard_messages: Counter::default(),
            gated_windows: Counter::default(),
            left_out_results: Counter::default(),
            alarms: Counter::default(),
            raised_alarms: Gauge::default(),
            expired_streams: Counter::default(),
            large_messages: Counter::default(),
            gaps: Family::default(),
            results_dropped: Counter::default(),
            alarms_dropped: Counter::default(),
            publications_refused: Counter::default(),
            outbox_damaged: Counter::default(),
            outbox_disk_errors: Counter::default(),
            results_waiting: Gauge::default(),
            alarms_waiting: Gauge::default(),
            outbox_disk: Gauge::default(),
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
        let text = "Windows that models have failed on";
        registry.register("failed_windows", text, self.failed_windows.clone());
        registry.register("samples", "Samples that came", self.samples.clone());
        let text = "Samples that did not become part of a window";
        registry.register("dropped_samples", text, self.dropped_samples.clone());
        let text = "Messages dropped before they gave a sample";
        registry.register("dropped_messages", text, self.dropped_messages.clone());
        let text = "Messages of streams that another process has";
        registry.register("other_shard_messages", text, self.other_shard_messages.clone());
        let text = "Windows that said nothing about alarms, as a gate was closed";
        registry.register("gated_windows", text, self.gated_windows.clone());
        let text = "Results left out of what is published, as configured";
        registry.register("left_out_results", text, self.left_out_results.clone());
        registry.register("alarms", "Alarms that were raised", self.alarms.clone());
        registry.register("raised_alarms", "Alarms that are raised", self.raised_alarms.clone());
        let text = "Streams that were forgotten, as they sent nothing for long";
        registry.register("expired_streams", text, self.expired_streams.clone());
        let text = "Results dropped for newer ones while the broker was away";
        registry.register("results_dropped", text, self.results_dropped.clone());
        let text = "Results that the broker has not acknowledged";
        registry.register("results_waiting", text, self.results_waiting.clone());
        self.register_outbox(&mut registry);
        let text = "Windows that were open when something ended them, by what it was";
        registry.register("gaps", text, self.gaps.clone());
        registry.register("model_info", "A model in service", self.model.clone());
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
        let text = "Resident memory of the program";
        registry.register_with_unit("resident_memory", text, Unit::Bytes, memory);
        let text = "Time since the program started";
        registry.register_with_unit("uptime", text, Unit::Seconds, self.uptime.clone());
    }

    /// Adds what another part counts.
    pub(super) fn also(&self, register: impl FnOnce(&mut Registry)) {
        register(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn register_outbox(&self, registry: &mut Registry) {
        let text = "Alarms dropped for newer ones while the broker was away";
        registry.register("alarms_dropped", text, self.alarms_dropped.clone());
        let text = "Alarms that the broker has not acknowledged";
        registry.register("alarms_waiting", text, self.alarms_waiting.clone());
        let text = "Results and alarms that the broker refused";
        registry.register("publications_refused", text, self.publications_refused.clone());
        let text = "Results and alarms that waited on the disk and could not be read again";
        registry.register("outbox_damaged", text, self.outbox_damaged.clone());
        let text = "Failures to write what waits to the disk";
        registry.register("outbox_disk_errors", text, self.outbox_disk_errors.clone());
        let text = "Files of what waits for the broker";
        registry.register_with_unit("outbox_disk", text, Unit::Bytes, self.outbox_disk.clone());
    }

    /// Counts windows that were open when something ended them.
    pub(super) fn add_gaps(&self, reason: &'static str, count: u64) {
        self.gaps.get_or_create(&Reason { reason }).inc_by(count);
    }

    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// All figures as text.
    pub(super) fn text(&self, now: &Now<'_>) -> Result<String, fmt::Error> {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = now.snapshot;
        set(&self.windows, snapshot.windows);
        set(&self.failed_windows, snapshot.all_failed_windows);
        set(&self.samples, snapshot.samples);
        for (&reason, &count) in &snapshot.dropped_samples {
            set(&self.dropped_samples.get_or_create(&Reason { reason }), count);
        }
        let late = self.late_messages.get();
        let large = self.large_messages.get();
        let own =
            [("queue_full", now.inbox_dropped), ("shutdown", late), ("packet_too_large", large)];
        for (reason, count) in snapshot.refused_messages.iter().map(|(a, b)| (*a, *b)).chain(own) {
            set(&self.dropped_messages.get_or_create(&Reason { reason }), count);
        }
        set(&self.other_shard_messages, snapshot.other_shard_messages);
        set(&self.gated_windows, snapshot.gated_windows);
        set(&self.left_out_results, snapshot.left_out_results);
        set(&self.alarms, snapshot.raised_alarms);
        self.raised_alarms.set(snapshot.book.raised.len() as i64);
        set(&self.expired_streams, snapshot.expired_streams);
        set(&self.results_dropped, now.outbox.results_dropped);
        set(&self.alarms_dropped, now.outbox.alarms_dropped);
        set(&self.publications_refused, now.outbox.refused);
        set(&self.outbox_damaged, now.outbox.damaged);
        set(&self.outbox_disk_errors, now.outbox.disk_errors);
        self.results_waiting.set(now.outbox.results_waiting);
        self.alarms_waiting.set(now.outbox.alarms_waiting);
        self.outbox_disk.set(now.outbox.disk_bytes);
        self.model.clear();
        for model in &snapshot.models {
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
