//! Progress of whatever takes longer than two seconds: a bar on a terminal, or figures that others
//! look at; and the wish to end it early.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use utoipa::ToSchema;

/// Nothing is drawn before this: short commands stay quiet.
const QUIET: Duration = Duration::from_secs(2);

/// How far some work is. Its stages follow one another.
#[derive(Debug)]
pub struct Progress {
    shown: Shown,
    cancelled: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Shown {
    /// One bar that the stages of a command share; drawn only on a terminal.
    Bar { bar: ProgressBar, began: Instant, drawn: Mutex<bool> },
    /// Figures for others to look at.
    Figures(Arc<Figures>),
}

/// How far a job is, for others to look at while it goes on.
#[derive(Debug, Default)]
pub struct Figures {
    stage: Mutex<&'static str>,
    done: AtomicU64,
    total: AtomicU64,
}

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Standing {
    /// What is being done.
    #[schema(value_type = String)]
    pub stage: &'static str,
    /// Steps of the stage that are done.
    pub done: u64,
    /// Steps of the stage.
    pub total: u64,
}

/// Work that was ended early, as somebody wished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it was cancelled")]
pub struct Cancelled;

impl Default for Progress {
    fn default() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg} {wide_bar} {percent} % · {eta} left")
            .expect("the template is valid");
        bar.set_style(style);
        let shown = Shown::Bar { bar, began: Instant::now(), drawn: Mutex::new(false) };
        Progress { shown, cancelled: Arc::default() }
    }
}

impl Progress {
    /// Progress that is told in figures, and the flag that ends the work early.
    pub fn figures(figures: Arc<Figures>, cancelled: Arc<AtomicBool>) -> Self {
        Progress { shown: Shown::Figures(figures), cancelled }
    }

    /// A new stage of so many steps.
    pub fn stage(&self, name: &'static str, steps: u64) {
        match &self.shown {
            Shown::Bar { bar, .. } => {
                bar.set_message(name);
                bar.reset_eta();
                bar.set_length(steps);
                bar.set_position(0);
                self.draw();
            }
            Shown::Figures(figures) => {
                *figures.stage.lock().unwrap_or_else(PoisonError::into_inner) = name;
                figures.done.store(0, Ordering::Relaxed);
                figures.total.store(steps, Ordering::Relaxed);
            }
        }
    }

    /// One step is done.
    pub fn step(&self) {
        match &self.shown {
            Shown::Bar { bar, .. } => {
                bar.inc(1);
                self.draw();
            }
            Shown::Figures(figures) => {
                figures.done.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// So many steps are done.
    pub fn set(&self, steps: u64) {
        match &self.shown {
            Shown::Bar { bar, .. } => {
                bar.set_position(steps);
                self.draw();
            }
            Shown::Figures(figures) => figures.done.store(steps, Ordering::Relaxed),
        }
    }

    /// So many steps are done, of so many.
    pub fn reach(&self, steps: u64, total: u64) {
        match &self.shown {
            Shown::Bar { bar, .. } => bar.set_length(total),
            Shown::Figures(figures) => figures.total.store(total, Ordering::Relaxed),
        }
        self.set(steps);
    }

    /// Whether somebody wishes the work to end early.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Ends work that somebody wishes to end early.
    ///
    /// # Errors
    /// [`Cancelled`], where that is so.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    fn draw(&self) {
        let Shown::Bar { bar, began, drawn } = &self.shown else { return };
        if began.elapsed() < QUIET {
            return;
        }
        let mut drawn = drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if !*drawn {
            *drawn = true;
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Bar { bar, .. } = &self.shown {
            bar.finish_and_clear();
        }
    }
}

impl Figures {
    /// How far the work is now.
    pub fn standing(&self) -> Standing {
        Standing {
            stage: *self.stage.lock().unwrap_or_else(PoisonError::into_inner),
            done: self.done.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
        }
    }
}
