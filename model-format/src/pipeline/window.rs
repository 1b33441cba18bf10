//! Windows in seconds, as people give them, turned into samples, and a proposal where none is given.

use super::{PipelineError, STRIDE_LENGTHS_MAX, WINDOW_SAMPLES_MAX, Window};

/// How long a proposed window lasts where the recordings allow it.
const PROPOSED_S: f64 = 1.0;
/// Fewer samples than this make poor statistics and no spectrum.
const PROPOSED_SAMPLES_MIN: u32 = 64;
/// More samples than this cost time and gain little: the frequencies are fine enough.
const PROPOSED_SAMPLES_MAX: u32 = 4096;
/// A segment should give at least this many windows' worth of samples.
const WINDOWS_PER_SEGMENT_MIN: u64 = 4;

impl Window {
    /// The window that lasts `length_s` seconds and starts every `stride_s` seconds, at `rate_hz`
    /// samples per second, rounded to whole samples.
    ///
    /// # Errors
    /// A length or stride that is not finite, shorter than one sample or longer than a window may
    /// be; the message gives the nearest possible seconds.
    pub fn from_seconds(
        length_s: f64,
        stride_s: f64,
        rate_hz: f64,
    ) -> Result<Window, PipelineError> {
        let length_samples =
            samples("window.length_samples", length_s, rate_hz, WINDOW_SAMPLES_MAX)?;
        let stride_max = length_samples * STRIDE_LENGTHS_MAX;
        let stride_samples = samples("window.stride_samples", stride_s, rate_hz, stride_max)?;
        Ok(Window { length_samples, stride_samples })
    }

    /// A window for recordings at `rate_hz` whose shortest segment has this many samples, and why.
    ///
    /// One second, but at least 64 and at most 4096 samples, a power of two so that spectra are
    /// cheap, and no longer than a quarter of the shortest segment, so that each gives several
    /// windows; half overlapping. Without a rate every row is a window of its own.
    pub fn propose(rate_hz: Option<f64>, shortest_segment_samples: u64) -> (Window, String) {
        let Some(rate_hz) = rate_hz.filter(|hz| hz.is_finite() && *hz > 0.0) else {
            let reason = "every row stands for itself: the recordings have no sampling rate";
            return (Window { length_samples: 1, stride_samples: 1 }, reason.to_owned());
        };
        let (least, most) = (f64::from(PROPOSED_SAMPLES_MIN), f64::from(PROPOSED_SAMPLES_MAX));
        let wanted = (PROPOSED_S * rate_hz).clamp(least, most).round() as u32;
        let wanted = wanted.next_power_of_two().min(PROPOSED_SAMPLES_MAX);
        let fits =
            (shortest_segment_samples / WINDOWS_PER_SEGMENT_MIN).clamp(1, u64::from(u32::MAX));
        let length_samples = wanted.min(floor_power_of_two(fits as u32));
        let stride_samples = (length_samples / 2).max(1);
        let seconds = f64::from(length_samples) / rate_hz;
        let why = if length_samples < wanted {
            format!(
                "a quarter of the shortest segment ({shortest_segment_samples} samples) or less, so \
                 that it gives several windows"
            )
        } else if rate_hz <= least {
            format!(
                "at least {PROPOSED_SAMPLES_MIN} samples, so that statistics and spectra are steady"
            )
        } else if rate_hz >= most {
            format!("at most {PROPOSED_SAMPLES_MAX} samples, which resolve frequency finely enough")
        } else {
            "about one second, long enough for most machines' periods".to_owned()
        };
        let reason = format!(
            "{length_samples} samples ({seconds:.3} s at {rate_hz} Hz) with half overlap: {why}; a \
             power of two keeps spectra cheap"
        );
        (Window { length_samples, stride_samples }, reason)
    }
}

fn floor_power_of_two(value: u32) -> u32 {
    1 << (31 - value.max(1).leading_zeros())
}

fn samples(field: &str, seconds: f64, rate_hz: f64, most: u32) -> Result<u32, PipelineError> {
    let samples = (seconds * rate_hz).round();
    if samples >= 1.0 && samples <= f64::from(most) {
        return Ok(samples as u32);
    }
    let (least_s, most_s) = (1.0 / rate_hz, f64::from(most) / rate_hz);
    Err(PipelineError {
        field: field.to_owned(),
        found: format!("{seconds} s at {rate_hz} Hz"),
        change: format!("give {least_s} to {most_s} seconds (1 to {most} samples at this rate)"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_the_nearest_whole_samples() {
        let window = Window::from_seconds(2.0, 0.5, 62.5).unwrap();
        assert_eq!(window, Window { length_samples: 125, stride_samples: 31 });
    }

    #[test]
    fn impossible_seconds_are_refused_with_the_possible_ones() {
        for (length_s, stride_s, field) in [
            (0.001, 1.0, "window.length_samples"),
            (f64::NAN, 1.0, "window.length_samples"),
            (1e9, 1.0, "window.length_samples"),
            (1.0, 0.0, "window.stride_samples"),
            (1.0, 17.0, "window.stride_samples"),
            (1.0, -1.0, "window.stride_samples"),
        ] {
            let error = Window::from_seconds(length_s, stride_s, 100.0).unwrap_err();
            assert_eq!(error.field, field);
            assert!(error.change.starts_with("give 0.01 to "), "{error}");
        }
    }

    #[test]
    fn a_proposal_fits_the_rate_and_the_shortest_segment() {
        let length = |hz, shortest| Window::propose(hz, shortest).0.length_samples;
        assert_eq!(length(Some(100.0), 100_000), 128);
        assert_eq!(length(Some(1.0), 100_000), 64);
        assert_eq!(length(Some(48_000.0), 1_000_000), 4096);
        assert_eq!(length(Some(100.0), 200), 32);
        assert_eq!(length(Some(100.0), 0), 1);
        assert_eq!(length(None, 100_000), 1);
        let (_, reason) = Window::propose(Some(100.0), 200);
        assert!(reason.contains("shortest segment (200 samples)"), "{reason}");
    }
}
