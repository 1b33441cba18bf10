//! Our kernels as tract operators: window features and decision forests.

use model_format::onnx::graph::{attribute_ints, attribute_string};
use model_format::onnx::program::Program;
use model_format::onnx::proto::{
    AttributeProto, DataType, DimensionProto, GraphProto, NodeProto, OperatorSetIdProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use model_format::pipeline::Pipeline;
use model_format::signal::features::FeaturePlan;
use prost::Message;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb;
use tract_onnx::tract_hir::infer::InferenceOp;
use tract_onnx::tract_hir::internal::*;

use super::row_op::{Column, Evaluator, Recipe, RowOp};
use super::scaler;

/// The operator and the domain of the window features.
pub(super) const FEATURES: (&str, &str) = ("cirame", "WindowFeatures");
/// Attribute of a call of the window features: the pipeline, as JSON. The loader writes it.
const PIPELINE: &str = "pipeline";
/// Domain of the tree operators and their kin.
pub(super) const ML_DOMAIN: &str = "ai.onnx.ml";
/// The tree classifier.
pub(super) const CLASSIFIER: &str = "TreeEnsembleClassifier";
/// The tree regressor.
const REGRESSOR: &str = "TreeEnsembleRegressor";

pub(super) type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

/// tract's reader of ONNX with our operators in the places of its own trees.
///
/// Its registry knows names and no domains: each builder looks at the domain itself.
pub(super) fn reader() -> tract_onnx::Onnx {
    let mut reader = tract_onnx::onnx();
    reader.op_register.insert(FEATURES.1, build_features);
    reader.op_register.insert(CLASSIFIER, build_trees);
    reader.op_register.insert(REGRESSOR, build_trees);
    reader.op_register.insert(scaler::NAME, scaler::build);
    reader
}

/// The attribute that tells [`reader`] which features a call computes.
pub(super) fn pipeline_attribute(pipeline: &Pipeline) -> serde_json::Result<AttributeProto> {
    Ok(attribute_string(PIPELINE, &serde_json::to_string(pipeline)?))
}

pub(super) fn expect_domain(node: &pb::NodeProto, domain: &str) -> TractResult<()> {
    ensure!(
        node.domain == domain,
        "{} of the domain {:?} is not the one of {domain:?}",
        node.op_type,
        node.domain
    );
    Ok(())
}

fn build_features(_: &ParsingContext, node: &pb::NodeProto) -> Built {
    expect_domain(node, FEATURES.0)?;
    let text = node.attribute.iter().find(|attribute| attribute.name == PIPELINE);
    let text = text.context("a call of the features without their pipeline")?;
    let pipeline: Pipeline = serde_json::from_slice(&text.s)?;
    let plan = FeaturePlan::new(&pipeline)?;
    Ok((RowOp::inference(Features { pipeline, width: plan.names().len() }), vec![]))
}

/// The features of a pipeline.
#[derive(Debug)]
struct Features {
    pipeline: Pipeline,
    width: usize,
}

impl Recipe for Features {
    fn name(&self) -> &'static str {
        FEATURES.1
    }

    fn input_shape(&self) -> Vec<Option<usize>> {
        let samples = self.pipeline.window.length_samples as usize;
        vec![Some(samples), Some(self.pipeline.channels.len())]
    }

    fn outputs(&self) -> TVec<Column> {
        tvec![Column { datum_type: f32::datum_type(), width: Some(self.width) }]
    }

    fn evaluator(&self) -> TractResult<Box<dyn Evaluator>> {
        Ok(Box::new(FeaturesEvaluator(FeaturePlan::new(&self.pipeline)?)))
    }
}

struct FeaturesEvaluator(FeaturePlan);

impl Evaluator for FeaturesEvaluator {
    fn evaluate(
        &mut self,
        rows: &[f32],
        count: usize,
        row_shape: &[usize],
    ) -> TractResult<TVec<Tensor>> {
        let width = self.0.names().len();
        let mut features = Tensor::zero::<f32>(&[count, width])?;
        let mut view = features.try_as_plain_ram_mut()?;
        let windows = rows.chunks_exact(row_shape.iter().product::<usize>().max(1));
        for (window, row) in windows.zip(view.as_slice_mut::<f32>()?.chunks_exact_mut(width)) {
            self.0.compute(window, row);
        }
        Ok(tvec![features])
    }
}

fn build_trees(_: &ParsingContext, node: &pb::NodeProto) -> Built {
    expect_domain(node, ML_DOMAIN)?;
    // The same message in two schemas: bytes are what they have in common.
    let node = NodeProto::decode(&*node.encode_to_vec())?;
    let trees = Trees::new(&node)?;
    trees.evaluator()?;
    Ok((RowOp::inference(trees), vec![]))
}

