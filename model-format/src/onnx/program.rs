//! The evaluator: a checked graph as a list of steps over reused buffers.

use super::op::{Kernel, OpError};
use super::proto::{FunctionProto, GraphProto, OperatorSetIdProto};
use super::tensor::Tensor;
use crate::artifact::Head;

/// A kernel that stands in for calls of a model-local function.
pub struct Native {
    /// Domain of the call.
    pub domain: String,
    /// Name of the function.
    pub name: String,
    /// What runs instead of the body.
    pub kernel: Kernel,
}

/// A graph that is ready to run.
pub struct Program {
}

/// Why a graph cannot be compiled or run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    #[error("{0}")]
    Op(#[from] OpError),
}

impl Program {
    /// Compiles a graph over the closed operator set.
    ///
    /// Calls of `functions` run the kernel of the same domain and name in `natives`, else the
    /// body.
    ///
    /// # Errors
    /// Names the node and what is wrong with it.
    pub fn compile(
        graph: &GraphProto,
        functions: &[FunctionProto],
        opsets: &[OperatorSetIdProto],
        natives: Vec<Native>,
    ) -> Result<Program, ProgramError> {
        unimplemented!()
    }

    /// The program of a head alone: input `features` float32 `[N, width]`, outputs as in an
    /// artifact (`probabilities`, `value` or `score`, then `label`).
    ///
    /// # Errors
    /// Where the head emits something that cannot be evaluated.
    pub fn of_head(head: &dyn Head, width: usize) -> Result<Program, ProgramError> {
        unimplemented!()
    }

    /// Names of the outputs.
    pub fn output_names(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// Runs the program on its inputs, in the graph's order.
    ///
    /// # Errors
    /// Names the input or the node whose shapes or types do not fit.
    pub fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, ProgramError> {
        unimplemented!()
    }

    /// Runs the program on one input of 32-bit floats, copying nothing else: read the outputs
    /// with [`Program::output`].
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run_f32(&mut self, shape: &[usize], values: &[f32]) -> Result<(), ProgramError> {
        unimplemented!()
    }

    /// An output of the last run.
    ///
    /// # Panics
    /// Where there are not that many outputs.
    pub fn output(&self, index: usize) -> &Tensor {
        unimplemented!()
    }
}
