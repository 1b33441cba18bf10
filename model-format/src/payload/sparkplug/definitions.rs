//! What the birth of a node or a device says about its metrics.

use std::collections::HashMap;
use std::sync::Arc;

use super::SparkplugError;
use super::proto::Metric;
use crate::payload::excerpt;
use crate::payload::message::NAME_BYTES_MAX;

/// What one metric takes beside its name.
const METRIC_BYTES: usize = 64;

/// The metrics of one birth.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    metrics: Vec<Definition>,
    by_name: HashMap<Arc<str>, usize>,
    by_alias: HashMap<u64, usize>,
    bytes: usize,
}

#[derive(Debug)]
struct Definition {
    name: Arc<str>,
    datatype: u32,
}

impl Definitions {
    /// Adds a metric of a birth.
    ///
    /// # Errors
    /// It has no name, or contradicts another one.
    pub(super) fn add(&mut self, metric: &Metric) -> Result<(), SparkplugError> {
        let wrong = |text: String| Err(SparkplugError::Birth(text));
        let Some(name) = metric.name.as_deref().filter(|name| !name.is_empty()) else {
            return wrong("a metric has no name".to_owned());
        };
        if name.len() > NAME_BYTES_MAX {
            return Err(SparkplugError::LongName(name.len()));
        }
        let name: Arc<str> = name.into();
        let place = self.metrics.len();
        if self.by_name.insert(name.clone(), place).is_some() {
            return wrong(format!("it has `{}` twice", excerpt(name.as_bytes())));
        }
        if let Some(alias) = metric.alias
            && let Some(other) = self.by_alias.insert(alias, place)
        {
            let [other, name] =
                [&self.metrics[other].name, &name].map(|name| excerpt(name.as_bytes()));
            return wrong(format!("it gives the alias {alias} to `{other}` and to `{name}`"));
        }
        self.bytes += name.len() + METRIC_BYTES;
        self.metrics.push(Definition { name, datatype: metric.datatype.unwrap_or(0) });
        Ok(())
    }

    /// Name and type of a metric: by its alias, else by its name; one that says both itself needs
    /// no birth.
    pub(super) fn resolve<'a>(&'a self, metric: &'a Metric) -> Option<(&'a str, u32)> {
        let name = metric.name.as_deref().filter(|name| !name.is_empty());
        let place = metric.alias.and_then(|alias| self.by_alias.get(&alias));
        let place = place.or_else(|| self.by_name.get(name?));
        let own = metric.datatype.filter(|datatype| *datatype != 0);
        match place {
            Some(place) => {
                let Definition { name, datatype } = &self.metrics[*place];
                Some((name, own.unwrap_or(*datatype)))
            }
            None => Some((name?, own?)),
        }
    }

    /// Memory that it takes, nearly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
