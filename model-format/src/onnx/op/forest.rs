//! The fast evaluator of forests: flat nodes of 8 bytes, no branches, sixteen trees in step.
//!
//! A walk down one tree waits for memory at each level. Sixteen walks side by side wait together,
//! and without branches nothing is predicted wrongly. A leaf is a node that leads to itself, so
//! shorter trees of a group simply stay where they are.

use super::tree_ensemble::{Forest, ForestError, Node, OUTPUTS_MAX, TREE_NODES_MAX, WIDTH_MAX};

/// Trees that are walked side by side.
const LANES: usize = 16;
/// Bits of a node's `go` that hold the feature; the rest is the distance to the left child.
const FEATURE_BITS: u32 = 12;
/// A row padded to the number of features that the bits can name.
const ROW: usize = 1 << FEATURE_BITS;
/// The padding column that leaves read: always 0.
const ZERO: u32 = ROW as u32 - 1;
/// Levels between two looks at whether all lanes have arrived.
const STRIDE: usize = 4;

const _: () = assert!(WIDTH_MAX < ROW && TREE_NODES_MAX <= 1 << (32 - FEATURE_BITS));

/// A node: the left child lies `go >> FEATURE_BITS` nodes ahead, the right one behind it.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Flat {
    /// The threshold of a split; the bits of a leaf's row of weights otherwise. Read as a float,
    /// those bits are never below 0, so that a leaf's comparison `0 <= threshold` always holds.
    threshold: f32,
    go: u32,
}

/// A forest laid out for speed.
pub struct FlatForest {
    /// All trees one after another, padded to a power of two.
    nodes: Vec<Flat>,
    /// Root and depth of each tree.
    roots: Vec<(u32, u8)>,
    weights: Vec<f32>,
    outputs: usize,
    width: usize,
    row: Box<[f32; ROW]>,
}

impl FlatForest {
    /// Lays out a forest.
    ///
    /// # Errors
    /// Where the forest fails [`Forest::check`].
    pub fn new(forest: &Forest) -> Result<Self, ForestError> {
        forest.check()?;
        debug_assert!(forest.outputs <= OUTPUTS_MAX);
        let mut flat = FlatForest {
            nodes: Vec::with_capacity(forest.node_count().next_power_of_two()),
            roots: Vec::with_capacity(forest.trees.len()),
            weights: Vec::new(),
            outputs: forest.outputs,
            width: forest.width,
            row: Box::new([0.0; ROW]),
        };
        for tree in &forest.trees {
            let leaf_start = flat.weights.len() / forest.outputs;
            flat.push_tree(&tree.nodes, leaf_start as u32);
            flat.weights.extend_from_slice(&tree.weights);
        }
        flat.nodes.resize(flat.nodes.len().next_power_of_two(), Flat::default());
        Ok(flat)
    }

    /// Appends a tree level by level, children side by side.
    fn push_tree(&mut self, nodes: &[Node], leaf_start: u32) {
        let start = self.nodes.len();
        let mut level = vec![0_u32];
        let mut depth = 0_u8;
        loop {
            let mut next = Vec::new();
            let first_child = self.nodes.len() + level.len();
            for &at in &level {
                let here = self.nodes.len();
                self.nodes.push(match nodes[at as usize] {
                    Node::Leaf { leaf } => {
                        Flat { threshold: f32::from_bits(leaf_start + leaf), go: ZERO }
                    }
                    Node::Split { feature, threshold, left, right } => {
                        let ahead = (first_child + next.len() - here) as u32;
                        next.extend([left, right]);
                        Flat { threshold, go: ahead << FEATURE_BITS | feature }
                    }
                });
            }
            if next.is_empty() {
                break;
            }
            level = next;
            depth += 1;
        }
        self.roots.push((start as u32, depth));
    }

