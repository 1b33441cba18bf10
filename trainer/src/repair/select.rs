//! The step `select`: some channels, in this order.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rows::channel;
use super::{Each, Notes, StepError, refused};
use crate::recording::Recording;

/// Keeps these channels, in this order; the others are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RepairSelect)]
pub(crate) struct Select {
    /// Names of the channels.
    channels: Vec<String>,
}

impl Each for Select {
    fn apply(&self, mut recording: Recording, _: &mut Notes) -> Result<Recording, StepError> {
        if self.channels.is_empty() {
            return refused("channels", "no channel is named: name one or more");
        }
        let mut kept = Vec::with_capacity(self.channels.len());
        for (place, name) in self.channels.iter().enumerate() {
            if self.channels[..place].contains(name) {
                return refused("channels", format!("{name:?} is named twice"));
            }
            kept.push(recording.channels[channel(&recording, "channels", name)?].clone());
        }
        recording.channels = kept;
        Ok(recording)
    }
}
