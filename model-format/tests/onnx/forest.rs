//! Forests: the fast evaluator against a plain walk, and what is refused.

use model_format::onnx::graph::{GraphBuilder, Scope};
use model_format::onnx::op::forest::FlatForest;
use model_format::onnx::op::tree_ensemble::{self, Forest, ForestError, Node, Tree};
use rand::RngExt as _;

#[path = "../artifact/draft.rs"]
#[expect(dead_code, reason = "only forests are used here")]
mod draft;

/// The sums by walking each tree alone, weights added in the order of the trees.
fn plain(forest: &Forest, row: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0; forest.outputs];
    for tree in &forest.trees {
        let mut at = 0;
        let leaf = loop {
            match tree.nodes[at] {
                Node::Leaf { leaf } => break leaf as usize,
                Node::Split { feature, threshold, left, right } => {
                    let goes_left = row[feature as usize] <= threshold;
                    at = if goes_left { left } else { right } as usize;
                }
            }
        };
        let weights = &tree.weights[leaf * forest.outputs..][..forest.outputs];
        sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
    }
    sums
}

#[test]
fn trees_in_step_give_what_each_gives_alone() {
    let mut random = draft::random(5);
    for (seed, trees, depth, outputs) in [
        (1, 1, 0, 2),
        (2, 1, 6, 3),
        (3, 7, 9, 4),
        (4, 8, 3, 1),
        (5, 9, 11, 2),
        (6, 33, 7, 6),
        (7, 40, 5, 11),
    ] {
        let forest = draft::forest(seed, trees, depth, 6, outputs);
        let mut flat = FlatForest::new(&forest).unwrap();
        let (mut rows, mut all) = (Vec::new(), Vec::new());
        let mut sums = vec![0.0; outputs];
        for at in 0..500 {
            let mut row: Vec<f32> = (0..6).map(|_| random.random_range(-2.5..2.5)).collect();
            match at % 5 {
                // On thresholds, and without a value.
                0 => row.iter_mut().for_each(|x| *x = (*x * 4.0).round() / 4.0),
                1 => row[at % 6] = f32::NAN,
                2 => row[at % 6] = f32::INFINITY,
                _ => {}
            }
            flat.evaluate(&row, row.len(), &mut sums);
            assert_eq!(sums, plain(&forest, &row), "forest {seed}, row {row:?}");
            all.extend_from_slice(&sums);
            // A column behind those that are read.
            rows.extend(row.into_iter().chain([9.0]));
        }
        let mut together = vec![f32::NAN; all.len()];
        flat.evaluate(&rows, 7, &mut together);
        assert_eq!(together, all, "forest {seed}: all rows in one call");
    }
}

#[test]
fn a_chain_as_deep_as_allowed_is_evaluated_and_a_deeper_one_refused() {
    let chain = |depth: usize| {
        let mut tree = Tree::default();
        for at in 0..depth as u32 {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            tree.nodes.push(Node::Split { feature: 0, threshold: at as f32, left, right });
            tree.nodes.push(Node::Leaf { leaf: at });
        }
        tree.nodes.push(Node::Leaf { leaf: depth as u32 });
        tree.weights = (0..=depth).map(|leaf| leaf as f32).collect();
        Forest { width: 1, outputs: 1, trees: vec![tree] }
    };
    let mut flat = FlatForest::new(&chain(64)).unwrap();
    for value in 0..=64 {
        let mut sum = [0.0];
        flat.evaluate(&[value as f32], 1, &mut sum);
        assert_eq!(sum, [value as f32]);
    }
    assert_eq!(chain(65).check(), Err(ForestError::Depth { tree: 0 }));
}

#[test]
fn what_is_written_is_read() {
    for outputs in [1, 2, 5] {
        let forest = draft::forest(8, 5, 6, 4, outputs);
        let mut graph = GraphBuilder::new(Scope::Graph);
        let features = graph.input("features");
        if outputs == 1 {
            graph.tree_ensemble_regressor(&features, &forest);
        } else {
            graph.tree_ensemble_classifier(&features, &forest, outputs);
        }
        let node = &graph.into_nodes()[0];
        assert_eq!(tree_ensemble::of_node(node).unwrap(), Some(forest));
    }
}

/// Root, two leaves.
fn stump() -> Forest {
    let root = Node::Split { feature: 1, threshold: 0.5, left: 1, right: 2 };
    let nodes = vec![root, Node::Leaf { leaf: 0 }, Node::Leaf { leaf: 1 }];
    Forest { width: 2, outputs: 1, trees: vec![Tree { nodes, weights: vec![1.0, 2.0] }] }
}

#[test]
fn broken_trees_are_refused() {
    assert_eq!(stump().check(), Ok(()));
    let broken = |change: &dyn Fn(&mut Forest)| {
        let mut forest = stump();
        change(&mut forest);
        forest.check().expect_err("the forest is broken")
    };
    let root = |feature, threshold, left, right| {
        move |forest: &mut Forest| {
            forest.trees[0].nodes[0] = Node::Split { feature, threshold, left, right };
        }
    };
    let tree = 0;
    assert_eq!(broken(&root(1, 0.5, 0, 2)), ForestError::Shared { tree, node: 0 });
    assert_eq!(broken(&root(1, 0.5, 1, 1)), ForestError::Shared { tree, node: 1 });
    let child = ForestError::Child { tree, node: 0, child: 3 };
    assert_eq!(broken(&root(1, 0.5, 3, 2)), child);
    assert!(matches!(broken(&root(2, 0.5, 1, 2)), ForestError::Feature { feature: 2, .. }));
    assert!(matches!(broken(&root(1, f32::NAN, 1, 2)), ForestError::Threshold { .. }));
    assert!(matches!(broken(&root(1, f32::INFINITY, 1, 2)), ForestError::Threshold { .. }));
    let unreachable = broken(&|forest| {
        forest.trees[0].nodes.push(Node::Leaf { leaf: 2 });
        forest.trees[0].weights.push(0.0);
    });
    assert_eq!(unreachable, ForestError::Unreachable { tree, node: 3 });
    let shared = broken(&|forest| forest.trees[0].nodes[2] = Node::Leaf { leaf: 0 });
    assert!(matches!(shared, ForestError::Leaf { .. }));
    let weight = broken(&|forest| forest.trees[0].weights[1] = f32::NAN);
    assert!(matches!(weight, ForestError::Weight { .. }));
    let weights = broken(&|forest| forest.trees[0].weights.push(0.0));
    assert!(matches!(weights, ForestError::TreeCount { what: "weights", .. }));
    let empty = broken(&|forest| forest.trees.push(Tree::default()));
    assert!(matches!(empty, ForestError::TreeCount { tree: 1, what: "nodes", .. }));
    let none = broken(&|forest| forest.trees.clear());
    assert!(matches!(none, ForestError::Count { .. }));
    let wide = broken(&|forest| forest.width = 5000);
    assert!(matches!(wide, ForestError::Count { what: "features", .. }));
}

#[test]
fn a_margin_is_found_only_where_a_visited_split_is_near() {
    let forest = stump();
    assert!(forest.margin(&[0.0, 0.5], &[0.0, 0.0]), "on the threshold");
    assert!(forest.margin(&[0.0, 0.6], &[0.0, 0.2]));
    assert!(!forest.margin(&[0.0, 0.8], &[0.0, 0.2]));
    assert!(!forest.margin(&[0.5, 0.8], &[9.0, 0.2]), "feature 0 is never read");
}
