//! What a window looks like, and the check that windows look like that.

use crate::EngineError;

/// The most windows that one call may bring: bounds the memory of a call.
pub const WINDOWS_MAX: usize = 65_536;

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

    /// Checks the number of values and that all are finite.
    pub(crate) fn check(&self, windows: &[f32], count: usize) -> Result<(), EngineError> {
        let window_values = self.window_values();
        if count > WINDOWS_MAX {
            return Err(EngineError::TooMany { count, limit: WINDOWS_MAX });
        }
        if windows.len() != count * window_values {
            let shape = self.window_shape.iter().map(usize::to_string).collect::<Vec<_>>();
            let found = windows.len();
            let shape = shape.join(" x ");
            return Err(EngineError::Length { count, window_values, shape, found });
        }
        // A finite value times zero is zero, anything else is NaN: one branch for all values.
        let sum: f32 = windows.iter().map(|value| value * 0.0).sum();
        if sum == 0.0 {
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
