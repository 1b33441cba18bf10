//! `ai.onnx.ml.Scaler`, which scikit-learn's pipelines begin with and tract does not have.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb;
use tract_onnx::tract_hir::internal::*;

use super::kernels::{Built, ML_DOMAIN, expect_domain};
use super::row_op::{Column, Evaluator, Recipe, RowOp};

/// The operator.
pub(super) const NAME: &str = "Scaler";

/// Reads a node: `(x − offset) · scale`, each a number for every column, or one for all.
pub(super) fn build(_: &ParsingContext, node: &pb::NodeProto) -> Built {
    expect_domain(node, ML_DOMAIN)?;
    let list = |name: &str| {
        let found = node.attribute.iter().find(|attribute| attribute.name == name);
        found.map(|attribute| attribute.floats.clone()).filter(|list| !list.is_empty())
    };
    let (Some(offset), Some(scale)) = (list("offset"), list("scale")) else {
        bail!("a Scaler without offset or scale");
    };
    ensure!(
        offset.len() == scale.len(),
        "a Scaler with {} offsets and {} scales; export it with one of each for every column",
        offset.len(),
        scale.len()
    );
    Ok((RowOp::inference(Scaler { offset, scale }), vec![]))
}

/// A Scaler with as many numbers as a row has columns.
#[derive(Clone, Debug)]
struct Scaler {
    offset: Vec<f32>,
    scale: Vec<f32>,
}

impl Recipe for Scaler {
    fn name(&self) -> &'static str {
        NAME
    }

    fn input_shape(&self) -> Vec<Option<usize>> {
        vec![Some(self.offset.len())]
    }

    fn outputs(&self) -> TVec<Column> {
        tvec![Column { datum_type: f32::datum_type(), width: Some(self.offset.len()) }]
    }

    fn evaluator(&self) -> TractResult<Box<dyn Evaluator>> {
        Ok(Box::new(self.clone()))
    }
}

impl Evaluator for Scaler {
    fn evaluate(&mut self, rows: &[f32], count: usize, _: &[usize]) -> TractResult<TVec<Tensor>> {
        let width = self.offset.len();
        let scaled = rows.chunks_exact(width).flat_map(|row| {
            let columns = row.iter().zip(&self.offset).zip(&self.scale);
            columns.map(|((value, offset), scale)| (value - offset) * scale)
        });
        let scaled: Vec<f32> = scaled.collect();
        Ok(tvec![Tensor::from_shape(&[count, width], &scaled)?])
    }
}
