//! What systemd is told: that the program is ready, that it ends, and that its inference thread works.
//! Without systemd nothing is sent.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use super::board::Board;

/// How often a start that takes long is reported.
const START_PAUSE: Duration = Duration::from_secs(10);

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
/// that hangs is not reported, so that systemd starts the program anew.
pub(super) async fn watch(board: Arc<Board>, shutdown: CancellationToken) {
    let Some(patience) = sd_notify::watchdog_enabled() else { return };
    let mut rounds = 0;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause(patience)) => {}
            () = shutdown.cancelled() => return tell(&[NotifyState::Stopping]),
        }
        let now = board.rounds();
        if now != rounds {
            tell(&[NotifyState::Watchdog]);
        }
        rounds = now;
    }
}

/// Three times within systemd's patience, and not more often than the thread makes a round.
fn pause(patience: Duration) -> Duration {
    (patience / 3).max(Duration::from_millis(1500))
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd was not told");
    }
}
