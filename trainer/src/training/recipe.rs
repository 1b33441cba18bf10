//! From settings and a dataset to a pipeline: channels, rate, window, features; and why.

use learn::estimator::Estimator;
use model_format::manifest::Task;
use model_format::pipeline::{Channel, Mismatch, Pipeline, Rate, TimeSource, Window};
use model_format::signal::features::{
    CATALOGUE, Family, Feature, FeatureError, FeaturePlan, Needs, check_machine_is_read, find,
    instead_of, look_back,
};

use super::TrainError;
use super::machine::{self, speed_channel};
use super::settings::{Extent, PipelineSettings, RateChoice, Selection, Settings, TargetName};
use crate::nearest::{hint, nearest};
use crate::recording::Role;
use crate::store::Entry;

/// Rates of recordings that differ by less count as one.
const RATE_TOLERANCE: f64 = 0.05;

/// The most values in a window: the limit of the artifact format.
const WINDOW_VALUES_MAX: u64 = 65_536;

/// A pipeline, and what was decided on the user's behalf, in sentences.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recipe {
    pub(crate) pipeline: Pipeline,
    pub(crate) notes: Vec<String>,
    /// True where each row is answered for itself.
    pub(crate) rows: bool,
}

/// Builds the pipeline that these settings ask for on these recordings.
pub(crate) fn recipe(
    settings: &PipelineSettings,
    selection: &Selection,
    entries: &[Entry],
) -> Result<Recipe, TrainError> {
    let mut recipe = frame(settings, selection, entries, &mut |_| Ok(settings.window))?;
    let Recipe { pipeline, notes, rows } = &mut recipe;
    let asked = &settings.features;
    let read: Vec<&Feature> =
        CATALOGUE.iter().copied().filter(|feature| asks_for(asked, feature)).collect();
    machine::propose(&read, pipeline, notes);
    pipeline.check().map_err(FeatureError::from)?;
    pipeline.features = features(asked, *rows, pipeline, notes)?;
    FeaturePlan::new(pipeline).map_err(machine::with_option)?;
    check_machine_is_read(pipeline)?;
    Ok(recipe)
}

/// The pipeline without features; `length` decides the window, if it can, from the number of
/// channels.
pub(crate) fn frame(
    settings: &PipelineSettings,
    selection: &Selection,
    entries: &[Entry],
    length: &mut dyn FnMut(usize) -> Result<Option<Extent>, TrainError>,
) -> Result<Recipe, TrainError> {
    let mut notes = Vec::new();
    let channels = channels(settings, selection, entries, &mut notes)?;
    let rate = rate(settings, entries)?;
    let settings = &PipelineSettings { window: length(channels.len())?, ..settings.clone() };
    let rows = by_row(settings, &rate)?;
    let window = match rows {
        true => row_window(settings, &rate, &mut notes)?,
        false => window(settings, entries, channels.len(), &rate, &mut notes)?,
    };
    check_length(window.length_samples, entries, &rate)?;
    let pipeline = Pipeline {
        channels,
        time: TimeSource::Event,
        lateness_ms: 0,
        rate,
        gap: settings.gap.clone(),
        window,
        machine: settings.machine.clone(),
        features: Vec::new(),
    };
    Ok(Recipe { pipeline, notes, rows })
}

fn channels(
    settings: &PipelineSettings,
    selection: &Selection,
    entries: &[Entry],
    notes: &mut Vec<String>,
) -> Result<Vec<Channel>, TrainError> {
    let target = match &selection.target {
        Some(TargetName::Channel(name)) => Some(name),
        _ => None,
    };
    let first = &entries[0].info;
    let known = || first.channels.iter().map(|channel| channel.name.as_str());
    let named = settings.channels.iter().chain(&settings.without_channels).chain(target);
    for name in named {
        if !known().any(|channel| channel == name) {
            let (recording, channel) = (first.name.clone(), name.clone());
            return Err(TrainError::NoChannel {
                recording,
                channel,
                hint: hint(&nearest(name, known())),
            });
        }
    }
    let wanted = |name: &str, role: Role| match settings.channels.is_empty() {
        true => role == Role::Input,
        false => settings.channels.iter().any(|channel| channel == name),
    };
    let everywhere = |name: &str| {
        entries.iter().all(|entry| entry.info.channels.iter().any(|channel| channel.name == name))
    };
    let mut inputs = Vec::new();
    for channel in &first.channels {
        let excluded =
            Some(&channel.name) == target || settings.without_channels.contains(&channel.name);
        if excluded || !wanted(&channel.name, channel.role) {
            continue;
        }
        if everywhere(&channel.name) {
            let (name, unit) = (channel.name.clone(), channel.unit.clone());
            inputs.push(Channel { name, unit, align: None });
        } else {
            notes.push(format!("channel {} is no input: not every recording has it", channel.name));
        }
    }
    // The order of --channels is the order in the window.
    if !settings.channels.is_empty() {
        inputs.sort_by_key(|input| settings.channels.iter().position(|name| *name == input.name));
    }
    if inputs.is_empty() {
        return Err(TrainError::NoInputs { known: known().map(str::to_owned).collect() });
    }
    Ok(inputs)
}

