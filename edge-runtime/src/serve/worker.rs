//! The inference thread: one work after the other through the core; results to outbox and askers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;

use super::board::{Board, Snapshot};
use super::inbox::{Next, Samples, Work, Works};
use super::metrics::Metrics;
use super::outbox::{Outbox, Outgoing};
use super::state::{Core, Incoming, ModelFacts, ResultLine};

/// Longest time that the board lags behind.
const BOARD_LAG: Duration = Duration::from_millis(100);

/// Everything that the thread has.
pub(super) struct Worker {
    pub(super) core: Core,
    pub(super) works: Works,
    pub(super) board: Arc<Board>,
    pub(super) metrics: Arc<Metrics>,
    /// None where there is no broker.
    pub(super) outbox: Option<Arc<Outbox>>,
    /// True once what waits shall be dropped: the program must end.
    pub(super) is_late: Arc<AtomicBool>,
}

impl Worker {
    /// Works until it is told to end.
    pub(super) fn run(mut self) {
        let mut facts = None;
        let mut show_at: Option<Instant> = None;
        let mut has_warned = false;
        loop {
            match self.works.next(show_at) {
                Next::Work(Work::Samples(samples)) => self.samples(samples, &mut has_warned),
                Next::Work(Work::Infer(infer)) => {
                    let outputs = self.core.infer(infer.artifact, &infer.windows, infer.count);
                    // Whoever asked may have gone.
                    let _ = infer.answer.send(outputs);
                }
                Next::Work(Work::Swap(model, answer)) => {
                    let lines = Lines::new(&self.metrics, self.outbox.as_deref(), Instant::now());
                    let swapped = self.core.swap(*model, &mut |line| lines.send(line, None));
                    facts = self.core.facts();
                    self.show(&facts);
                    let _ = answer.send(swapped);
                }
                Next::Work(Work::TakeOut(answer)) => {
                    let lines = Lines::new(&self.metrics, self.outbox.as_deref(), Instant::now());
                    self.core.take_out(&mut |line| lines.send(line, None));
                    facts = None;
                    self.show(&facts);
                    let _ = answer.send(());
                }
                Next::Nothing => {}
                Next::Work(Work::End) | Next::Ended => break,
            }
            let now = Instant::now();
            match show_at {
                Some(at) if now >= at => {
                    self.show(&facts);
                    show_at = None;
                }
                Some(_) => {}
                None => show_at = Some(now + BOARD_LAG),
            }
        }
        let lines = Lines::new(&self.metrics, self.outbox.as_deref(), Instant::now());
        self.core.finish(&mut |line| lines.send(line, None));
        self.show(&facts);
    }

    fn show(&self, facts: &Option<Arc<ModelFacts>>) {
        self.board.show(Snapshot::of(&self.core, facts.clone()));
    }

    fn samples(&mut self, samples: Samples, has_warned: &mut bool) {
        if self.is_late.load(Ordering::Relaxed) {
            self.metrics.late_messages.inc();
            return;
        }
        let Samples { stream, payload, arrival_ns, received, answer } = samples;
        let incoming = Incoming { stream: &stream, payload: &payload, arrival_ns };
        let lines = Lines::new(&self.metrics, self.outbox.as_deref(), received);
        let Some(answer) = answer else {
            let taken = self.core.message(incoming, &mut |line| lines.send(line, None));
            if let Err(refused) = taken {
                // A device that sends nonsense does so often: the counters tell how often.
                if !std::mem::replace(has_warned, true) {
                    tracing::warn!(stream, %refused, "a message was dropped; more are only counted");
                }
                tracing::debug!(stream, %refused, "a message was dropped");
            }
            return;
        };
        let mut results = Vec::new();
        let taken = self.core.message(incoming, &mut |line| lines.send(line, Some(&mut results)));
        let _ = answer.send(taken.map(|()| results));
    }
}

/// Where results go.
struct Lines<'a> {
    metrics: &'a Metrics,
    outbox: Option<&'a Outbox>,
    received: Instant,
}

impl<'a> Lines<'a> {
    fn new(metrics: &'a Metrics, outbox: Option<&'a Outbox>, received: Instant) -> Self {
        Lines { metrics, outbox, received }
    }

    fn send(&self, line: ResultLine<'_>, asker: Option<&mut Vec<String>>) {
        self.metrics.window_duration.observe(line.engine_time.as_secs_f64());
        if let Some(asker) = asker {
            asker.push(line.json.clone());
        }
        if let Some(outbox) = self.outbox {
            let payload = Bytes::from(line.json);
            outbox.push(Outgoing {
                stream: line.stream.to_owned(),
                payload,
                received: self.received,
            });
        }
    }
}
