//! The native engine: the closed operator set's own evaluation.

use model_format::artifact::Artifact;
use model_format::onnx::program::Program;

use crate::model;
use crate::{Engine, EngineError, EngineKind, Layout, Outputs};

/// A running artifact. Its buffers are used again from call to call.
pub(crate) struct Native {
    program: Program,
    layout: Layout,
    width: usize,
    has_label: bool,
}

impl Native {
    /// An artifact with a graph of our own, ready to run.
    pub(crate) fn new(artifact: &Artifact) -> Result<Native, EngineError> {
        let own = artifact.own().ok_or_else(|| EngineError::Unsupported {
            engine: EngineKind::Native,
            reason: "the graph is another program's; use the engine tract or ort".to_owned(),
        })?;
        let golden = &artifact.golden()[0];
        Ok(Native {
            layout: model::layout(artifact),
            width: golden.floats.len(),
            has_label: golden.label.is_some(),
            program: own.program(),
        })
    }
}

/// Why this engine does not run a model of another program.
pub(crate) fn refuse_foreign() -> EngineError {
    EngineError::Unsupported {
        engine: EngineKind::Native,
        reason: "the file has no `cirame.manifest`, so it is no artifact of CiRA ME; \
                 use the engine tract or ort"
            .to_owned(),
    }
}

impl Engine for Native {
    fn kind(&self) -> EngineKind {
        EngineKind::Native
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn run(&mut self, windows: &[f32], count: usize) -> Result<Outputs, EngineError> {
        let failed = |reason| EngineError::Failed { engine: EngineKind::Native, reason };
        let answers = Outputs::with_capacity(count, self.width, self.has_label);
        let [samples, channels] = self.layout.window_shape[..] else {
            return Err(failed("a window has two dimensions".to_owned()));
        };
        let program = &mut self.program;
        self.layout.in_parts(windows, count, answers, |part, count, answers| {
            program
                .run_f32(&[count, samples, channels], part)
                .map_err(|error| failed(error.to_string()))?;
            let floats = program.output(0).as_f32();
            answers.floats.extend_from_slice(floats.unwrap_or_default());
            if let Some(labels) = &mut answers.labels {
                labels.extend_from_slice(program.output(1).as_i64().unwrap_or_default());
            }
            Ok(())
        })
    }
}
