//! Decision forests as plain data: what both tree operators of `ai.onnx.ml` carry in attributes.
//!
//! Only one layout is written and read: `BRANCH_LEQ` splits, `SUM` over trees, no post transform,
//! no base values, the root of each tree is node 0, and every leaf has one weight for every
//! output. Runtimes disagree about the shorter layouts for two classes; this one they all read
//! alike.

use super::forest::FlatForest;
use super::{
    Attributes, Inputs, OpError, Operator, tree_ensemble_classifier, tree_ensemble_regressor,
};
use crate::onnx::graph::{attribute_floats, attribute_ints, attribute_strings};
use crate::onnx::proto::{AttributeProto, NodeProto};
use crate::onnx::tensor::Tensor;

/// The longest path from a root to a leaf, in splits.
pub const DEPTH_MAX: usize = 64;
/// The most nodes in one tree.
pub const TREE_NODES_MAX: usize = 1 << 20;
/// The most nodes in all trees of a forest.
pub const FOREST_NODES_MAX: usize = 1 << 22;
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

/// Names of the four attributes that say which leaf adds what to which sum.
#[derive(Clone, Copy)]
pub(super) struct WeightNames {
    pub(super) tree: &'static str,
    pub(super) node: &'static str,
    pub(super) output: &'static str,
    pub(super) weight: &'static str,
}

/// The attributes that both operators share.
pub(super) fn attributes(forest: &Forest, names: WeightNames) -> Vec<AttributeProto> {
    let nodes = || {
        let trees = forest.trees.iter().enumerate();
        trees.flat_map(|(tree, t)| t.nodes.iter().enumerate().map(move |(at, n)| (tree, at, n)))
    };
    let split = |pick: fn(u32, f32, u32, u32) -> i64| {
        let of = move |node: &Node| match *node {
            Node::Split { feature, threshold, left, right } => {
                pick(feature, threshold, left, right)
            }
            Node::Leaf { .. } => 0,
        };
        nodes().map(|(_, _, node)| of(node)).collect::<Vec<i64>>()
    };
    let threshold = |node: &Node| match *node {
        Node::Split { threshold, .. } => threshold,
        Node::Leaf { .. } => 0.0,
    };
    let mode = |node: &Node| match node {
        Node::Split { .. } => BRANCH,
        Node::Leaf { .. } => LEAF,
    };
    let modes: Vec<&str> = nodes().map(|(_, _, node)| mode(node)).collect();
    let mut list = vec![
        attribute_ints("nodes_treeids", nodes().map(|(tree, _, _)| tree as i64).collect()),
        attribute_ints("nodes_nodeids", nodes().map(|(_, at, _)| at as i64).collect()),
        attribute_ints("nodes_featureids", split(|feature, _, _, _| i64::from(feature))),
        attribute_floats("nodes_values", nodes().map(|(_, _, node)| threshold(node)).collect()),
        attribute_strings("nodes_modes", &modes),
        attribute_ints("nodes_truenodeids", split(|_, _, left, _| i64::from(left))),
        attribute_ints("nodes_falsenodeids", split(|_, _, _, right| i64::from(right))),
        attribute_ints("nodes_missing_value_tracks_true", nodes().map(|_| 0).collect()),
    ];
    list.extend(weight_attributes(forest, names));
    list
}

/// One entry for each leaf and output, leaves in the order of their nodes.
fn weight_attributes(forest: &Forest, names: WeightNames) -> [AttributeProto; 4] {
    let (mut trees, mut nodes) = (Vec::new(), Vec::new());
    let (mut outputs, mut weights) = (Vec::new(), Vec::new());
    for (tree_at, tree) in forest.trees.iter().enumerate() {
        for (at, node) in tree.nodes.iter().enumerate() {
            let Node::Leaf { leaf } = *node else { continue };
            let row = &tree.weights[leaf as usize * forest.outputs..][..forest.outputs];
            for (output, &weight) in row.iter().enumerate() {
                trees.push(tree_at as i64);
                nodes.push(at as i64);
                outputs.push(output as i64);
                weights.push(weight);
            }
        }
    }
    [
        attribute_ints(names.tree, trees),
        attribute_ints(names.node, nodes),
        attribute_ints(names.output, outputs),
        attribute_floats(names.weight, weights),
    ]
}

