//! What a run tells at its end.

use std::time::Duration;

use engine::EngineKind;
use model_format::pipeline::Pipeline;
use serde_json::{Value, json};

use crate::answer::Latencies;

pub(super) struct Summary {
    pub(super) samples: u64,
    pub(super) bad_rows: u64,
    pub(super) windows: u64,
    pub(super) elapsed: Duration,
    /// By reason.
    pub(super) drops: Vec<(&'static str, u64)>,
    /// The rate of the first stream that had one.
    pub(super) measured_hz: Option<f64>,
    /// Of the engine, window by window.
    pub(super) latencies: Latencies,
    pub(super) engine: EngineKind,
}

impl Summary {
    pub(super) fn print(&self, as_json: bool) {
        if as_json {
            eprintln!("{}", self.json());
        } else {
            eprint!("{}", self.text());
        }
    }

    fn windows_per_s(&self) -> f64 {
        self.windows as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{} samples, {} windows in {:.2} s: {:.0} windows/s; engine {}: {:.1} µs p50, {:.1} µs \
             p99\n",
            self.samples,
            self.windows,
            self.elapsed.as_secs_f64(),
            self.windows_per_s(),
            self.engine,
            self.latencies.quantile_us(0.5),
            self.latencies.quantile_us(0.99),
        );
        if self.bad_rows > 0 {
            text += &format!("{} rows could not be read and were left out\n", self.bad_rows);
        }
        if let Some(drops) = self.drops_text() {
            text += &format!("samples dropped: {drops}\n");
        }
        text
    }

    fn drops_text(&self) -> Option<String> {
        let drops = self.drops.iter().filter(|(_, count)| *count > 0);
        let texts: Vec<String> = drops.map(|(reason, count)| format!("{count} {reason}")).collect();
        (!texts.is_empty()).then(|| texts.join(", "))
    }

    fn json(&self) -> Value {
        let drops: serde_json::Map<String, Value> =
            self.drops.iter().map(|(reason, count)| ((*reason).to_owned(), json!(count))).collect();
        json!({
            "samples": self.samples,
            "bad_rows": self.bad_rows,
            "windows": self.windows,
            "elapsed_s": self.elapsed.as_secs_f64(),
            "windows_per_s": self.windows_per_s(),
            "engine": self.engine,
            "latency_p50_us": self.latencies.quantile_us(0.5),
            "latency_p99_us": self.latencies.quantile_us(0.99),
            "drops": drops,
            "measured_hz": self.measured_hz,
        })
    }

    /// Why a run without a window had none.
    pub(super) fn why_nothing(&self, pipeline: &Pipeline) -> String {
        let needed = pipeline.window.length_samples;
        let mut text = format!(
            "no window was completed: {} samples came, a window needs {needed} in a row",
            self.samples
        );
        if let Some(drops) = self.drops_text() {
            text += &format!("; dropped: {drops}");
        }
        if let (Some(measured), Some(expected)) = (self.measured_hz, pipeline.rate.hz()) {
            text +=
                &format!("; the samples come at {measured:.3} Hz, the model expects {expected}");
        }
        text
    }
}
