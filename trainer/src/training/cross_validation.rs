//! Cross-validation: how much the figures hang on which recordings were learned from.

use learn::estimator::{Estimator, FitContext};
use learn::metrics::Evaluation;
use learn::split::{FoldsBy, Split, folds};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::settings::SplitBy;
use super::{Attempt, Data, Figure, TrainError, figures, measure, partition, windows};

/// The figures of the same settings, learned and tested fold by fold within the training windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CrossValidation {
    /// What is never on both sides of a fold: `recording`, `time` or `tag:NAME`.
    pub by: String,
    /// Fold by fold.
    pub folds: Vec<Fold>,
    /// Each figure over the folds.
    pub figures: Vec<FoldFigure>,
}

/// One fold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Fold {
    /// Windows that were learned from.
    pub train: u64,
    /// Windows that were tested on.
    pub test: u64,
    /// Names of the recordings that were tested on, at most 20.
    pub recordings: Vec<String>,
    /// How good the answers were.
    pub figures: Vec<Figure>,
}

/// One figure over all folds in which it is defined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FoldFigure {
    /// Name for people, such as `Macro F1`.
    pub name: String,
    /// Mean over the folds.
    pub mean: f64,
    /// Standard deviation over the folds, with n − 1 below the line.
    pub deviation: f64,
    /// In how many folds it is defined.
    pub folds: u32,
}

/// The most recordings of a fold that are named.
const NAMED_MAX: usize = 20;

pub(super) fn cross_validate(
    attempt: &Attempt<'_>,
    data: &Data,
    count: u32,
) -> Result<CrossValidation, TrainError> {
    let (start, extracted) = (&data.start, &data.extracted);
    let task = attempt.estimator.task();
    let train = &data.partition.train;
    let by = by(data);
    let plan = match &by {
        SplitBy::Recording => FoldsBy::Recording,
        SplitBy::Tag(tag) => FoldsBy::Group { tag: tag.clone() },
        SplitBy::Time => FoldsBy::Time { purge_rows: partition::window_rows(extracted) },
    };
    let index = partition::index(task, extracted, &start.entries.list, &start.selection);
    let splits = folds(&index, train, count, &plan, attempt.settings.seed)?;
    let progress = attempt.work.progress;
    progress.stage("cross-validation", splits.len() as u64);
    // Folds at once rather than threads within a fit: the pieces are larger.
    let threads = (attempt.work.threads / splits.len()).max(1);
    let folds = splits.par_iter().map(|split| {
        progress.check()?;
        let fold = one(attempt, data, split, threads)?;
        progress.step();
        Ok(fold)
    });
    let folds = folds.collect::<Result<Vec<Fold>, TrainError>>()?;
    Ok(CrossValidation { by: by.to_string(), figures: over(&folds), folds })
}

/// As the test was divided, or by recording where somebody has listed what to test on.
fn by(data: &Data) -> SplitBy {
    if let Some(split) = &data.start.selection.split {
        return split.clone();
    }
    let recording = |&window: &usize| data.extracted.windows[window].recording;
    let mut recordings = data.partition.train.iter().map(recording);
    let first = recordings.next();
    match recordings.any(|other| Some(other) != first) {
        true => SplitBy::Recording,
        false => SplitBy::Time,
    }
}

fn one(
    attempt: &Attempt<'_>,
    data: &Data,
    split: &Split,
    threads: usize,
) -> Result<Fold, TrainError> {
    let Attempt { work, settings, estimator, .. } = *attempt;
    let estimator: &dyn Estimator = estimator;
    let (extracted, columns) = (&data.extracted, &data.start.pipeline.features);
    let task = estimator.task();
    let train = windows::table(extracted, columns, task, &split.train);
    let test = windows::table(extracted, columns, task, &split.test);
    let context = FitContext {
        seed: settings.seed,
        threads,
        progress: &|_| {},
        cancel: &|| work.progress.is_cancelled(),
    };
    let fitted = estimator.fit(&train, None, &context)?;
    let answers = learn::predict(fitted.as_ref(), &test)?;
    let (evaluation, _) = measure::measure(&answers, &test.target, None, &train.target)?;
    let figures = |found: &Evaluation| figures::of_evaluation(found, None);
    let mut recordings: Vec<u32> =
        split.test.iter().map(|&window| extracted.windows[window].recording).collect();
    recordings.dedup();
    recordings.sort_unstable();
    recordings.dedup();
    let names = recordings.iter().take(NAMED_MAX);
    Ok(Fold {
        train: split.train.len() as u64,
        test: split.test.len() as u64,
        recordings: names.map(|&number| extracted.recordings[number as usize].clone()).collect(),
        figures: evaluation.as_ref().map(figures).unwrap_or_default(),
    })
}

fn over(folds: &[Fold]) -> Vec<FoldFigure> {
    let mut names: Vec<&str> = Vec::new();
    for figure in folds.iter().flat_map(|fold| &fold.figures) {
        if !names.contains(&figure.name.as_str()) {
            names.push(&figure.name);
        }
    }
    let of_name = |name: &&str| {
        let all = folds.iter().flat_map(|fold| &fold.figures);
        let values: Vec<f64> = all.filter(|f| f.name == *name).map(|f| f.value).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squared = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        FoldFigure {
            name: (*name).to_owned(),
            mean,
            deviation: (squared / (count - 1.0).max(1.0)).sqrt(),
            folds: values.len() as u32,
        }
    };
    names.iter().map(of_name).collect()
}
