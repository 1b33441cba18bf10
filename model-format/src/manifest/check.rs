//! The one place where a manifest's fields are checked, each refusal naming field and value.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;

use super::{ADOPTED_FORMAT_VERSION, FORMAT_VERSION, Manifest, Task};
use crate::id::Digest;
use crate::pipeline::PipelineError;
use crate::signal::features::feature_named;

/// Classes of a classification.
pub const CLASSES_MAX: usize = 4096;
/// Bytes in the name of a class, a target, an estimator or a version.
pub const NAME_BYTES_MAX: usize = 256;
/// The largest whole number that JSON keeps exactly: 2^53 - 1.
pub const WHOLE_NUMBER_MAX: u64 = (1 << 53) - 1;
/// Nesting of parameters.
const NESTING_MAX: usize = 8;

/// A manifest that cannot stand.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ManifestError {
    /// Written for a later version of the format.
    #[error(
        "the artifact has format version {found}; this program reads versions up to \
         {ADOPTED_FORMAT_VERSION}: update it"
    )]
    Newer {
        /// The version in the file.
        found: u64,
    },
    /// A field that cannot stand.
    #[error("manifest field `{field}`: found {found}; {change}")]
    Field {
        /// Path of the field in the manifest's JSON.
        field: String,
        /// What stands there.
        found: String,
        /// What to change.
        change: String,
    },
    /// A pipeline that cannot stand.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
}

pub(super) fn refuse(
    field: &str,
    found: impl Into<String>,
    change: impl Into<String>,
) -> ManifestError {
    ManifestError::Field { field: field.to_owned(), found: found.into(), change: change.into() }
}

impl Manifest {
    /// Checks every field and how the fields fit together.
    ///
    /// # Errors
    /// The first field that cannot stand.
    pub fn check(&self) -> Result<(), ManifestError> {
        if u64::from(self.format_version) > u64::from(ADOPTED_FORMAT_VERSION) {
            return Err(ManifestError::Newer { found: self.format_version.into() });
        }
        if self.format_version == 0 {
            return Err(refuse("format_version", "0", "versions begin at 1"));
        }
        self.pipeline.check()?;
        self.check_origin()?;
        self.check_features()?;
        self.check_task()?;
        self.check_baseline()?;
        self.check_lineage()
    }

    /// Version 1 has features, version 2 says where its graph comes from.
    fn check_origin(&self) -> Result<(), ManifestError> {
        match &self.adopted {
            None if self.format_version != FORMAT_VERSION => {
                let change = format!(
                    "format version {} says where its graph comes from",
                    self.format_version
                );
                Err(refuse("adopted", "none", change))
            }
            None if self.pipeline.features.is_empty() => {
                Err(refuse("pipeline.features", "none", "name at least one feature"))
            }
            None => Ok(()),
            Some(_) if self.format_version != ADOPTED_FORMAT_VERSION => {
                let change = format!("only format version {ADOPTED_FORMAT_VERSION} has it");
                Err(refuse("adopted", "an object", change))
            }
            Some(_) if !self.pipeline.features.is_empty() => {
                let found = format!("{} features", self.pipeline.features.len());
                let change = "a graph of another program reads windows, and no features";
                Err(refuse("pipeline.features", found, change))
            }
            Some(adopted) => adopted.check(self.task, self.classes.len()),
        }
    }

    fn check_features(&self) -> Result<(), ManifestError> {
        let names = || self.features.iter().map(|entry| &entry.name);
        if !names().eq(&self.pipeline.features) {
            let found = format!("{} features", self.features.len());
            let change = "list the features of the pipeline, in its order";
            return Err(refuse("features", found, change));
        }
        for entry in &self.features {
            let Some(feature) = feature_named(&entry.name) else {
                let change = "this program has no such feature: update it";
                return Err(refuse("features", format!("{:?}", entry.name), change));
            };
            if entry.version == 0 || entry.version > feature.version {
                let found = format!("version {} of {:?}", entry.version, entry.name);
                let change =
                    format!("this program knows versions 1 to {}: update it", feature.version);
                return Err(refuse("features", found, change));
            }
        }
        Ok(())
    }