const BRANCH: &str = "BRANCH_LEQ";
const LEAF: &str = "LEAF";

/// Reads the forest that [`attributes`] wrote; `outputs` is the number of sums.
///
/// The width is not in the file: it is set to the largest feature read, plus one.
pub(super) fn parse(
    attributes: &mut Attributes<'_>,
    names: WeightNames,
    outputs: usize,
) -> Result<Forest, OpError> {
    count("outputs", outputs, 1, OUTPUTS_MAX)?;
    let columns = Columns::read(attributes)?;
    let mut forest = Forest { width: 1, outputs, trees: Vec::new() };
    let mut leaves = 0;
    for at in 0..columns.trees.len() {
        columns.push_node(at, &mut forest, &mut leaves)?;
    }
    read_weights(attributes, names, &mut forest)?;
    forest.check()?;
    Ok(forest)
}

/// The per-node attributes, all of one length.
struct Columns<'a> {
    trees: &'a [i64],
    nodes: &'a [i64],
    features: &'a [i64],
    values: &'a [f32],
    modes: &'a [Vec<u8>],
    left: &'a [i64],
    right: &'a [i64],
}

impl<'a> Columns<'a> {
    fn read(attributes: &mut Attributes<'a>) -> Result<Self, OpError> {
        let columns = Columns {
            trees: attributes.ints("nodes_treeids")?.unwrap_or_default(),
            nodes: attributes.ints("nodes_nodeids")?.unwrap_or_default(),
            features: attributes.ints("nodes_featureids")?.unwrap_or_default(),
            values: attributes.floats("nodes_values")?.unwrap_or_default(),
            modes: attributes.strings("nodes_modes")?.unwrap_or_default(),
            left: attributes.ints("nodes_truenodeids")?.unwrap_or_default(),
            right: attributes.ints("nodes_falsenodeids")?.unwrap_or_default(),
        };
        let missing = attributes.ints("nodes_missing_value_tracks_true")?.unwrap_or_default();
        let nodes = columns.trees.len();
        count("nodes", nodes, 1, FOREST_NODES_MAX)?;
        for (name, found) in [
            ("nodes_nodeids", columns.nodes.len()),
            ("nodes_featureids", columns.features.len()),
            ("nodes_values", columns.values.len()),
            ("nodes_modes", columns.modes.len()),
            ("nodes_truenodeids", columns.left.len()),
            ("nodes_falsenodeids", columns.right.len()),
            ("nodes_missing_value_tracks_true", missing.len()),
        ] {
            if found != nodes {
                return Err(layout(name, format!("has {found} entries for {nodes} nodes")));
            }
        }
        if missing.iter().any(|&tracks| tracks != 0) {
            let problem = "sends missing values left; only 0 is accepted".to_owned();
            return Err(layout("nodes_missing_value_tracks_true", problem));
        }
        Ok(columns)
    }

    /// Appends the node at entry `at`; `leaves` counts those of the current tree.
    fn push_node(&self, at: usize, forest: &mut Forest, leaves: &mut u32) -> Result<(), OpError> {
        let tree = self.trees[at];
        if tree == forest.trees.len() as i64 {
            forest.trees.push(Tree::default());
            *leaves = 0;
        }
        let expected = forest.trees.len() as i64 - 1;
        if tree != expected || tree < 0 {
            let problem = format!("tree {tree} at entry {at}, where tree {expected} continues");
            return Err(layout("nodes_treeids", problem));
        }
        let nodes = &mut forest.trees[tree as usize].nodes;
        if self.nodes[at] != nodes.len() as i64 {
            let problem = format!("node {} at entry {at}, not {}", self.nodes[at], nodes.len());
            return Err(layout("nodes_nodeids", problem));
        }
        let number = |name, value: i64| {
            u32::try_from(value).map_err(|_| layout(name, format!("{value} at entry {at}")))
        };
        if self.modes[at] == LEAF.as_bytes() {
            nodes.push(Node::Leaf { leaf: *leaves });
            *leaves += 1;
        } else if self.modes[at] == BRANCH.as_bytes() {
            let feature = number("nodes_featureids", self.features[at])?;
            forest.width = forest.width.max(feature as usize + 1);
            nodes.push(Node::Split {
                feature,
                threshold: self.values[at],
                left: number("nodes_truenodeids", self.left[at])?,
                right: number("nodes_falsenodeids", self.right[at])?,
            });
        } else {
            let found = String::from_utf8_lossy(&self.modes[at]);
            let problem = format!("{found:.40} at entry {at}; {BRANCH} and {LEAF} are accepted");
            return Err(layout("nodes_modes", problem));
        }
        Ok(())
    }
}

