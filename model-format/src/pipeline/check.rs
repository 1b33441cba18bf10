//! The one place where a pipeline's fields are checked, each refusal naming field, value and remedy.

mod machine;

use std::collections::HashSet;

use super::{
    AGE_MS_MAX, Align, AlignMethod, CHANNELS_MAX, FEATURES_MAX, Fill, Gap, HELD_ROWS_MAX,
    HELD_VALUES_MAX, INTERVAL_MS_MAX, LATENESS_MS_MAX, Mismatch, NAME_BYTES_MAX, Pipeline,
    PipelineError, RATE_HZ_MAX, Rate, STRIDE_LENGTHS_MAX, TOLERANCE_MAX, TimeSource,
    WINDOW_SAMPLES_MAX, WINDOW_VALUES_MAX, Window,
};

impl Pipeline {
    /// Checks every field and how the fields fit together. The names of features are looked up by
    /// the feature plan, not here; without features, a graph reads the windows themselves.
    ///
    /// # Errors
    /// The first field that cannot stand, in the order of the JSON.
    pub fn check(&self) -> Result<(), PipelineError> {
        check_channels(self)?;
        check_rate(&self.rate)?;
        check_arrival(self)?;
        check_lateness(self)?;
        check_aligns(self)?;
        check_window(self.window, self.channels.len())?;
        check_gap(&self.gap, self.window)?;
        check_interval(self)?;
        machine::check_machine(self)?;
        check_features(&self.features)
    }
}

fn refuse(field: impl Into<String>, found: impl Into<String>, change: &str) -> PipelineError {
    PipelineError { field: field.into(), found: found.into(), change: change.to_owned() }
}

fn check_channels(pipeline: &Pipeline) -> Result<(), PipelineError> {
    let count = pipeline.channels.len();
    if count == 0 || count > CHANNELS_MAX {
        let change = format!("name 1 to {CHANNELS_MAX} channels");
        return Err(refuse("channels", format!("{count} channels"), &change));
    }
    let mut seen = HashSet::new();
    for (index, channel) in pipeline.channels.iter().enumerate() {
        let name = channel.name.as_str();
        let field = || format!("channels[{index}].name");
        check_name(name).map_err(|change| refuse(field(), quoted(name), &change))?;
        if !seen.insert(name) {
            return Err(refuse(field(), quoted(name), "give each channel a name of its own"));
        }
        if channel.unit.as_ref().is_some_and(|unit| unit.len() > NAME_BYTES_MAX) {
            let change = format!("write the unit in at most {NAME_BYTES_MAX} bytes");
            return Err(refuse(format!("channels[{index}].unit"), "a longer text", &change));
        }
    }
    Ok(())
}

/// A dot is allowed: a feature `channel.name` is split at its last dot, and no feature's own name
/// has one.
fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(format!("use a name of 1 to {NAME_BYTES_MAX} bytes"));
    }
    if name.trim() != name {
        return Err("remove the spaces around the name".to_owned());
    }
    if name.chars().any(char::is_control) {
        return Err("remove the control characters".to_owned());
    }
    Ok(())
}

fn check_rate(rate: &Rate) -> Result<(), PipelineError> {
    let Rate::Fixed { hz, tolerance, .. } = *rate else { return Ok(()) };
    if !(hz.is_finite() && hz > 0.0 && hz <= RATE_HZ_MAX) {
        let change = format!(
            "give samples per second, above 0 and at most {RATE_HZ_MAX}, or use the rate \"none\" for \
             rows without one"
        );
        return Err(refuse("rate.fixed.hz", hz.to_string(), &change));
    }
    if !(0.0..=TOLERANCE_MAX).contains(&tolerance) {
        let change = format!(
            "give the accepted relative deviation, 0 to {TOLERANCE_MAX} (0.05 accepts 5 %)"
        );
        return Err(refuse("rate.fixed.tolerance", tolerance.to_string(), &change));
    }
    Ok(())
}

fn check_arrival(pipeline: &Pipeline) -> Result<(), PipelineError> {
    let resamples = matches!(pipeline.rate, Rate::Fixed { mismatch: Mismatch::Resample, .. });
    if pipeline.time == TimeSource::Arrival && resamples {
        let change = "choose \"refuse\", or the time \"event\": arrival times say when a message came, \
                      not when a sample was taken, and cannot be resampled";
        return Err(refuse(
            "rate.fixed.mismatch",
            "\"resample\" with the time \"arrival\"",
            change,
        ));
    }
    Ok(())
}

fn check_lateness(pipeline: &Pipeline) -> Result<(), PipelineError> {
    let lateness_ms = pipeline.lateness_ms;
    if lateness_ms > LATENESS_MS_MAX {
        let change = format!("allow at most {LATENESS_MS_MAX} ms");
        return Err(refuse("lateness_ms", lateness_ms.to_string(), &change));
    }
    check_held_rows(pipeline, "lateness_ms", lateness_ms)
}

