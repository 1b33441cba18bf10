//! Feature names in a pipeline: what they mean, and what is said about names that mean nothing.

use super::needs::unread;
use super::{CATALOGUE, Feature, LOOKING_BACK, Needs, find, look_back};
use crate::nearest::did_you_mean;
use crate::pipeline::{Pipeline, PipelineError};

/// Why a pipeline's features cannot be computed, and what to change.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FeatureError {
    /// The pipeline itself cannot stand.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// No names at all.
    #[error(
        "pipeline field `features`: found 0 features; name 1 to {} features as \"channel.name\"",
        crate::pipeline::FEATURES_MAX
    )]
    NoFeatures,
    /// A name without a dot.
    #[error("feature {name:?} names no channel: write `channel.feature`, such as {example:?}")]
    NoChannel {
        /// The name as found.
        name: String,
        /// A name that would do.
        example: String,
    },
    /// The part before the last dot is no channel of the pipeline.
    #[error("feature {name:?}: the pipeline has no channel {channel:?}{hint}")]
    UnknownChannel {
        /// The name as found.
        name: String,
        /// The channel in it.
        channel: String,
        /// Channels that the pipeline has.
        hint: String,
    },
    /// The part after the last dot is not in the catalogue.
    #[error("feature {name:?}: there is no feature {feature:?}{hint}")]
    UnknownFeature {
        /// The name as found.
        name: String,
        /// The feature in it.
        feature: String,
        /// What to use instead.
        hint: String,
    },
    /// A spectral feature without a rate.
    #[error(
        "feature {name:?} needs a sampling rate and the pipeline has `rate: none`: \
         give the rate in Hz or remove the feature"
    )]
    NoRate {
        /// The name as found.
        name: String,
    },
    /// The window is too short.
    #[error(
        "feature {name:?} needs windows of at least {needed_samples} samples and the pipeline's have \
         {window_samples}: lengthen the window or remove the feature"
    )]
    WindowTooShort {
        /// The name as found.
        name: String,
        /// What the feature needs.
        needed_samples: u32,
        /// What the pipeline has.
        window_samples: u32,
    },
    /// A part of the machine that the feature needs is not in the pipeline.
    #[error(
        "feature {name:?} needs `machine.{field}`, which the pipeline has not: {change}, or remove the \
         feature"
    )]
    Untold {
        /// The name as found.
        name: String,
        /// The field of `machine`.
        field: &'static str,
        /// What to give.
        change: &'static str,
    },
    /// Something that the feature needs does not fit the pipeline.
    #[error("feature {name:?} {problem}: {change}, or remove the feature")]
    Unmet {
        /// The name as found.
        name: String,
        /// What does not fit.
        problem: String,
        /// What to change.
        change: String,
    },
    /// A part of the machine that no feature reads.
    #[error(
        "pipeline field `machine.{field}`: no feature of the pipeline reads it; remove it, or add \
         features that do: {readers}"
    )]
    Unread {
        /// The field of `machine`.
        field: &'static str,
        /// Features that read it.
        readers: String,
    },
    /// A feature of two channels that names one, or the same one twice.
    #[error("feature {name:?} compares two channels: write `channel.{feature}_OTHER`{example}")]
    NoPartner {
        /// The name as found.
        name: String,
        /// The feature in it.
        feature: &'static str,
        /// A name that would do, if there is one.
        example: String,
    },
}

/// One feature of a pipeline: which column of which channel, and compared with which one.
pub(super) struct Selection {
    pub(super) channel: usize,
    pub(super) feature: &'static Feature,
    pub(super) partner: Option<usize>,
    /// How many samples it looks back; 0 for features that have no such number.
    pub(super) steps: usize,
}

impl Selection {
    /// Name of the feature in the names of the graph's values.
    pub(super) fn scope(&self) -> String {
        match self.feature.name.strip_suffix('K') {
            Some(stem) => format!("{stem}{}", self.steps),
            None => self.feature.name.to_owned(),
        }
    }