pub(super) fn rate(settings: &PipelineSettings, entries: &[Entry]) -> Result<Rate, TrainError> {
    let mismatch = if settings.resample { Mismatch::Resample } else { Mismatch::Refuse };
    let fixed = |hz| Rate::Fixed { hz, tolerance: RATE_TOLERANCE, mismatch };
    match settings.rate {
        RateChoice::None => return Ok(Rate::None),
        RateChoice::Hz(hz) => return Ok(fixed(hz)),
        RateChoice::Recorded => {}
    }
    let first = &entries[0].info;
    for entry in entries {
        let same = match (first.rate_hz, entry.info.rate_hz) {
            (Some(a), Some(b)) => (a - b).abs() <= RATE_TOLERANCE * a,
            (None, None) => true,
            _ => false,
        };
        if !same {
            return Err(TrainError::Rates {
                first: first.name.clone(),
                first_rate: describe_rate(first.rate_hz),
                second: entry.info.name.clone(),
                second_rate: describe_rate(entry.info.rate_hz),
            });
        }
    }
    Ok(first.rate_hz.map_or(Rate::None, |hz| fixed(tidy(hz))))
}

/// A measured rate that is a whole number but for the clock's ticks is that number.
fn tidy(hz: f64) -> f64 {
    let whole = hz.round();
    if whole > 0.0 && (hz - whole).abs() < 1e-3 * whole { whole } else { hz }
}

fn describe_rate(rate_hz: Option<f64>) -> String {
    rate_hz.map_or_else(|| "no rate".to_owned(), |hz| format!("{hz} Hz"))
}

/// Whether each row is answered for itself: where that is asked for, and where nothing else is and
/// there is no rate.
fn by_row(settings: &PipelineSettings, rate: &Rate) -> Result<bool, TrainError> {
    if !settings.rows {
        return Ok(settings.window.is_none() && rate.hz().is_none());
    }
    for (what, given) in [("window", settings.window), ("stride", settings.stride)] {
        if given.is_some() {
            return Err(TrainError::RowsAndWindow { what });
        }
    }
    Ok(true)
}

/// A window that ends at every row and is as long as the features look back.
fn row_window(
    settings: &PipelineSettings,
    rate: &Rate,
    notes: &mut Vec<String>,
) -> Result<Window, TrainError> {
    let names = settings.features.iter().map(|name| name.rsplit('.').next().unwrap_or(name));
    let longest = names.filter_map(look_back).map(|(_, steps)| steps).max().unwrap_or(0);
    let length_samples = longest + 1;
    notes.push(match (longest, settings.rows) {
        (0, false) => "window 1 sample: without a rate, each row stands for itself \
                       (--window-samples to change)"
            .to_owned(),
        (0, true) => "window 1 sample: each row is answered for itself".to_owned(),
        (longest, _) => format!(
            "window {length_samples} samples, ending at every row: the row and the {longest} before it, \
             which its lags and differences look at"
        ),
    });
    let stride_samples = match settings.stride {
        Some(extent) => samples(extent, rate, "stride")?,
        None => 1,
    };
    Ok(Window { length_samples, stride_samples })
}

fn window(
    settings: &PipelineSettings,
    entries: &[Entry],
    channels: usize,
    rate: &Rate,
    notes: &mut Vec<String>,
) -> Result<Window, TrainError> {
    let length_samples = match settings.window {
        Some(extent) => samples(extent, rate, "window")?,
        None => propose_length(entries, channels, rate, notes),
    };
    let stride_samples = match (settings.stride, rate) {
        (Some(extent), _) => samples(extent, rate, "stride")?,
        (None, _) => {
            let stride = length_samples.div_ceil(2);
            if length_samples > 1 {
                notes.push(format!(
                    "stride {stride} samples: half a window, so that nothing falls between two \
                     (--stride-s or --stride-samples to change)"
                ));
            }
            stride
        }
    };
    Ok(Window { length_samples, stride_samples })
}

fn check_length(length_samples: u32, entries: &[Entry], rate: &Rate) -> Result<(), TrainError> {
    let longest = entries.iter().map(|entry| seen_rows(entry, rate)).max().unwrap_or(0);
    match u64::from(length_samples) > longest {
        true => Err(TrainError::WindowTooLong { length_samples, longest }),
        false => Ok(()),
    }
}

