//! Blocks of a long recording: the smallest and the largest value of every 64 rows, kept in a file
//! beside the samples, so that a plot of ten million rows reads five megabytes.
//!
//! The file is made from the samples and can be made again at any time:
//!
//! ```text
//! magic, rows u64, channels u64, n × first time i64, per channel n × least f32, n × greatest f32
//! ```
//!
//! All numbers are little-endian; n is the number of blocks; NaN stands where all values are missing.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;

use model_format::id::Digest;

use super::parquet::{ParquetError, read_part};
use crate::data_folder::{DataFolder, write_atomically_with};
use crate::decimate::{Extremes, range};
use crate::store::Entry;

/// Rows of a block.
pub(crate) const BLOCK_ROWS: u64 = 64;

/// From so many rows on a recording has blocks; fewer rows are read at once as they are.
pub(crate) const BLOCKS_FROM_ROWS: u64 = 1 << 17;

/// Most values that are read at once to make blocks.
const VALUES_MAX: u64 = 1 << 22;

const MAGIC: &[u8; 8] = b"CMEBLK1\n";

/// Bytes before the first time.
const HEAD_BYTES: u64 = 24;

/// Writes the blocks of a recording, if it is long enough to have any.
pub(super) fn write(
    folder: &DataFolder,
    blocks: &Blocks,
    rows: u64,
    content: Digest,
) -> Result<(), ParquetError> {
    if rows < BLOCKS_FROM_ROWS {
        return Ok(());
    }
    let path = folder.blocks_path(content);
    write_atomically_with(&path, |file| blocks.write(rows, file))?;
    Ok(())
}

/// Some blocks of a recording, with these of its channels. Where the file is not there, or not whole,
/// it is made from the samples first.
pub(crate) fn read(
    folder: &DataFolder,
    entry: &Entry,
    blocks: Range<u64>,
    channels: &[usize],
) -> Result<Blocks, ParquetError> {
    let path = folder.blocks_path(entry.info.content);
    let layout = Layout::of(entry);
    if let Ok(mut file) = File::open(&path)
        && layout.fits(&mut file)
    {
        let read = layout.read(&mut file, blocks, channels);
        return read.map_err(|error| ParquetError::Read {
            recording: entry.info.name.clone(),
            path,
            reason: error.to_string(),
        });
    }
    let all = make(folder, entry)?;
    let part = |values: &[f32]| values[blocks.start as usize..blocks.end as usize].to_vec();
    Ok(Blocks {
        time_ns: all.time_ns[blocks.start as usize..blocks.end as usize].to_vec(),
        channels: channels
            .iter()
            .map(|&channel| Extremes {
                least: part(&all.channels[channel].least),
                greatest: part(&all.channels[channel].greatest),
            })
            .collect(),
    })
}

/// Makes the blocks of a recording from its samples, and keeps them.
fn make(folder: &DataFolder, entry: &Entry) -> Result<Blocks, ParquetError> {
    let _used = folder.use_files();
    folder.expect_recording(entry.info.content)?;
    let channels: Vec<usize> = (0..entry.info.channels.len()).collect();
    let at_once = (VALUES_MAX / (channels.len() as u64 + 1)).next_multiple_of(BLOCK_ROWS);
    let mut blocks = Blocks::new(channels.len());
    let mut from = 0;
    while from < entry.info.rows {
        let to = (from + at_once).min(entry.info.rows);
        let part = read_part(folder, entry, from..to, &channels)?;
        blocks.append(&part.time_ns, part.channels.iter().map(|channel| channel.values.as_slice()));
        from = to;
    }
    let path = folder.blocks_path(entry.info.content);
    write_atomically_with(&path, |file| blocks.write(entry.info.rows, file))?;
    Ok(blocks)
}

/// The blocks of some rows.
#[derive(Debug, PartialEq)]
pub(crate) struct Blocks {
    /// Time of each block's first row.
    pub(crate) time_ns: Vec<i64>,
    /// The values of each channel.
    pub(crate) channels: Vec<Extremes>,
}

impl Blocks {
    pub(super) fn new(channels: usize) -> Self {
        Blocks { time_ns: Vec::new(), channels: vec![Extremes::default(); channels] }
    }

    /// Adds rows. What came before must have been whole blocks.
    pub(super) fn append<'a>(
        &mut self,
        time_ns: &[i64],
        channels: impl Iterator<Item = &'a [f32]>,
    ) {
        self.time_ns.extend(time_ns.iter().step_by(BLOCK_ROWS as usize));
        for (extremes, channel) in self.channels.iter_mut().zip(channels) {
            for values in channel.chunks(BLOCK_ROWS as usize) {
                let (least, greatest) = range(values);
                extremes.least.push(least.unwrap_or(f32::NAN));
                extremes.greatest.push(greatest.unwrap_or(f32::NAN));
            }
        }
    }

    fn write(&self, rows: u64, file: &mut File) -> io::Result<()> {
        let mut file = BufWriter::with_capacity(1 << 16, file);
        file.write_all(MAGIC)?;
        file.write_all(&rows.to_le_bytes())?;
        file.write_all(&(self.channels.len() as u64).to_le_bytes())?;
        for time in &self.time_ns {
            file.write_all(&time.to_le_bytes())?;
        }
        for value in self.channels.iter().flat_map(|c| c.least.iter().chain(&c.greatest)) {
            file.write_all(&value.to_le_bytes())?;
        }
        file.flush()
    }
}

/// Where things lie in the file of a recording's blocks.
struct Layout {
    rows: u64,
    channels: u64,
    blocks: u64,
}

impl Layout {
    fn of(entry: &Entry) -> Self {
        let rows = entry.info.rows;
        let channels = entry.info.channels.len() as u64;
        Layout { rows, channels, blocks: rows.div_ceil(BLOCK_ROWS) }
    }

    /// True if the file has the blocks of this recording, all of them.
    fn fits(&self, file: &mut File) -> bool {
        let mut head = [0; HEAD_BYTES as usize];
        let expected = [&MAGIC[..], &self.rows.to_le_bytes(), &self.channels.to_le_bytes()];
        let size = HEAD_BYTES + self.blocks * (8 + 8 * self.channels);
        file.metadata().is_ok_and(|metadata| metadata.len() == size)
            && file.read_exact(&mut head).is_ok()
            && head[..] == expected.concat()
    }

    fn read(&self, file: &mut File, blocks: Range<u64>, channels: &[usize]) -> io::Result<Blocks> {
        let count = (blocks.end - blocks.start) as usize;
        let mut bytes = |at: u64, width: usize| {
            let mut bytes = vec![0; count * width];
            file.seek(SeekFrom::Start(HEAD_BYTES + at))?;
            file.read_exact(&mut bytes)?;
            Ok::<_, io::Error>(bytes)
        };
        let times = bytes(8 * blocks.start, 8)?;
        let (times, _) = times.as_chunks::<8>();
        let time_ns = times.iter().map(|time| i64::from_le_bytes(*time)).collect();
        let mut row = |number: u64| {
            let bytes = bytes(8 * self.blocks + 4 * (number * self.blocks + blocks.start), 4)?;
            let (values, _) = bytes.as_chunks::<4>();
            Ok::<_, io::Error>(values.iter().map(|value| f32::from_le_bytes(*value)).collect())
        };
        let mut read = Vec::with_capacity(channels.len());
        for &channel in channels {
            let number = 2 * channel as u64;
            read.push(Extremes { least: row(number)?, greatest: row(number + 1)? });
        }
        Ok(Blocks { time_ns, channels: read })
    }
}
