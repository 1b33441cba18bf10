//! The closed operator set: one file per operator with its emission and its evaluation.

pub mod abs;
pub mod add;
pub mod and;
pub mod arg_max;
pub mod arg_min;
pub mod cast;
pub mod concat;
pub mod constant;
pub mod cum_sum;
pub mod dft;
pub mod div;
pub mod equal;
pub mod exp;
pub mod flatten;
pub mod floor;
pub mod gather;
pub mod greater;
pub mod greater_or_equal;
pub mod less;
pub mod log;
pub mod mat_mul;
pub mod max;
pub mod min;
pub mod mul;
pub mod not;
pub mod reduce_max;
pub mod reduce_min;
pub mod reduce_sum;
pub mod select;
pub mod sigmoid;
pub mod slice;
pub mod softmax;
pub mod sqrt;
pub mod squeeze;
pub mod sub;
pub mod top_k;
pub mod transpose;
pub mod tree_ensemble;
pub mod tree_ensemble_classifier;
pub mod tree_ensemble_regressor;
pub mod unsqueeze;

use super::tensor::Tensor;

/// What an operator does at run time: reads inputs, sets outputs.
pub type Kernel = Box<dyn FnMut(Inputs<'_>, &mut [Tensor]) -> Result<(), OpError> + Send>;

/// The inputs of one node.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    slots: &'a [Tensor],
    indices: &'a [Option<usize>],
}

/// Why a node cannot be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum OpError {}
