//! Training rows that a model keeps: which ones, how far rows lie from them, and who is nearest.

use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::proto::DataType;
use model_format::onnx::tensor::Tensor;

use crate::estimator::{FitContext, FitError};
use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::random::Random;
use crate::scaler::Scaler;
use crate::table::Table;
use crate::workers::Workers;

/// How many training rows a model keeps.
pub(crate) const MAX_SAMPLES: Parameter = Parameter {
    name: "max_samples",
    doc: "The most training rows that the model keeps in its file, and so the time of an answer; \
          coreset says which. Rows times features are at most 4 194 304.",
    accepts: &[Form::Integer { min: 2, max: ROWS_MAX as i64 }],
    default: Preset::Integer(5000),
};

/// Which training rows a model keeps where there are more.
pub(crate) const CORESET: Parameter = Parameter {
    name: "coreset",
    doc: "Which rows are kept where there are more than max_samples: random draws them evenly, of \
          each class its share; k_center takes again and again the row furthest from those taken, \
          which keeps rare corners and takes longer.",
    accepts: &[Form::Choice(&["random", "k_center"])],
    default: Preset::Word("random"),
};

/// Number of neighbours, with the default of the estimator.
pub(crate) const fn n_neighbors(default: i64) -> Parameter {
    Parameter {
        name: "n_neighbors",
        doc: "How many of the nearest kept training rows are looked at. More answer more steadily \
              and follow fine structure less.",
        accepts: &[Form::Integer { min: 1, max: 1000 }],
        default: Preset::Integer(default),
    }
}

/// How much each neighbour counts.
pub(crate) const WEIGHTS: Parameter = Parameter {
    name: "weights",
    doc: "uniform: the neighbours count alike. distance: by the inverse of their distance, so that \
          the nearest count most.",
    accepts: &[Form::Choice(&["uniform", "distance"])],
    default: Preset::Word("uniform"),
};

const ROWS_MAX: usize = 20_000;
const VALUES_MAX: usize = 1 << 22;

/// Rows nearer than this, in standard deviations, count as equally near: 64-bit sums of products do
/// not tell smaller distances, and engines would disagree about them.
pub(crate) const DISTANCE_MIN: f64 = 1e-5;

/// The rows of a model.
pub(crate) struct Kept {
    /// Positions in the training table, ascending.
    pub(crate) rows: Vec<usize>,
    /// Their scaled features, row by row.
    points: Vec<f64>,
    width: usize,
}

impl Kept {
    /// Keeps at most `max_samples` of the rows; `strata` are the classes whose shares stay the same.
    pub(crate) fn choose(
        scaler: &Scaler,
        train: &Table,
        strata: Option<&[u32]>,
        parameters: &Checked,
        context: &FitContext<'_>,
    ) -> Result<Kept, FitError> {
        let (width, count) = (scaler.width(), parameters.integer("max_samples") as usize);
        let kept = count.min(train.rows);
        if kept * width > VALUES_MAX {
            return Err(FitError::TooLarge {
                what: "kept rows × features",
                found: (kept * width) as u64,
                limit: VALUES_MAX as u64,
                advice: "lower max_samples or choose fewer features",
            });
        }
        let z = scaler.apply_all(train);
        let mut random = Random::new(context.seed, 0);
        let mut rows = match parameters.word("coreset") {
            _ if train.rows <= count => (0..train.rows).collect(),
            Some("k_center") => k_center(&z, width, count, &mut random, context)?,
            _ => drawn(train.rows, strata, count, &mut random),
        };
        rows.sort_unstable();
        let points =
            rows.iter().flat_map(|&row| &z[row * width..(row + 1) * width]).copied().collect();
        Ok(Kept { rows, points, width })
    }

    /// Refuses a model with fewer rows than it asks neighbours for.
    pub(crate) fn check_neighbours(&self, wanted: usize, others: usize) -> Result<(), FitError> {
        if self.rows.len() >= wanted + others {
            return Ok(());
        }
        Err(FitError::TooFewRows {
            kind: "kept training",
            rows: self.rows.len(),
            needed: wanted + others,
            reason: format!("n_neighbors is {wanted}; lower it or raise max_samples"),
        })
    }

