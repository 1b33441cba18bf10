//! What stands between a file and the tokeniser: a bound on rows, and one tab for several blanks.

use std::io::Read;

use super::super::LINE_BYTES_MAX;

/// Passes on at most `left` bytes, so that one row cannot take all memory.
pub(super) struct Bounded<R> {
    inner: R,
    left: usize,
    blanks: Option<Blanks>,
}

#[derive(Debug, thiserror::Error)]
#[error("a row is longer than {LINE_BYTES_MAX} bytes")]
pub(super) struct TooLong;

/// Turns any number of blanks between two cells into one, and those around a line into none.
#[derive(Clone, Copy)]
struct Blanks {
    is_line_start: bool,
    is_pending: bool,
}

impl<R> Bounded<R> {
    pub(super) fn new(inner: R, has_blanks: bool) -> Self {
        let blanks = Blanks { is_line_start: true, is_pending: false };
        Bounded { inner, left: 0, blanks: has_blanks.then_some(blanks) }
    }

    /// Allows so many bytes more.
    pub(super) fn allow(&mut self, bytes: usize) {
        self.left = bytes;
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.left == 0 {
                return Err(std::io::Error::other(TooLong));
            }
            // A blank that is pending takes a byte of its own.
            let room = if self.blanks.is_some() { (buffer.len() - 1).max(1) } else { buffer.len() };
            let length = room.min(self.left);
            let count = self.inner.read(&mut buffer[..length])?;
            self.left -= count;
            match &mut self.blanks {
                Some(blanks) if count > 0 => match blanks.squeeze(buffer, count) {
                    0 => continue,
                    kept => return Ok(kept),
                },
                _ => return Ok(count),
            }
        }
    }
}

impl Blanks {
    /// Squeezes the first `count` bytes; says how many are left.
    fn squeeze(&mut self, buffer: &mut [u8], count: usize) -> usize {
        let mut kept = Vec::with_capacity(count + 1);
        for &byte in &buffer[..count] {
            match byte {
                b' ' | b'\t' => self.is_pending = true,
                b'\n' | b'\r' => {
                    kept.push(byte);
                    *self = Blanks { is_line_start: true, is_pending: false };
                }
                _ => {
                    if self.is_pending && !self.is_line_start {
                        kept.push(b' ');
                    }
                    kept.push(byte);
                    *self = Blanks { is_line_start: false, is_pending: false };
                }
            }
        }
        buffer[..kept.len()].copy_from_slice(&kept);
        kept.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_squeezed_alike_however_they_are_read() {
        let text = b"  1  2.5 \t 3 \r\n4 5 6\n \n7   8 9";
        for size in 2..20 {
            let mut bounded = Bounded::new(&text[..], true);
            bounded.allow(1000);
            let mut read = Vec::new();
            let mut buffer = vec![0; size];
            loop {
                match bounded.read(&mut buffer).unwrap() {
                    0 => break,
                    count => read.extend_from_slice(&buffer[..count]),
                }
            }
            let read = String::from_utf8(read).unwrap();
            assert_eq!(read, "1 2.5 3\r\n4 5 6\n\n7 8 9", "{size}");
        }
    }
}