/// A wait holds rows back; how many is bounded.
fn check_held_rows(pipeline: &Pipeline, field: &str, wait_ms: u32) -> Result<(), PipelineError> {
    let Some(hz) = pipeline.rate.hz() else { return Ok(()) };
    let rows_max = held_rows_max(pipeline.channels.len());
    if f64::from(wait_ms) / 1e3 * hz <= rows_max as f64 {
        return Ok(());
    }
    let wait_max_ms = (rows_max as f64 * 1e3 / hz).floor();
    let found = format!("{wait_ms} ms at {hz} Hz");
    let change =
        format!("wait at most {wait_max_ms} ms: no more than {rows_max} samples are held back");
    Err(refuse(field, found, &change))
}

/// How many rows of this many channels a stage may hold back.
pub(crate) fn held_rows_max(channels: usize) -> usize {
    HELD_ROWS_MAX.min(HELD_VALUES_MAX / channels.max(1))
}

fn check_aligns(pipeline: &Pipeline) -> Result<(), PipelineError> {
    let aligned = |channel: &super::Channel| channel.align.is_some();
    if pipeline.channels.iter().all(aligned) {
        let change = "leave \"align\" out of at least one channel: its samples are the clock that \
                      the others are carried to";
        return Err(refuse("channels", "\"align\" in every channel", change));
    }
    for (index, channel) in pipeline.channels.iter().enumerate() {
        let Some(Align { method, age_max_ms }) = channel.align else { continue };
        let field = format!("channels[{index}].align");
        if pipeline.rate == Rate::None {
            let change = "remove \"align\", or give the pipeline a fixed rate: without a rate \
                          there is no clock to carry values to";
            return Err(refuse(field, "an alignment with the rate \"none\"", change));
        }
        let field = field + ".age_max_ms";
        if age_max_ms == 0 || age_max_ms > AGE_MS_MAX {
            let change = format!("let a value count for 1 to {AGE_MS_MAX} ms");
            return Err(refuse(field, age_max_ms.to_string(), &change));
        }
        if method == AlignMethod::Linear {
            check_held_rows(pipeline, &field, age_max_ms)?;
        }
    }
    Ok(())
}

fn check_window(window: Window, channels: usize) -> Result<(), PipelineError> {
    let Window { length_samples: length, stride_samples: stride } = window;
    if length == 0 || length > WINDOW_SAMPLES_MAX {
        let change = format!("use windows of 1 to {WINDOW_SAMPLES_MAX} samples");
        return Err(refuse("window.length_samples", length.to_string(), &change));
    }
    if length as usize * channels > WINDOW_VALUES_MAX {
        let found = format!("{length} samples of {channels} channels");
        let change = format!(
            "use at most {} samples: a window holds at most {WINDOW_VALUES_MAX} values",
            WINDOW_VALUES_MAX / channels
        );
        return Err(refuse("window.length_samples", found, &change));
    }
    let stride_max = length * STRIDE_LENGTHS_MAX;
    if stride == 0 || stride > stride_max {
        let change = format!(
            "use a stride of 1 to {stride_max} samples ({STRIDE_LENGTHS_MAX} window lengths)"
        );
        return Err(refuse("window.stride_samples", stride.to_string(), &change));
    }
    Ok(())
}

fn check_gap(gap: &Gap, window: Window) -> Result<(), PipelineError> {
    let Gap { max_samples, fill, .. } = *gap;
    match fill {
        Fill::None if max_samples > 0 => {
            let found = format!("{max_samples} with the fill \"none\"");
            let change = "choose the fill \"hold\" or \"linear\", or set 0: unfilled gaps end the \
                          segment";
            return Err(refuse("gap.max_samples", found, change));
        }
        Fill::Hold | Fill::Linear if max_samples == 0 => {
            let change = "set gap.max_samples to the longest gap to fill, or the fill to \"none\"";
            return Err(refuse("gap.fill", "a fill with gap.max_samples 0", change));
        }
        _ => {}
    }
    if max_samples > window.length_samples {
        let change = format!(
            "fill at most {} samples, the window's length: a longer fill makes windows without \
             one measured value",
            window.length_samples
        );
        return Err(refuse("gap.max_samples", max_samples.to_string(), &change));
    }
    Ok(())
}

fn check_interval(pipeline: &Pipeline) -> Result<(), PipelineError> {
    let Some(interval_max_ms) = pipeline.gap.interval_max_ms else { return Ok(()) };
    let field = "gap.interval_max_ms";
    if pipeline.rate != Rate::None {
        let change = "remove it, or set the rate to \"none\": with a rate, gaps are seen by its intervals, \
                      and gap.max_samples says which are filled";
        return Err(refuse(field, format!("{interval_max_ms} ms with a rate"), change));
    }
    if !(1..=INTERVAL_MS_MAX).contains(&interval_max_ms) {
        let change = format!("give 1 to {INTERVAL_MS_MAX} ms");
        return Err(refuse(field, interval_max_ms.to_string(), &change));
    }
    Ok(())
}

fn check_features(features: &[String]) -> Result<(), PipelineError> {
    let count = features.len();
    if count > FEATURES_MAX {
        let change = format!("name at most {FEATURES_MAX} features as \"channel.name\"");
        return Err(refuse("features", format!("{count} features"), &change));
    }
    let mut seen = HashSet::new();
    for (index, feature) in features.iter().enumerate() {
        if !seen.insert(feature) {
            let field = format!("features[{index}]");
            return Err(refuse(field, quoted(feature), "name each feature once"));
        }
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    format!("{short:?}")
}
