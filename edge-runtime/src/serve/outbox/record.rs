//! Records of the queue's files: mark, length, CRC-32, body; what is torn or damaged is found out.
//!
//! ```text
//! "CRQ1" | length of the body, u32 | CRC-32 of length and body, u32 | body          (little-endian)
//! body of an item:  kind (0 result, 1 alarm) | number, u64 | length of stream, u16 | stream | payload
//! body of the gone: 2 | numbers of items that were acknowledged or dropped, u64 each
//! ```

use std::ops::Range;

use super::Kind;

const MARK: [u8; 4] = *b"CRQ1";
const HEAD_BYTES: usize = 12;
/// Kind, number, length of the stream's name.
const ITEM_HEAD_BYTES: usize = 11;
const GONE: u8 = 2;

/// What a record says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// A result or an alarm.
    Item { number: u64, kind: Kind, stream: &'a str, payload: &'a [u8] },
    /// Items that were acknowledged or dropped.
    Gone(Vec<u64>),
}

/// Bytes that the record of an item takes.
pub(super) fn item_bytes(stream: &str, payload: &[u8]) -> usize {
    HEAD_BYTES + ITEM_HEAD_BYTES + stream.len() + payload.len()
}

/// Adds the record of an item. A stream's name has at most 200 bytes; a longer one than the length
/// can tell is a fault of the caller.
pub(super) fn write_item(out: &mut Vec<u8>, number: u64, kind: Kind, stream: &str, payload: &[u8]) {
    let length = u16::try_from(stream.len()).expect("names of streams are short");
    write(out, |body| {
        body.push(match kind {
            Kind::Result => 0,
            Kind::Alarm => 1,
        });
        body.extend(number.to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend(stream.as_bytes());
        body.extend(payload);
    });
}

/// Adds the record of items that are gone.
pub(super) fn write_gone(out: &mut Vec<u8>, numbers: &[u64]) {
    write(out, |body| {
        body.push(GONE);
        body.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    });
}

fn write(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend(MARK);
    out.extend([0; 8]);
    body(out);
    let length = u32::try_from(out.len() - start - HEAD_BYTES).expect("records are bounded");
    let length = length.to_le_bytes();
    out[start + 4..start + 8].copy_from_slice(&length);
    let crc = crc(&length, &out[start + HEAD_BYTES..]);
    out[start + 8..start + 12].copy_from_slice(&crc.to_le_bytes());
}

fn crc(length: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(length);
    hasher.update(body);
    hasher.finalize()
}

/// The record at the beginning of `bytes`, and its size, if there is a whole one.
pub(super) fn read(bytes: &[u8]) -> Option<(Entry<'_>, usize)> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let (mark, length, sum) = (&head[..4], &head[4..8], &head[8..]);
    if mark != MARK {
        return None;
    }
    let body_bytes = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let body = rest.get(..body_bytes)?;
    if crc(length, body) != u32::from_le_bytes(sum.try_into().ok()?) {
        return None;
    }
    Some((entry(body)?, HEAD_BYTES + body_bytes))
}

fn entry(body: &[u8]) -> Option<Entry<'_>> {
    let (&kind, rest) = body.split_first()?;
    let kind = match kind {
        0 => Kind::Result,
        1 => Kind::Alarm,
        GONE => {
            let (numbers, []) = rest.as_chunks::<8>() else { return None };
            return Some(Entry::Gone(numbers.iter().map(|&n| u64::from_le_bytes(n)).collect()));
        }
        _ => return None,
    };
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (stream, payload) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
    let stream = std::str::from_utf8(stream).ok()?;
    Some(Entry::Item { number: u64::from_le_bytes(*number), kind, stream, payload })
}

/// The records of a file, one after the other.
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Places where something else than a record stood before a whole one.
    pub(super) damaged: u64,
}

impl<'a> Scan<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Scan { bytes, at: 0, damaged: 0 }
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = (Range<usize>, Entry<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        loop {
            let rest = self.bytes.get(self.at..)?;
            if let Some((entry, size)) = read(rest) {
                self.damaged += u64::from(self.at > start);
                let range = self.at..self.at + size;
                self.at = range.end;
                return Some((range, entry));
            }
            // What ends the file without a whole record after it is a torn tail: a write that the
            // end of the program or of the power cut short.
            let ahead = rest.get(1..)?.windows(MARK.len()).position(|four| four == MARK)?;
            self.at += 1 + ahead;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        write_item(&mut bytes, 7, Kind::Result, "pump 7 – Süd", b"{}");
        ends.push(bytes.len());
        write_gone(&mut bytes, &[7, u64::MAX]);
        ends.push(bytes.len());
        write_item(&mut bytes, 8, Kind::Alarm, "", b"CRQ1CRQ1");
        ends.push(bytes.len());
        (bytes, ends)
    }

    fn scan(bytes: &[u8]) -> (Vec<Entry<'_>>, u64) {
        let mut scan = Scan::new(bytes);
        let entries = scan.by_ref().map(|(_, entry)| entry).collect();
        (entries, scan.damaged)
    }

    #[test]
    fn what_was_written_is_read() {
        let (bytes, ends) = three();
        let (entries, damaged) = scan(&bytes);
        assert_eq!(damaged, 0);
        let payload: &[u8] = b"{}";
        assert_eq!(
            entries[0],
            Entry::Item { number: 7, kind: Kind::Result, stream: "pump 7 – Süd", payload }
        );
        assert_eq!(entries[1], Entry::Gone(vec![7, u64::MAX]));
        assert_eq!(item_bytes("pump 7 – Süd", b"{}"), ends[0]);

        let ranges: Vec<usize> = Scan::new(&bytes).map(|(range, _)| range.end).collect();
        assert_eq!(ranges, ends);
    }

    #[test]
    fn a_torn_tail_costs_only_itself() {
        let (bytes, ends) = three();
        for end in 0..bytes.len() {
            let whole = ends.iter().filter(|&&record| record <= end).count();
            let (entries, damaged) = scan(&bytes[..end]);
            assert_eq!((entries.len(), damaged), (whole, 0), "cut at {end}");
        }
    }

    #[test]
    fn a_damaged_byte_costs_one_record_and_is_counted() {
        let (bytes, ends) = three();
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 0x55;
            let (entries, damaged) = scan(&broken);
            assert_eq!(entries.len(), 2, "damaged at {at}");
            // After the last there is nothing that would tell damage from a torn tail.
            assert_eq!(damaged, u64::from(at < ends[1]), "damaged at {at}");
        }
    }
}
