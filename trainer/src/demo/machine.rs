//! The demo's machine: a thread that publishes a simulated pump, one state after the other.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use model_format::protocol::TOPIC_PREFIX;

use super::NAME;
use super::make::CLASSES;
use crate::broker::BrokerReach;
use crate::progress::Progress;
use crate::simulated::publish::{Play, PlayError};
use crate::simulated::{Machine, Plan};

/// How long each state lasts.
const STATE_S: f64 = 20.0;

/// Seed of what is played: other machines than those that the model has learned from.
const SEED: u64 = 1_000_000;

/// Pause before the broker is tried again.
const PAUSE: Duration = Duration::from_secs(2);

/// The machine that plays.
#[derive(Debug)]
pub(crate) struct SimulatedMachine {
    stopped: Arc<AtomicBool>,
}

impl SimulatedMachine {
    /// Plays until it is stopped.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(crate) fn start(broker: BrokerReach) -> io::Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        let progress = Progress::figures(Arc::default(), Arc::clone(&stopped));
        let play = Play {
            broker,
            prefix: TOPIC_PREFIX.to_owned(),
            stream: NAME.to_owned(),
            repeat: true,
            speed: 1.0,
            chaos: 0.0,
        };
        let thread = std::thread::Builder::new().name("demo".to_owned());
        thread.spawn(move || play_on(&play, &progress))?;
        Ok(SimulatedMachine { stopped })
    }

    /// Stops it, within a message.
    pub(crate) fn stop(self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// Plays, and plays again where the broker was away.
fn play_on(play: &Play, progress: &Progress) {
    let plan = Plan {
        classes: CLASSES.map(str::to_owned).to_vec(),
        ..Plan::usual(Machine::Vibration, SEED, STATE_S)
    };
    while !progress.is_cancelled() {
        match play.run(&plan, progress) {
            Ok(_) | Err(PlayError::Cancelled(_)) => return,
            Err(error) => tracing::warn!(error = %error, "the demo's machine begins again"),
        }
        let again = Instant::now() + PAUSE;
        while Instant::now() < again && !progress.is_cancelled() {
            std::thread::sleep(PAUSE / 20);
        }
    }
}
