//! Growing one boosted tree: the leaf that gains most is split next.

use std::ops::Range;

use model_format::onnx::op::tree_ensemble::{Node, Tree};

use super::bins::Bins;
use super::histogram::{Column, Split, Sums, best_split, fill, subtract};
use super::parameters::Limits;
use crate::estimator::FitError;
use crate::workers::Workers;

/// Grows trees on the same rows, reusing its buffers.
pub(super) struct Grower<'a> {
    bins: &'a Bins,
    limits: Limits,
    workers: &'a Workers<'a>,
    /// The training rows, ascending.
    ascending: Vec<u32>,
    /// The same, those of a node together.
    rows: Vec<u32>,
    moved: Vec<u32>,
    /// Gradients and hessians of the node in work, in the order of its rows.
    gradients: Vec<f32>,
    hessians: Vec<f32>,
    spare: Vec<Histogram>,
}

type Histogram = Vec<Column>;

/// A tree on bins, with the training rows of each leaf.
pub(super) struct Grown {
    /// Its weights are single numbers, already times the learning rate.
    pub(super) tree: Tree,
    /// By split, the last bin that goes left: to walk it with rows that it was not grown on.
    bins: Vec<u8>,
    /// Rows of each leaf among [`Grower::rows`], by the leaf's number.
    pub(super) leaves: Vec<Range<usize>>,
}

struct Leaf {
    node: usize,
    depth: usize,
    range: Range<usize>,
    sums: Sums,
    split: Option<(Split, Histogram)>,
}

/// Gradients and hessians by row of the table; hessians of 1 are left out.
#[derive(Clone, Copy)]
pub(super) struct Slopes<'a> {
    pub(super) gradients: &'a [f32],
    pub(super) hessians: Option<&'a [f32]>,
}

impl<'a> Grower<'a> {
    pub(super) fn new(
        bins: &'a Bins,
        rows: Vec<u32>,
        limits: Limits,
        workers: &'a Workers<'a>,
    ) -> Self {
        let (moved, spare) = (Vec::with_capacity(rows.len()), Vec::new());
        let (gradients, hessians) = (Vec::new(), Vec::new());
        let ascending = rows.clone();
        Grower { bins, limits, workers, ascending, rows, moved, gradients, hessians, spare }
    }

    /// The training rows, in the order of the last tree's leaves.
    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Grows a tree that follows the slopes downhill.
    pub(super) fn grow(&mut self, slopes: Slopes<'_>) -> Result<Grown, FitError> {
        self.rows.copy_from_slice(&self.ascending);
        let mut tree = Tree { nodes: vec![Node::Leaf { leaf: 0 }], weights: Vec::new() };
        let mut split_bins = vec![0];
        let whole = 0..self.rows.len();
        let root = self.histogram(&whole, slopes)?;
        let sums = root[0].iter().fold(Sums::default(), |mut sum, bin| {
            sum.gradient += bin.gradient;
            sum.hessian += bin.hessian;
            sum.rows += bin.rows;
            sum
        });
        let mut leaves = vec![self.leaf(0, 0, whole, sums, root)?];
        while leaves.len() < self.limits.leaves {
            let Some(at) = best(&leaves) else { break };
            let parent = leaves.swap_remove(at);
            let Some((split, histogram)) = parent.split else { break };
            let middle = self.partition(&parent.range, &split);
            let (left, right) = (parent.range.start..middle, middle..parent.range.end);
            let node = tree.nodes.len();
            tree.nodes[parent.node] = Node::Split {
                feature: split.column as u32,
                threshold: self.bins.threshold(split.column, split.bin),
                left: node as u32,
                right: node as u32 + 1,
            };
            split_bins[parent.node] = split.bin;
            tree.nodes.extend([Node::Leaf { leaf: 0 }; 2]);
            split_bins.extend([0; 2]);
            let depth = parent.depth + 1;
            let last = leaves.len() + 2 >= self.limits.leaves || depth >= self.limits.depth;
            let [first, second] = match last {
                // Nobody will split these again.
                true => {
                    self.spare.push(histogram);
                    [(node, left, split.left), (node + 1, right, split.right)]
                        .map(|(node, range, sums)| Leaf { node, depth, range, sums, split: None })
                }
                false => self.children(node, depth, [left, right], &split, histogram, slopes)?,
            };
            leaves.extend([first, second]);
        }
        Ok(self.finish(tree, split_bins, leaves))
    }

    /// Both children: the sums of the smaller one are added up, those of the larger one are what is
    /// left of the parent's.
    fn children(
        &mut self,
        node: usize,
        depth: usize,
        [left, right]: [Range<usize>; 2],
        split: &Split,
        mut parent: Histogram,
        slopes: Slopes<'_>,
    ) -> Result<[Leaf; 2], FitError> {
        let left_smaller = left.len() <= right.len();
        let smaller = self.histogram(if left_smaller { &left } else { &right }, slopes)?;
        for (parent, child) in parent.iter_mut().zip(&smaller) {
            subtract(parent, child);
        }
        let (of_left, of_right) = if left_smaller { (smaller, parent) } else { (parent, smaller) };
        let left = self.leaf(node, depth, left, split.left, of_left)?;
        let right = self.leaf(node + 1, depth, right, split.right, of_right)?;
        Ok([left, right])
    }

