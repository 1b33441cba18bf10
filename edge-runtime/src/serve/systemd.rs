//! What systemd is told: that the program is ready, that it ends, and that its inference thread works.
//! Without systemd nothing is sent; `/health` tells of a thread that hangs in any case.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use super::board::Board;

/// How often a start that takes long is reported.
const START_PAUSE: Duration = Duration::from_secs(10);

/// How long the inference thread may hang where systemd does not say it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the thread is looked at within the patience.
const LOOKS: u32 = 3;

/// The program has understood its arguments and works.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Waits for something that must come before the service, such as a trainer that answers, without
/// being taken for a program that does not start.
pub(crate) async fn starting<T>(work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        let more_us = 3 * START_PAUSE.as_micros() as u32;
        tell(&[NotifyState::ExtendTimeoutUsec(more_us)]);
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(START_PAUSE) => {}
        }
    }
}

/// Tells systemd again and again that the inference thread works, until the program ends. A thread
/// that hangs is not reported, so that systemd starts the program anew; `/health` fails then.
pub(super) async fn watch(board: Arc<Board>, shutdown: CancellationToken) {
    let asked = sd_notify::watchdog_enabled();
    let pause = pause(asked.unwrap_or(PATIENCE));
    let (mut rounds, mut looks_in_vain) = (board.rounds(), 0);
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.cancelled() => return tell(&[NotifyState::Stopping]),
        }
        let now = board.rounds();
        looks_in_vain = if now == rounds { looks_in_vain + 1 } else { 0 };
        rounds = now;
        board.set_stuck(looks_in_vain >= LOOKS);
        if looks_in_vain == 0 && asked.is_some() {
            tell(&[NotifyState::Watchdog]);
        }
    }
}

/// Some times within the patience, and not more often than the thread makes a round.
fn pause(patience: Duration) -> Duration {
    (patience / LOOKS).max(Duration::from_millis(1500))
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd was not told");
    }
}
