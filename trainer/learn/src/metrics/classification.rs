//! Figures of a classifier: accuracy, precision, recall, F1, confusion matrix, log loss, correlation.

use serde::{Deserialize, Serialize};

use super::{MetricError, check_lengths, ratio};

/// Figures of a classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClassificationMetrics {
    /// Number of rows.
    pub rows: u64,
    /// Share of the rows whose class was named.
    pub accuracy: f64,
    /// Mean recall over the classes that occur in the truth.
    pub balanced_accuracy: f64,
    /// Means over the classes that occur in the truth or in the answers, each class alike.
    #[serde(rename = "macro")]
    pub macro_average: Average,
    /// Means over the classes, by their number of true rows.
    #[serde(rename = "weighted")]
    pub weighted_average: Average,
    /// Mean of −ln of the probability given to the true class. Probabilities are clipped to
    /// 2⁻²³ … 1 − 2⁻²³ and rescaled to sum 1, as scikit-learn does with 32-bit floats.
    pub log_loss: f64,
    /// Matthews correlation coefficient over all classes: 1 for perfect answers, 0 for answers that say
    /// nothing; 0 too where all rows are, or are named, one class. Absent in figures of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matthews: Option<f64>,
    /// Mean squared distance between the probabilities and 1 for the true class, 0 for the others; of
    /// two classes that of one. 0 is perfect. Absent in figures of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brier: Option<f64>,
    /// By class, in the model's order.
    pub classes: Vec<ClassMetrics>,
    /// Rows by true class (first index) and named class (second index).
    pub confusion: Vec<Vec<u64>>,
}

/// Means over classes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Average {
    /// Mean precision.
    pub precision: f64,
    /// Mean recall.
    pub recall: f64,
    /// Mean F1.
    pub f1: f64,
}

/// Figures of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClassMetrics {
    /// The class.
    pub class: String,
    /// Share of the rows named so that were so; 0 where the class was never named.
    pub precision: f64,
    /// Share of the rows that were so and were named so; 0 where the class does not occur.
    pub recall: f64,
    /// Harmonic mean of precision and recall; 0 where the class neither occurs nor is named.
    pub f1: f64,
    /// True rows of the class.
    pub support: u64,
}

/// Figures for `probabilities` (rows × classes, row by row) against the true class indices. The
/// named class is the one with the largest probability, the first of equals.
///
/// # Errors
/// On no rows, different lengths, or a class index that `classes` does not have.
pub fn evaluate(
    truth: &[u32],
    probabilities: &[f32],
    classes: &[String],
) -> Result<ClassificationMetrics, MetricError> {
    let width = classes.len().max(1);
    check_lengths(probabilities.len() / width, truth.len())?;
    if let Some(row) = truth.iter().position(|&class| class as usize >= classes.len()) {
        return Err(MetricError::UnknownClass { row, class: truth[row], classes: classes.len() });
    }
    let mut confusion = vec![vec![0u64; width]; width];
    let (mut loss, mut squared) = (0.0, 0.0);
    for (&class, row) in truth.iter().zip(probabilities.chunks_exact(width)) {
        confusion[class as usize][largest(row)] += 1;
        loss += row_loss(row, class as usize);
        squared += row_distance(row, class as usize);
    }
    let rows = truth.len() as f64;
    // Both classes of two are equally far off.
    let brier = if width == 2 { squared / rows / 2.0 } else { squared / rows };
    Ok(from_confusion(confusion, (loss / rows, brier), classes))
}

/// Figures of the answer "always the most frequent class of the training rows". Its probabilities
/// are the shares of the classes in the training rows.
///
/// # Errors
/// As [`evaluate`].
pub fn naive(
    train: &[u32],
    truth: &[u32],
    classes: &[String],
) -> Result<ClassificationMetrics, MetricError> {
    let mut counts = vec![0u64; classes.len()];
    for (row, &class) in train.iter().enumerate() {
        let known = counts.get_mut(class as usize);
        *known.ok_or(MetricError::UnknownClass { row, class, classes: classes.len() })? += 1;
    }
    let total = train.len().max(1) as f64;
    let shares: Vec<f32> = counts.iter().map(|&count| (count as f64 / total) as f32).collect();
    evaluate(truth, &shares.repeat(truth.len()), classes)
}

