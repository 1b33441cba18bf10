//! What the model owes to each channel and each feature, on the windows that it was tested on.

use learn::estimator::Fitted;
use learn::importance::{ImportanceError, Rows, figure_name, permutation};
use learn::metrics::Truth;
use learn::table::Target;
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
    let channels = channels(columns);
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

/// The columns of each channel, in the order of their first ones.
fn channels(columns: &[String]) -> Vec<(&str, Vec<usize>)> {
    let mut channels: Vec<(&str, Vec<usize>)> = Vec::new();
    for (number, column) in columns.iter().enumerate() {
        let channel = column.rsplit_once('.').map_or(column.as_str(), |(channel, _)| channel);
        match channels.iter_mut().find(|(known, _)| *known == channel) {
            Some((_, columns)) => columns.push(number),
            None => channels.push((channel, vec![number])),
        }
    }
    channels
}