    /// True where both are one part of the graph, of whichever channels.
    pub(super) fn same_part(&self, other: &Selection) -> bool {
        self.feature.name == other.feature.name
            && self.partner == other.partner
            && self.steps == other.steps
    }
}

/// Resolves a pipeline's feature names and checks what each feature needs.
pub(super) fn select(pipeline: &Pipeline) -> Result<Vec<Selection>, FeatureError> {
    pipeline.check()?;
    if pipeline.features.is_empty() {
        return Err(FeatureError::NoFeatures);
    }
    let mut selected = Vec::with_capacity(pipeline.features.len());
    for name in &pipeline.features {
        let selection = resolve(name, pipeline)?;
        let Selection { channel, feature, steps, .. } = selection;
        check_selected(name, channel, feature, steps, pipeline)?;
        selected.push(selection);
    }
    Ok(selected)
}

/// Checks that the pipeline has what a feature of that channel needs that looks back so many samples.
pub(super) fn check_selected(
    name: &str,
    channel: usize,
    feature: &Feature,
    steps: usize,
    pipeline: &Pipeline,
) -> Result<(), FeatureError> {
    if feature.needs.rate() && pipeline.rate.hz().is_none() {
        return Err(FeatureError::NoRate { name: name.to_owned() });
    }
    let window_samples = pipeline.window.length_samples;
    let needed_samples = feature.window_min_samples.max(steps as u32 + 1);
    if window_samples < needed_samples {
        let name = name.to_owned();
        return Err(FeatureError::WindowTooShort { name, needed_samples, window_samples });
    }
    feature.needs.check(name, channel, pipeline)
}

/// Refuses a part of the machine that no feature of the pipeline reads.
///
/// # Errors
/// The first such part.
pub fn check_machine_is_read(pipeline: &Pipeline) -> Result<(), FeatureError> {
    let needs = pipeline.features.iter().filter_map(|name| feature_named(name)).map(|f| f.needs);
    let Some(field) = unread(needs, &pipeline.machine) else { return Ok(()) };
    let reads = |feature: &&&Feature| feature.needs.machine_fields().contains(&field);
    let mut readers: Vec<&str> = CATALOGUE.iter().filter(reads).map(|f| f.name).collect();
    readers.truncate(4);
    Err(FeatureError::Unread { field, readers: readers.join(", ") })
}

/// The feature that a name `channel.feature` or `channel.feature_OTHER` speaks of, whatever its
/// channels.
pub fn feature_named(name: &str) -> Option<&'static Feature> {
    let single = name.rsplit_once('.').and_then(|(_, feature)| find(feature));
    single.or_else(|| paired().find(|feature| name.contains(&format!(".{}_", feature.name))))
}

/// Features that compare two channels.
fn paired() -> impl Iterator<Item = &'static Feature> {
    CATALOGUE.iter().copied().filter(|feature| feature.needs == Needs::Partner)
}

/// A feature of two channels, if the name is one: `channel.feature_OTHER`, where both channels' names
/// may hold dots.
fn resolve_pair(name: &str, pipeline: &Pipeline) -> Option<Selection> {
    paired().find_map(|feature| {
        let between = format!(".{}_", feature.name);
        let index_of = |wanted: &str| pipeline.channels.iter().position(|c| c.name == wanted);
        name.match_indices(&between).find_map(|(at, _)| {
            let channel = index_of(&name[..at])?;
            let partner = index_of(&name[at + between.len()..])?;
            let partner = (channel != partner).then_some(partner)?;
            Some(Selection { channel, feature, partner: Some(partner), steps: 0 })
        })
    })
}