/// Fills in the weights, which must stand in the order in which they are written.
fn read_weights(
    attributes: &mut Attributes<'_>,
    names: WeightNames,
    forest: &mut Forest,
) -> Result<(), OpError> {
    let trees = attributes.ints(names.tree)?.unwrap_or_default();
    let nodes = attributes.ints(names.node)?.unwrap_or_default();
    let targets = attributes.ints(names.output)?.unwrap_or_default();
    let weights = attributes.floats(names.weight)?.unwrap_or_default();
    let found = weights.len();
    for (name, len) in
        [(names.tree, trees.len()), (names.node, nodes.len()), (names.output, targets.len())]
    {
        if len != found {
            return Err(layout(name, format!("has {len} entries for {found} weights")));
        }
    }
    let mut at = 0;
    for (tree_at, tree) in forest.trees.iter_mut().enumerate() {
        for (node_at, node) in tree.nodes.iter().enumerate() {
            if !matches!(node, Node::Leaf { .. }) {
                continue;
            }
            for output in 0..forest.outputs {
                let expected = (tree_at as i64, node_at as i64, output as i64);
                if at == found || (trees[at], nodes[at], targets[at]) != expected {
                    let problem = format!(
                        "entry {at} is not output {output} of node {node_at} of tree {tree_at}; \
                         every leaf must have every output, in order"
                    );
                    return Err(layout(names.node, problem));
                }
                tree.weights.push(weights[at]);
                at += 1;
            }
        }
    }
    if at != found {
        return Err(layout(names.weight, format!("has {found} entries, {at} leaves and outputs")));
    }
    Ok(())
}

/// Refuses a text attribute that says anything but `accepted`.
pub(super) fn only_text(
    attributes: &mut Attributes<'_>,
    name: &'static str,
    accepted: &str,
) -> Result<(), OpError> {
    match attributes.string(name)? {
        Some(found) if found != accepted.as_bytes() => {
            let found = String::from_utf8_lossy(found);
            Err(layout(name, format!("{found:.40}; {accepted} is accepted")))
        }
        _ => Ok(()),
    }
}

pub(super) fn layout(name: &'static str, problem: String) -> OpError {
    ForestError::Layout { name, problem }.into()
}

/// Evaluates every row of input 0 into `[N, outputs]`.
pub(super) fn evaluate(
    forest: &mut FlatForest,
    inputs: Inputs<'_>,
    output: &mut Tensor,
) -> Result<(), OpError> {
    let (x, shape) = (inputs.elements::<f32>(0)?, inputs.get(0)?.shape());
    let &[rows, columns] = shape else {
        return Err(OpError::Shape(format!("the shape {shape:?} is not [N, features]")));
    };
    if columns < forest.width() {
        let problem = format!("rows of {columns} features, of which {} are read", forest.width());
        return Err(OpError::Shape(problem));
    }
    let sums = output.reset::<f32>(&[rows, forest.outputs()])?;
    forest.evaluate(x, columns, sums);
    Ok(())
}

/// The forest that a node carries, if it is a node of one of the two tree operators.
///
/// # Errors
/// Where the attributes hold no acceptable forest.
pub fn of_node(node: &NodeProto) -> Result<Option<Forest>, OpError> {
    let mut attributes = Attributes::new(&node.attribute);
    let is = |operator: &Operator| node.domain == operator.domain && node.op_type == operator.name;
    let forest = if is(&tree_ensemble_classifier::OPERATOR) {
        tree_ensemble_classifier::parse(&mut attributes)?
    } else if is(&tree_ensemble_regressor::OPERATOR) {
        tree_ensemble_regressor::parse(&mut attributes)?
    } else {
        return Ok(None);
    };
    attributes.finish()?;
    Ok(Some(forest))
}
