//! Decision forests as plain data: what both tree operators of `ai.onnx.ml` carry in attributes.
//!
//! Only one layout is written and read: `BRANCH_LEQ` splits, `SUM` over trees, no post transform,
//! no base values, the root of each tree is node 0, and every leaf has one weight for every
//! output. Runtimes disagree about the shorter layouts for two classes; this one they all read
//! alike.

use std::collections::HashMap;

use crate::onnx::graph::{attribute_floats, attribute_ints, attribute_string};
use crate::onnx::proto::{AttributeProto, AttributeType};

/// The longest path from a root to a leaf, in splits.
pub const DEPTH_MAX: usize = 64;
/// The most nodes in one tree.
pub const TREE_NODES_MAX: usize = 1 << 20;
/// The most nodes in all trees of a forest.
pub const FOREST_NODES_MAX: usize = 1 << 23;
/// The most features that a forest reads.
pub const WIDTH_MAX: usize = 4095;
/// The most outputs (classes) of a forest.
pub const OUTPUTS_MAX: usize = 4096;

/// Trees whose leaf weights are added up.
#[derive(Clone, Debug, PartialEq)]
pub struct Forest {
    /// Number of features in a row.
    pub width: usize,
    /// Number of sums: classes, or 1 for regression.
    pub outputs: usize,
    /// The trees, in the order in which their weights are added.
    pub trees: Vec<Tree>,
}

/// One tree. Its root is node 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    /// Splits and leaves. Each but the root is the child of exactly one split.
    pub nodes: Vec<Node>,
    /// `[leaves, outputs]`, row-major: what each leaf adds (already divided by the number of
    /// trees where the forest averages).
    pub weights: Vec<f32>,
}

/// A split or a leaf.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Node {
    /// `x[feature] <= threshold` goes left, everything else (NaN too) goes right.
    Split {
        /// Column of the feature.
        feature: u32,
        /// Finite.
        threshold: f32,
        /// Node where the comparison holds.
        left: u32,
        /// Node where it does not.
        right: u32,
    },
    /// Row `leaf` of the tree's weights.
    Leaf {
        /// The row.
        leaf: u32,
    },
}