    fn check_task(&self) -> Result<(), ManifestError> {
        let (classes, max) = (self.classes.len(), CLASSES_MAX);
        let classifies = self.task == Task::Classification;
        if classifies && !(2..=max).contains(&classes) {
            let change = format!("a classification has 2 to {max} classes");
            return Err(refuse("classes", format!("{classes} classes"), change));
        }
        if !classifies && classes > 0 {
            let change = "only a classification has classes";
            return Err(refuse("classes", format!("{classes} classes"), change));
        }
        let mut seen = HashSet::new();
        for class in &self.classes {
            check_text("classes", class)?;
            if !seen.insert(class) {
                return Err(refuse("classes", format!("{class:?} twice"), "name each class once"));
            }
        }
        match (&self.target, self.task == Task::Regression) {
            (Some(target), true) => {
                check_text("target.name", &target.name)?;
                target.unit.iter().try_for_each(|unit| check_text("target.unit", unit))?;
            }
            (None, false) => {}
            (Some(_), false) => {
                return Err(refuse("target", "a target", "only a regression has one"));
            }
            (None, true) => return Err(refuse("target", "none", "a regression has one")),
        }
        match (&self.threshold, self.task == Task::Anomaly) {
            (Some(threshold), true) => {
                finite("threshold.raw", threshold.raw)?;
                whole("threshold.calibration_windows", threshold.calibration_windows)?;
                if !(0.0..=1.0).contains(&threshold.false_alarm_rate) {
                    let found = threshold.false_alarm_rate.to_string();
                    return Err(refuse("threshold.false_alarm_rate", found, "a share is 0 to 1"));
                }
                Ok(())
            }
            (None, false) => Ok(()),
            (Some(_), false) => {
                Err(refuse("threshold", "a threshold", "only an anomaly detector has one"))
            }
            (None, true) => Err(refuse("threshold", "none", "an anomaly detector has one")),
        }
    }

    fn check_baseline(&self) -> Result<(), ManifestError> {
        for (field, found, needed) in [
            ("baseline.channels", self.baseline.channels.len(), self.pipeline.channels.len()),
            ("baseline.features", self.baseline.features.len(), self.pipeline.features.len()),
        ] {
            if found != needed {
                let change = format!("give {needed}, in the order of the pipeline");
                return Err(refuse(field, format!("{found} entries"), change));
            }
        }
        for channel in &self.baseline.channels {
            finite("baseline.channels.min", channel.min.into())?;
            finite("baseline.channels.max", channel.max.into())?;
        }
        for feature in &self.baseline.features {
            let mut values = feature.quantiles.iter().chain(&feature.histogram);
            values.try_for_each(|&x| finite("baseline.features", x.into()))?;
        }
        Ok(())
    }

    fn check_lineage(&self) -> Result<(), ManifestError> {
        let lineage = &self.lineage;
        whole("lineage.seed", lineage.seed)?;
        check_text("lineage.estimator", &lineage.estimator)?;
        check_text("lineage.training_version", &lineage.training_version)?;
        let mut parameters = lineage.parameters.values();
        parameters.try_for_each(|value| exact("lineage.parameters", value, 1))?;
        exact("lineage.split", &lineage.split, 1)
    }

    /// Digest of the canonical JSON of `{"lineage": …, "pipeline": …}`: equal inputs, equal id.
    ///
    /// # Errors
    /// Where the manifest cannot be written as canonical JSON.
    pub fn derived_lineage_id(&self) -> Result<Digest, ManifestError> {
        let inputs = serde_json::json!({ "lineage": self.lineage, "pipeline": self.pipeline });
        canonical("lineage", &inputs).map(|text| Digest::of(text.as_bytes()))
    }

    /// The manifest as canonical JSON (RFC 8785).
    ///
    /// # Errors
    /// Where it holds a number that JSON cannot hold.
    pub fn to_canonical_json(&self) -> Result<String, ManifestError> {
        canonical("(all)", self)
    }
}

/// `value` as canonical JSON; errors name `field`.
pub(crate) fn canonical(field: &str, value: &impl Serialize) -> Result<String, ManifestError> {
    serde_json_canonicalizer::to_string(value)
        .map_err(|error| refuse(field, error.to_string(), "use values that JSON can hold"))
}

pub(super) fn check_text(field: &str, text: &str) -> Result<(), ManifestError> {
    if !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let found = format!("{text:.40?} ({} bytes)", text.len());
    let change = format!("use 1 to {NAME_BYTES_MAX} bytes without control characters");
    Err(refuse(field, found, change))
}

pub(super) fn finite(field: &str, value: f64) -> Result<(), ManifestError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(refuse(field, value.to_string(), "give a finite number"))
}

fn whole(field: &str, value: u64) -> Result<(), ManifestError> {
    if value <= WHOLE_NUMBER_MAX {
        return Ok(());
    }
    Err(refuse(field, value.to_string(), format!("give at most {WHOLE_NUMBER_MAX}")))
}

/// Checks that canonical JSON keeps every number in `value` and that it does not nest too deep.
fn exact(field: &str, value: &Value, depth: usize) -> Result<(), ManifestError> {
    if depth > NESTING_MAX {
        let change = format!("nest at most {NESTING_MAX} deep");
        return Err(refuse(field, "deeper nesting", change));
    }
    match value {
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => whole(field, value),
            (None, Some(value)) => whole(field, value.unsigned_abs()),
            (None, None) => Ok(()),
        },
        Value::Array(values) => values.iter().try_for_each(|v| exact(field, v, depth + 1)),
        Value::Object(values) => values.values().try_for_each(|v| exact(field, v, depth + 1)),
        _ => Ok(()),
    }
}
