//! A child process that is started again where it dies, and ends with this one: its standard input
//! is a pipe, whose end it takes as its own.

use std::fmt;
use std::io;
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often it is looked at, and the first pause before it is started again.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Longest pause before it is started again.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Whatever lived for so long is started again at once.
const LONG_LIFE: Duration = Duration::from_secs(60);

/// How long it may take to end by itself.
const END_MAX: Duration = Duration::from_secs(5);

/// A child that is watched.
#[derive(Debug)]
pub(crate) struct Supervised {
    what: &'static str,
    stop: Arc<(Mutex<bool>, Condvar)>,
    watcher: JoinHandle<()>,
}

impl Supervised {
    /// Watches a child; `start` starts another one in its place. `what` names it in the log.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(crate) fn watch<E: fmt::Display>(
        what: &'static str,
        child: Child,
        start: impl FnMut() -> Result<Child, E> + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let watched = Arc::clone(&stop);
        let watch = move || watch(what, child, start, &watched);
        let watcher = std::thread::Builder::new().name("child".to_owned()).spawn(watch)?;
        Ok(Supervised { what, stop, watcher })
    }

    /// Ends it.
    pub(crate) fn stop(self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if self.watcher.join().is_err() {
            tracing::error!(what = self.what, "the thread that watches a program panicked");
        }
    }
}

fn watch<E: fmt::Display>(
    what: &'static str,
    mut child: Child,
    mut start: impl FnMut() -> Result<Child, E>,
    stop: &(Mutex<bool>, Condvar),
) {
    let (mut pause, mut began) = (LOOK_EVERY, Instant::now());
    loop {
        let lives = matches!(child.try_wait(), Ok(None));
        if lives && began.elapsed() > LONG_LIFE {
            pause = LOOK_EVERY;
        }
        if is_stopped(stop, if lives { LOOK_EVERY } else { pause }) {
            break;
        }
        if lives {
            continue;
        }
        pause = (pause * 2).min(PAUSE_MAX);
        tracing::error!(what, "a program died and is started again");
        match start() {
            Ok(again) => (child, began) = (again, Instant::now()),
            Err(error) => tracing::error!(what, error = %error, "a program does not start"),
        }
    }
    end(child);
}

/// Waits so long, or until it is to end; true where it is.
fn is_stopped(stop: &(Mutex<bool>, Condvar), time: Duration) -> bool {
    let stopped = stop.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = stop.1.wait_timeout_while(stopped, time, |stopped| !*stopped);
    *waited.unwrap_or_else(PoisonError::into_inner).0
}

/// Ends a child: its input ends, and if that does not end it, it is killed.
pub(crate) fn end(mut child: Child) {
    drop(child.stdin.take());
    let deadline = Instant::now() + END_MAX;
    while Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // It may end between the look and the kill: nothing is lost then.
    let _ = child.kill();
    let _ = child.wait();
}
