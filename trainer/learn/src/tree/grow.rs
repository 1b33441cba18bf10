//! Growing one tree: depth first, best split among randomly drawn features.

use model_format::onnx::op::tree_ensemble::{Node, TREE_NODES_MAX, Tree};

use super::columns::Columns;
use super::sort;
use crate::estimator::FitError;
use crate::random::Random;

/// The most leaf weights (leaves × outputs), in a tree and in a forest.
pub(crate) const WEIGHTS_MAX: usize = 1 << 25;
/// Nodes between two questions whether to go on.
const NODES_PER_CHECK: usize = 64;

/// A row in a tree.
#[derive(Clone, Copy)]
pub(crate) struct Sample<T> {
    /// Row of the table.
    pub(crate) row: u32,
    /// Class or value.
    pub(crate) target: T,
    /// How much it counts.
    pub(crate) weight: f64,
}

/// What makes one split better than another, and what a leaf answers.
pub(crate) trait Criterion {
    /// Class or value.
    type Target: Copy + Send + Sync;

    /// Numbers in a leaf.
    fn outputs(&self) -> usize;
    /// Looks at a node; true where all its targets are equal.
    fn enter(&mut self, samples: &[Sample<Self::Target>]) -> bool;
    /// Puts all samples of the node on the right.
    fn restart(&mut self);
    /// Moves a sample to the left.
    fn shift(&mut self, sample: &Sample<Self::Target>);
    /// Puts the samples of the node on the sides that `is_left` says, and returns how many are left.
    fn divide(
        &mut self,
        samples: &[Sample<Self::Target>],
        is_left: impl Fn(&Sample<Self::Target>) -> bool,
    ) -> usize {
        self.restart();
        let mut left = 0;
        for sample in samples.iter().filter(|sample| is_left(sample)) {
            self.shift(sample);
            left += 1;
        }
        left
    }
    /// How good the split into left and right is; larger is better.
    fn score(&self) -> f64;
    /// Appends the leaf of the node that was entered last.
    fn leaf(&self, out: &mut Vec<f32>);
}

/// Which thresholds a node looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thresholds {
    /// All between the values of its rows.
    Searched,
    /// One for each feature, drawn evenly between the smallest and the largest value of its rows.
    Drawn,
}

/// Where growing stops, and what it looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TreeLimits {
    /// Longest path, in splits.
    pub(crate) max_depth: usize,
    /// A node with fewer rows is a leaf.
    pub(crate) min_samples_split: usize,
    /// No leaf has fewer rows.
    pub(crate) min_samples_leaf: usize,
    /// Features looked at in each node.
    pub(crate) max_features: usize,
    /// Thresholds looked at for each feature.
    pub(crate) thresholds: Thresholds,
}

/// Grows trees one after another, reusing its buffers.
pub(crate) struct Grower<'a, C: Criterion> {
    columns: &'a Columns,
    limits: TreeLimits,
    criterion: C,
    features: Vec<u32>,
    keys: Vec<u64>,
    buffer: Vec<u64>,
    moved: Vec<Sample<C::Target>>,
}

/// Samples `from..to` that still want a node; `parent` is the split that points to it.
struct Open {
    from: usize,
    to: usize,
    depth: usize,
    parent: Option<(usize, Side)>,
}

enum Side {
    Left,
    Right,
}

struct Split {
    score: f64,
    column: usize,
    /// The largest rank that goes left.
    low: u32,
    /// The next rank of the node.
    high: u32,
    /// The threshold between them, where it was drawn.
    drawn: Option<f32>,
}

impl<'a, C: Criterion> Grower<'a, C> {
    pub(crate) fn new(columns: &'a Columns, limits: TreeLimits, criterion: C) -> Self {
        Grower {
            columns,
            limits,
            criterion,
            features: (0..columns.width() as u32).collect(),
            keys: Vec::new(),
            buffer: Vec::new(),
            moved: Vec::new(),
        }
    }

    /// Grows a tree on `samples`, at least one; reorders them.
    pub(crate) fn grow(
        &mut self,
        samples: &mut [Sample<C::Target>],
        random: &mut Random,
        cancel: &(dyn Fn() -> bool + Sync),
    ) -> Result<Tree, FitError> {
        let mut tree = Tree::default();
        let mut leaves = 0;
        let mut open = vec![Open { from: 0, to: samples.len(), depth: 0, parent: None }];
        while let Some(Open { from, to, depth, parent }) = open.pop() {
            let at = tree.nodes.len();
            if at.is_multiple_of(NODES_PER_CHECK) && cancel() {
                return Err(FitError::Cancelled);
            }
            check_size("nodes of a tree", at, TREE_NODES_MAX - 1)?;
            check_size("leaf weights of a tree", tree.weights.len(), WEIGHTS_MAX)?;
            link(&mut tree, parent, at);
            let own = &mut samples[from..to];
            match self.split(own, depth, random) {
                None => {
                    self.criterion.leaf(&mut tree.weights);
                    tree.nodes.push(Node::Leaf { leaf: leaves });
                    leaves += 1;
                }
                Some(split) => {
                    let middle = from + self.partition(own, &split);
                    let Split { column, low, high, drawn, .. } = split;
                    let between = || self.columns.threshold(column, low, high);
                    tree.nodes.push(Node::Split {
                        feature: column as u32,
                        threshold: drawn.unwrap_or_else(between),
                        left: 0,
                        right: 0,
                    });
                    let (depth, right, left) = (depth + 1, Side::Right, Side::Left);
                    open.push(Open { from: middle, to, depth, parent: Some((at, right)) });
                    open.push(Open { from, to: middle, depth, parent: Some((at, left)) });
                }
            }
        }
        Ok(tree)
    }

