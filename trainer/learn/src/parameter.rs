//! Parameters of estimators: declared once with bounds and defaults, checked from JSON.

use model_format::nearest::did_you_mean;
use serde_json::{Map, Value};

/// A parameter as the catalogue declares it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Name, as in scikit-learn where there is one.
    pub name: &'static str,
    /// What it does, in one or two sentences.
    pub doc: &'static str,
    /// The forms that a value may take.
    pub accepts: &'static [Form],
    /// The value where none is given.
    pub default: Preset,
}

/// One form of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// A whole number between bounds, both allowed.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// A number between bounds, both allowed.
    Number {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// One of some words.
    Choice(&'static [&'static str]),
    /// true or false.
    Flag,
    /// null: none.
    Null,
}

/// A default value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Preset {
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A word.
    Word(&'static str),
    /// true or false.
    Flag(bool),
    /// null: none.
    Null,
}

/// Why parameters were refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParameterError {
    /// No such estimator.
    #[error("there is no estimator {found:?}{hint}")]
    UnknownEstimator {
        /// The name given.
        found: String,
        /// The nearest names that exist, as the end of the sentence.
        hint: String,
    },
    /// No such parameter.
    #[error("{estimator} has no parameter {found:?}{hint}")]
    Unknown {
        /// The estimator.
        estimator: &'static str,
        /// The name given.
        found: String,
        /// The nearest names that exist, as the end of the sentence.
        hint: String,
    },
    /// A value out of bounds or of the wrong kind.
    #[error("parameter {parameter} of {estimator} is {found}; it takes {accepts}")]
    Value {
        /// The estimator.
        estimator: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// The value given, as JSON.
        found: String,
        /// What is possible.
        accepts: String,
    },
}

/// Checked parameters, complete: every declared name has a value that its form allows.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked(Map<String, Value>);

impl Preset {
    /// The default as JSON.
    pub fn json(self) -> Value {
        match self {
            Preset::Integer(value) => Value::from(value),
            Preset::Number(value) => Value::from(value),
            Preset::Word(value) => Value::from(value),
            Preset::Flag(value) => Value::from(value),
            Preset::Null => Value::Null,
        }
    }
}

impl Form {
    /// The value in this form's own type, if it has this form.
    ///
    /// Canonical JSON writes 3.0 as 3, so a whole number counts as either kind.
    fn read(self, value: &Value) -> Option<Value> {
        match self {
            Form::Integer { min, max } => {
                let whole = value.as_f64().filter(|v| v.fract() == 0.0 && v.abs() < 9e15)?;
                let whole = whole as i64;
                (min..=max).contains(&whole).then(|| Value::from(whole))
            }
            Form::Number { min, max } => {
                value.as_f64().filter(|v| (min..=max).contains(v)).map(Value::from)
            }
            Form::Choice(words) => {
                value.as_str().filter(|word| words.contains(word)).map(Value::from)
            }
            Form::Flag => value.as_bool().map(Value::from),
            Form::Null => value.is_null().then_some(Value::Null),
        }
    }

    fn text(self) -> String {
        match self {
            Form::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Form::Number { min, max } => format!("a number from {min} to {max}"),
            Form::Choice(words) => {
                words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" or ")
            }
            Form::Flag => "true or false".to_owned(),
            Form::Null => "null".to_owned(),
        }
    }
}

impl Parameter {
    /// What the parameter takes, in words.
    pub fn accepts_text(&self) -> String {
        self.accepts.iter().map(|form| form.text()).collect::<Vec<_>>().join(", or ")
    }
}

impl Checked {
    /// Checks `given` against `declared` and fills the defaults in.
    ///
    /// # Errors
    /// On an unknown name (with the nearest ones) and on a value that no form allows.
    pub fn read(
        estimator: &'static str,
        declared: &'static [Parameter],
        given: &Map<String, Value>,
    ) -> Result<Checked, ParameterError> {
        for name in given.keys() {
            if !declared.iter().any(|parameter| parameter.name == name) {
                let hint = did_you_mean(name, declared.iter().map(|parameter| parameter.name));
                return Err(ParameterError::Unknown { estimator, found: name.clone(), hint });
            }
        }
        let mut complete = Map::new();
        for parameter in declared {
            let value = given.get(parameter.name).cloned().unwrap_or(parameter.default.json());
            let read = parameter.accepts.iter().find_map(|form| form.read(&value));
            let value = read.ok_or_else(|| ParameterError::Value {
                estimator,
                parameter: parameter.name,
                found: value.to_string(),
                accepts: parameter.accepts_text(),
            })?;
            complete.insert(parameter.name.to_owned(), value);
        }
        Ok(Checked(complete))
    }

    /// All parameters with their values.
    pub fn map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// A declared whole number.
    pub(crate) fn integer(&self, name: &str) -> i64 {
        self.optional_integer(name).expect("declared as a whole number without null")
    }

    /// A declared whole number or null.
    pub(crate) fn optional_integer(&self, name: &str) -> Option<i64> {
        self.0[name].as_i64()
    }

    /// A declared number.
    pub(crate) fn number(&self, name: &str) -> f64 {
        self.optional_number(name).expect("declared as a number without null")
    }

    /// A declared number, if the value is one and not a word or null.
    pub(crate) fn optional_number(&self, name: &str) -> Option<f64> {
        self.0[name].as_f64()
    }

    /// A declared truth value.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.0[name].as_bool().expect("declared as true or false")
    }

    /// A declared word, if the value is one.
    pub(crate) fn word(&self, name: &str) -> Option<&str> {
        self.0[name].as_str()
    }
}
