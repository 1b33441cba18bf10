//! ONNX Runtime, from a library that is opened when the engine is first asked for.

mod library;

use ::ort::logging::LogLevel;
use ::ort::session::Session;
use ::ort::session::builder::GraphOptimizationLevel;
use ::ort::value::TensorRef;
use model_format::artifact::Artifact;
use model_format::onnx::proto::ModelProto;

use crate::foreign::{self, Answers};
use crate::model;
use crate::{Engine, EngineError, EngineKind, Layout, Outputs};

/// A running model.
pub(crate) struct Ort {
    session: Session,
    version: String,
    layout: Layout,
    answers: Answers,
    width: usize,
}

/// True where the library is found and opens.
pub(crate) fn is_available() -> bool {
    library::open().is_ok()
}

impl Ort {
    /// Loads an artifact.
    pub(crate) fn new(artifact: &Artifact) -> Result<Ort, EngineError> {
        let answers = Answers::of_artifact(artifact);
        Ort::start(&artifact.to_bytes(), model::layout(artifact), answers)
    }

    /// Loads any other model with one float input.
    pub(crate) fn load_foreign(bytes: &[u8], model: &ModelProto) -> Result<Ort, EngineError> {
        let layout = foreign::layout(model).map_err(unsupported)?;
        let answers = foreign::answers(model).map_err(unsupported)?;
        Ort::start(bytes, layout, answers)
    }

    fn start(bytes: &[u8], layout: Layout, answers: Answers) -> Result<Ort, EngineError> {
        let library = library::open().map_err(EngineError::Library)?;
        let session = session(library, bytes).map_err(unsupported)?;
        let version = library.version.clone();
        let mut engine = Ort { session, version, layout, answers, width: 0 };
        engine.try_out().map_err(unsupported)?;
        Ok(engine)
    }

    /// Runs two windows, or one where the model takes no more, and learns the outputs' sizes.
    fn try_out(&mut self) -> Result<(), String> {
        let tried = if self.layout.one_at_a_time { 1 } else { 2 };
        let windows = vec![0.0; tried * self.layout.window_values()];
        let mut answers = Outputs::with_capacity(tried, 1, self.answers.label.is_some());
        self.answer(&windows, tried, &mut answers)?;
        if !answers.floats.len().is_multiple_of(tried) || answers.floats.is_empty() {
            let found = answers.floats.len();
            return Err(format!("{tried} windows gave {found} numbers"));
        }
        self.width = answers.floats.len() / tried;
        Ok(())
    }

    fn answer(&mut self, windows: &[f32], count: usize, to: &mut Outputs) -> Result<(), String> {
        let inner = self.layout.window_shape.iter().copied();
        let shape: Vec<usize> = std::iter::once(count).chain(inner).collect();
        let text = |error: ::ort::Error| error.to_string();
        let input = TensorRef::from_array_view((shape, windows)).map_err(text)?;
        let outputs = self.session.run(::ort::inputs![input]).map_err(text)?;
        let absent = |name: &str| format!("the output {name} is missing");
        let name = &self.answers.floats;
        let output = outputs.get(name).ok_or_else(|| absent(name))?;
        let (shape, floats) = output.try_extract_tensor::<f32>().map_err(text)?;
        if shape.first() != Some(&(count as i64)) {
            return Err(format!("{count} windows gave an output {name} of shape {shape:?}"));
        }
        to.floats.extend_from_slice(floats);
        if let (Some(name), Some(labels)) = (&self.answers.label, &mut to.labels) {
            let output = outputs.get(name).ok_or_else(|| absent(name))?;
            let (_, found) = output.try_extract_tensor::<i64>().map_err(text)?;
            if found.len() != count {
                return Err(format!("{count} windows gave {} labels", found.len()));
            }
            labels.extend_from_slice(found);
        }
        Ok(())
    }
}

/// A session that gives the same answers every time: one thread, deterministic kernels.
fn session(library: &library::Library, bytes: &[u8]) -> Result<Session, String> {
    let build = || {
        Session::builder(&library.environment)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            .with_deterministic_compute(true)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_log_level(LogLevel::Error)?
            .commit_from_memory(bytes)
    };
    build().map_err(|error: ::ort::Error| error.to_string())
}

impl Engine for Ort {
    fn kind(&self) -> EngineKind {
        EngineKind::Ort
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn run(&mut self, windows: &[f32], count: usize) -> Result<Outputs, EngineError> {
        let answers = Outputs::with_capacity(count, self.width, self.answers.label.is_some());
        let layout = self.layout.clone();
        layout.in_parts(windows, count, answers, |part, count, answers| {
            self.answer(part, count, answers)
                .map_err(|reason| EngineError::Failed { engine: EngineKind::Ort, reason })
        })
    }
}

fn unsupported(reason: String) -> EngineError {
    EngineError::Unsupported { engine: EngineKind::Ort, reason }
}
