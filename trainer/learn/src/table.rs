//! The table that estimators learn from: rows of features with targets, groups and weights.

use crate::estimator::FitError;

/// Rows of features with what is known about them.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Names of the features, in the order of the pipeline.
    pub columns: Vec<String>,
    /// Number of rows.
    pub rows: usize,
    /// The features, row by row: `rows` × `columns.len()` values.
    pub values: Vec<f32>,
    /// What is to be predicted.
    pub target: Target,
    /// The recording of each row.
    pub groups: Vec<u32>,
    /// How much each row counts; positive. None: all alike.
    pub weights: Option<Vec<f32>>,
}

/// What is to be predicted, per row.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A class.
    Classes {
        /// Position in `names`.
        index: Vec<u32>,
        /// The classes, in the order of the model's outputs.
        names: Vec<String>,
    },
    /// A number.
    Values(Vec<f32>),
    /// Nothing: the rows show what is normal.
    None,
}

impl Target {
    /// The word for this kind of target.
    pub fn kind(&self) -> &'static str {
        match self {
            Target::Classes { .. } => "classes",
            Target::Values(_) => "values",
            Target::None => "no target",
        }
    }
}

impl Table {
    /// The features of one row.
    pub fn row(&self, row: usize) -> &[f32] {
        let width = self.columns.len();
        &self.values[row * width..(row + 1) * width]
    }

    /// The rows at `rows`, in that order.
    ///
    /// # Panics
    /// Where a position lies outside the table.
    pub fn select(&self, rows: &[usize]) -> Table {
        let mut values = Vec::with_capacity(rows.len() * self.columns.len());
        for &row in rows {
            values.extend_from_slice(self.row(row));
        }
        let target = match &self.target {
            Target::Classes { index, names } => Target::Classes {
                index: rows.iter().map(|&row| index[row]).collect(),
                names: names.clone(),
            },
            Target::Values(v) => Target::Values(rows.iter().map(|&row| v[row]).collect()),
            Target::None => Target::None,
        };
        Table {
            columns: self.columns.clone(),
            rows: rows.len(),
            values,
            target,
            groups: rows.iter().map(|&row| self.groups[row]).collect(),
            weights: self.weights.as_ref().map(|w| rows.iter().map(|&row| w[row]).collect()),
        }
    }

    /// Checks that the parts have the same number of rows and that every number is usable.
    ///
    /// # Errors
    /// Names the part, or the row and the column, that is wrong.
    pub fn check(&self) -> Result<(), FitError> {
        let width = self.columns.len();
        if width == 0 {
            return Err(FitError::NoColumns);
        }
        let length = |part, found, expected| {
            if found == expected { Ok(()) } else { Err(FitError::Length { part, found, expected }) }
        };
        length("values", self.values.len(), self.rows.saturating_mul(width))?;
        length("groups", self.groups.len(), self.rows)?;
        if let Some(weights) = &self.weights {
            length("weights", weights.len(), self.rows)?;
            if let Some(row) = weights.iter().position(|&w| !(w > 0.0 && w.is_finite())) {
                return Err(FitError::Weight { row, found: weights[row] });
            }
        }
        match &self.target {
            Target::Classes { index, names } => {
                length("target", index.len(), self.rows)?;
                if let Some(row) = index.iter().position(|&class| class as usize >= names.len()) {
                    let (class, classes) = (index[row], names.len());
                    return Err(FitError::UnknownClass { row, class, classes });
                }
            }
            Target::Values(values) => {
                length("target", values.len(), self.rows)?;
                if let Some(row) = values.iter().position(|value| !value.is_finite()) {
                    return Err(FitError::TargetNotFinite { row, found: values[row] });
                }
            }
            Target::None => {}
        }
        if let Some(at) = self.values.iter().position(|value| !value.is_finite()) {
            let column = self.columns[at % width].clone();
            return Err(FitError::NotFinite { row: at / width, column, found: self.values[at] });
        }
        Ok(())
    }

    /// The classes to learn, checked: at least two, each with at least one row.
    pub(crate) fn classes(&self, estimator: &'static str) -> Result<(&[u32], &[String]), FitError> {
        let Target::Classes { index, names } = &self.target else {
            let found = self.target.kind();
            return Err(FitError::Target { estimator, expected: "classes", found });
        };
        if names.len() < 2 {
            return Err(FitError::TooFewClasses { found: names.len() });
        }
        let mut seen = vec![false; names.len()];
        index.iter().for_each(|&class| seen[class as usize] = true);
        match seen.iter().position(|&seen| !seen) {
            Some(class) => Err(FitError::EmptyClass { class: names[class].clone() }),
            None => Ok((index, names)),
        }
    }

    /// The numbers to learn, at least two of them.
    pub(crate) fn numbers(&self, estimator: &'static str) -> Result<&[f32], FitError> {
        let Target::Values(values) = &self.target else {
            let found = self.target.kind();
            return Err(FitError::Target { estimator, expected: "values", found });
        };
        if values.len() < 2 {
            let reason = "one row has no spread to explain".to_owned();
            return Err(FitError::TooFewRows {
                kind: "training",
                rows: values.len(),
                needed: 2,
                reason,
            });
        }
        Ok(values)
    }

    /// The weight of each row; 1 where there are none.
    pub(crate) fn row_weights(&self) -> Vec<f64> {
        match &self.weights {
            Some(weights) => weights.iter().map(|&w| f64::from(w)).collect(),
            None => vec![1.0; self.rows],
        }
    }
}
