//! Growing a forest: one numbered random stream and one bootstrap per tree, merged in order.

use std::sync::atomic::{AtomicUsize, Ordering};

use model_format::onnx::op::tree_ensemble::{FOREST_NODES_MAX, Forest, Tree};

use super::columns::Columns;
use super::drawn::Drawn;
use super::grow::{Criterion, Grower, Sample, TreeLimits, WEIGHTS_MAX, check_size};
use super::searched::Searched;
use crate::estimator::{FitContext, FitError};
use crate::parameter::Checked;
use crate::random::Random;
use crate::table::Table;
use crate::workers::Workers;

/// What is the same for all trees of a forest.
pub(crate) struct ForestPlan<'a, T> {
    /// The features.
    pub(crate) features: &'a Features<'a>,
    /// Where trees end.
    pub(crate) limits: TreeLimits,
    /// Number of trees.
    pub(crate) trees: usize,
    /// Whether each tree sees rows drawn with replacement, or all rows.
    pub(crate) bootstrap: bool,
    /// Class or value by row.
    pub(crate) targets: &'a [T],
    /// Weight by row.
    pub(crate) weights: &'a [f64],
}

/// What is grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One tree on all rows.
    Tree,
    /// `n_estimators` trees with searched thresholds.
    Forest,
    /// `n_estimators` trees with drawn thresholds.
    ExtraTrees,
}

/// Features, as the search for thresholds needs them.
pub(crate) enum Features<'a> {
    /// All thresholds are looked at.
    Searched(Columns),
    /// One threshold is drawn.
    Drawn(&'a Table),
}

impl<'a> Features<'a> {
    /// The features of a checked table.
    pub(crate) fn new(kind: Kind, table: &'a Table) -> Self {
        match kind {
            Kind::Tree | Kind::Forest => Features::Searched(Columns::new(table)),
            Kind::ExtraTrees => Features::Drawn(table),
        }
    }

    fn rows(&self) -> usize {
        match self {
            Features::Searched(columns) => columns.rows(),
            Features::Drawn(table) => table.rows,
        }
    }

    fn width(&self) -> usize {
        match self {
            Features::Searched(columns) => columns.width(),
            Features::Drawn(table) => table.columns.len(),
        }
    }
}

impl<'a, T> ForestPlan<'a, T> {
    /// What the parameters of an estimator of this kind ask for.
    pub(crate) fn new(
        kind: Kind,
        parameters: &Checked,
        features: &'a Features<'a>,
        targets: &'a [T],
        weights: &'a [f64],
    ) -> Self {
        let one = kind == Kind::Tree;
        ForestPlan {
            features,
            limits: TreeLimits::new(parameters, features.width()),
            trees: if one { 1 } else { parameters.integer("n_estimators") as usize },
            bootstrap: !one && parameters.flag("bootstrap"),
            targets,
            weights,
        }
    }
}

/// Grows the trees in `context.threads` threads. The result does not depend on how many.
pub(crate) fn grow_forest<C, T>(
    plan: &ForestPlan<'_, T>,
    criterion: impl Fn() -> C + Sync,
    context: &FitContext<'_>,
) -> Result<Forest, FitError>
where
    C: Criterion<Target = T>,
    T: Copy + Send + Sync,
{
    let grown = AtomicUsize::new(0);
    let nodes = AtomicUsize::new(0);
    let weights = AtomicUsize::new(0);
    let grow = |stream: usize| -> Result<Tree, FitError> {
        let mut random = Random::new(context.seed, stream as u64);
        let mut samples = draw(plan, &mut random);
        let (samples, random) = (&mut samples, &mut random);
        let tree = match plan.features {
            Features::Searched(columns) => Grower::new(
                Searched::new(columns),
                plan.limits,
                criterion(),
            )
            .grow(samples, random, context.cancel),
            Features::Drawn(table) => Grower::new(Drawn::new(table), plan.limits, criterion())
                .grow(samples, random, context.cancel),
        }?;
        let (count, size) = (tree.nodes.len(), tree.weights.len());
        let count = nodes.fetch_add(count, Ordering::Relaxed) + count;
        let size = weights.fetch_add(size, Ordering::Relaxed) + size;
        check_size("nodes of the forest", count, FOREST_NODES_MAX)?;
        check_size("leaf weights of the forest", size, WEIGHTS_MAX)?;
        let done = grown.fetch_add(1, Ordering::Relaxed) + 1;
        (context.progress)(done as f64 / plan.trees as f64);
        Ok(tree)
    };
    let trees = Workers::new(context)?.map(plan.trees, grow)?;
    Ok(Forest { width: plan.features.width(), outputs: criterion().outputs(), trees })
}

/// The samples of one tree. A row that is drawn several times is one sample that counts as often.
fn draw<T: Copy>(plan: &ForestPlan<'_, T>, random: &mut Random) -> Vec<Sample<T>> {
    let rows = plan.features.rows();
    let mut counts = vec![u32::from(!plan.bootstrap); rows];
    if plan.bootstrap {
        for _ in 0..rows {
            counts[random.below(rows as u32) as usize] += 1;
        }
    }
    let drawn = counts.iter().enumerate().filter(|&(_, &count)| count > 0);
    drawn
        .map(|(row, &count)| Sample {
            row: row as u32,
            target: plan.targets[row],
            weight: f64::from(count) * plan.weights[row],
        })
        .collect()
}
