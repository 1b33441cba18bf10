//! tract, with our kernels for window features and trees in the places of its own operators.

mod kernels;
mod misreadings;
mod row_op;
mod scaler;
mod single;
mod unread;

use std::panic::{AssertUnwindSafe, catch_unwind};

use model_format::artifact::{Artifact, Own};
use model_format::onnx::inline::inline_functions;
use model_format::onnx::proto::ModelProto;
use prost::Message;
use tract_onnx::Onnx;
use tract_onnx::pb;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::*;

use crate::foreign::{self, Answers};
use crate::model;
use crate::{Engine, EngineError, EngineKind, Layout, Outputs};

/// The version that the workspace pins.
const VERSION: &str = "0.23.9";

/// A running model. Its buffers are used again from call to call.
pub(crate) struct Tract {
    state: TypedSimpleState,
    layout: Layout,
    width: usize,
    has_label: bool,
}

impl Tract {
    /// Loads an artifact.
    pub(crate) fn new(artifact: &Artifact) -> Result<Tract, EngineError> {
        let layout = model::layout(artifact);
        if let Some(own) = artifact.own() {
            let model = own_graph(artifact, own).map_err(unsupported)?;
            return Tract::start(&reader(), &model, layout).map_err(refused);
        }
        let bytes = artifact.to_bytes();
        let decoded =
            ModelProto::decode(&*bytes).map_err(|error| EngineError::Model(error.to_string()))?;
        Tract::of_graph(&bytes, &decoded, &Answers::of_artifact(artifact), layout)
    }

    /// Loads any other model with one float input.
    pub(crate) fn load_foreign(bytes: &[u8], decoded: &ModelProto) -> Result<Tract, EngineError> {
        let answers = foreign::answers(decoded).map_err(unsupported)?;
        let layout = foreign::layout(decoded).map_err(unsupported)?;
        Tract::of_graph(bytes, decoded, &answers, layout)
    }

    /// Loads a graph of another program.
    fn of_graph(
        bytes: &[u8],
        decoded: &ModelProto,
        answers: &Answers,
        layout: Layout,
    ) -> Result<Tract, EngineError> {
        let reader = reader();
        let mut model = without_functions(bytes, decoded).map_err(unsupported)?;
        keep_answers(&mut model, answers);
        unread::remove(&mut model);
        misreadings::check(&model, &reader).map_err(unsupported)?;
        let one_at_a_time = layout.one_at_a_time || single::needs_one(&model);
        let layout = Layout { one_at_a_time, ..layout };
        // tract's readers unwrap what a foreign graph says. A panic must not end whoever asks whether
        // tract can run it; where panics abort, the operators that are known for it run one at a time.
        let started = AssertUnwindSafe(|| Tract::start_foreign(&reader, &model, layout));
        let panicked = |_| unsupported("its reader panicked; use the engine ort".to_owned());
        catch_unwind(started).map_err(panicked)?.map_err(refused)
    }

    /// Some graphs fix the number of windows inside: those run with one window at a time, which
    /// gives the same answers.
    fn start_foreign(reader: &Onnx, model: &pb::ModelProto, layout: Layout) -> TractResult<Tract> {
        let one = Layout { one_at_a_time: true, ..layout.clone() };
        Tract::start(reader, model, layout)
            .or_else(|error| Tract::start(reader, model, one).map_err(|_| error))
    }

    /// Builds the plan and tries it on two windows, or on one where the model takes no more.
    fn start(reader: &Onnx, model: &pb::ModelProto, layout: Layout) -> TractResult<Tract> {
        let mut graph = reader.model_for_proto_model(model)?;
        let rows = match layout.one_at_a_time {
            true => 1.to_dim(),
            false => graph.symbols.sym("N").to_dim(),
        };
        let inner = layout.window_shape.iter().map(|dim| dim.to_dim());
        let shape: Vec<TDim> = std::iter::once(rows).chain(inner).collect();
        graph.set_input_fact(0, InferenceFact::dt_shape(f32::datum_type(), shape))?;
        let state = plan(graph.into_typed()?)?.spawn()?;
        let mut engine = Tract { state, layout, width: 0, has_label: false };
        let tried = if engine.layout.one_at_a_time { 1 } else { 2 };
        let answers = engine.evaluate(&vec![0.0; tried * engine.layout.window_values()], tried)?;
        for answer in &answers {
            let shape = answer.shape();
            ensure!(shape.first() == Some(&tried), "{tried} windows gave an output {shape:?}");
        }
        engine.has_label = answers.len() > 1;
        engine.width = answers[0].len() / tried;
        Ok(engine)
    }

    fn evaluate(&mut self, windows: &[f32], count: usize) -> TractResult<TVec<TValue>> {
        let inner = self.layout.window_shape.iter().copied();
        let shape: TVec<usize> = std::iter::once(count).chain(inner).collect();
        self.state.run(tvec![Tensor::from_shape(&shape, windows)?.into_tvalue()])
    }

    fn answer(&mut self, windows: &[f32], count: usize, to: &mut Outputs) -> TractResult<()> {
        let answers = self.evaluate(windows, count)?;
        let floats = answers[0].try_as_plain_ram()?.as_slice::<f32>()?;
        ensure!(floats.len() == count * self.width, "{} floats for {count} windows", floats.len());
        to.floats.extend_from_slice(floats);
        if let Some(labels) = &mut to.labels {
            let found = answers[1].cast_to::<i64>()?;
            let found = found.try_as_plain_ram()?.as_slice::<i64>()?;
            ensure!(found.len() == count, "{} labels for {count} windows", found.len());
            labels.extend_from_slice(found);
        }
        Ok(())
    }
}

