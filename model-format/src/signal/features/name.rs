//! Feature names in a pipeline: what they mean, and what is said about names that mean nothing.

use super::{CATALOGUE, Feature, LOOKING_BACK, find, look_back};
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
}

/// One feature of a pipeline: which column of which channel.
pub(super) struct Selection {
    pub(super) channel: usize,
    pub(super) feature: &'static Feature,
    /// How many samples it looks back; 0 for features that have no such number.
    pub(super) steps: usize,
}

impl Selection {
    fn window_min_samples(&self) -> u32 {
        self.feature.window_min_samples.max(self.steps as u32 + 1)
    }

    /// Name of the feature in the names of the graph's values.
    pub(super) fn scope(&self) -> String {
        match self.feature.name.strip_suffix('K') {
            Some(stem) => format!("{stem}{}", self.steps),
            None => self.feature.name.to_owned(),
        }
    }

    /// True where both are one part of the graph, of whichever channels.
    pub(super) fn same_part(&self, other: &Selection) -> bool {
        self.feature.name == other.feature.name && self.steps == other.steps
    }
}

/// Resolves a pipeline's feature names and checks what each feature needs.
pub(super) fn select(pipeline: &Pipeline) -> Result<Vec<Selection>, FeatureError> {
    pipeline.check()?;
    if pipeline.features.is_empty() {
        return Err(FeatureError::NoFeatures);
    }
    let window_samples = pipeline.window.length_samples;
    let mut selected = Vec::with_capacity(pipeline.features.len());
    for name in &pipeline.features {
        let selection = resolve(name, pipeline)?;
        let feature = selection.feature;
        if feature.needs_rate && pipeline.rate.hz().is_none() {
            return Err(FeatureError::NoRate { name: name.clone() });
        }
        let needed_samples = selection.window_min_samples();
        if window_samples < needed_samples {
            let name = name.clone();
            return Err(FeatureError::WindowTooShort { name, needed_samples, window_samples });
        }
        selected.push(selection);
    }
    Ok(selected)
}

/// Channel names may hold dots, feature names hold none: the last dot divides.
fn resolve(name: &str, pipeline: &Pipeline) -> Result<Selection, FeatureError> {
    let Some((channel, feature)) = name.rsplit_once('.') else {
        let first = pipeline.channels.first().map_or("channel", |c| c.name.as_str());
        let known = if find(name).is_some() { name } else { "mean" };
        let example = format!("{first}.{known}");
        return Err(FeatureError::NoChannel { name: name.to_owned(), example });
    };
    let Some(index) = pipeline.channels.iter().position(|c| c.name == channel) else {
        let hint = hint_for_channel(channel, pipeline);
        let (name, channel) = (name.to_owned(), channel.to_owned());
        return Err(FeatureError::UnknownChannel { name, channel, hint });
    };
    match find(feature) {
        Some(found) => {
            let steps = look_back(feature).map_or(0, |(_, steps)| steps as usize);
            Ok(Selection { channel: index, feature: found, steps })
        }
        None => Err(FeatureError::UnknownFeature {
            name: name.to_owned(),
            feature: feature.to_owned(),
            hint: hint_for_feature(feature),
        }),
    }
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
