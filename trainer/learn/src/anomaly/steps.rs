//! Sums of one step function per feature, as a forest: one balanced tree for each.

use model_format::onnx::op::tree_ensemble::{Forest, Node, Tree};

/// A step function of one feature: `values[i]` for `edges[i − 1] < x ≤ edges[i]`, the last value above
/// all edges.
pub(super) struct Steps {
    /// The feature.
    pub(super) column: usize,
    /// Ascending, finite.
    pub(super) edges: Vec<f32>,
    /// One more than edges.
    pub(super) values: Vec<f64>,
}

/// The forest that adds the functions up; at least one, over rows of `width` features.
pub(super) fn forest(width: usize, functions: &[Steps]) -> Forest {
    Forest { width, outputs: 1, trees: functions.iter().map(Steps::tree).collect() }
}

impl Steps {
    fn tree(&self) -> Tree {
        let mut tree = Tree::default();
        self.grow(0, self.edges.len(), &mut tree);
        tree
    }

    /// The subtree for the edges `from..to`; returns its root.
    fn grow(&self, from: usize, to: usize, tree: &mut Tree) -> u32 {
        let at = tree.nodes.len();
        if from == to {
            tree.nodes.push(Node::Leaf { leaf: tree.weights.len() as u32 });
            tree.weights.push(self.values[from] as f32);
            return at as u32;
        }
        let middle = (from + to) / 2;
        let (feature, threshold) = (self.column as u32, self.edges[middle]);
        tree.nodes.push(Node::Split { feature, threshold, left: 0, right: 0 });
        let left = self.grow(from, middle, tree);
        let right = self.grow(middle + 1, to, tree);
        tree.nodes[at] = Node::Split { feature, threshold, left, right };
        at as u32
    }
}

/// The largest 32-bit float that is not above `value`, within their range: `x <= value` holds for the
/// same 32-bit floats.
pub(super) fn rounded_down(value: f64) -> f32 {
    let near = value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
    if f64::from(near) > value && near > f32::MIN { near.next_down() } else { near }
}

/// The values of a column, ascending.
pub(super) fn sorted(table: &crate::table::Table, column: usize) -> Vec<f32> {
    let width = table.columns.len();
    let mut values: Vec<f32> = table.values.iter().skip(column).step_by(width).copied().collect();
    values.sort_unstable_by(f32::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use model_format::onnx::op::forest::FlatForest;

    use super::*;

    #[test]
    fn every_step_is_found_and_edges_belong_to_the_step_below() {
        for count in 0..20 {
            let edges: Vec<f32> = (0..count).map(|edge| edge as f32).collect();
            let values = (0..=count).map(|value| f64::from(value) * 10.0).collect();
            let steps = [Steps { column: 1, edges, values }];
            let mut flat = FlatForest::new(&forest(2, &steps)).unwrap();
            for half in -3..2 * count + 3 {
                let x = half as f32 / 2.0;
                let mut sum = [0.0];
                flat.evaluate(&[f32::NAN, x], 2, &mut sum);
                let above = (x.ceil() as i32).clamp(0, count);
                assert_eq!(sum[0], above as f32 * 10.0, "{x} of {count}");
            }
        }
    }

    #[test]
    fn an_edge_is_rounded_to_the_float_that_decides_alike() {
        for value in [0.1, -0.1, 1.0, 1.0 + 1e-9, 1e300, -1e300, 1e-50] {
            let edge = rounded_down(value);
            assert!(f64::from(edge) <= value || edge == f32::MIN, "{value}");
            assert!(f64::from(edge.next_up()) > value || edge == f32::MAX, "{value}");
        }
    }
}