impl Engine for Tract {
    fn kind(&self) -> EngineKind {
        EngineKind::Tract
    }

    fn version(&self) -> String {
        VERSION.to_owned()
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn run(&mut self, windows: &[f32], count: usize) -> Result<Outputs, EngineError> {
        let answers = Outputs::with_capacity(count, self.width, self.has_label);
        let layout = self.layout.clone();
        layout.in_parts(windows, count, answers, |part, count, answers| {
            self.answer(part, count, answers).map_err(|error| EngineError::Failed {
                engine: EngineKind::Tract,
                reason: format!("{error:#}"),
            })
        })
    }
}

fn reader() -> Onnx {
    kernels::reader().with_ignore_value_info(true)
}

/// The plan of a graph, optimised only where it computes in 32 bits: among tract's rewrites there is
/// one that computes means of squares of 64-bit floats in 32 bits.
fn plan(graph: TypedModel) -> TractResult<Arc<TypedRunnableModel>> {
    let mut outputs = graph.nodes().iter().flat_map(|node| &node.outputs);
    let computes_in_64_bits = outputs.any(|output| output.fact.datum_type == f64::datum_type());
    if computes_in_64_bits {
        graph.into_runnable()
    } else {
        graph.into_optimized()?.into_runnable()
    }
}

fn unsupported(reason: String) -> EngineError {
    EngineError::Unsupported { engine: EngineKind::Tract, reason }
}

fn refused(error: TractError) -> EngineError {
    // tract describes whole nodes, constants included, in its messages.
    unsupported(format!("{error:#}").chars().take(600).collect())
}

/// An artifact's graph with the call of the window features marked for the kernel, where its body
/// is the one that the kernel stands for, and with the body in the place of the call where not.
fn own_graph(artifact: &Artifact, own: Own<'_>) -> Result<pb::ModelProto, String> {
    let mut model = own.model().clone();
    model.metadata_props.clear();
    if !own.has_kernel() {
        return inlined(&model);
    }
    model.functions.clear();
    let attribute = kernels::pipeline_attribute(&artifact.manifest().pipeline)
        .map_err(|error| error.to_string())?;
    let nodes = model.graph.iter_mut().flat_map(|graph| &mut graph.node);
    for node in nodes.filter(|node| node.domain == kernels::FEATURES.0) {
        node.attribute.push(attribute.clone());
    }
    for_tract(&model)
}

/// The same message in tract's schema.
fn for_tract(model: &ModelProto) -> Result<pb::ModelProto, String> {
    pb::ModelProto::decode(&*model.encode_to_vec()).map_err(|error| error.to_string())
}

/// Parts of the schema that neither we nor tract know, and that change what a function means.
#[derive(Clone, PartialEq, Message)]
struct Functions {
    #[prost(message, repeated, tag = "25")]
    functions: Vec<FunctionExtras>,
}

/// See [`Functions`].
#[derive(Clone, PartialEq, Message)]
struct FunctionExtras {
    /// Default values of attributes (`attribute_proto`).
    #[prost(bytes = "vec", repeated, tag = "11")]
    defaults: Vec<Vec<u8>>,
    /// Name of one of several functions of one name.
    #[prost(string, tag = "13")]
    overload: String,
}

/// The model with its functions inlined: tract reads the list of functions and ignores it.
fn without_functions(bytes: &[u8], decoded: &ModelProto) -> Result<pb::ModelProto, String> {
    let whole = pb::ModelProto::decode(bytes).map_err(|error| error.to_string())?;
    if decoded.functions.is_empty() {
        return Ok(whole);
    }
    let extras = Functions::decode(bytes).map_err(|error| error.to_string())?;
    if extras.functions.iter().any(|f| !f.defaults.is_empty() || !f.overload.is_empty()) {
        return Err("its functions have default attributes or overloads; inline them with \
                    onnx.inliner before export, or use the engine ort"
            .to_owned());
    }
    if for_tract(decoded)? != whole {
        return Err("it has functions beside parts of ONNX that get lost when they are inlined; \
                    inline them with onnx.inliner before export, or use the engine ort"
            .to_owned());
    }
    inlined(decoded)
}

/// Every call replaced by the body. Nodes lose their names, which need not be unique in ONNX; tract
/// then calls them by their outputs.
fn inlined(model: &ModelProto) -> Result<pb::ModelProto, String> {
    let mut model = inline_functions(model).map_err(|error| error.to_string())?;
    let nodes = model.graph.iter_mut().flat_map(|graph| &mut graph.node);
    nodes.for_each(|node| node.name.clear());
    for_tract(&model)
}

/// Leaves the outputs that are the answers, floats first.
fn keep_answers(model: &mut pb::ModelProto, answers: &Answers) {
    let Some(graph) = &mut model.graph else { return };
    let mut kept = Vec::new();
    for name in std::iter::once(&answers.floats).chain(&answers.label) {
        kept.extend(graph.output.iter().find(|output| output.name == *name).cloned());
    }
    graph.output = kept;
}
