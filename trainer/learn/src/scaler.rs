//! Scaling: within bounds, around a middle, by a spread; in the arithmetic of the graph.

use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::tensor::Tensor;
use serde_json::{Map, json};

use crate::estimator::FitError;
use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::table::Table;

mod ranks;

use ranks::Ranks;

/// Larger features are cut to this size before scaling, so that no difference overflows.
pub const FEATURE_MAX: f32 = 1e30;
/// Scaled features are cut to this many units. No training row comes near it; it keeps a value that
/// nobody has seen from turning sums into infinities and differences of them into NaN.
pub const SCALED_MAX: f32 = 1e6;

/// A feature whose spread is no larger than this share of its largest value counts as constant:
/// engines may disagree by as much about its values, and dividing by so small a spread would turn
/// their last bits into whole units.
pub const SPREAD_SHARE_MIN: f64 = 1e-6;

/// The middle of the training rows, which bounds are measured by: all but a hundredth at each end.
const MIDDLE: [f64; 2] = [0.01, 0.99];
/// How far bounds lie beyond the middle, in its widths, where nobody says otherwise.
pub const MARGIN: f64 = 3.0;
/// The interquartile range of a normal distribution, in standard deviations.
const NORMAL_RANGE: f64 = 1.348_979_500_392_163_4;
/// The robust spread is at least the width of the middle over this. A normal distribution has 4.7
/// standard deviations there; where most values lie closely together and some lie far out, the
/// far ones are still no more than this many units away from each other.
const MIDDLE_SPREADS_MAX: f64 = 20.0;

/// What features are scaled by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Mean and standard deviation.
    Standard,
    /// Median and interquartile range.
    Robust,
}

/// By what features are scaled.
pub(crate) const SCALING: Parameter = Parameter {
    name: "scaling",
    doc: "What features are scaled by. standard: mean and standard deviation. robust: median and \
          interquartile range, which a few values far out do not move. Either is learned within \
          bounds, three widths of the middle 98 % of the training rows beyond it on both sides.",
    accepts: &[Form::Choice(&["standard", "robust"])],
    default: Preset::Word("standard"),
};

/// Where features are cut.
pub(crate) const CLIP_MARGIN: Parameter = Parameter {
    name: "clip_margin",
    doc: "Features count as no further out than the middle 98 % of the training rows and so many \
          times its width beyond it: one absurd value then decides no answer alone. null: they \
          count as far out as they are.",
    accepts: &[Form::Number { min: 0.0, max: 1e6 }, Form::Null],
    default: Preset::Number(MARGIN),
};

/// Bounds, middle and factor of each feature.
///
/// All are computed in 64-bit floats from the training rows and rounded once to 32-bit floats.
/// [`Scaler::apply`] then does what the emitted nodes do, operation by operation, so that estimators
/// learn from the very values that the device computes. A feature that is constant in the
/// training rows, or nearly so ([`SPREAD_SHARE_MIN`]), has factor 0: whatever it does later, it
/// counts as unchanged, because there is nothing to measure its changes by.
///
/// **Bounds.** From q01 − m (q99 − q01) to q99 + m (q99 − q01), where m is the margin and q are the
/// quantiles of the training rows; from the least and the largest value where q01 = q99.
/// **Standard.** Mean and standard deviation (with n in the denominator, as in scikit-learn) of the
/// training rows within the bounds. **Robust.** Median, and (q75 − q25) / 1.349 as scikit-learn's
/// RobustScaler with unit_variance has it, or (q99 − q01) / 20 where that is more; the standard
/// deviation where both are 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaler {
    bounds: Bounds,
    centre: Vec<f32>,
    factor: Vec<f32>,
    /// Features of which training rows lay beyond the bounds.
    cut: Vec<usize>,
    /// Features whose interquartile range was too small to scale by.
    raised: Vec<usize>,
}

/// Where features are cut.
#[derive(Clone, Debug, PartialEq)]
enum Bounds {
    /// At [`FEATURE_MAX`].
    Open,
    /// Each at a least and a largest value.
    Closed { lower: Vec<f32>, upper: Vec<f32> },
}

/// How one feature is scaled.
struct Column {
    lower: f32,
    upper: f32,
    centre: f64,
    /// None where the feature counts as constant.
    spread: Option<f64>,
    cut: bool,
    raised: bool,
}

