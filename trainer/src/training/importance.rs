//! What the model owes to each channel and each feature, on the windows that it was tested on.

use learn::estimator::Fitted;
use learn::importance::{ImportanceError, Rows, figure_name, permutation};
use learn::metrics::Truth;
use learn::table::Target;
use model_format::pipeline::{Channel, Pipeline};
use model_format::signal::features::FeaturePlan;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Attempt, Data, TrainError, anomalies, spans, spread, windows};
use crate::progress::Cancelled;

/// The most test windows that are answered anew for each shuffle.
const WINDOWS_MAX: usize = 2000;

/// How much a figure falls where a channel or a feature says nothing any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FeatureImportances {
    /// The figure that falls.
    pub figure: String,
    /// Its value with everything in place.
    pub baseline: f64,
    /// Test windows that were answered each time.
    pub windows: u64,
    /// How many times each was shuffled.
    pub repeats: u32,
    /// Channels with all their features, the one that matters most first.
    pub channels: Vec<ImportanceOf>,
    /// Features one by one, the one that matters most first. Those that say the same stand in for each
    /// other, and look unimportant here.
    pub features: Vec<ImportanceOf>,
}

/// What the model owes to one channel or feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportanceOf {
    /// The channel, or the feature as `channel.name`.
    pub name: String,
    /// Mean fall of the figure over the repeats; below 0 by chance alone.
    pub mean: f64,
    /// Standard deviation of the fall over the repeats.
    pub deviation: f64,
}

/// None, and a note that says why, where the figure is undefined on the test windows.
pub(super) fn importances(
    attempt: &Attempt<'_>,
    data: &Data,
    fitted: &dyn Fitted,
    repeats: u32,
    notes: &mut Vec<String>,
) -> Result<Option<FeatureImportances>, TrainError> {
    let (start, extracted) = (&data.start, &data.extracted);
    let (task, columns) = (attempt.estimator.task(), &start.pipeline.features);
    let chosen = spread(extracted, &data.partition.test, WINDOWS_MAX);
    let table = windows::table(extracted, columns, task, &chosen);
    let (known, spans) =
        (anomalies(extracted, &chosen, &start.selection), spans(extracted, &chosen));
    let truth = match (&table.target, &known) {
        (Target::Classes { index, names }, _) => Truth::Classes(index, names),
        (Target::Values(values), _) => Truth::Values(values),
        (Target::None, Some(known)) => Truth::Anomalies(known, &spans),
        (Target::None, None) => {
            notes.push("importance: nobody said which test windows are anomalies".to_owned());
            return Ok(None);
        }
    };
    let channels = channels(&start.pipeline)?;
    let mut groups: Vec<Vec<usize>> = channels.iter().map(|(_, columns)| columns.clone()).collect();
    groups.extend((0..columns.len()).map(|column| vec![column]));
    let progress = attempt.work.progress;
    progress.stage("importance", groups.len() as u64 * u64::from(repeats));
    let go_on = || {
        progress.step();
        !progress.is_cancelled()
    };
    let rows = Rows { columns: columns.len(), values: &table.values, truth };
    let (seed, threads) = (attempt.settings.seed, attempt.work.threads);
    let found = match permutation(fitted, rows, &groups, repeats, seed, threads, &go_on) {
        Ok(found) => found,
        Err(reason @ ImportanceError::Undefined { .. }) => {
            notes.push(format!("importance: {reason}"));
            return Ok(None);
        }
        Err(ImportanceError::Cancelled) => return Err(Cancelled.into()),
        Err(ImportanceError::Metric(error)) => return Err(error.into()),
        Err(ImportanceError::Predict(error)) => return Err(error.into()),
    };
    let names = channels.iter().map(|(channel, _)| *channel);
    let names = names.chain(columns.iter().map(String::as_str));
    let mut all: Vec<ImportanceOf> = names
        .zip(&found.groups)
        .map(|(name, found)| ImportanceOf {
            name: name.to_owned(),
            mean: found.mean,
            deviation: found.deviation,
        })
        .collect();
    let mut features = all.split_off(channels.len());
    for list in [&mut all, &mut features] {
        list.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    }
    Ok(Some(FeatureImportances {
        figure: figure_name(task).to_owned(),
        baseline: found.baseline,
        windows: chosen.len() as u64,
        repeats,
        channels: all,
        features,
    }))
}

/// The channels that features are computed of, with the columns of these. A feature of two channels
/// belongs to both.
fn channels(pipeline: &Pipeline) -> Result<Vec<(&str, Vec<usize>)>, TrainError> {
    let of_columns = FeaturePlan::new(pipeline)?.channels();
    let columns_of = |position: usize| -> Vec<usize> {
        let own = of_columns.iter().enumerate().filter(|(_, of)| of.contains(&position));
        own.map(|(column, _)| column).collect()
    };
    let named = pipeline.channels.iter().enumerate();
    let channels = named.map(|(position, Channel { name, .. })| (&name[..], columns_of(position)));
    Ok(channels.filter(|(_, columns)| !columns.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use model_format::pipeline::{Gap, Rate, TimeSource, Window};

    use super::*;

    #[test]
    fn a_feature_of_two_channels_belongs_to_both_whatever_dots_their_names_have() {
        let channel = |name: &str| Channel { name: name.to_owned(), unit: None, align: None };
        let features = ["acc.x.rms", "acc.x.correlation_acc.y", "acc.y.rms"];
        let pipeline = Pipeline {
            channels: vec![channel("acc.x"), channel("acc.y"), channel("unused")],
            time: TimeSource::Event,
            lateness_ms: 0,
            rate: Rate::None,
            gap: Gap::default(),
            window: Window { length_samples: 8, stride_samples: 8 },
            machine: Default::default(),
            features: features.map(str::to_owned).to_vec(),
        };
        let found = channels(&pipeline).unwrap();
        assert_eq!(found, [("acc.x", vec![0, 1]), ("acc.y", vec![1, 2])]);
    }
}