/// Why a forest cannot be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ForestError {
    #[error("a forest has {found} {what}; at least {min} and at most {max} are accepted")]
    Count { what: &'static str, found: usize, min: usize, max: usize },
    #[error("tree {tree}: {found} {what}; at least {min} and at most {max} are accepted")]
    TreeCount { tree: usize, what: &'static str, found: usize, min: usize, max: usize },
    #[error("tree {tree}, node {node}: reads feature {feature}, but rows have {width} features")]
    Feature { tree: usize, node: usize, feature: u32, width: usize },
    #[error("tree {tree}, node {node}: the threshold is {found}; it must be finite")]
    Threshold { tree: usize, node: usize, found: String },
    #[error("tree {tree}, node {node}: the child {child} does not exist or is the root")]
    Child { tree: usize, node: usize, child: u32 },
    #[error("tree {tree}, node {node}: is the child of more than one split, or of itself")]
    Shared { tree: usize, node: usize },
    #[error("tree {tree}, node {node}: cannot be reached from the root")]
    Unreachable { tree: usize, node: usize },
    #[error("tree {tree}: deeper than {DEPTH_MAX} splits")]
    Depth { tree: usize },
    #[error("tree {tree}, node {node}: leaf {leaf} has no row of weights or shares it")]
    Leaf { tree: usize, node: usize, leaf: u32 },
    #[error("tree {tree}: a weight is {found}; weights must be finite")]
    Weight { tree: usize, found: String },
    #[error("attribute {name}: {problem}")]
    Layout { name: &'static str, problem: String },
}

impl Forest {
    /// Checks everything that evaluation relies on.
    ///
    /// # Errors
    /// Names the tree and the node that break a rule.
    pub fn check(&self) -> Result<(), ForestError> {
        count("features", self.width, 1, WIDTH_MAX)?;
        count("outputs", self.outputs, 1, OUTPUTS_MAX)?;
        count("trees", self.trees.len(), 1, FOREST_NODES_MAX)?;
        let nodes = self.trees.iter().map(|tree| tree.nodes.len()).sum();
        count("nodes", nodes, 1, FOREST_NODES_MAX)?;
        self.trees.iter().enumerate().try_for_each(|(at, tree)| self.check_tree(at, tree))
    }

    fn check_tree(&self, at: usize, tree: &Tree) -> Result<(), ForestError> {
        let found = tree.nodes.len();
        if found == 0 || found > TREE_NODES_MAX {
            let (min, max) = (1, TREE_NODES_MAX);
            return Err(ForestError::TreeCount { tree: at, what: "nodes", found, min, max });
        }
        if let Some(weight) = tree.weights.iter().find(|weight| !weight.is_finite()) {
            return Err(ForestError::Weight { tree: at, found: weight.to_string() });
        }
        let leaves = tree.nodes.iter().filter(|node| matches!(node, Node::Leaf { .. })).count();
        if tree.weights.len() != leaves * self.outputs {
            let (min, max) = (leaves * self.outputs, leaves * self.outputs);
            let found = tree.weights.len();
            return Err(ForestError::TreeCount { tree: at, what: "weights", found, min, max });
        }
        self.check_paths(at, tree, leaves)
    }

    /// Walks the tree from its root: every node once, every leaf its own row.
    fn check_paths(&self, at: usize, tree: &Tree, leaves: usize) -> Result<(), ForestError> {
        let mut seen = vec![false; tree.nodes.len()];
        let mut leaf_seen = vec![false; leaves];
        let mut open = vec![(0_usize, 0_usize)];
        seen[0] = true;
        while let Some((node, depth)) = open.pop() {
            match tree.nodes[node] {
                Node::Leaf { leaf } => {
                    match leaf_seen.get_mut(leaf as usize) {
                        Some(row) if !*row => *row = true,
                        _ => return Err(ForestError::Leaf { tree: at, node, leaf }),
                    };
                }
                Node::Split { feature, threshold, left, right } => {
                    if feature as usize >= self.width {
                        let width = self.width;
                        return Err(ForestError::Feature { tree: at, node, feature, width });
                    }
                    if !threshold.is_finite() {
                        let found = threshold.to_string();
                        return Err(ForestError::Threshold { tree: at, node, found });
                    }
                    if depth == DEPTH_MAX {
                        return Err(ForestError::Depth { tree: at });
                    }
                    for child in [right, left] {
                        let Some(known) = seen.get_mut(child as usize) else {
                            return Err(ForestError::Child { tree: at, node, child });
                        };
                        if std::mem::replace(known, true) {
                            return Err(ForestError::Shared { tree: at, node: child as usize });
                        }
                        open.push((child as usize, depth + 1));
                    }
                }
            }
        }
        match seen.iter().position(|&seen| !seen) {
            Some(node) => Err(ForestError::Unreachable { tree: at, node }),
            None => Ok(()),
        }
    }

    /// True where a split that `row` visits lies within `tolerances[feature]` of its threshold:
    /// then a difference of that size may change the answer.
    ///
    /// `row` and `tolerances` have [`Forest::width`] values; the forest has passed
    /// [`Forest::check`].
    pub fn margin(&self, row: &[f32], tolerances: &[f64]) -> bool {
        self.trees.iter().any(|tree| {
            let mut at = 0;
            while let Node::Split { feature, threshold, left, right } = tree.nodes[at] {
                let value = row[feature as usize];
                let distance = (f64::from(value) - f64::from(threshold)).abs();
                if distance <= tolerances[feature as usize] {
                    return true;
                }
                at = if value <= threshold { left } else { right } as usize;
            }
            false
        })
    }

    /// Nodes in all trees.
    pub fn node_count(&self) -> usize {
        self.trees.iter().map(|tree| tree.nodes.len()).sum()
    }
}

fn count(what: &'static str, found: usize, min: usize, max: usize) -> Result<(), ForestError> {
    if (min..=max).contains(&found) {
        return Ok(());
    }
    Err(ForestError::Count { what, found, min, max })
}

