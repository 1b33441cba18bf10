//! Golden windows: inputs with the outputs that the model must give for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::ArtifactError;
use crate::manifest::check::canonical;
use crate::manifest::{Manifest, Task};
use crate::onnx::program::Program;

/// A window with the outputs that the model must give for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Golden {
    /// W·C values, time-major.
    pub window: Vec<f32>,
    /// `probabilities` (K values), `value` (one) or `score` (one).
    pub floats: Vec<f32>,
    /// `label`, but for regression.
    pub label: Option<i64>,
}

/// The JSON under `cirame.golden`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    windows: Vec<Entry>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Base64 of the window's values as little-endian 32-bit floats.
    values: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    probabilities: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<i64>,
}

/// Runs `program` on one window of `[samples, channels]`.
pub(super) fn evaluate(
    program: &mut Program,
    manifest: &Manifest,
    window: &[f32],
) -> Result<Golden, ArtifactError> {
    let pipeline = &manifest.pipeline;
    let shape = [1, pipeline.window.length_samples as usize, pipeline.channels.len()];
    program.run_f32(&shape, window)?;
    let floats = program.output(0).as_f32().unwrap_or_default().to_vec();
    let label = match manifest.task {
        Task::Regression => None,
        Task::Classification | Task::Anomaly => {
            program.output(1).as_i64().and_then(|labels| labels.first().copied())
        }
    };
    Ok(Golden { window: window.to_vec(), floats, label })
}

/// Canonical JSON of as many windows, from the first on, as `bytes_max` holds; at least one.
pub(super) fn write(
    golden: &[Golden],
    task: Task,
    bytes_max: usize,
) -> Result<String, ArtifactError> {
    let mut windows: Vec<Entry> = Vec::new();
    let mut bytes = canonical("golden", &Text { windows: Vec::new() })?.len();
    for one in golden {
        let entry = Entry::of(one, task);
        // One more for the comma between two entries.
        bytes += canonical("golden", &entry)?.len() + usize::from(!windows.is_empty());
        if bytes > bytes_max {
            break;
        }
        windows.push(entry);
    }
    if windows.is_empty() {
        return Err(ArtifactError::NoGolden { needed: bytes, left: bytes_max });
    }
    Ok(canonical("golden", &Text { windows })?)
}

/// Reads what [`write`] wrote, with windows of `values` values.
pub(super) fn read(text: &str, manifest: &Manifest) -> Result<Vec<Golden>, ArtifactError> {
    let parsed: Text = super::read::canonical_json("cirame.golden", text)?;
    let pipeline = &manifest.pipeline;
    let values = pipeline.window.length_samples as usize * pipeline.channels.len();
    if parsed.windows.is_empty() {
        return Err(ArtifactError::Golden { at: 0, problem: "is missing".to_owned() });
    }
    let windows = parsed.windows.into_iter().enumerate();
    windows.map(|(at, entry)| entry.read(at, manifest, values)).collect()
}

impl Entry {
    fn of(golden: &Golden, task: Task) -> Self {
        let bytes: Vec<u8> = golden.window.iter().flat_map(|x| x.to_le_bytes()).collect();
        let floats: Vec<f64> = golden.floats.iter().map(|&x| x.into()).collect();
        let entry =
            Entry { values: STANDARD.encode(bytes), label: golden.label, ..Entry::default() };
        match task {
            Task::Classification => Entry { probabilities: Some(floats), ..entry },
            Task::Regression => Entry { value: floats.first().copied(), ..entry },
            Task::Anomaly => Entry { score: floats.first().copied(), ..entry },
        }
    }

    fn read(self, at: usize, manifest: &Manifest, values: usize) -> Result<Golden, ArtifactError> {
        let refuse = |problem: &str| ArtifactError::Golden { at, problem: problem.to_owned() };
        let bytes = STANDARD.decode(&self.values).map_err(|_| refuse("is not base64"))?;
        let (chunks, rest) = bytes.as_chunks();
        if chunks.len() != values || !rest.is_empty() {
            let problem = format!("has {} bytes; {} are needed", bytes.len(), values * 4);
            return Err(refuse(&problem));
        }
        let window: Vec<f32> = chunks.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect();
        let one = |value: Option<f64>| value.map(|value| vec![value]);
        let (floats, others, width) = match manifest.task {
            Task::Classification => {
                (self.probabilities, self.value.or(self.score), manifest.classes.len())
            }
            Task::Regression => {
                (one(self.value), self.score.or(self.probabilities.map(|_| 0.0)), 1)
            }
            Task::Anomaly => (one(self.score), self.value.or(self.probabilities.map(|_| 0.0)), 1),
        };
        let floats = floats.filter(|floats| floats.len() == width && others.is_none());
        let floats = floats.ok_or_else(|| refuse("has not the outputs of its task"))?;
        let floats: Vec<f32> = floats.into_iter().map(|x| x as f32).collect();
        if window.iter().chain(&floats).any(|x| !x.is_finite()) {
            return Err(refuse("has a value that is not finite"));
        }
        let labels = manifest.classes.len().max(2) as i64;
        let label_fits = match (manifest.task, self.label) {
            (Task::Regression, None) => true,
            (Task::Classification | Task::Anomaly, Some(label)) => (0..labels).contains(&label),
            _ => false,
        };
        if !label_fits {
            return Err(refuse("has not the label of its task"));
        }
        Ok(Golden { window, floats, label: self.label })
    }
}
