//! Whether a difference between two engines is one that a tiny difference of features explains.

use model_format::artifact::{Artifact, Own};
use model_format::onnx::op::tree_ensemble::Forest;
use model_format::signal::features::FeaturePlan;

use super::difference::Difference;
use super::{ADOPTED_TOLERANCE, TOLERANCE};
use crate::Outputs;

/// Knows where an artifact's answers jump.
pub(super) struct Explanation<'a> {
    artifact: &'a Artifact,
    /// Made for the first difference: most proofs find none.
    splits: Option<Splits>,
}

/// The splits of an artifact's forests, and the features that they look at.
struct Splits {
    plan: FeaturePlan,
    forests: Vec<Forest>,
    features: Vec<f32>,
}

impl<'a> Explanation<'a> {
    pub(super) fn new(artifact: &'a Artifact) -> Explanation<'a> {
        Explanation { artifact, splits: None }
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
        let own = self.artifact.own();
        let tolerance = if own.is_some() { TOLERANCE } else { ADOPTED_TOLERANCE };
        if !difference.floats && is_close_decision(answer, tolerance) {
            return true;
        }
        let Some(own) = own else { return false };
        let splits = self.splits.get_or_insert_with(|| Splits::of(self.artifact, own));
        splits.has_close(window)
    }

    /// The golden answers of our own artifacts are exact; in an adopted one, a label may differ
    /// where the decision is as close.
    pub(super) fn explains_golden(
        &mut self,
        golden: &Outputs,
        index: usize,
        difference: Difference,
    ) -> bool {
        self.artifact.own().is_none() && self.explains(&[], golden, index, difference)
    }
}

impl Splits {
    fn of(artifact: &Artifact, own: Own<'_>) -> Splits {
        let plan = FeaturePlan::new(&artifact.manifest().pipeline)
            .expect("the artifact was read with the same features");
        let features = vec![0.0; plan.names().len()];
        Splits { plan, forests: own.forests(), features }
    }

    fn has_close(&mut self, window: &[f32]) -> bool {
        let Splits { plan, forests, features } = self;
        if forests.is_empty() {
            return false;
        }
        plan.compute(window, features);
        let scales = plan.scales(window);
        let tolerances: Vec<f64> = scales.iter().map(|scale| scale * TOLERANCE).collect();
        forests.iter().any(|forest| {
            let read = forest.width.min(features.len());
            forest.margin(&features[..read], &tolerances[..read])
        })
    }
}

/// True where a difference within the tolerance can change the label: the two largest
/// probabilities, or the one score and the alarm line, lie that close.
fn is_close_decision(answer: &[f32], tolerance: f64) -> bool {
    let mut sorted: Vec<f64> = answer.iter().map(|&value| f64::from(value)).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    match sorted[..] {
        [] => false,
        [score] => (score - 1.0).abs() <= 2.0 * tolerance,
        [first, second, ..] => first - second <= 2.0 * tolerance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ties_and_scores_on_the_line_are_close_decisions() {
        assert!(is_close_decision(&[0.4, 0.4, 0.2], TOLERANCE));
        assert!(is_close_decision(&[1.000_000_1], TOLERANCE));
        assert!(!is_close_decision(&[0.5, 0.3, 0.2], TOLERANCE));
        assert!(!is_close_decision(&[0.99], TOLERANCE));
        assert!(!is_close_decision(&[], TOLERANCE));
    }
}