/// Channel names may hold dots, feature names hold none: the last dot divides.
fn resolve(name: &str, pipeline: &Pipeline) -> Result<Selection, FeatureError> {
    if let Some(selection) = resolve_pair(name, pipeline) {
        return Ok(selection);
    }
    let Some((channel, feature)) = name.rsplit_once('.') else {
        let first = pipeline.channels.first().map_or("channel", |c| c.name.as_str());
        let known = if find(name).is_some() { name } else { "mean" };
        let example = format!("{first}.{known}");
        return Err(FeatureError::NoChannel { name: name.to_owned(), example });
    };
    let index = pipeline.channels.iter().position(|c| c.name == channel);
    let known = find(feature).filter(|feature| feature.needs != Needs::Partner);
    if let (Some(channel), Some(known)) = (index, known) {
        let steps = look_back(feature).map_or(0, |(_, steps)| steps as usize);
        return Ok(Selection { channel, feature: known, partner: None, steps });
    }
    if let Some(feature) = paired().find(|feature| speaks_of(name, feature)) {
        let example = match pipeline.channels.as_slice() {
            [one, other, ..] => format!(", such as {}.{}_{}", one.name, feature.name, other.name),
            _ => "; the pipeline has only one channel".to_owned(),
        };
        let (name, feature) = (name.to_owned(), feature.name);
        return Err(FeatureError::NoPartner { name, feature, example });
    }
    if index.is_none() {
        let hint = hint_for_channel(channel, pipeline);
        let (name, channel) = (name.to_owned(), channel.to_owned());
        return Err(FeatureError::UnknownChannel { name, channel, hint });
    }
    Err(FeatureError::UnknownFeature {
        name: name.to_owned(),
        feature: feature.to_owned(),
        hint: hint_for_feature(feature),
    })
}

/// True for `….feature` and `….feature_…`.
fn speaks_of(name: &str, feature: &Feature) -> bool {
    let part = format!(".{}", feature.name);
    let mut behind = name.match_indices(&part).map(|(at, _)| &name[at + part.len()..]);
    behind.any(|rest| rest.is_empty() || rest.starts_with('_'))
}

fn hint_for_channel(channel: &str, pipeline: &Pipeline) -> String {
    let names: Vec<&str> = pipeline.channels.iter().map(|c| c.name.as_str()).collect();
    let near = did_you_mean(channel, names.iter().copied());
    if near.is_empty() {
        format!("; it has {}", names[..names.len().min(8)].join(", "))
    } else {
        near
    }
}

/// What to use instead of a name that the predecessor had and this catalogue has not.
pub fn instead_of(retired: &str) -> Option<&'static str> {
    RETIRED.iter().find(|(name, _)| *name == retired).map(|(_, instead)| *instead)
}

fn hint_for_feature(feature: &str) -> String {
    if let Some(instead) = instead_of(feature) {
        return format!("; use {instead}");
    }
    for looking_back in LOOKING_BACK {
        let stem = looking_back.name.trim_end_matches('K');
        if feature.starts_with(stem.trim_end_matches('_')) {
            let least = looking_back.window_min_samples - 1;
            let most = crate::pipeline::WINDOW_SAMPLES_MAX - 1;
            return format!(
                "; write {stem} and a number of samples, {least} to {most}, such as {stem}1"
            );
        }
    }
    let near = did_you_mean(feature, CATALOGUE.iter().map(|feature| feature.name));
    if near.is_empty() { "; see the catalogue of features".to_owned() } else { near }
}

/// Names of the predecessor that meant the same as another one or something else than they said,
/// and what to use instead.
const RETIRED: &[(&str, &str)] = &[
    ("variance", "std, its square root"),
    ("sum", "mean, the sum over the number of samples"),
    ("abs_energy", "rms, the root of the energy over the number of samples"),
    ("root_mean_square", "rms, the same"),
    ("range", "peak_to_peak, the same"),
    ("abs_sum_of_changes", "mean_abs_change, the sum over the number of steps"),
    ("count_below_mean", "count_above_mean"),
    ("percentage_of_reoccurring_values", "binned_entropy, which is low where values repeat"),
    ("sum_of_reoccurring_values", "binned_entropy, which is low where values repeat"),
];
