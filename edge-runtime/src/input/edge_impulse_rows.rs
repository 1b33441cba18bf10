//! Rows of an Edge Impulse acquisition.

use std::io::Read;

use anyhow::{Context as _, anyhow, ensure};
use model_format::nearest::did_you_mean;
use model_format::payload::edge_impulse::{Acquisition, FILE_BYTES_MAX};
use model_format::pipeline::Pipeline;

use super::{InputRow, RowError, Rows};
use crate::config::Run;

pub(super) struct AcquisitionRows {
    acquisition: Acquisition,
    /// Position of each channel of the model.
    channels: Vec<usize>,
    row: usize,
}

impl AcquisitionRows {
    pub(super) fn open(
        name: &str,
        source: impl Read,
        run: &Run,
        pipeline: &Pipeline,
    ) -> anyhow::Result<Self> {
        ensure!(
            run.time.is_none() && run.rate_hz.is_none() && run.recording_column.is_none(),
            "{name} is an Edge Impulse acquisition, which says its interval itself: leave --time, \
             --rate-hz and --recording-column out"
        );
        let mut bytes = Vec::new();
        source
            .take(FILE_BYTES_MAX as u64 + 1)
            .read_to_end(&mut bytes)
            .with_context(|| name.to_owned())?;
        let acquisition = Acquisition::read(&bytes).with_context(|| name.to_owned())?;
        let sensors = &acquisition.sensors;
        let position = |wanted: &str| {
            let found = sensors.iter().position(|sensor| sensor.name == wanted);
            found.ok_or_else(|| {
                let names: Vec<&str> = sensors.iter().map(|sensor| sensor.name.as_str()).collect();
                let hint = did_you_mean(wanted, names.iter().copied());
                let names = names.join(", ");
                anyhow!(
                    "{name}: the model expects the channel `{wanted}`, but there is {names}{hint}"
                )
            })
        };
        let channels = pipeline.channels.iter().map(|channel| position(&channel.name));
        let channels = channels.collect::<anyhow::Result<_>>()?;
        Ok(AcquisitionRows { acquisition, channels, row: 0 })
    }
}

impl Rows for AcquisitionRows {
    fn next(&mut self, row: &mut InputRow) -> Result<bool, RowError> {
        if self.row == self.acquisition.rows() {
            return Ok(false);
        }
        let width = self.acquisition.sensors.len();
        let values = &self.acquisition.values[self.row * width..][..width];
        row.values.clear();
        row.values.extend(self.channels.iter().map(|position| values[*position]));
        self.row += 1;
        Ok(true)
    }

    fn rate_hz(&self) -> Option<f64> {
        Some(self.acquisition.rate_hz())
    }
}
