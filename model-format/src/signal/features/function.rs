//! The model-local function `cirame.WindowFeatures`: a pipeline's features as ONNX nodes.

use std::sync::Arc;

use super::basis::{BasisGraph, Frame, MachineParts};
use super::name::{FeatureError, Selection, select};
use crate::onnx::graph::{GraphBuilder, Scope};
use crate::onnx::proto::{DataType, FunctionProto, OperatorSetIdProto};
use crate::pipeline::Pipeline;

/// The domain of the function.
pub const FUNCTION_DOMAIN: &str = "cirame";
/// The name of the function.
pub const FUNCTION_NAME: &str = "WindowFeatures";

/// The function that computes a pipeline's features: input `windows` float32 `[N, W, C]`, output
/// `features` float32 `[N, F]`. The body is a pure function of the pipeline: a loader compares it
/// with the one in a file before it runs the kernels instead.
///
/// ```text
/// windows [N,W,C] → Cast f64 → Transpose [N,C,W] → each feature [N,C,1] → Concat [N,C,f]
///   → Flatten [N,C·f] → Gather [N,F] → Cast f32 → features
/// ```
///
/// # Errors
/// The same as `FeaturePlan::new`.
pub fn window_features_function(pipeline: &Pipeline) -> Result<FunctionProto, FeatureError> {
    let selected = select(pipeline)?;
    // A part has a feature of all channels.
    let mut distinct: Vec<&Selection> = Vec::new();
    for selection in &selected {
        if !distinct.iter().any(|known| known.same_part(selection)) {
            distinct.push(selection);
        }
    }

    let mut graph = GraphBuilder::new(Scope::Function);
    let windows = graph.input("windows");
    let samples = graph.scoped("samples", |g| {
        let wide = g.cast(&windows, DataType::Double);
        g.transpose(&wide, &[0, 2, 1])
    });
    let window_samples = pipeline.window.length_samples as usize;
    let rate_hz = pipeline.rate.hz();
    let machine = Arc::new(MachineParts::new(pipeline));
    let parts: Vec<_> = distinct
        .iter()
        .map(|part| {
            let frame = Frame {
                samples: samples.clone(),
                window_samples,
                rate_hz,
                machine: Arc::clone(&machine),
                partner: part.partner,
                steps: part.steps,
            };
            graph.scoped(&part.scope(), |g| (part.feature.emit)(&mut BasisGraph::new(g, frame)))
        })
        .collect();
    let features = graph.scoped("select", |g| {
        let all = g.concat(&parts.iter().collect::<Vec<_>>(), 2);
        let flat = g.flatten(&all, 1);
        let columns: Vec<i64> = selected
            .iter()
            .map(|selection| {
                let position = distinct.iter().position(|known| known.same_part(selection));
                let position = position.expect("every selected feature was collected above");
                (selection.channel * distinct.len() + position) as i64
            })
            .collect();
        let chosen = g.gather(&flat, &columns, 1);
        g.cast(&chosen, DataType::Float)
    });
    graph.rename(&features, "features");

    Ok(FunctionProto {
        name: FUNCTION_NAME.to_owned(),
        domain: FUNCTION_DOMAIN.to_owned(),
        input: vec!["windows".to_owned()],
        output: vec!["features".to_owned()],
        node: graph.into_nodes(),
        doc_string: pipeline.features.join(", "),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
        ..FunctionProto::default()
    })
}
