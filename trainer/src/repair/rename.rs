//! The step `rename`: a channel gets another name.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rows::channel;
use super::{Each, Notes, StepError, refused};
use crate::recording::Recording;

/// Longest name of a channel, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// Gives a channel another name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RepairRename)]
pub(crate) struct Rename {
    /// Name of the channel.
    channel: String,
    /// Its new name.
    name: String,
}

impl Each for Rename {
    fn apply(&self, mut recording: Recording, _: &mut Notes) -> Result<Recording, StepError> {
        let place = channel(&recording, "channel", &self.channel)?;
        if !(1..=NAME_BYTES_MAX).contains(&self.name.len()) {
            return refused("name", format!("a channel's name has 1 to {NAME_BYTES_MAX} bytes"));
        }
        let other = recording.channels.iter().position(|channel| channel.name == self.name);
        if other.is_some_and(|other| other != place) {
            let reason = format!("{} has a channel {:?} already", recording.name, self.name);
            return refused("name", reason);
        }
        recording.channels[place].name.clone_from(&self.name);
        Ok(recording)
    }
}