/// A decision forest, as a graph of its one node.
#[derive(Debug)]
struct Trees {
    node: NodeProto,
    /// The label that each class stands for, where the operator gives labels.
    labels: Option<Vec<i64>>,
    width: usize,
}

impl Trees {
    fn new(node: &NodeProto) -> TractResult<Trees> {
        let mut node = NodeProto {
            input: vec!["rows".to_owned()],
            name: node.op_type.clone(),
            doc_string: String::new(),
            ..node.clone()
        };
        // How often each node was met in training: it changes no answer.
        node.attribute.retain(|attribute| attribute.name != "nodes_hitrates");
        if node.op_type == REGRESSOR {
            ensure!(node.output.len() == 1, "a regressor has one output");
            node.output = vec!["scores".to_owned()];
            return Ok(Trees { node, labels: None, width: 1 });
        }
        ensure!(
            node.output.len() == 2 && node.output.iter().all(|name| !name.is_empty()),
            "a classifier must name both its outputs"
        );
        node.output = vec!["labels".to_owned(), "scores".to_owned()];
        let attribute = |name: &str| node.attribute.iter().find(|found| found.name == name);
        let numbers = attribute("classlabels_int64s").map(|labels| labels.ints.clone());
        let names = attribute("classlabels_strings").map(|labels| labels.strings.len());
        let labels = match (numbers, names) {
            (Some(numbers), None) => numbers,
            // tract's graphs end at the float output: the loader refuses those that read names.
            (None, Some(count)) => (0..count as i64).collect(),
            _ => bail!("exactly one of classlabels_int64s and classlabels_strings is needed"),
        };
        node.attribute.retain(|attribute| !attribute.name.starts_with("classlabels_"));
        let classes = (0..labels.len() as i64).collect();
        node.attribute.push(attribute_ints("classlabels_int64s", classes));
        Ok(Trees { node, width: labels.len(), labels: Some(labels) })
    }

    fn graph(&self) -> GraphProto {
        let declare = |name: &str| ValueInfoProto {
            name: name.to_owned(),
            r#type: Some(TypeProto {
                tensor_type: Some(TensorTypeProto {
                    elem_type: DataType::Float as i32,
                    shape: Some(TensorShapeProto { dim: vec![DimensionProto::default(); 2] }),
                }),
            }),
            doc_string: String::new(),
        };
        GraphProto {
            name: self.node.op_type.clone(),
            node: vec![self.node.clone()],
            input: vec![declare("rows")],
            output: vec![declare("scores")],
            ..GraphProto::default()
        }
    }
}

impl Recipe for Trees {
    fn name(&self) -> &'static str {
        if self.labels.is_some() { CLASSIFIER } else { REGRESSOR }
    }

    fn input_shape(&self) -> Vec<Option<usize>> {
        vec![None]
    }

    fn outputs(&self) -> TVec<Column> {
        let label = Column { datum_type: i64::datum_type(), width: None };
        let scores = Column { datum_type: f32::datum_type(), width: Some(self.width) };
        if self.labels.is_some() { tvec![label, scores] } else { tvec![scores] }
    }

    fn evaluator(&self) -> TractResult<Box<dyn Evaluator>> {
        let opset = OperatorSetIdProto { domain: ML_DOMAIN.to_owned(), version: 3 };
        let program = Program::compile(&self.graph(), &[], &[opset], Vec::new())?;
        Ok(Box::new(TreesEvaluator { program, labels: self.labels.clone() }))
    }
}

struct TreesEvaluator {
    program: Program,
    labels: Option<Vec<i64>>,
}

impl Evaluator for TreesEvaluator {
    fn evaluate(
        &mut self,
        rows: &[f32],
        count: usize,
        row_shape: &[usize],
    ) -> TractResult<TVec<Tensor>> {
        let width = row_shape.iter().product();
        self.program.run_f32(&[count, width], rows)?;
        let tensor = self.program.output(0);
        let floats = tensor.as_f32().context("float scores")?;
        let scores = Tensor::from_shape(tensor.shape(), floats)?;
        let Some(labels) = &self.labels else { return Ok(tvec![scores]) };
        let first_largest = |row: &[f32]| {
            (0..row.len()).reduce(|best, at| if row[at] > row[best] { at } else { best })
        };
        let of_row = |row: &[f32]| first_largest(row).map_or(0, |class| labels[class]);
        let classes: Vec<i64> = floats.chunks_exact(labels.len()).map(of_row).collect();
        Ok(tvec![Tensor::from_shape(&[count], &classes)?, scores])
    }
}
