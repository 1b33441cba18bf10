//! Whether a difference between two engines is one that a tiny difference of features explains.

use model_format::artifact::Artifact;
use model_format::onnx::op::tree_ensemble::Forest;
use model_format::signal::features::FeaturePlan;

use super::difference::Difference;
use super::{ProofError, TOLERANCE};
use crate::{EngineError, Outputs};

/// Knows where an artifact's answers jump.
pub(super) struct Explanation {
    plan: FeaturePlan,
    forests: Vec<Forest>,
    features: Vec<f32>,
}

impl Explanation {
    pub(super) fn new(artifact: &Artifact) -> Result<Explanation, ProofError> {
        let plan = FeaturePlan::new(&artifact.manifest().pipeline)
            .map_err(|error| EngineError::Model(error.to_string()))?;
        let features = vec![0.0; plan.names().len()];
        Ok(Explanation { plan, forests: artifact.forests().to_vec(), features })
    }

    /// True where a split that the window visits lies within the tolerance of its features, or
    /// where only the label differs and two classes, or score and alarm line, are as close.
    pub(super) fn explains(
        &mut self,
        window: &[f32],
        reference: &Outputs,
        index: usize,
        difference: Difference,
    ) -> bool {
        let answer = &reference.floats[index * reference.width..][..reference.width];
        (!difference.floats && is_close_decision(answer)) || self.is_close_split(window)
    }

    fn is_close_split(&mut self, window: &[f32]) -> bool {
        if self.forests.is_empty() {
            return false;
        }
        self.plan.compute(window, &mut self.features);
        let scales = self.plan.scales(window);
        let tolerances: Vec<f64> = scales.iter().map(|scale| scale * TOLERANCE).collect();
        self.forests.iter().any(|forest| {
            let read = forest.width.min(self.features.len());
            forest.margin(&self.features[..read], &tolerances[..read])
        })
    }
}

/// True where a difference within the tolerance can change the label: the two largest
/// probabilities, or the one score and the alarm line, lie that close.
fn is_close_decision(answer: &[f32]) -> bool {
    let mut sorted: Vec<f64> = answer.iter().map(|&value| f64::from(value)).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    match sorted[..] {
        [] => false,
        [score] => (score - 1.0).abs() <= 2.0 * TOLERANCE,
        [first, second, ..] => first - second <= 2.0 * TOLERANCE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ties_and_scores_on_the_line_are_close_decisions() {
        assert!(is_close_decision(&[0.4, 0.4, 0.2]));
        assert!(is_close_decision(&[1.000_000_1]));
        assert!(!is_close_decision(&[0.5, 0.3, 0.2]));
        assert!(!is_close_decision(&[0.99]));
        assert!(!is_close_decision(&[]));
    }
}
