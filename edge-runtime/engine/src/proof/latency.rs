//! The time that one window takes, by an injected clock.

use super::Latency;
use crate::{Engine, EngineError};

/// Runs before the clock counts, so that buffers have their size and caches are warm.
const WARM_UP: usize = 20;
/// Windows that are timed, unless that takes too long.
const TIMED: usize = 200;
/// After this much time no further window is timed.
const TOTAL_NS_MAX: u64 = 1_000_000_000;

/// Times single windows, round and round. `None` where there is no window.
pub(super) fn measure(
    engine: &mut dyn Engine,
    windows: &[&[f32]],
    clock_ns: &dyn Fn() -> u64,
) -> Result<Option<Latency>, EngineError> {
    let mut times_ns: Vec<u64> = Vec::new();
    let mut total_ns = 0;
    for (at, window) in windows.iter().cycle().take(WARM_UP + TIMED).enumerate() {
        let start = clock_ns();
        engine.run(window, 1)?;
        let time_ns = clock_ns().saturating_sub(start);
        total_ns += time_ns;
        if at >= WARM_UP || total_ns > TOTAL_NS_MAX {
            times_ns.push(time_ns);
        }
        if total_ns > TOTAL_NS_MAX {
            break;
        }
    }
    times_ns.sort_unstable();
    let quantile_us = |share: f64| {
        let rank = (share * times_ns.len() as f64).ceil() as usize;
        times_ns.get(rank.max(1) - 1).map(|&ns| ns as f64 / 1e3)
    };
    Ok(quantile_us(0.5).zip(quantile_us(0.99)).map(|(p50_us, p99_us)| Latency {
        windows: times_ns.len() as u64,
        p50_us,
        p99_us,
    }))
}
