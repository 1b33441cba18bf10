//! `install`: a bundle from a file, whether the service runs or not.

use std::io::Write;

use crate::config::Install;
use crate::link::{self, ModelKeys};

impl Install {
    pub(crate) fn run(&self, output: &mut dyn Write) -> anyhow::Result<()> {
        let path = self.state.path()?;
        let keys = ModelKeys::load(&path, &self.model_keys)?;
        let done = link::install(&path, &self.bundle, &keys)?;
        Ok(writeln!(output, "{done}")?)
    }
}
