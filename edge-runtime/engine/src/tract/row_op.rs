//! The tract operator behind our kernels: rows in, rows out, whatever the number of rows.

use std::fmt;
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::InferenceOp;
use tract_onnx::tract_hir::internal::*;

/// What is known of an operator when the model is loaded; each running model builds its own
/// evaluator from it, so that buffers are never shared.
pub(super) trait Recipe: fmt::Debug + Send + Sync {
    /// Name for tract's messages.
    fn name(&self) -> &'static str;

    /// Dimensions that the input has behind the number of rows; `None` where any will do.
    fn input_shape(&self) -> Vec<Option<usize>>;

    /// The outputs.
    fn outputs(&self) -> TVec<Column>;

    /// A new evaluator.
    fn evaluator(&self) -> TractResult<Box<dyn Evaluator>>;
}

/// Computes the outputs for some rows.
pub(super) trait Evaluator: Send {
    /// `rows` are `count` rows one after the other; `row_shape` is the shape of one.
    fn evaluate(
        &mut self,
        rows: &[f32],
        count: usize,
        row_shape: &[usize],
    ) -> TractResult<TVec<Tensor>>;
}

/// One output: `[rows]`, or `[rows, width]`.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Element type.
    pub(super) datum_type: DatumType,
    /// Second dimension, if there is one.
    pub(super) width: Option<usize>,
}

/// The operator. What its `output_facts` say about the rows is the input's own first dimension:
/// so a symbolic number of rows stays symbolic through the whole model.
#[derive(Clone, Debug)]
pub(super) struct RowOp(Arc<dyn Recipe>);

impl RowOp {
    /// The operator in the form in which tract's reader of ONNX takes it.
    pub(super) fn inference(recipe: impl Recipe + 'static) -> Box<dyn InferenceOp> {
        expand(RowOp(Arc::new(recipe)))
    }
}

impl Expansion for RowOp {
    fn name(&self) -> StaticName {
        self.0.name().into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(self.0.outputs().len())
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let columns = self.0.outputs();
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, columns.len())?;
        let row_shape = self.0.input_shape();
        solver.equals(&inputs[0].datum_type, f32::datum_type())?;
        solver.equals(&inputs[0].rank, 1 + row_shape.len() as i64)?;
        for (axis, dim) in row_shape.iter().enumerate() {
            if let Some(dim) = dim {
                solver.equals(&inputs[0].shape[1 + axis], dim.to_dim())?;
            }
        }
        for (output, column) in outputs.iter().zip(columns) {
            solver.equals(&output.datum_type, column.datum_type)?;
            solver.equals(&output.rank, 1 + i64::from(column.width.is_some()))?;
            solver.equals(&output.shape[0], &inputs[0].shape[0])?;
            if let Some(width) = column.width {
                solver.equals(&output.shape[1], width.to_dim())?;
            }
        }
        Ok(())
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl PartialEq for RowOp {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for RowOp {}

impl Op for RowOp {
    fn name(&self) -> StaticName {
        self.0.name().into()
    }

    op_as_typed_op!();
}

impl EvalOp for RowOp {
    not_out_of_plan!();

    fn state(&self, _ctx: &EvalContext) -> TractResult<Option<Box<dyn OpState>>> {
        let evaluator = self.0.evaluator()?;
        Ok(Some(Box::new(RowState { recipe: self.0.clone(), evaluator })))
    }
}

impl TypedOp for RowOp {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let rows = &inputs[0].shape[0];
        let fact = |column: Column| {
            let shape = std::iter::once(rows.clone()).chain(column.width.map(|w| w.to_dim()));
            column.datum_type.fact(shape.collect::<Vec<TDim>>())
        };
        Ok(self.0.outputs().into_iter().map(fact).collect())
    }

    as_op!();
}

/// The evaluator of one running model, with its buffers.
struct RowState {
    recipe: Arc<dyn Recipe>,
    evaluator: Box<dyn Evaluator>,
}

impl fmt::Debug for RowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowState").field("recipe", &self.recipe).finish_non_exhaustive()
    }
}

impl Clone for RowState {
    fn clone(&self) -> Self {
        let evaluator = self.recipe.evaluator().expect("the same recipe gave an evaluator before");
        RowState { recipe: self.recipe.clone(), evaluator }
    }
}

impl OpState for RowState {
    fn eval(
        &mut self,
        _ctx: &EvalContext,
        _op: &dyn Op,
        inputs: TVec<TValue>,
    ) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let view = input.try_as_plain_ram()?;
        let (count, row_shape) = view.shape().split_first().context("an input without rows")?;
        let outputs = self.evaluator.evaluate(view.as_slice::<f32>()?, *count, row_shape)?;
        Ok(outputs.into_iter().map(Tensor::into_tvalue).collect())
    }

    fn reset_lanes(&mut self, _lanes: &[LaneId]) -> TractResult<()> {
        // Nothing is kept from one call to the next but the size of buffers.
        Ok(())
    }
}
