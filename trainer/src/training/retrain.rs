//! Training a model once more as it was trained, to see whether the same bytes come of it.

use model_format::artifact::Artifact;
use model_format::id::Digest;
use serde::Serialize;
use serde_json::Value;

use super::insight::Insight;
use super::settings::Settings;
use super::{Attempt, TrainError, Work, in_pool};
use crate::store::ModelVersion;

/// The most differences that are listed.
const DIFFERENCES_MAX: usize = 20;
/// The most bytes of a value that are shown.
const SHOWN_BYTES_MAX: usize = 60;

/// What came of training a model once more.
#[derive(Clone, Debug, Serialize)]
pub struct Retrained {
    /// Whether every byte of the artifact is the same.
    pub same: bool,
    /// Digest of the artifact that is kept.
    pub kept_sha256: Digest,
    /// Digest of the one that was trained now.
    pub trained_sha256: Digest,
    /// Threads that worked.
    pub threads: usize,
    /// What differs, at most 20 lines; empty where nothing does.
    pub differences: Vec<String>,
}

/// Trains with the stored settings on the stored data and compares; keeps nothing.
///
/// # Errors
/// Where the model was adopted, or its data or its run are gone.
pub fn retrain(work: Work<'_>, model: &ModelVersion) -> Result<Retrained, TrainError> {
    let store = work.folder.store();
    let kept = work.folder.read_artifact(model.artifact_sha256)?;
    let kept_artifact = Artifact::read(&kept)?;
    if kept_artifact.own().is_none() {
        return Err(TrainError::NotTrainedHere {
            model: model.model.clone(),
            number: model.number,
            reason: "it was adopted from another program".to_owned(),
        });
    }
    let run = store.run(work.owner, &model.run_id.to_string())?;
    let mut settings: Settings =
        serde_json::from_value(run.settings).map_err(|error| TrainError::NotTrainedHere {
            model: model.model.clone(),
            number: model.number,
            reason: error.to_string(),
        })?;
    settings.insight = Insight::default();
    let estimator = learn::catalogue::estimator(&settings.estimator, &settings.parameters)?;
    let version = store.dataset_version(work.owner, &settings.dataset, settings.dataset_version)?;
    let (settings, estimator) = (&settings, estimator.as_ref());
    let attempt = Attempt { work, settings, estimator, version: &version };
    let done = in_pool(work.threads, || attempt.run())?;
    let same = kept == done.artifact;
    let differences = match same {
        true => Vec::new(),
        false => differences(&kept_artifact, &Artifact::read(&done.artifact)?),
    };
    Ok(Retrained {
        same,
        kept_sha256: model.artifact_sha256,
        trained_sha256: done.report.artifact_sha256,
        threads: work.threads,
        differences,
    })
}

/// Says in which parts two artifacts differ: first what the manifest says, then the graph.
fn differences(kept: &Artifact, trained: &Artifact) -> Vec<String> {
    let json = |artifact: &Artifact| {
        serde_json::to_value(artifact.manifest()).expect("a manifest has a JSON form")
    };
    let mut lines = Vec::new();
    compare("manifest", &json(kept), &json(trained), &mut lines);
    let graph = |artifact: &Artifact| artifact.own().and_then(|own| own.model().graph.clone());
    if let (Some(before), Some(now)) = (graph(kept), graph(trained)) {
        let (nodes, now_nodes) = (before.node.len(), now.node.len());
        if nodes != now_nodes {
            lines.push(format!("graph: {nodes} nodes kept, {now_nodes} trained now"));
        }
        let changed = before.node.iter().zip(&now.node).filter(|(a, b)| a != b);
        lines.extend(changed.map(|(node, _)| format!("graph: node {} differs", node.name)));
        let changed = before.initializer.iter().zip(&now.initializer).filter(|(a, b)| a != b);
        lines.extend(changed.map(|(tensor, _)| format!("graph: numbers {} differ", tensor.name)));
    }
    if lines.is_empty() {
        lines.push("the golden windows or their answers differ".to_owned());
    }
    if lines.len() > DIFFERENCES_MAX {
        let more = lines.len() - (DIFFERENCES_MAX - 1);
        lines.truncate(DIFFERENCES_MAX - 1);
        lines.push(format!("and {more} more"));
    }
    lines
}

fn compare(path: &str, kept: &Value, trained: &Value, lines: &mut Vec<String>) {
    match (kept, trained) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
            for name in names {
                let of = |map: &serde_json::Map<String, Value>| map.get(name).cloned();
                let (a, b) = (of(a).unwrap_or_default(), of(b).unwrap_or_default());
                compare(&format!("{path}.{name}"), &a, &b, lines);
            }
        }
        (a, b) if a == b => {}
        (a, b) => {
            lines.push(format!("{path}: {} kept, {} trained now", shown(a), shown(b)));
        }
    }
}

/// The beginning of a value's JSON.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_BYTES_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_named_by_its_path_with_both_values() {
        let mut lines = Vec::new();
        let kept = json!({"lineage": {"seed": 1, "training_version": "0.1.0"}, "old": true});
        let now = json!({"lineage": {"seed": 1, "training_version": "0.2.0"}});
        compare("manifest", &kept, &now, &mut lines);
        lines.sort();
        assert_eq!(
            lines,
            [
                r#"manifest.lineage.training_version: "0.1.0" kept, "0.2.0" trained now"#,
                "manifest.old: true kept, null trained now",
            ]
        );
        assert_eq!(shown(&json!("ä".repeat(100))).chars().count(), SHOWN_BYTES_MAX + 1);
    }
}
