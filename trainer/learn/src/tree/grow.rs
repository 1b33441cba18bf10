//! Growing one tree: depth first, best split among randomly drawn features.

use model_format::onnx::op::tree_ensemble::{Node as TreeNode, TREE_NODES_MAX, Tree};

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
    /// Puts the samples of the node left that come with a value up to `threshold`, the others right,
    /// and returns how many are left.
    fn divide(
        &mut self,
        samples: &[Sample<Self::Target>],
        values: &[f32],
        threshold: f32,
    ) -> usize {
        self.restart();
        let mut left = 0;
        for (sample, _) in samples.iter().zip(values).filter(|&(_, &value)| value <= threshold) {
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

/// The weight, or 0, without a branch: nobody can foresee on which side a sample falls.
#[inline]
pub(super) fn kept(weight: f64, is_kept: bool) -> f64 {
    f64::from_bits(weight.to_bits() & u64::from(is_kept).wrapping_neg())
}

/// How the split of a node is looked for.
pub(crate) trait Search {
    /// What tells the left rows of a split from the right ones.
    type Cut: Copy;

    /// Number of features.
    fn width(&self) -> usize;
    /// Looks for a split of a column that is better than `best`, where both sides have at least
    /// `min_samples_leaf` samples; false where the column is constant in the node.
    fn look<C: Criterion>(
        &mut self,
        node: &Node<'_, C>,
        criterion: &mut C,
        random: &mut Random,
        best: &mut Option<Split<Self::Cut>>,
    ) -> bool;
    /// Whether a row goes left.
    fn sides(&self, split: &Split<Self::Cut>) -> impl Fn(u32) -> bool;
    /// Values up to it go left.
    fn threshold(&self, split: &Split<Self::Cut>) -> f32;
}

/// What a search looks at.
pub(crate) struct Node<'a, C: Criterion> {
    /// The samples of the node.
    pub(crate) samples: &'a [Sample<C::Target>],
    /// The feature.
    pub(crate) column: usize,
    /// No side of a split has fewer.
    pub(crate) min_samples_leaf: usize,
}

/// A split that was found.
pub(crate) struct Split<Cut> {
    /// How good it is.
    pub(crate) score: f64,
    /// The feature.
    pub(crate) column: usize,
    /// What goes left.
    pub(crate) cut: Cut,
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
}

/// Grows trees one after another, reusing its buffers.
pub(crate) struct Grower<S, C: Criterion> {
    search: S,
    limits: TreeLimits,
    criterion: C,
    features: Vec<u32>,
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

impl<S: Search, C: Criterion> Grower<S, C> {
    pub(crate) fn new(search: S, limits: TreeLimits, criterion: C) -> Self {
        let features = (0..search.width() as u32).collect();
        Grower { search, limits, criterion, features, moved: Vec::new() }
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
                    tree.nodes.push(TreeNode::Leaf { leaf: leaves });
                    leaves += 1;
                }
                Some(split) => {
                    let middle = from + self.partition(own, &split);
                    tree.nodes.push(TreeNode::Split {
                        feature: split.column as u32,
                        threshold: self.search.threshold(&split),
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
    ) -> Option<Split<S::Cut>> {
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
            let node = Node { samples, column, min_samples_leaf: self.limits.min_samples_leaf };
            varying |= self.search.look(&node, &mut self.criterion, random, &mut best);
        }
        best
    }

    /// Brings the samples of the left child to the front, both children in their old order, and
    /// returns how many there are on the left.
    fn partition(&mut self, samples: &mut [Sample<C::Target>], split: &Split<S::Cut>) -> usize {
        let is_left = self.search.sides(split);
        self.moved.clear();
        let mut kept = 0;
        for at in 0..samples.len() {
            let sample = samples[at];
            if is_left(sample.row) {
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
    if let TreeNode::Split { left, right, .. } = &mut tree.nodes[parent] {
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
