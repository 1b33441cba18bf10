//! What a window looks like, and the check that windows look like that.

use crate::{EngineError, Outputs};

/// The most windows that one call may bring: bounds the memory of a call.
const WINDOWS_MAX: usize = 65_536;
/// Windows that an engine is given at once: bounds what lies between the nodes of a graph.
const PART_WINDOWS: usize = 256;

/// What a model takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Dimensions of one window, without the batch: `[samples, channels]` for our artifacts.
    pub window_shape: Vec<usize>,
    /// Names of the channels; empty where the model does not say.
    pub channels: Vec<String>,
    /// True where the model takes exactly one window at a time; more are then run one by one.
    pub one_at_a_time: bool,
}

impl Layout {
    /// Values in one window.
    pub fn window_values(&self) -> usize {
        self.window_shape.iter().product()
    }

    /// Checks the windows and gives them to `run` in parts; `run` adds its answers to `answers`.
    pub(crate) fn in_parts(
        &self,
        windows: &[f32],
        count: usize,
        mut answers: Outputs,
        mut run: impl FnMut(&[f32], usize, &mut Outputs) -> Result<(), EngineError>,
    ) -> Result<Outputs, EngineError> {
        self.check(windows, count)?;
        let part_windows = if self.one_at_a_time { 1 } else { PART_WINDOWS };
        let window_values = self.window_values();
        let mut done = 0;
        while done < count {
            let part = part_windows.min(count - done);
            run(&windows[done * window_values..][..part * window_values], part, &mut answers)?;
            done += part;
        }
        Ok(answers)
    }

    /// Checks the number of values and that all are finite.
    fn check(&self, windows: &[f32], count: usize) -> Result<(), EngineError> {
        let window_values = self.window_values();
        if count > WINDOWS_MAX {
            return Err(EngineError::TooMany { count, limit: WINDOWS_MAX });
        }
        if windows.len() != count * window_values {
            let shape = self.window_shape.iter().map(usize::to_string).collect::<Vec<_>>();
            let (shape, found) = (shape.join(" x "), windows.len());
            return Err(EngineError::Length { count, window_values, shape, found });
        }
        // A finite value times zero is zero, anything else is NaN: one branch for all values.
        let mut sums = [0.0_f32; 16];
        let parts = windows.chunks_exact(sums.len());
        let rest: f32 = parts.remainder().iter().map(|value| value * 0.0).sum();
        for part in parts {
            sums.iter_mut().zip(part).for_each(|(sum, value)| *sum += value * 0.0);
        }
        if sums.iter().sum::<f32>() + rest == 0.0 {
            return Ok(());
        }
        match windows.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(at) => Err(self.not_finite(at, windows[at])),
        }
    }

    fn not_finite(&self, at: usize, value: f32) -> EngineError {
        let channels = self.window_shape.last().copied().unwrap_or(1).max(1);
        let in_window = at % self.window_values();
        let channel = in_window % channels;
        EngineError::NotFinite {
            window: at / self.window_values(),
            sample: in_window / channels,
            channel: self.channels.get(channel).cloned().unwrap_or_else(|| channel.to_string()),
            value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_given_in_parts_and_answers_keep_their_order() {
        for one_at_a_time in [false, true] {
            let layout = Layout { one_at_a_time, ..layout() };
            let windows: Vec<f32> = (0..8 * 600).map(|at| (at / 8) as f32).collect();
            let mut largest = 0;
            let outputs = layout
                .in_parts(&windows, 600, Outputs::with_capacity(600, 1, false), |part, n, out| {
                    largest = largest.max(n);
                    out.floats.extend(part.chunks(8).map(|window| window[0]));
                    Ok(())
                })
                .unwrap();
            assert_eq!(largest, if one_at_a_time { 1 } else { PART_WINDOWS });
            assert!(outputs.floats.iter().enumerate().all(|(at, &value)| value == at as f32));
        }
    }

    fn layout() -> Layout {
        Layout {
            window_shape: vec![4, 2],
            channels: vec!["x".into(), "y".into()],
            one_at_a_time: false,
        }
    }

    #[test]
    fn a_value_that_is_not_finite_is_named_by_window_sample_and_channel() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut windows = vec![1e38; 16];
            assert!(layout().check(&windows, 2).is_ok());
            windows[8 + 2 * 3 + 1] = value;
            let text = layout().check(&windows, 2).unwrap_err().to_string();
            assert!(text.contains("window 1, sample 3, channel y"), "{text}");
        }
    }

    #[test]
    fn a_wrong_number_of_values_is_refused_with_what_was_expected() {
        let text = layout().check(&[0.0; 15], 2).unwrap_err().to_string();
        assert!(text.contains("2 windows of 8 values (4 x 2)") && text.contains("15"), "{text}");
        assert!(matches!(
            layout().check(&[], usize::MAX),
            Err(EngineError::TooMany { limit: WINDOWS_MAX, .. })
        ));
        assert!(layout().check(&[], 0).is_ok());
    }
}
