//! Progress of a run, on a terminal, if it takes longer than two seconds.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::input::Input;

/// Short runs stay quiet.
const QUIET: Duration = Duration::from_secs(2);

/// Rows between two looks at the clock.
const ROWS: u64 = 1 << 12;

pub(super) struct Progress {
    size_bytes: Option<u64>,
    position_bytes: Arc<AtomicU64>,
    start: Instant,
    rows: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(input: &Input) -> Self {
        let is_seen = std::io::stderr().is_terminal() && !input.is_live;
        Progress {
            size_bytes: input.size_bytes.filter(|_| is_seen),
            position_bytes: Arc::clone(&input.position_bytes),
            start: Instant::now(),
            rows: 0,
            bar: None,
        }
    }

    pub(super) fn row(&mut self) {
        self.rows += 1;
        let Some(size_bytes) = self.size_bytes.filter(|_| self.rows.is_multiple_of(ROWS)) else {
            return;
        };
        if self.bar.is_none() && self.start.elapsed() >= QUIET {
            let template = "{wide_bar} {percent} % · {eta} left";
            let style = ProgressStyle::with_template(template).expect("the template is valid");
            self.bar = Some(ProgressBar::new(size_bytes).with_style(style));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.position_bytes.load(Ordering::Relaxed));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