/// How many samples of the pipeline's clock a recording has.
pub(super) fn seen_rows(entry: &Entry, rate: &Rate) -> u64 {
    match (entry.info.rate_hz, rate.hz()) {
        (Some(recorded), Some(hz)) if (recorded - hz).abs() > RATE_TOLERANCE * hz => {
            (entry.info.rows as f64 * hz / recorded) as u64
        }
        _ => entry.info.rows,
    }
}

pub(super) fn samples(extent: Extent, rate: &Rate, what: &'static str) -> Result<u32, TrainError> {
    match (extent, rate.hz()) {
        (Extent::Samples(samples), _) => Ok(samples),
        (Extent::Seconds(_), None) => Err(TrainError::SecondsWithoutRate { what }),
        (Extent::Seconds(seconds), Some(hz)) => {
            let samples = (seconds * hz).round();
            if !(1.0..=WINDOW_VALUES_MAX as f64).contains(&samples) {
                return Err(TrainError::Seconds { what, seconds, samples });
            }
            Ok(samples as u32)
        }
    }
}

/// One second, as a power of two; at least 16 samples, at most 4096, at most a quarter of the
/// shortest recording, at most what a window may hold. Without a rate, single rows.
fn propose_length(entries: &[Entry], channels: usize, rate: &Rate, notes: &mut Vec<String>) -> u32 {
    let Some(hz) = rate.hz() else { return 1 };
    let shortest = entries.iter().map(|entry| seen_rows(entry, rate)).min().unwrap_or(1);
    let second = (hz.clamp(1.0, 1e6) as u64).next_power_of_two();
    let (mut length, mut why) = (second, "the power of two next to a second");
    for (limit, reason) in [
        (4096, "the longest that is proposed"),
        (WINDOW_VALUES_MAX / channels as u64, "as much as an artifact takes"),
    ] {
        if length > limit {
            (length, why) = (limit, reason);
        }
    }
    if length < 16 {
        (length, why) = (16, "the shortest that has a spectrum worth the name");
    }
    let quarter = (shortest / 4).max(1);
    if length > quarter {
        length = if quarter.is_power_of_two() { quarter } else { quarter.next_power_of_two() / 2 };
        why = "the largest power of two within a quarter of the shortest recording";
    }
    notes.push(format!(
        "window {length} samples = {:.4} s at {hz} Hz: {why} (--window-s or --window-samples to \
         change)",
        length as f64 / hz
    ));
    length as u32
}

/// True where somebody who asks for `asked` gets the feature, of some channel at least.
fn asks_for(asked: &[String], feature: &Feature) -> bool {
    asked.iter().any(|name| {
        in_family(name, feature) || name.rsplit('.').next().is_some_and(|last| last == feature.name)
    })
}

/// True where `name` is the feature's family, or `all` with it in.
fn in_family(name: &str, feature: &Feature) -> bool {
    feature.family.name() == name || (name == "all" && feature.family.is_in_all())
}