impl Scaler {
    /// Fits the scaler to the rows of a checked table, with their weights if there are any, by the
    /// parameters [`SCALING`] and, where it is declared, [`CLIP_MARGIN`].
    ///
    /// # Errors
    /// Where a feature is larger than [`FEATURE_MAX`].
    pub(crate) fn fit(table: &Table, parameters: &Checked) -> Result<Scaler, FitError> {
        let spread = match parameters.word(SCALING.name) {
            Some("robust") => Spread::Robust,
            _ => Spread::Standard,
        };
        let margin = match parameters.map().get(CLIP_MARGIN.name) {
            Some(margin) => margin.as_f64(),
            None => Some(MARGIN),
        };
        Scaler::new(table, spread, margin)
    }

    /// Fits the scaler to the rows of a checked table; `margin` is the distance of the bounds from the
    /// middle of the rows, in its widths, none for no bounds.
    ///
    /// # Errors
    /// Where a feature is larger than [`FEATURE_MAX`].
    pub fn new(table: &Table, spread: Spread, margin: Option<f64>) -> Result<Scaler, FitError> {
        let width = table.columns.len();
        if let Some(at) = table.values.iter().position(|x| x.abs() > FEATURE_MAX) {
            return Err(FitError::Range {
                what: format!("column {}", table.columns[at % width]),
                advice: "leave the feature out or bring the channel into another unit",
            });
        }
        let columns: Vec<Column> =
            (0..width).map(|column| Column::learn(table, column, spread, margin)).collect();
        let rounded = |value: f64| value as f32;
        let factor = |column: &Column| column.spread.map_or(0.0, |spread| rounded(1.0 / spread));
        let which = |marked: fn(&Column) -> bool| {
            (0..width).filter(|&column| marked(&columns[column])).collect()
        };
        let bounds = match margin {
            None => Bounds::Open,
            Some(_) => Bounds::Closed {
                lower: columns.iter().map(|column| column.lower).collect(),
                upper: columns.iter().map(|column| column.upper).collect(),
            },
        };
        Ok(Scaler {
            bounds,
            centre: columns.iter().map(|column| rounded(column.centre)).collect(),
            factor: columns.iter().map(factor).collect(),
            cut: which(|column| column.cut),
            raised: which(|column| column.raised),
        })
    }

    /// The same scale without bounds. For detectors of anomalies: they learn what is usual within
    /// bounds, and what lies beyond them is what they are there for.
    pub(crate) fn open(mut self) -> Scaler {
        self.bounds = Bounds::Open;
        self
    }

    /// The scaled features of one row, as the graph computes them.
    pub fn apply(&self, row: &[f32], out: &mut Vec<f32>) {
        out.clear();
        let scale = |bounded: f32, at: usize| {
            ((bounded - self.centre[at]) * self.factor[at]).clamp(-SCALED_MAX, SCALED_MAX)
        };
        let features = row.iter().enumerate();
        match &self.bounds {
            Bounds::Open => {
                out.extend(features.map(|(at, &x)| scale(x.clamp(-FEATURE_MAX, FEATURE_MAX), at)));
            }
            Bounds::Closed { lower, upper } => {
                out.extend(features.map(|(at, &x)| scale(x.min(upper[at]).max(lower[at]), at)));
            }
        }
    }

    /// All rows of a table, scaled, as 64-bit floats for fitting.
    pub(crate) fn apply_all(&self, table: &Table) -> Vec<f64> {
        let mut values = Vec::with_capacity(table.values.len());
        let mut scaled = Vec::with_capacity(table.columns.len());
        for row in 0..table.rows {
            self.apply(table.row(row), &mut scaled);
            values.extend(scaled.iter().map(|&z| f64::from(z)));
        }
        values
    }

    /// Positions of the features that were constant.
    pub(crate) fn constant(&self) -> impl Iterator<Item = usize> {
        self.factor.iter().enumerate().filter(|&(_, &factor)| factor == 0.0).map(|(at, _)| at)
    }

    /// What was found about the features, as positions: `constant_features` count as unchanged
    /// whatever they do; of `cut_features` training rows lay beyond the bounds; `raised_features`
    /// have a larger spread than their interquartile range says.
    pub fn facts(&self) -> Map<String, serde_json::Value> {
        let mut facts = Map::new();
        let constant: Vec<usize> = self.constant().collect();
        facts.insert("constant_features".to_owned(), json!(constant));
        for (name, features) in [("cut_features", &self.cut), ("raised_features", &self.raised)] {
            if !features.is_empty() {
                facts.insert(name.to_owned(), json!(features));
            }
        }
        facts
    }

