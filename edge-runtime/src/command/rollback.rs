//! `rollback`: back to the good model before, whether the service runs or not.

use std::io::Write;

use crate::config::Rollback;
use crate::link;

impl Rollback {
    pub(crate) fn run(&self, output: &mut dyn Write) -> anyhow::Result<()> {
        let done = link::roll_back(&self.state.path()?, self.model.as_deref())?;
        Ok(writeln!(output, "{done}")?)
    }
}
