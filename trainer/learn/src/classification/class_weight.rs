//! How much classes count, for every classifier.

use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::table::Table;

/// The parameter.
pub(super) const CLASS_WEIGHT: Parameter = Parameter {
    name: "class_weight",
    doc: "balanced: the weights of each class are scaled to the same sum, so that rare classes \
          count as much as frequent ones. null: rows count as they are.",
    accepts: &[Form::Choice(&["balanced"]), Form::Null],
    default: Preset::Null,
};

/// The weight of each row: its own, times that of its class where `class_weight` asks for it.
pub(super) fn class_weights(
    table: &Table,
    index: &[u32],
    classes: usize,
    parameters: &Checked,
) -> Vec<f64> {
    let mut weights = table.row_weights();
    if parameters.word("class_weight") == Some("balanced") {
        let mut sums = vec![0.0; classes];
        for (weight, &class) in weights.iter().zip(index) {
            sums[class as usize] += weight;
        }
        let even = weights.iter().sum::<f64>() / classes as f64;
        for (weight, &class) in weights.iter_mut().zip(index) {
            *weight *= even / sums[class as usize];
        }
    }
    weights
}