/// Position of the largest value, the first of equals.
pub fn largest(row: &[f32]) -> usize {
    let mut best = 0;
    for (position, &value) in row.iter().enumerate() {
        if value > row[best] {
            best = position;
        }
    }
    best
}

fn row_loss(row: &[f32], class: usize) -> f64 {
    let smallest = f64::from(f32::EPSILON);
    let clip = |p: f32| f64::from(p).clamp(smallest, 1.0 - smallest);
    let sum: f64 = row.iter().map(|&p| clip(p)).sum();
    -libm::log(clip(row[class]) / sum)
}

fn row_distance(row: &[f32], class: usize) -> f64 {
    let truth = |at: usize| f64::from(u8::from(at == class));
    let distance = |(at, &p): (usize, &f32)| f64::from(p) - truth(at);
    row.iter().enumerate().map(distance).map(|distance| distance * distance).sum()
}

/// Gorodkin: Comparing two K-category assignments by a K-category correlation coefficient, 2004.
fn matthews(confusion: &[Vec<u64>], named: &[u64]) -> f64 {
    let support: Vec<f64> = confusion.iter().map(|row| row.iter().sum::<u64>() as f64).collect();
    let named: Vec<f64> = named.iter().map(|&count| count as f64).collect();
    let rows: f64 = support.iter().sum();
    let hits: f64 = confusion.iter().enumerate().map(|(class, row)| row[class] as f64).sum();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let spread = (rows * rows - dot(&named, &named)) * (rows * rows - dot(&support, &support));
    if spread <= 0.0 { 0.0 } else { (hits * rows - dot(&named, &support)) / spread.sqrt() }
}

fn from_confusion(
    confusion: Vec<Vec<u64>>,
    (log_loss, brier): (f64, f64),
    names: &[String],
) -> ClassificationMetrics {
    let count = names.len();
    let rows: u64 = confusion.iter().flatten().sum();
    let named: Vec<u64> =
        (0..count).map(|class| confusion.iter().map(|row| row[class]).sum()).collect();
    let classes: Vec<ClassMetrics> = (0..count)
        .map(|class| {
            let hits = confusion[class][class] as f64;
            let support: u64 = confusion[class].iter().sum();
            ClassMetrics {
                class: names[class].clone(),
                precision: ratio(hits, named[class] as f64),
                recall: ratio(hits, support as f64),
                f1: ratio(2.0 * hits, (named[class] + support) as f64),
                support,
            }
        })
        .collect();
    let hits: u64 = (0..count).map(|class| confusion[class][class]).sum();
    let occurring = classes.iter().filter(|class| class.support > 0);
    let recalls: Vec<f64> = occurring.map(|class| class.recall).collect();
    let seen = |class: usize| f64::from(classes[class].support > 0 || named[class] > 0);
    ClassificationMetrics {
        rows,
        accuracy: ratio(hits as f64, rows as f64),
        balanced_accuracy: ratio(recalls.iter().sum(), recalls.len() as f64),
        macro_average: average(&classes, seen),
        weighted_average: average(&classes, |class| classes[class].support as f64),
        log_loss,
        matthews: Some(matthews(&confusion, &named)),
        brier: Some(brier),
        classes,
        confusion,
    }
}

fn average(classes: &[ClassMetrics], weight: impl Fn(usize) -> f64) -> Average {
    let total: f64 = (0..classes.len()).map(&weight).sum();
    let mean = |figure: fn(&ClassMetrics) -> f64| {
        let sum: f64 = classes.iter().enumerate().map(|(i, c)| weight(i) * figure(c)).sum();
        ratio(sum, total)
    };
    Average { precision: mean(|c| c.precision), recall: mean(|c| c.recall), f1: mean(|c| c.f1) }
}