    /// Number of features.
    pub(crate) fn width(&self) -> usize {
        self.centre.len()
    }

    /// Adds the scaling of `features` (float32 `[N, F]`); the result is float32 `[N, F]`.
    ///
    /// `min(max(features, lower), upper)`, minus the middle, times the factor, cut to
    /// [`SCALED_MAX`].
    pub fn emit(&self, g: &mut GraphBuilder, features: &Value) -> Value {
        g.scoped("scaler", |g| {
            let width = self.width();
            let row = |g: &mut GraphBuilder, values: &[f32]| {
                g.constant(Tensor::f32([width], values.to_vec()))
            };
            let bounded = match &self.bounds {
                Bounds::Open => clip(g, features, FEATURE_MAX),
                Bounds::Closed { lower, upper } => {
                    let upper = row(g, upper);
                    let below = g.min(features, &upper);
                    let lower = row(g, lower);
                    g.max(&below, &lower)
                }
            };
            let centre = row(g, &self.centre);
            let factor = row(g, &self.factor);
            let centred = g.sub(&bounded, &centre);
            let scaled = g.mul(&centred, &factor);
            clip(g, &scaled, SCALED_MAX)
        })
    }
}

impl Column {
    fn learn(table: &Table, column: usize, by: Spread, margin: Option<f64>) -> Column {
        let width = table.columns.len();
        let values = || table.values.iter().skip(column).step_by(width).copied();
        if table.rows == 0 {
            let (centre, spread) = (0.0, None);
            return Column { lower: 0.0, upper: 0.0, centre, spread, cut: false, raised: false };
        }
        let weights = table.weights.as_deref();
        let ranks = Ranks::new(values().collect(), weights);
        let (lower, upper) = bounds(&ranks, margin);
        let cut = ranks.least() < f64::from(lower) || ranks.most() > f64::from(upper);
        let weight = |row: usize| weights.map_or(1.0, |weights| f64::from(weights[row]));
        let bounded = || values().map(|x| f64::from(x.min(upper).max(lower))).enumerate();
        let total: f64 = (0..table.rows).map(weight).sum();
        let mean = bounded().map(|(row, x)| weight(row) * x).sum::<f64>() / total;
        let square = |(row, x): (usize, f64)| weight(row) * (x - mean) * (x - mean);
        let deviation = (bounded().map(square).sum::<f64>() / total).sqrt();
        // By what lies within the usual bounds, whatever the margin: one row far out makes no constant.
        let (low, high) = bounds(&ranks, Some(MARGIN));
        let usual = |x: f32| f64::from(x.min(high).max(low).abs());
        let largest = values().map(usual).fold(0.0, f64::max);
        let [q25, q50, q75] = [0.25, 0.5, 0.75].map(|share| ranks.quantile(share));
        let (range, least) = ((q75 - q25) / NORMAL_RANGE, middle(&ranks) / MIDDLE_SPREADS_MAX);
        let (centre, spread, raised) = match by {
            Spread::Standard => (mean, deviation, false),
            Spread::Robust if range.max(least) > 0.0 => (q50, range.max(least), least > range),
            Spread::Robust => (q50, deviation, deviation > 0.0),
        };
        let varies = spread > SPREAD_SHARE_MIN * largest && ((1.0 / spread) as f32).is_finite();
        let spread = varies.then_some(spread);
        Column { lower, upper, centre, spread, cut, raised: raised && varies }
    }
}

/// The width of the middle of the rows.
fn middle(ranks: &Ranks) -> f64 {
    let [low, high] = MIDDLE.map(|share| ranks.quantile(share));
    high - low
}

/// Between what a feature counts as it is.
fn bounds(ranks: &Ranks, margin: Option<f64>) -> (f32, f32) {
    let Some(margin) = margin else { return (-FEATURE_MAX, FEATURE_MAX) };
    let [mut low, mut high] = MIDDLE.map(|share| ranks.quantile(share));
    if low == high {
        (low, high) = (ranks.least(), ranks.most());
    }
    let beyond = margin * (high - low);
    let limit = f64::from(FEATURE_MAX);
    ((low - beyond).max(-limit) as f32, (high + beyond).min(limit) as f32)
}

fn clip(g: &mut GraphBuilder, x: &Value, limit: f32) -> Value {
    let (upper, lower) = (g.scalar_f32(limit), g.scalar_f32(-limit));
    let bounded = g.min(x, &upper);
    g.max(&bounded, &lower)
}
