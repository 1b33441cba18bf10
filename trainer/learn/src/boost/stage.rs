//! The rounds of boosting, and when they end.

use model_format::onnx::op::tree_ensemble::{FOREST_NODES_MAX, Tree};
use serde_json::{Map, json};

use super::bins::Bins;
use super::grow::{Grower, Slopes};
use super::held_back::{Parts, parts};
use super::histogram::Column;
use super::loss::{Gradient, Loss};
use super::parameters::Limits;
use crate::estimator::{FitContext, FitError};
use crate::parameter::Checked;
use crate::table::Table;
use crate::tree::check_size;
use crate::workers::Workers;

/// What boosting found.
pub(crate) struct Boosted {
    /// Where it started, by output.
    pub(crate) start: Vec<f64>,
    /// By round, one tree for each output.
    pub(crate) rounds: Vec<Vec<Tree>>,
    /// What is told of the fit.
    pub(crate) facts: Map<String, serde_json::Value>,
}

/// Boosts until the rounds are used up, or what is held back does not gain any more.
pub(crate) fn boost(
    parameters: &Checked,
    train: &Table,
    loss: &dyn Loss,
    context: &FitContext<'_>,
) -> Result<Boosted, FitError> {
    let limits = Limits::new(parameters);
    check_memory(&limits, train)?;
    let workers = Workers::new(context)?;
    let bins = Bins::new(train, parameters.integer("max_bins") as usize, &workers)?;
    let Parts { learned, held_back, recordings } = parts(parameters, train, context)?;
    let start = loss.start(&learned);
    let mut raw = start.repeat(train.rows);
    let mut patience = Patience::new(parameters, loss.mean(&raw, &held_back));
    let mut slopes = vec![Gradient::default(); loss.outputs()];
    let mut grower = Grower::new(&bins, learned, limits, &workers);
    let rounds_max = parameters.integer("max_iter") as usize;
    let (mut rounds, mut nodes): (Vec<Vec<Tree>>, usize) = (Vec::new(), 0);
    while rounds.len() < rounds_max {
        context.check_cancel()?;
        loss.slopes(&raw, &mut slopes, &workers)?;
        let mut trees = Vec::with_capacity(slopes.len());
        for (output, Gradient { gradients, hessians }) in slopes.iter().enumerate() {
            let hessians = (!hessians.is_empty()).then_some(&hessians[..]);
            let grown = grower.grow(Slopes { gradients, hessians })?;
            let corrected = |row: u32| row as usize * loss.outputs() + output;
            for (weight, range) in grown.tree.weights.iter().zip(&grown.leaves) {
                for &row in &grower.rows()[range.clone()] {
                    raw[corrected(row)] += f64::from(*weight);
                }
            }
            for &row in &held_back {
                raw[corrected(row)] += f64::from(grown.tree.weights[grown.leaf(&bins, row)]);
            }
            nodes += grown.tree.nodes.len();
            check_size("nodes of the trees", nodes, FOREST_NODES_MAX)?;
            trees.push(grown.tree);
        }
        let stuck = trees.iter().all(|tree| tree.nodes.len() == 1);
        rounds.push(trees);
        (context.progress)(rounds.len() as f64 / rounds_max as f64);
        let done =
            !held_back.is_empty() && patience.ends(rounds.len(), loss.mean(&raw, &held_back));
        // Rows that no split tells apart any more: the next trees would be as empty.
        if stuck || done {
            break;
        }
    }
    if !held_back.is_empty() {
        rounds.truncate(patience.best_round.max(1));
    }
    let facts = Map::from_iter([
        ("iterations".to_owned(), json!(rounds.len())),
        ("recordings_held_back".to_owned(), json!(recordings)),
        ("rows_held_back".to_owned(), json!(held_back.len())),
    ]);
    Ok(Boosted { start, rounds, facts })
}

/// Refuses trees whose open leaves would keep too many histograms.
fn check_memory(limits: &Limits, train: &Table) -> Result<(), FitError> {
    let leaves = limits.leaves.min(train.rows / limits.leaf_rows.max(1) as usize + 1);
    let bytes = (leaves * train.columns.len() * size_of::<Column>()) as u64;
    if bytes <= HISTOGRAM_BYTES_MAX {
        return Ok(());
    }
    Err(FitError::TooLarge {
        what: "bytes of the histograms of one tree",
        found: bytes,
        limit: HISTOGRAM_BYTES_MAX,
        advice: "lower max_leaf_nodes, raise min_samples_leaf or choose fewer features",
    })
}

const HISTOGRAM_BYTES_MAX: u64 = 1 << 30;

/// Counts the rounds without a better loss.
struct Patience {
    rounds: usize,
    tol: f64,
    best: f64,
    best_round: usize,
}

impl Patience {
    fn new(parameters: &Checked, best: f64) -> Patience {
        let rounds = parameters.integer("n_iter_no_change") as usize;
        Patience { rounds, tol: parameters.number("tol"), best, best_round: 0 }
    }

    /// Notes the loss after a round; true where there were too many without a better one.
    fn ends(&mut self, round: usize, loss: f64) -> bool {
        if loss < self.best - self.tol {
            self.best = loss;
            self.best_round = round;
        }
        round - self.best_round >= self.rounds
    }
}
