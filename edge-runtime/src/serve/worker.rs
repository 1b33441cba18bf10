//! The inference thread: one work after the other through the core; results to outbox and askers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use model_format::payload::sparkplug::Rebirth;
use tokio::sync::mpsc;

use super::board::{Board, Snapshot};
use super::book_file::BookKeeper;
use super::inbox::{Infer, Inferred, Next, Samples, Work, Works};
use super::metrics::Metrics;
use super::mqtt::now_ns;
use super::outbox::{Kind, Outbox, Outgoing};
use super::state::{Core, Incoming, Line, ModelFacts};

/// Longest time that the board lags behind.
const BOARD_LAG: Duration = Duration::from_millis(100);
/// How often the core looks at the time.
const TICK: Duration = Duration::from_secs(1);

/// Everything that the thread has.
pub(super) struct Worker {
    pub(super) core: Core,
    pub(super) works: Works,
    pub(super) board: Arc<Board>,
    pub(super) metrics: Arc<Metrics>,
    /// None where there is no broker.
    pub(super) outbox: Option<Arc<Outbox>>,
    /// Where requests to Sparkplug B nodes go.
    pub(super) rebirths: mpsc::Sender<Rebirth>,
    /// Who writes raised alarms and mutes down.
    pub(super) keeper: BookKeeper,
    /// The streams that the board shows as live.
    pub(super) live: Arc<Vec<String>>,
    /// True once what waits shall be dropped: the program must end.
    pub(super) is_late: Arc<AtomicBool>,
}

impl Worker {
    /// Works until it is told to end.
    pub(super) fn run(mut self) {
        let mut facts = Vec::new();
        let mut show_at: Option<Instant> = None;
        let mut has_warned = false;
        let mut tick_at = Instant::now() + TICK;
        loop {
            self.board.note_round();
            let look_at = show_at.map_or(tick_at, |at| at.min(tick_at));
            match self.works.next(Some(look_at)) {
                Next::Work(Work::Samples(samples)) => self.samples(samples, &mut has_warned),
                Next::Work(Work::Infer(infer)) => self.infer(infer),
                Next::Work(Work::Swap(model, answer)) => {
                    let lines = Lines::new(&self.metrics, self.outbox.as_deref(), Instant::now());
                    let swapped = self.core.swap(*model, &mut |line| lines.send(line, None));
                    facts = self.core.facts();
                    self.show(&facts);
                    let _ = answer.send(swapped);
                }
                Next::Work(Work::TakeOut(name, answer)) => {
                    let lines = Lines::new(&self.metrics, self.outbox.as_deref(), Instant::now());
                    self.core.take_out(&name, &mut |line| lines.send(line, None));
                    facts = self.core.facts();
                    self.show(&facts);
                    let _ = answer.send(());
                }
                Next::Work(Work::ConnectionLost) => self.core.lose_connection(),
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
            if now >= tick_at {
                tick_at = now + TICK;
                let lines = Lines::new(&self.metrics, self.outbox.as_deref(), now);
                self.core.tick(now_ns(), &mut |line| lines.send(line, None));
            }
            self.keep_book();
            for rebirth in self.core.take_rebirths() {
                // Where it finds no place, the node is asked again a minute later.
                let _ = self.rebirths.try_send(rebirth);
            }
        }
        let lines = Lines::new(&self.metrics, self.outbox.as_deref(), Instant::now());
        self.core.finish(&mut |line| lines.send(line, None));
        self.keep_book();
        self.show(&facts);
    }

    fn show(&mut self, facts: &[Arc<ModelFacts>]) {
        if self.live.len() != self.core.streams() {
            self.live = Arc::new(self.core.stream_names());
        }
        let mut snapshot = Snapshot::of(&self.core, facts.to_vec());
        snapshot.live = Arc::clone(&self.live);
        self.board.show(snapshot);
    }

    /// Hands raised alarms and mutes on to whoever writes them down.
    fn keep_book(&mut self) {
        if let Some(book) = self.core.changed_book() {
            self.keeper.keep(book);
        }
    }

    fn infer(&mut self, infer: Infer) {
        let began = Instant::now();
        let outputs = self.core.infer(infer.artifact, &infer.windows, infer.count);
        let waited = began.duration_since(infer.asked);
        let inferred = outputs.map(|outputs| Inferred { outputs, waited, took: began.elapsed() });
        // Whoever asked may have gone.
        let _ = infer.answer.send(inferred);
    }

    fn samples(&mut self, samples: Samples, has_warned: &mut bool) {
        if self.is_late.load(Ordering::Relaxed) {
            self.metrics.late_messages.inc();
            return;
        }
        let Samples { origin, payload, arrival_ns, received, answer } = samples;
        let incoming = Incoming { origin: &origin, payload: &payload, arrival_ns };
        let lines = Lines::new(&self.metrics, self.outbox.as_deref(), received);
        let Some(answer) = answer else {
            let taken = self.core.message(incoming, &mut |line| lines.send(line, None));
            if let Err(refused) = taken {
                // A device that sends nonsense does so often: the counters tell how often.
                if !std::mem::replace(has_warned, true) {
                    tracing::warn!(?origin, %refused, "a message was dropped; more are only counted");
                }
                tracing::debug!(?origin, %refused, "a message was dropped");
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

    fn send(&self, line: Line<'_>, asker: Option<&mut Vec<String>>) {
        if line.kind == Kind::Result {
            self.metrics.window_duration.observe(line.engine_time.as_secs_f64());
        }
        if let Some(asker) = asker.filter(|_| line.kind == Kind::Result) {
            asker.push(line.json.clone());
        }
        if let Some(outbox) = self.outbox.filter(|_| line.is_published) {
            let payload = Bytes::from(line.json);
            outbox.push(Outgoing {
                kind: line.kind,
                stream: line.stream.to_owned(),
                payload,
                received: self.received,
            });
        }
    }
}
