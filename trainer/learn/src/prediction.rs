//! Predictions: the emitted head, evaluated row by row.

use model_format::artifact::Head;
use model_format::manifest::Task;
use model_format::onnx::program::{Program, ProgramError};

use crate::estimator::Fitted;
use crate::table::Table;

/// What a model answers for each row of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Prediction {
    /// Probabilities, row by row.
    Classification {
        /// Rows × classes.
        probabilities: Vec<f32>,
        /// Number of classes.
        classes: usize,
    },
    /// Numbers.
    Regression {
        /// One per row.
        values: Vec<f32>,
    },
    /// Scores; 1.0 is the alarm line.
    Anomaly {
        /// One per row.
        scores: Vec<f32>,
    },
}

impl Prediction {
    /// What kind of answers these are.
    pub fn task(&self) -> Task {
        match self {
            Prediction::Classification { .. } => Task::Classification,
            Prediction::Regression { .. } => Task::Regression,
            Prediction::Anomaly { .. } => Task::Anomaly,
        }
    }

    /// All numbers, row by row.
    pub fn numbers(&self) -> &[f32] {
        match self {
            Prediction::Classification { probabilities, .. } => probabilities,
            Prediction::Regression { values } => values,
            Prediction::Anomaly { scores } => scores,
        }
    }

    /// How many numbers a row has.
    pub fn width(&self) -> usize {
        match self {
            Prediction::Classification { classes, .. } => (*classes).max(1),
            Prediction::Regression { .. } | Prediction::Anomaly { .. } => 1,
        }
    }

    /// Answers of the same kind with other numbers.
    pub fn with_numbers(&self, numbers: Vec<f32>) -> Prediction {
        match self {
            Prediction::Classification { classes, .. } => {
                Prediction::Classification { probabilities: numbers, classes: *classes }
            }
            Prediction::Regression { .. } => Prediction::Regression { values: numbers },
            Prediction::Anomaly { .. } => Prediction::Anomaly { scores: numbers },
        }
    }

    /// The answers of these rows.
    pub fn rows(&self, rows: &[usize]) -> Prediction {
        let (numbers, width) = (self.numbers(), self.width());
        let of = |&row: &usize| &numbers[row * width..(row + 1) * width];
        self.with_numbers(rows.iter().flat_map(of).copied().collect())
    }
}

/// Why no prediction was made.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// Other columns than the model was fitted on.
    #[error("the table has {found} columns, the model was fitted on {expected}")]
    Columns {
        /// Columns of the table.
        found: usize,
        /// Features of the model.
        expected: usize,
    },
    /// The graph cannot be evaluated.
    #[error("the emitted graph cannot be evaluated: {0}")]
    Program(#[from] ProgramError),
    /// The graph answers something else than 32-bit floats.
    #[error("the emitted graph answers no 32-bit floats")]
    Type,
}

/// Rows that are evaluated in one call: enough to be fast, few enough to stay in the cache.
const BATCH_ROWS: usize = 1024;

/// Evaluates the graph of `fitted` on every row of `table`; its target is not looked at.
///
/// # Errors
/// Where the table has another number of columns than the model was fitted on.
pub fn predict(fitted: &dyn Fitted, table: &Table) -> Result<Prediction, PredictError> {
    predict_rows(fitted, table.columns.len(), &table.values)
}

/// [`predict`] for rows of so many columns each. A row's answer does not depend on the rows beside it.
///
/// # Errors
/// Where there is another number of columns than the model was fitted on.
pub fn predict_rows(
    fitted: &dyn Fitted,
    columns: usize,
    values: &[f32],
) -> Result<Prediction, PredictError> {
    Predictor::of(fitted, columns)?.predict(values)
}

/// A fitted model laid out for answering, for whoever asks more than once: laying out a large forest
/// takes longer than some thousand of its answers.
pub struct Predictor {
    program: Program,
    columns: usize,
}

impl Predictor {
    /// Lays out the graph of `fitted` for rows of so many columns.
    ///
    /// # Errors
    /// Where there is another number of columns than the model was fitted on.
    pub fn of(fitted: &dyn Fitted, columns: usize) -> Result<Self, PredictError> {
        let expected = fitted.features();
        if columns != expected {
            return Err(PredictError::Columns { found: columns, expected });
        }
        let head: &dyn Head = fitted;
        Ok(Predictor { program: Program::of_head(head, expected)?, columns })
    }

    /// The answers of these rows.
    ///
    /// # Errors
    /// Where the graph cannot be evaluated on them.
    pub fn predict(&mut self, values: &[f32]) -> Result<Prediction, PredictError> {
        let Predictor { program, columns } = self;
        let columns = *columns;
        let mut answers = Vec::new();
        for batch in values.chunks(BATCH_ROWS * columns) {
            program.run_f32(&[batch.len() / columns, columns], batch)?;
            answers.extend_from_slice(program.output(0).as_f32().ok_or(PredictError::Type)?);
        }
        Ok(match program.output_names().next() {
            Some("probabilities") => {
                let classes = answers.len() / (values.len() / columns).max(1);
                Prediction::Classification { probabilities: answers, classes }
            }
            Some("value") => Prediction::Regression { values: answers },
            _ => Prediction::Anomaly { scores: answers },
        })
    }
}
