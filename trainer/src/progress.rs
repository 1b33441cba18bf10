//! Progress on standard error, for whatever takes longer than two seconds.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Nothing is drawn before this: short commands stay quiet.
const QUIET: Duration = Duration::from_secs(2);

/// One bar that the stages of a command share; drawn only on a terminal.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    began: Instant,
    shown: Mutex<bool>,
}

impl Default for Progress {
    fn default() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg} {wide_bar} {percent} % · {eta} left")
            .expect("the template is valid");
        bar.set_style(style);
        Progress { bar, began: Instant::now(), shown: Mutex::new(false) }
    }
}

impl Progress {
    /// A new stage of so many steps.
    pub fn stage(&self, name: &'static str, steps: u64) {
        self.bar.set_message(name);
        self.bar.reset_eta();
        self.bar.set_length(steps);
        self.bar.set_position(0);
        self.show();
    }

    /// One step is done.
    pub fn step(&self) {
        self.bar.inc(1);
        self.show();
    }

    /// So many steps are done.
    pub fn set(&self, steps: u64) {
        self.bar.set_position(steps);
        self.show();
    }

    fn show(&self) {
        if self.began.elapsed() < QUIET {
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !*shown {
            *shown = true;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
