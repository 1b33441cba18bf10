//! `prove`: the golden windows through the engines of this machine.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context as _, bail};
use engine::proof::{self, Differences, Judge, Judges, Latency, Proof};

use crate::config::Prove;
use crate::model_file;

impl Prove {
    pub(crate) fn run(&self, output: &mut dyn Write) -> anyhow::Result<()> {
        let model = model_file::read(&self.model)?;
        let engines = match self.engines.as_slice() {
            [] => proof::judges(&model.artifact)
                .with_context(|| format!("{} cannot be proved", self.model.display()))?,
            named => Judges { able: named.to_vec(), unable: Vec::new() },
        };
        for (_, error) in &engines.unable {
            eprintln!("note: {error}");
        }
        let start = Instant::now();
        let clock = || start.elapsed().as_nanos() as u64;
        let proof = proof::prove(&model.artifact, &[], &engines.able, &clock)
            .with_context(|| format!("{} cannot be proved", self.model.display()))?;
        if self.json {
            serde_json::to_writer_pretty(&mut *output, &proof).map_err(std::io::Error::from)?;
            writeln!(output)?;
        } else {
            table(&proof, output)?;
        }
        if !proof.passed {
            let failed: Vec<String> = proof
                .judges
                .iter()
                .filter(|judge| !judge.passed)
                .map(|judge| format!("{} {}", judge.engine, judge.version))
                .collect();
            output.flush()?;
            bail!(
                "{} does not give here the answers that it carries: {} differ; do not use it on \
                 this machine",
                self.model.display(),
                failed.join(", ")
            );
        }
        Ok(())
    }
}

fn table(proof: &Proof, output: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(output, "artifact {}", proof.artifact_sha256)?;
    writeln!(output, "lineage  {}", proof.lineage_id)?;
    writeln!(output, "{} golden windows", proof.golden_windows)?;
    writeln!(
        output,
        "{:<8} {:<12} {:<8} {:>12} {:>13} {:>10} {:>10}  result",
        "engine", "version", "arch", "difference", "class changes", "p50 µs", "p99 µs"
    )?;
    for judge in &proof.judges {
        writeln!(
            output,
            "{:<8} {:<12} {:<8} {:>12.1e} {:>13} {:>10} {:>10}  {}",
            judge.engine.name(),
            judge.version,
            judge.arch,
            difference(&judge.golden),
            judge.golden.class_changes,
            latency_us(judge, |latency| latency.p50_us),
            latency_us(judge, |latency| latency.p99_us),
            if judge.passed { "passed" } else { "FAILED" },
        )?;
    }
    Ok(())
}

/// Largest difference of any output.
fn difference(differences: &Differences) -> f64 {
    differences.outputs.iter().map(|output| output.absolute_max).fold(0.0, f64::max)
}

fn latency_us(judge: &Judge, part: impl Fn(&Latency) -> f64) -> String {
    match &judge.latency {
        Some(latency) => format!("{:.1}", part(latency)),
        None => "-".to_owned(),
    }
}