    /// The best split of a node, if it is to be split. Enters the node.
    ///
    /// As in scikit-learn, features that are constant in the node do not keep the search from
    /// going on until one was found that is not.
    fn split(
        &mut self,
        samples: &[Sample<C::Target>],
        depth: usize,
        random: &mut Random,
    ) -> Option<Split> {
        let pure = self.criterion.enter(samples);
        let small = samples.len() < self.limits.min_samples_split
            || samples.len() < 2 * self.limits.min_samples_leaf;
        if pure || small || depth >= self.limits.max_depth {
            return None;
        }
        let mut best = None;
        let mut varying = false;
        for drawn in 0..self.features.len() {
            if drawn >= self.limits.max_features && varying {
                break;
            }
            let pick = drawn + random.below((self.features.len() - drawn) as u32) as usize;
            self.features.swap(drawn, pick);
            let column = self.features[drawn] as usize;
            varying |= match self.limits.thresholds {
                Thresholds::Searched => self.scan(samples, column, &mut best),
                Thresholds::Drawn => self.draw(samples, column, random, &mut best),
            };
        }
        best
    }

    /// Looks at every split of a column; false where the column is constant in the node.
    fn scan(
        &mut self,
        samples: &[Sample<C::Target>],
        column: usize,
        best: &mut Option<Split>,
    ) -> bool {
        let ranks = self.columns.ranks(column);
        self.keys.clear();
        let (mut low, mut high) = (u32::MAX, 0);
        self.keys.extend(samples.iter().enumerate().map(|(at, sample)| {
            let rank = ranks[sample.row as usize];
            (low, high) = (low.min(rank), high.max(rank));
            (u64::from(rank) << 32) | at as u64
        }));
        if low == high {
            return false;
        }
        sort::by_rank(&mut self.keys, &mut self.buffer, high);
        self.criterion.restart();
        let (first, last) = (self.limits.min_samples_leaf, samples.len());
        let mut best_score = best.as_ref().map_or(f64::NEG_INFINITY, |best| best.score);
        for at in 1..=last - first {
            let (before, after) = (self.keys[at - 1], self.keys[at]);
            self.criterion.shift(&samples[before as u32 as usize]);
            let (low, high) = ((before >> 32) as u32, (after >> 32) as u32);
            if low == high || at < first {
                continue;
            }
            let score = self.criterion.score();
            // Weights of very different size can cancel to a child of weight 0: no split then.
            if score > best_score && score < f64::INFINITY {
                best_score = score;
                *best = Some(Split { score, column, low, high, drawn: None });
            }
        }
        true
    }

    /// Looks at one drawn split of a column; false where the column is constant in the node.
    fn draw(
        &mut self,
        samples: &[Sample<C::Target>],
        column: usize,
        random: &mut Random,
        best: &mut Option<Split>,
    ) -> bool {
        let ranks = self.columns.ranks(column);
        let (mut low, mut high) = (u32::MAX, 0);
        for sample in samples {
            let rank = ranks[sample.row as usize];
            (low, high) = (low.min(rank), high.max(rank));
        }
        if low == high {
            return false;
        }
        let (cut, threshold) = self.columns.cut(column, low, high, random.share());
        let left = self.criterion.divide(samples, |sample| ranks[sample.row as usize] <= cut);
        if left < self.limits.min_samples_leaf
            || samples.len() - left < self.limits.min_samples_leaf
        {
            return true;
        }
        let score = self.criterion.score();
        let best_score = best.as_ref().map_or(f64::NEG_INFINITY, |best| best.score);
        if score > best_score && score < f64::INFINITY {
            *best = Some(Split { score, column, low: cut, high: cut + 1, drawn: Some(threshold) });
        }
        true
    }

    /// Brings the samples of the left child to the front, both children in their old order, and
    /// returns how many there are on the left.
    fn partition(&mut self, samples: &mut [Sample<C::Target>], split: &Split) -> usize {
        let ranks = self.columns.ranks(split.column);
        self.moved.clear();
        let mut kept = 0;
        for at in 0..samples.len() {
            let sample = samples[at];
            if ranks[sample.row as usize] <= split.low {
                samples[kept] = sample;
                kept += 1;
            } else {
                self.moved.push(sample);
            }
        }
        samples[kept..].copy_from_slice(&self.moved);
        kept
    }
}

fn link(tree: &mut Tree, parent: Option<(usize, Side)>, at: usize) {
    let Some((parent, side)) = parent else { return };
    if let Node::Split { left, right, .. } = &mut tree.nodes[parent] {
        match side {
            Side::Left => *left = at as u32,
            Side::Right => *right = at as u32,
        }
    }
}

/// Refuses what would not fit into memory or file.
pub(crate) fn check_size(what: &'static str, found: usize, limit: usize) -> Result<(), FitError> {
    if found <= limit {
        return Ok(());
    }
    let advice = "lower n_estimators or max_depth, or raise min_samples_leaf";
    Err(FitError::TooLarge { what, found: found as u64, limit: limit as u64, advice })
}