    /// Number of features in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of sums.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Writes the sums of each row to `sums`, row-major. `rows` has `columns` values a row, of which
    /// the first [`FlatForest::width`] are read.
    ///
    /// Weights are added as 32-bit floats in the order of the trees, as ONNX Runtime does. All rows
    /// go through some trees before the next trees are touched: those stay in the cache.
    ///
    /// # Panics
    /// Where a row has fewer than [`FlatForest::width`] or `sums` not [`FlatForest::outputs`] values a
    /// row.
    pub fn evaluate(&mut self, rows: &[f32], columns: usize, sums: &mut [f32]) {
        let count = rows.len() / columns;
        assert_eq!(sums.len(), count * self.outputs, "one sum for every row and output");
        sums.fill(0.0);
        for (group_at, group) in self.roots.chunks(LANES).enumerate() {
            let mut roots = [0_u32; LANES];
            let mut depth = 0;
            for (at, &(root, tree_depth)) in roots.iter_mut().zip(group) {
                *at = root;
                depth = depth.max(usize::from(tree_depth));
            }
            let rows = rows.chunks_exact(columns).zip(sums.chunks_exact_mut(self.outputs));
            for (row, sums) in rows {
                if group_at == 0 || count > 1 {
                    self.row[..self.width].copy_from_slice(&row[..self.width]);
                }
                // Missing lanes of the last group walk the first tree once more; nobody reads them.
                let mut at = roots;
                descend(&self.nodes, &self.row, &mut at, depth);
                let leaves = at[..group.len()].iter();
                let leaves = leaves.map(|&at| self.nodes[at as usize].threshold.to_bits() as usize);
                match sums.len() {
                    1 => add_weights::<1>(&self.weights, leaves, sums),
                    2 => add_weights::<2>(&self.weights, leaves, sums),
                    3 => add_weights::<3>(&self.weights, leaves, sums),
                    4 => add_weights::<4>(&self.weights, leaves, sums),
                    5 => add_weights::<5>(&self.weights, leaves, sums),
                    6 => add_weights::<6>(&self.weights, leaves, sums),
                    7 => add_weights::<7>(&self.weights, leaves, sums),
                    8 => add_weights::<8>(&self.weights, leaves, sums),
                    outputs => leaves.for_each(|leaf| {
                        let weights = &self.weights[leaf * outputs..][..outputs];
                        sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
                    }),
                }
            }
        }
    }
}

/// Adds the weights of each leaf; for few sums, which then stay in registers.
fn add_weights<const OUTPUTS: usize>(
    weights: &[f32],
    leaves: impl Iterator<Item = usize>,
    sums: &mut [f32],
) {
    let (weights, _) = weights.as_chunks::<OUTPUTS>();
    let ([sums], _) = sums.as_chunks_mut::<OUTPUTS>() else { return };
    let mut totals = *sums;
    for leaf in leaves {
        totals.iter_mut().zip(&weights[leaf]).for_each(|(sum, weight)| *sum += weight);
    }
    *sums = totals;
}

/// Moves all lanes down `depth` levels, or fewer if all have arrived at leaves.
#[expect(clippy::neg_cmp_op_on_partial_ord, reason = "NaN must fail the comparison")]
fn descend(nodes: &[Flat], row: &[f32; ROW], at: &mut [u32; LANES], depth: usize) {
    // The number of nodes is a power of two: masked positions are inside without a check.
    let mask = nodes.len() - 1;
    let nodes = &nodes[..=mask];
    let mut left = depth;
    while left > 0 {
        let before = *at;
        for _ in 0..left.min(STRIDE) {
            for at in at.iter_mut() {
                let node = nodes[*at as usize & mask];
                let value = row[node.go as usize % ROW];
                // NaN fails the comparison and goes right, as the operator says.
                let right = u32::from(!(value <= node.threshold));
                *at += (node.go >> FEATURE_BITS) + right;
            }
        }
        if before == *at {
            return;
        }
        left = left.saturating_sub(STRIDE);
    }
}
