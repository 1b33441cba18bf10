//! A stream: the samples of one asset in, the pipeline's windows out.

pub use super::drops::Drops;
pub use super::sample::{Sample, WindowRef};
use super::window::Cutter;
use crate::pipeline::{Pipeline, PipelineError, TimeSource};

/// The samples of one asset on their way to windows.
///
/// What comes out depends on the samples and their order alone, never on how they were grouped
/// into messages, on a clock or on a random number.
#[derive(Debug)]
pub struct Stream {
    time: TimeSource,
    cutter: Cutter,
    drops: Drops,
}

impl Stream {
    /// A stream that has seen nothing yet.
    ///
    /// # Errors
    /// The pipeline does not pass [`Pipeline::check`].
    pub fn new(pipeline: &Pipeline) -> Result<Stream, PipelineError> {
        pipeline.check()?;
        Ok(Stream {
            time: pipeline.time,
            cutter: Cutter::new(pipeline.channels.len(), pipeline.window),
            drops: Drops::default(),
        })
    }

    /// Takes one sample and hands out every window that it completes.
    pub fn push(&mut self, sample: Sample<'_>, emit: &mut dyn FnMut(WindowRef<'_>)) {
        let time = match self.time {
            TimeSource::Event => sample.event_ns,
            TimeSource::Arrival => Some(sample.arrival_ns),
        };
        match time {
            Some(time) => self.cutter.row(time, sample.values, emit),
            None => self.drops.no_event_time += 1,
        }
    }

    /// The end of the input: hands out the windows of what was held back. The next sample starts
    /// a new segment.
    pub fn finish(&mut self, _emit: &mut dyn FnMut(WindowRef<'_>)) {
        self.cutter.end_segment();
    }

    /// How many samples did not reach a segment, and why.
    pub fn drops(&self) -> &Drops {
        &self.drops
    }
}
