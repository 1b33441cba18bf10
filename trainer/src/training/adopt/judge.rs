//! What ONNX Runtime answers for a foreign model: whether it can stand, and what is made of it.

use engine::EngineKind;
use engine::proof::{Judges, Proof, judges, prove as prove_with};
use learn::anomaly::alarm_line::AlarmLine;
use model_format::artifact::{Artifact, ArtifactError, Batch, ScoreSteps};
use model_format::manifest::Task;

use super::AdoptError;
use super::answer::AnswerPlan;
use crate::progress::Progress;
use crate::training::TrainError;
use crate::training::extract::Extracted;
use crate::training::proof::{clock, not_proved};

/// How far the probabilities of a window may be from 1 in all.
const SUM_TOLERANCE: f32 = 1e-3;

/// The first dimension that the model bears, with the file for it: any number of windows, or one at a
/// time where its graph was made for that.
pub(super) fn batch(
    symbolic: bool,
    notes: &mut Vec<String>,
    wrap: impl Fn(Batch) -> Result<Vec<u8>, ArtifactError>,
) -> Result<(Batch, Vec<u8>), TrainError> {
    let one = wrap(Batch::One)?;
    if !symbolic {
        engine::load(EngineKind::Ort, &one)?;
        return Ok((Batch::One, one));
    }
    let wrapped = wrap(Batch::Symbolic)?;
    let Err(error) = engine::load(EngineKind::Ort, &wrapped) else {
        return Ok((Batch::Symbolic, wrapped));
    };
    if engine::load(EngineKind::Ort, &one).is_err() {
        return Err(error.into());
    }
    notes.push(format!("windows go through the model one at a time: {error}"));
    Ok((Batch::One, one))
}

/// Refuses answers that are not finite, and probabilities that are none.
pub(super) fn check_answers(plan: &AnswerPlan, extracted: &Extracted) -> Result<(), AdoptError> {
    let width = plan.classes.len().max(1);
    for (window, answer) in extracted.windows.iter().zip(extracted.values.chunks_exact(width)) {
        if let Some(&found) = answer.iter().find(|value| !value.is_finite()) {
            let recording = extracted.recordings[window.recording as usize].clone();
            return Err(AdoptError::NotFinite { output: plan.output.clone(), found, recording });
        }
        let sum: f32 = answer.iter().sum();
        let is_probable = (sum - 1.0).abs() <= SUM_TOLERANCE
            && answer.iter().all(|value| (-SUM_TOLERANCE..=1.0 + SUM_TOLERANCE).contains(value));
        if plan.task == Task::Classification && !is_probable {
            let found = answer.iter().take(8).copied().collect();
            return Err(AdoptError::NoProbabilities { output: plan.output.clone(), found });
        }
    }
    Ok(())
}

/// Counts the windows' classes as the model does.
pub(super) fn name_classes(
    extracted: &mut Extracted,
    classes: &[String],
) -> Result<(), TrainError> {
    let position = |class: &String| classes.iter().position(|known| known == class);
    let by_label: Vec<Option<usize>> = extracted.classes.iter().map(position).collect();
    for (label, class) in by_label.iter().enumerate() {
        let same = |class: Option<u32>| class == Some(label as u32);
        if class.is_none() {
            let windows = extracted.windows.iter().filter(|window| same(window.class)).count();
            return Err(TrainError::ClassNotKnown {
                class: extracted.classes[label].clone(),
                windows: windows as u64,
                known: classes.to_vec(),
            });
        }
    }
    for window in &mut extracted.windows {
        let class = window.class.and_then(|label| by_label[label as usize]);
        window.class = class.map(|class| class as u32);
    }
    extracted.classes = classes.to_vec();
    Ok(())
}

/// How scores are scaled so that normal windows have 0 in the middle and 1 at the alarm line, and the
/// raw score there. `scores` are those of normal windows, after the sign.
pub(super) fn score_steps(
    plan: &AnswerPlan,
    sign: f32,
    line: &AlarmLine,
    mut scores: Vec<f32>,
) -> Result<(ScoreSteps, f64), AdoptError> {
    let quantile = line.quantile(scores.iter().map(|&score| score.into()).collect()) as f32;
    scores.sort_by(f32::total_cmp);
    let centre = scores[scores.len() / 2];
    let distance = quantile - centre;
    let mut factor = 1.0 / distance;
    if distance <= 0.0 || !factor.is_finite() {
        return Err(AdoptError::NoSpread { output: plan.output.clone(), found: sign * centre });
    }
    // The window that sets the line is still normal.
    while distance * factor >= 1.0 {
        factor = factor.next_down();
    }
    let raw = f64::from(centre) + 1.0 / f64::from(factor);
    Ok((ScoreSteps { sign, centre, factor }, raw))
}

/// The proof by ONNX Runtime, and by tract where it can; what it cannot is no failure, and noted:
/// devices then need ONNX Runtime.
pub(super) fn prove(
    artifact: &Artifact,
    held_out: &[Vec<f32>],
    progress: &Progress,
    notes: &mut Vec<String>,
) -> Result<Proof, TrainError> {
    progress.check()?;
    progress.stage("proof", 1);
    let Judges { able, unable } = judges(artifact)?;
    let need = "devices need the build with ONNX Runtime (ort)";
    notes.extend(unable.iter().map(|(_, error)| format!("{error}; {need}")));
    let clock = clock();
    let mut proof = prove_with(artifact, held_out, &able, &clock)?;
    let differs = |proof: &Proof| {
        let failed = proof.judges.iter().find(|judge| !judge.passed);
        failed.filter(|judge| judge.engine != EngineKind::Ort).map(|judge| judge.engine)
    };
    if let Some(kind) = differs(&proof) {
        notes.push(format!("{kind} answers differently: {}; {need}", not_proved(&proof)));
        proof = prove_with(artifact, held_out, &[EngineKind::Ort], &clock)?;
    }
    progress.step();
    if proof.passed { Ok(proof) } else { Err(not_proved(&proof)) }
}
