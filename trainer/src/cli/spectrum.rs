//! `spectrum`: which frequencies are in a recording.

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::report::{Report, TextTable};
use super::{Context, Versioned, to_json};
use crate::looking::LookError;
use crate::looking::spectrum::{Asked, Segments, spectrogram, spectrum};
use crate::store::OwnerId;

/// Frequencies that the text names of each channel.
const PEAKS_SHOWN: usize = 5;

/// Show the power densities of a recording, or of a span of it, as Welch's method gives them: the
/// strongest frequencies as text, everything with --json.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  The strongest frequencies of every channel:
    cirame-trainer spectrum pump bearing_load70_2
  A second of one channel in long segments, as JSON:
    cirame-trainer spectrum pump bearing_load70_2 --channels accY --from-row 1000 --to-row 9192 \\
        --segment-rows 8192 --json
  Over time:
    cirame-trainer spectrum pump bearing_load70_2 --channels accY --over-time --json")]
pub(super) struct SpectrumOf {
    /// Name of the dataset: its newest version, or NAME@VERSION.
    #[arg(value_name = "DATASET")]
    dataset: Versioned,
    /// Name of the recording.
    recording: String,
    /// Channels; all otherwise.
    #[arg(long, value_name = "CHANNEL,…", value_delimiter = ',')]
    channels: Option<Vec<String>>,
    /// The first row; 0 otherwise.
    #[arg(long, value_name = "N")]
    from_row: Option<u64>,
    /// The first row after the last one; the end otherwise.
    #[arg(long, value_name = "N")]
    to_row: Option<u64>,
    /// Rows of a segment; 1024, or the span where it is shorter, otherwise.
    #[arg(long, value_name = "N")]
    segment_rows: Option<u64>,
    /// How much of a segment belongs to the next one as well; 0.5 otherwise.
    #[arg(long, value_name = "0..0.95")]
    overlap: Option<f64>,
    /// A spectrogram of one channel instead.
    #[arg(long)]
    over_time: bool,
    /// At most so many columns of a spectrogram; 500 otherwise.
    #[arg(long, value_name = "N", requires = "over_time")]
    columns: Option<u64>,
}

impl SpectrumOf {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let folder = context.open()?;
        let Versioned { name, number } = &self.dataset;
        let version = folder.store().dataset_version(OwnerId::LOCAL, name, *number)?;
        let entry = version.entries.iter().find(|entry| entry.info.name == self.recording);
        let entry = entry.with_context(|| {
            let known = version.entries.iter().map(|entry| entry.info.name.as_str());
            let hint = crate::nearest::hint(&crate::nearest::nearest(&self.recording, known));
            format!("dataset {name} has no recording {:?}{hint}", self.recording)
        })?;
        let asked = Asked {
            from_row: self.from_row,
            to_row: self.to_row,
            channels: self.channels.clone(),
            segment_rows: self.segment_rows,
            overlap: self.overlap,
        };
        context.progress.stage("look", 0);
        if self.over_time {
            let found =
                spectrogram(&folder, entry, &asked, self.columns).map_err(in_words_of_options)?;
            let mut table = TextTable::new(&["time", "strongest frequency", "density"]);
            for (time_s, column) in found.time_s.iter().zip(&found.columns) {
                for (hz, density) in peaks(&found.segments, column).into_iter().take(1) {
                    table.row(vec![
                        format!("{time_s:.3} s"),
                        format!("{hz:.3} Hz"),
                        format!("{density:.3e}"),
                    ]);
                }
            }
            return Ok(Report { text: table.render(), json: to_json(&found) });
        }
        let found = spectrum(&folder, entry, &asked).map_err(in_words_of_options)?;
        let mut table = TextTable::new(&["channel", "frequency", "density"]);
        for channel in &found.channels {
            for (hz, density) in
                peaks(&found.segments, &channel.density).into_iter().take(PEAKS_SHOWN)
            {
                table.row(vec![
                    channel.name.clone(),
                    format!("{hz:.3} Hz"),
                    format!("{density:.3e}"),
                ]);
            }
        }
        Ok(Report { text: table.render(), json: to_json(&found) })
    }
}

/// Frequencies whose density is above that of both neighbours, strongest first.
fn peaks(segments: &Segments, density: &[f64]) -> Vec<(f64, f64)> {
    let inner = density.windows(3).zip(&segments.frequencies_hz[1..]);
    let peaks = inner.filter(|(three, _)| three[1] > three[0] && three[1] >= three[2]);
    let mut peaks: Vec<(f64, f64)> = peaks.map(|(three, hz)| (*hz, three[1])).collect();
    peaks.sort_by(|a, b| b.1.total_cmp(&a.1));
    peaks
}

fn in_words_of_options(error: LookError) -> anyhow::Error {
    match error {
        LookError::Asked { field: "recording", change } => anyhow!(change),
        LookError::Asked { field, change } => anyhow!("--{}: {change}", field.replace('_', "-")),
        error => error.into(),
    }
}