    /// A leaf with its best split.
    fn leaf(
        &mut self,
        node: usize,
        depth: usize,
        range: Range<usize>,
        sums: Sums,
        histogram: Histogram,
    ) -> Result<Leaf, FitError> {
        let bound = (self.limits.leaf_rows, self.limits.l2);
        let mut best: Option<Split> = None;
        if range.len() >= 2 * self.limits.leaf_rows.max(1) as usize && depth < self.limits.depth {
            for (column, histogram) in histogram.iter().enumerate() {
                let place = (column, self.bins.count(column));
                let found = best_split(histogram, place, sums, bound);
                // Of equally good columns the first.
                if let Some(found) = found.filter(|f| best.is_none_or(|best| f.gain > best.gain)) {
                    best = Some(found);
                }
            }
        }
        let split = match best {
            Some(best) => Some((best, histogram)),
            None => {
                self.spare.push(histogram);
                None
            }
        };
        Ok(Leaf { node, depth, range, sums, split })
    }

    /// Adds the rows of a node up, column by column.
    fn histogram(
        &mut self,
        range: &Range<usize>,
        slopes: Slopes<'_>,
    ) -> Result<Histogram, FitError> {
        let width = self.bins.width();
        let rows = &self.rows[range.clone()];
        let all = rows.len() == self.bins.column(0).len();
        if !all {
            let of = |from: &[f32], to: &mut Vec<f32>| {
                to.clear();
                to.extend(rows.iter().map(|&row| from[row as usize]));
            };
            of(slopes.gradients, &mut self.gradients);
            slopes.hessians.iter().for_each(|hessians| of(hessians, &mut self.hessians));
        }
        let (gradients, hessians) = match all {
            true => (slopes.gradients, slopes.hessians),
            false => (&self.gradients[..], slopes.hessians.map(|_| &self.hessians[..])),
        };
        let mut histogram = self.spare.pop().unwrap_or_else(|| vec![[Sums::default(); 256]; width]);
        let own = (!all).then_some(rows);
        self.workers.each(&mut histogram, rows.len() * width, |at, column| {
            fill(column, self.bins.column(at), own, gradients, hessians);
        })?;
        Ok(histogram)
    }

    /// Brings the rows of the left child to the front, both children in their old order, and returns
    /// where the right one begins.
    fn partition(&mut self, range: &Range<usize>, split: &Split) -> usize {
        let bins = self.bins.column(split.column);
        let rows = &mut self.rows[range.clone()];
        self.moved.clear();
        let mut kept = 0;
        for at in 0..rows.len() {
            let row = rows[at];
            if bins[row as usize] <= split.bin {
                rows[kept] = row;
                kept += 1;
            } else {
                self.moved.push(row);
            }
        }
        rows[kept..].copy_from_slice(&self.moved);
        range.start + kept
    }

    fn finish(&mut self, mut tree: Tree, bins: Vec<u8>, mut leaves: Vec<Leaf>) -> Grown {
        leaves.sort_unstable_by_key(|leaf| leaf.node);
        let mut ranges = Vec::with_capacity(leaves.len());
        for (number, leaf) in leaves.into_iter().enumerate() {
            tree.nodes[leaf.node] = Node::Leaf { leaf: number as u32 };
            let correction = leaf.sums.correction(self.limits.l2) * self.limits.learning_rate;
            tree.weights.push(correction as f32);
            ranges.push(leaf.range);
            self.spare.extend(leaf.split.map(|(_, histogram)| histogram));
        }
        Grown { tree, bins, leaves: ranges }
    }
}

/// The leaf whose split gains most, the first of equals.
fn best(leaves: &[Leaf]) -> Option<usize> {
    let gain = |at: usize| leaves[at].split.as_ref().map(|(split, _)| split.gain);
    let candidates = (0..leaves.len()).filter_map(|at| gain(at).map(|gain| (at, gain)));
    let better = |best: (usize, f64), next: (usize, f64)| {
        let first = leaves[next.0].node < leaves[best.0].node;
        if next.1 > best.1 || next.1 == best.1 && first { next } else { best }
    };
    candidates.reduce(better).map(|(at, _)| at)
}

impl Grown {
    /// The leaf of a row by its bins.
    pub(super) fn leaf(&self, bins: &Bins, row: u32) -> usize {
        let mut at = 0;
        loop {
            match self.tree.nodes[at] {
                Node::Leaf { leaf } => return leaf as usize,
                Node::Split { feature, left, right, .. } => {
                    let bin = bins.column(feature as usize)[row as usize];
                    at = if bin <= self.bins[at] { left } else { right } as usize;
                }
            }
        }
    }
}
