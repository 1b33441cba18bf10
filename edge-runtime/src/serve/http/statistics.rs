//! What inference requests cost, by model, as the statistics of the Open Inference Protocol tell it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model_format::id::Digest;
use serde_json::{Value, json};

use super::metadata::version_text;
use crate::serve::state::ModelFacts;
use crate::service::MODELS_MAX;

/// Sums by artifact; those of models that have left service make room for others.
#[derive(Default)]
pub(super) struct Statistics {
    models: Mutex<BTreeMap<Digest, Sums>>,
}

/// The parts of a request that was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    /// Windows that it brought.
    pub(super) count: usize,
    /// To read them from the body.
    pub(super) input: Duration,
    /// To wait for the inference thread.
    pub(super) queue: Duration,
    /// To run the engine.
    pub(super) infer: Duration,
    /// To write the answer.
    pub(super) output: Duration,
}

#[derive(Clone, Copy, Default)]
struct Spent {
    count: u64,
    ns: u64,
}

impl Spent {
    fn add(&mut self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.count += 1;
        self.ns = self.ns.saturating_add(ns);
    }

    fn json(&self) -> Value {
        json!({ "count": self.count, "ns": self.ns })
    }
}

#[derive(Default)]
struct Sums {
    last_ms: u64,
    windows: u64,
    success: Spent,
    fail: Spent,
    queue: Spent,
    /// All batches together.
    compute: Compute,
    /// By the number of windows, which is bounded.
    batches: BTreeMap<usize, Compute>,
}

#[derive(Default)]
struct Compute {
    input: Spent,
    infer: Spent,
    output: Spent,
}

impl Compute {
    fn add(&mut self, parts: &Parts) {
        self.input.add(parts.input);
        self.infer.add(parts.infer);
        self.output.add(parts.output);
    }
}

impl Statistics {
    /// Notes a request that came at `now_ms` and took `total`; its parts where it was answered.
    pub(super) fn note(
        &self,
        artifact: Digest,
        in_service: &[Digest],
        now_ms: u64,
        total: Duration,
        parts: Option<&Parts>,
    ) {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if models.len() >= MODELS_MAX && !models.contains_key(&artifact) {
            models.retain(|digest, _| in_service.contains(digest));
        }
        let sums = models.entry(artifact).or_default();
        sums.last_ms = now_ms;
        let Some(parts) = parts else { return sums.fail.add(total) };
        sums.windows += parts.count as u64;
        sums.success.add(total);
        sums.queue.add(parts.queue);
        sums.compute.add(parts);
        sums.batches.entry(parts.count).or_default().add(parts);
    }

    /// The statistics of a model in service.
    pub(super) fn of(&self, model: &ModelFacts) -> Value {
        let models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let none = Sums::default();
        let sums = models.get(&model.artifact_sha256).unwrap_or(&none);
        let batches = sums.batches.iter().map(|(count, compute)| {
            json!({
                "batch_size": count,
                "compute_input": compute.input.json(),
                "compute_infer": compute.infer.json(),
                "compute_output": compute.output.json(),
            })
        });
        json!({
            "name": model.name,
            "version": version_text(model),
            "last_inference": sums.last_ms,
            "inference_count": sums.windows,
            "execution_count": sums.success.count,
            "inference_stats": {
                "success": sums.success.json(),
                "fail": sums.fail.json(),
                "queue": sums.queue.json(),
                "compute_input": sums.compute.input.json(),
                "compute_infer": sums.compute.infer.json(),
                "compute_output": sums.compute.output.json(),
                // Nothing is cached.
                "cache_hit": Spent::default().json(),
                "cache_miss": Spent::default().json(),
            },
            "batch_stats": batches.collect::<Vec<_>>(),
        })
    }
}