/// Lists `channel.name` for everything asked for, in the order of the catalogue. Families and
/// `all` take what the window and the rate allow; names are taken at their word.
fn features(
    asked: &[String],
    rows: bool,
    pipeline: &Pipeline,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, TrainError> {
    let single = pipeline.window.length_samples == 1;
    // The mean of a single row is its value; beside lags the value has the name that they have.
    let value_name = if single { "mean" } else { "lag_0" };
    let value = find(value_name).expect("both are known features");
    if (single || rows) && asked.iter().any(|name| name == "all") {
        notes.push("features: the value of each channel, as windows are single rows".to_owned());
    }
    if single && asked.iter().all(|name| name == "all") {
        return Ok(each_channel(pipeline, value, value_name).map(|(_, name)| name).collect());
    }
    let mut list: Vec<String> = Vec::new();
    let mut left_out: Vec<String> = Vec::new();
    let mut reason = None;
    let mut add = |name: String| {
        if !list.contains(&name) {
            list.push(name);
        }
    };
    for name in asked {
        if name == "all" && rows {
            each_channel(pipeline, value, value_name).for_each(|(_, name)| add(name));
        } else if name == "all" || families().any(|known| known == name) {
            for feature in CATALOGUE.iter().filter(|feature| in_family(name, feature)) {
                let Fitting { names, unfit, reason: why } = fitting(feature, pipeline)?;
                names.into_iter().for_each(&mut add);
                left_out.extend(unfit);
                reason = reason.or(why);
            }
        } else if let Some(feature) = find(name) {
            each_channel(pipeline, feature, name).for_each(|(_, name)| add(name));
        } else if pipeline.channels.iter().any(|c| name.starts_with(&format!("{}.", c.name))) {
            add(name.clone());
        } else {
            return Err(unknown_feature(name, pipeline));
        }
    }
    if !left_out.is_empty() {
        notes.push(format!(
            "features left out, as they need a rate, longer windows or other channels: {}",
            left_out.join(", ")
        ));
    }
    match reason {
        Some(reason) if list.is_empty() => Err(reason.into()),
        None if list.is_empty() => Err(TrainError::NoFeatures),
        _ => Ok(list),
    }
}

/// The names of a feature for the channels that have it.
#[derive(Default)]
struct Fitting {
    names: Vec<String>,
    /// What is left out: the feature, or some of its channels.
    unfit: Vec<String>,
    /// What does not fit the machine.
    reason: Option<FeatureError>,
}

/// Which channels have a feature. What nobody has told of the machine is refused; bands and orders
/// behind the last one are no features.
fn fitting(feature: &Feature, pipeline: &Pipeline) -> Result<Fitting, TrainError> {
    let count = match feature.needs {
        Needs::Band(index) => Some((index, pipeline.machine.bands.len())),
        Needs::Order(index) => Some((index, pipeline.machine.orders.len())),
        _ => None,
    };
    let mut fitting = Fitting::default();
    if count.is_some_and(|(index, count)| count > 0 && index >= count) {
        return Ok(fitting);
    }
    for (channel, name) in each_channel(pipeline, feature, feature.name) {
        match feature.check(channel, pipeline) {
            Ok(()) => fitting.names.push(name),
            Err(error @ FeatureError::Untold { .. }) => return Err(machine::with_option(error)),
            Err(error) => {
                fitting.unfit.push(name);
                let machine = matches!(error, FeatureError::Unmet { .. });
                fitting.reason = fitting.reason.or(machine.then_some(error));
            }
        }
    }
    if fitting.names.is_empty() && !fitting.unfit.is_empty() {
        fitting.unfit = vec![feature.name.to_owned()];
    }
    Ok(fitting)
}

/// A feature's names, `name` behind each channel's, with the index of the channel: one for each
/// channel, or for each pair. The speed of a shaft has no vibration of its own.
fn each_channel<'a>(
    pipeline: &'a Pipeline,
    feature: &'a Feature,
    name: &'a str,
) -> Box<dyn Iterator<Item = (usize, String)> + 'a> {
    let channels = pipeline.channels.iter().map(|channel| channel.name.as_str()).enumerate();
    if feature.needs == Needs::Partner {
        return Box::new(channels.clone().flat_map(move |(index, one)| {
            let others = channels.clone().skip(index + 1);
            others.map(move |(_, other)| (index, format!("{one}.{name}_{other}")))
        }));
    }
    let speed = speed_channel(pipeline).filter(|_| !feature.needs.machine_fields().is_empty());
    let vibrating = channels.filter(move |(_, channel)| Some(*channel) != speed);
    Box::new(vibrating.map(move |(index, channel)| (index, format!("{channel}.{name}"))))
}

fn families() -> impl Iterator<Item = &'static str> {
    Family::ALL.into_iter().map(Family::name)
}

fn unknown_feature(name: &str, pipeline: &Pipeline) -> TrainError {
    let (channel, feature) = name.rsplit_once('.').map_or((None, name), |(c, f)| (Some(c), f));
    let channels = || pipeline.channels.iter().map(|channel| channel.name.as_str());
    let hint = match (channel, instead_of(feature)) {
        (Some(channel), _) if !channels().any(|known| known == channel) => {
            let near: Vec<String> = channels().take(8).map(|c| format!("channel {c}")).collect();
            hint(&near)
        }
        (_, Some(instead)) => format!("; use {instead}"),
        _ => {
            let looking_back = ["lag_1", "difference_1"];
            let known =
                CATALOGUE.iter().map(|feature| feature.name).chain(families()).chain(looking_back);
            hint(&nearest(feature, known))
        }
    };
    TrainError::UnknownFeature { name: name.to_owned(), hint }
}

/// Refuses a regression that is not told what to predict.
pub(super) fn check_target(
    settings: &Settings,
    estimator: &dyn Estimator,
    entries: &[Entry],
) -> Result<(), TrainError> {
    if estimator.task() != Task::Regression || settings.selection.target.is_some() {
        return Ok(());
    }
    let channels = entries[0].info.channels.iter();
    let targets: Vec<&str> = channels
        .filter(|channel| channel.role == Role::Target)
        .map(|channel| channel.name.as_str())
        .collect();
    let hint = match targets.is_empty() {
        true => String::new(),
        false => format!(" (imported as targets: {})", targets.join(", ")),
    };
    Err(TrainError::NoTarget { estimator: estimator.name().to_owned(), hint })
}