    /// Adds the search for the `count` kept rows nearest to each row of `scaled` (float32 `[N, F]`):
    /// distances (float64 `[N, count]`, ascending, at least [`DISTANCE_MIN`]) and positions (int64
    /// `[N, count]`). Of equally near rows the first comes first.
    ///
    /// ```text
    /// d² [N,M] = Σ z² − 2 z·pointsᵀ + Σ points²     in 64-bit floats, rounded once to 32
    /// ```
    pub(crate) fn emit_nearest(
        &self,
        graph: &mut GraphBuilder,
        scaled: &Value,
        count: usize,
    ) -> (Value, Value) {
        let (width, kept) = (self.width, self.rows.len());
        let turned = (0..width).flat_map(|column| {
            self.points.iter().skip(column).step_by(width).map(|point| -2.0 * point)
        });
        let turned = graph.constant(Tensor::f64([width, kept], turned.collect()));
        let squares = self.points.chunks_exact(width);
        let squares = squares.map(|point| point.iter().map(|x| x * x).sum()).collect();
        let squares = graph.constant(Tensor::f64([kept], squares));
        let z = graph.cast(scaled, DataType::Double);
        let square = graph.mul(&z, &z);
        let square = graph.reduce_sum(&square, 1, true);
        let products = graph.mat_mul(&z, &turned);
        let distance = graph.add(&products, &square);
        let distance = graph.add(&distance, &squares);
        // Rounded, so that engines whose last bits differ agree about which rows are equally near.
        let distance = graph.cast(&distance, DataType::Float);
        let (nearest, positions) = graph.smallest(&distance, 1, count);
        let nearest = graph.cast(&nearest, DataType::Double);
        let least = graph.scalar_f64(DISTANCE_MIN * DISTANCE_MIN);
        let nearest = graph.max(&nearest, &least);
        (graph.sqrt(&nearest), positions)
    }

    /// For each kept row the `count` nearest other ones: distances (at least [`DISTANCE_MIN`]) and
    /// positions, ascending.
    pub(crate) fn nearest_others(
        &self,
        count: usize,
        context: &FitContext<'_>,
    ) -> Result<Vec<Vec<(f64, usize)>>, FitError> {
        Workers::new(context)?.map(self.rows.len(), |row| {
            let own = &self.points[row * self.width..(row + 1) * self.width];
            let others = self.points.chunks_exact(self.width).enumerate();
            let others = others.filter(|&(other, _)| other != row);
            let mut found: Vec<(f64, usize)> =
                others.map(|(other, point)| (squared(own, point), other)).collect();
            let order =
                |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
            found.select_nth_unstable_by(count - 1, order);
            found.truncate(count);
            found.sort_unstable_by(order);
            found
                .iter_mut()
                .for_each(|(distance, _)| *distance = distance.sqrt().max(DISTANCE_MIN));
            Ok(found)
        })
    }
}

/// Adds how much each of `count` neighbours at these distances (float64 `[N, count]`) counts:
/// shares of 1 in the shape of the distances, or in that of one row.
pub(crate) fn emit_shares(
    graph: &mut GraphBuilder,
    distances: &Value,
    count: usize,
    by_distance: bool,
) -> Value {
    if !by_distance {
        return graph.constant(Tensor::f64([1, count], vec![1.0 / count as f64; count]));
    }
    let one = graph.scalar_f64(1.0);
    let near = graph.div(&one, distances);
    let total = graph.reduce_sum(&near, 1, true);
    graph.div(&near, &total)
}

fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Draws `count` of `rows` rows: of each stratum, rows in a random order stand at even shares of
/// the way, and the first ones of all are taken.
fn drawn(rows: usize, strata: Option<&[u32]>, count: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    random.shuffle(&mut order);
    let stratum = |row: usize| strata.map_or(0, |strata| strata[row] as usize);
    let strata_count = (0..rows).map(stratum).max().unwrap_or(0) + 1;
    let mut sizes = vec![0_u64; strata_count];
    (0..rows).for_each(|row| sizes[stratum(row)] += 1);
    let mut seen = vec![0_u64; strata_count];
    let mut placed: Vec<(u64, u64, usize)> = Vec::with_capacity(rows);
    for row in order {
        let own = stratum(row);
        placed.push((seen[own], sizes[own], row));
        seen[own] += 1;
    }
    // seen / size as fractions, without rounding; those of one share by their place.
    placed.sort_by(|a, b| (a.0 * b.1).cmp(&(b.0 * a.1)));
    placed.truncate(count);
    placed.into_iter().map(|(_, _, row)| row).collect()
}

/// Takes a random row, then again and again the one furthest from those taken (Gonzalez 1985).
fn k_center(
    z: &[f64],
    width: usize,
    count: usize,
    random: &mut Random,
    context: &FitContext<'_>,
) -> Result<Vec<usize>, FitError> {
    let rows = z.len() / width;
    let mut taken = random.below(rows as u32) as usize;
    let mut distance = vec![f64::INFINITY; rows];
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count {
        context.check_cancel()?;
        chosen.push(taken);
        let centre = &z[taken * width..(taken + 1) * width];
        let mut furthest = (f64::NEG_INFINITY, 0);
        for (row, (distance, point)) in distance.iter_mut().zip(z.chunks_exact(width)).enumerate() {
            *distance = distance.min(squared(centre, point));
            if *distance > furthest.0 {
                furthest = (*distance, row);
            }
        }
        distance[taken] = f64::NEG_INFINITY;
        taken = furthest.1;
    }
    Ok(chosen)
}
