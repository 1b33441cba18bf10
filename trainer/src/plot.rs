//! The points of a plot: from a recording's blocks where each stands for many rows, else from its rows.

use std::ops::Range;

use crate::data_folder::DataFolder;
use crate::decimate::{Decimated, decimate, parts};
use crate::ingest::blocks::{self, BLOCK_ROWS, BLOCKS_FROM_ROWS};
use crate::ingest::parquet::{ParquetError, read_part};
use crate::store::Entry;

/// At most `points` points of some rows, of which there must be one at least, and of the channels at
/// these positions. Where a point stands for 64 rows or more, the answer begins and ends at whole
/// blocks of so many: its smallest and largest values are exact, and it covers what was asked for.
///
/// # Errors
/// Where the recording's file cannot be read.
pub(crate) fn plot(
    folder: &DataFolder,
    entry: &Entry,
    rows: Range<u64>,
    points: u64,
    channels: &[usize],
) -> Result<Decimated, ParquetError> {
    let per_point = (rows.end - rows.start).div_ceil(points);
    if entry.info.rows >= BLOCKS_FROM_ROWS && per_point >= BLOCK_ROWS {
        from_blocks(folder, entry, rows, points, channels)
    } else {
        from_rows(folder, entry, rows, points, channels)
    }
}

fn from_rows(
    folder: &DataFolder,
    entry: &Entry,
    rows: Range<u64>,
    points: u64,
    channels: &[usize],
) -> Result<Decimated, ParquetError> {
    let (per_point, parts) = parts(rows.clone(), points, channels.len() as u64);
    let mut plot: Option<Decimated> = None;
    for rows in parts {
        let part = read_part(folder, entry, rows.clone(), channels)?;
        let part = decimate(&part, rows.start, per_point);
        match &mut plot {
            None => plot = Some(part),
            Some(plot) => plot.append(part),
        }
    }
    Ok(plot.expect("the rows are at least one, and so is the number of parts"))
}

fn from_blocks(
    folder: &DataFolder,
    entry: &Entry,
    rows: Range<u64>,
    points: u64,
    channels: &[usize],
) -> Result<Decimated, ParquetError> {
    let blocks = rows.start / BLOCK_ROWS..rows.end.div_ceil(BLOCK_ROWS);
    let per_point = (blocks.end - blocks.start).div_ceil(points);
    let read = blocks::read(folder, entry, blocks.clone(), channels)?;
    let infos = channels.iter().map(|&channel| &entry.info.channels[channel]);
    let named = infos.zip(&read.channels);
    Ok(Decimated {
        from_row: blocks.start * BLOCK_ROWS,
        to_row: (blocks.end * BLOCK_ROWS).min(entry.info.rows),
        rows_per_point: per_point * BLOCK_ROWS,
        absolute_time: entry.info.absolute_time,
        time_ns: read.time_ns.iter().step_by(per_point as usize).map(i64::to_string).collect(),
        channels: named.map(|(info, extremes)| extremes.points(info, per_point as usize)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ingest::parquet;
    use crate::recording::{RecordedChannel, Recording, Role};
    use crate::store::OwnerId;

    const ROWS: u64 = BLOCKS_FROM_ROWS + 1000;

    fn recording() -> Recording {
        let channel = |name: &str, values: Vec<f32>| RecordedChannel {
            name: name.to_owned(),
            unit: None,
            role: Role::Input,
            values,
        };
        let noise = |row: u64| ((row.wrapping_mul(2_654_435_761) >> 7) % 10_007) as f32;
        let holes = |row: u64| if (row / 3000).is_multiple_of(3) { f32::NAN } else { noise(row) };
        Recording {
            name: "r".to_owned(),
            time_ns: (0..ROWS as i64).map(|row| row * 10 + row % 3).collect(),
            channels: vec![
                channel("a", (0..ROWS).map(noise).collect()),
                channel("b", (0..ROWS).map(holes).collect()),
            ],
            absolute_time: false,
            rate_hz: Some(1e8),
            labels: Vec::new(),
            label_sets: std::collections::BTreeMap::new(),
            tags: BTreeMap::new(),
        }
    }

    /// A data folder with the recording, as it is after an import.
    struct Kept {
        _place: tempfile::TempDir,
        folder: DataFolder,
        entry: Entry,
    }

    fn kept() -> Kept {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(place.path()).unwrap();
        let recording = recording();
        parquet::write(&folder, &recording).unwrap();
        let version = folder.store().add_to_dataset(OwnerId::LOCAL, "d", &[recording.entry()]);
        let entry = version.unwrap().entries.remove(0);
        Kept { _place: place, folder, entry }
    }

    fn is_exact(kept: &Kept, rows: Range<u64>, points: u64, channels: &[usize]) {
        let Kept { folder, entry, .. } = kept;
        let answer = plot(folder, entry, rows.clone(), points, channels).unwrap();
        assert!(answer.from_row <= rows.start && answer.to_row >= rows.end, "{rows:?}");
        assert!(answer.time_ns.len() as u64 <= points, "{} points", answer.time_ns.len());
        let covered = answer.from_row..answer.to_row;
        let all = read_part(folder, entry, covered, channels).unwrap();
        assert_eq!(answer, decimate(&all, answer.from_row, answer.rows_per_point));
    }

    #[test]
    fn blocks_that_are_lost_or_cut_off_are_made_again() {
        let kept = kept();
        let path = kept.folder.blocks_path(kept.entry.info.content);
        let written = std::fs::read(&path).unwrap();
        is_exact(&kept, 0..ROWS, 200, &[0, 1]);
        for damage in [None, Some(&written[..written.len() - 1]), Some(&b"CMEBLK1\n"[..])] {
            match damage {
                None => std::fs::remove_file(&path).unwrap(),
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            }
            is_exact(&kept, 70_001..ROWS - 5, 100, &[1]);
            assert_eq!(std::fs::read(&path).unwrap(), written, "made again as it was");
        }
    }

    #[test]
    fn the_blocks_go_with_the_recording() {
        let kept = kept();
        let path = kept.folder.blocks_path(kept.entry.info.content);
        assert!(path.exists());
        kept.folder.store().delete_dataset(OwnerId::LOCAL, "d").unwrap();
        kept.folder.sweep().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_plot_of_blocks_is_the_plot_of_its_rows() {
        let kept = kept();
        let asked = (0..ROWS - 1, 1..=ROWS, 1_u64..700, 0_usize..3);
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(60));
        let checked = runner.run(&asked, |(from, count, points, chosen)| {
            let channels: &[usize] = [&[0_usize, 1][..], &[0], &[1]][chosen];
            is_exact(&kept, from..(from + count).min(ROWS), points, channels);
            Ok(())
        });
        checked.unwrap();
    }
}
