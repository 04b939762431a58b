//! A segment's bytes: a header, then records one after the other.

use super::record::{HEADER, Header, next_mark};

/// Bytes of a segment's header: magic (8), version (4), CRC32C of both (4).
pub(super) const START: usize = 16;
/// The version that is written, and the newest that is read.
pub(super) const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"FTSPOOL\0";

/// A segment's header.
pub(super) fn start() -> [u8; START] {
    let mut bytes = [0; START];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..12]);
    bytes[12..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// The version in a segment's header; `None` where the header is damaged.
pub(super) fn version(bytes: &[u8]) -> Option<u32> {
    let bytes: &[u8; START] = bytes.first_chunk()?;
    let [.., a, b, c, d, e, f, g, h] = *bytes;
    let right = bytes[..8] == MAGIC && u32::from_le_bytes([e, f, g, h]) == crc32c::crc32c(&bytes[..12]);
    right.then_some(u32::from_le_bytes([a, b, c, d]))
}

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Of its header, from the beginning of the file.
    pub(super) offset: u64,
    /// Spans before it.
    pub(super) position: u64,
    /// Spans in it.
    pub(super) spans: u32,
}

/// Spans that were written and cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// Of the first.
    pub(super) position: u64,
    /// How many.
    pub(super) spans: u64,
}

/// What is in a segment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// The records that check.
    pub(super) entries: Vec<Entry>,
    /// What is damaged before the last record's end.
    pub(super) gaps: Vec<Gap>,
    /// Where the last record ends; what follows was not written to its end.
    pub(super) end: usize,
    /// The position after the last record.
    pub(super) position: u64,
    /// Spans of a record that was not written to its end, where its header was.
    pub(super) torn: u64,
}

/// Reads a segment whose first record has the position `base`. Whatever the bytes, the work is linear in them.
pub(super) fn scan(bytes: &[u8], base: u64) -> Scan {
    let begin = if version(bytes).is_some() { START } else { 0 };
    let mut scan = Scan { end: begin, position: base, ..Scan::default() };
    let mut at = begin;
    while at + HEADER <= bytes.len() {
        let header = Header::read(&bytes[at..]).filter(|header| header.position >= scan.position);
        let Some(header) = header else {
            at = next_mark(bytes, at + 1);
            continue;
        };
        scan.gap(scan.position, header.position - scan.position);
        let Some(batch) = bytes.get(at + HEADER..at + header.size()) else {
            scan.torn = u64::from(header.spans);
            scan.position = header.position;
            break;
        };
        scan.record(&header, at as u64, header.checks(batch));
        at += header.size();
        scan.end = at;
    }
    scan
}

impl Scan {
    fn gap(&mut self, position: u64, spans: u64) {
        if spans > 0 {
            self.gaps.push(Gap { position, spans });
        }
    }

    fn record(&mut self, header: &Header, offset: u64, checks: bool) {
        if checks {
            self.entries.push(Entry { offset, position: header.position, spans: header.spans });
        } else {
            self.gap(header.position, u64::from(header.spans));
        }
        self.position = header.end();
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::PROTOBUF;
    use super::*;

    const BASE: u64 = 100;

    /// A segment with records of so many spans; each batch is as many bytes, times three.
    fn segment(spans: &[u32]) -> Vec<u8> {
        let mut bytes = start().to_vec();
        let mut position = BASE;
        for &spans in spans {
            let batch = vec![spans as u8; spans as usize * 3];
            bytes.extend(Header::of(&batch, batch.len() as u32, spans, PROTOBUF, position).bytes());
            bytes.extend(batch);
            position += u64::from(spans);
        }
        bytes
    }

    fn spans(scan: &Scan) -> u64 {
        scan.entries.iter().map(|entry| u64::from(entry.spans)).sum()
    }

    fn lost(scan: &Scan) -> u64 {
        scan.gaps.iter().map(|gap| gap.spans).sum()
    }

    #[test]
    fn a_whole_segment() {
        let bytes = segment(&[5, 7, 9]);
        let found = scan(&bytes, BASE);
        let entries: Vec<_> = found.entries.iter().map(|entry| (entry.offset, entry.position, entry.spans)).collect();
        assert_eq!(entries, [(16, 100, 5), (63, 105, 7), (116, 112, 9)]);
        assert_eq!((found.end, found.position, found.torn, lost(&found)), (bytes.len(), 121, 0, 0));
        assert_eq!(version(&bytes), Some(1));
        assert_eq!(scan(&start(), BASE).end, START);
        assert_eq!(scan(b"", BASE), Scan { position: BASE, ..Scan::default() });
    }

    #[test]
    fn a_damaged_byte_costs_its_record_only_and_what_is_lost_is_known() {
        let whole = segment(&[5, 7, 9]);
        let last_header = whole.len() - 27 - HEADER..whole.len() - 27;
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x40;
            let found = scan(&bytes, BASE);
            let expected = match place {
                0..START => 0,
                16..63 => 5,
                63..116 => 7,
                _ => 9,
            };
            assert_eq!(spans(&found), 21 - expected, "byte {place}");
            // Nothing follows the last record that would say where it ended.
            let known = if last_header.contains(&place) { 0 } else { expected };
            assert_eq!(lost(&found), known, "byte {place}");
        }
    }

    #[test]
    fn wherever_it_ends_the_records_before_are_whole() {
        let whole = segment(&[5, 7, 9]);
        for length in 0..whole.len() {
            let found = scan(&whole[..length], BASE);
            let (expected, end) = match length {
                0..START => (0, 0),
                16..63 => (0, 16),
                63..116 => (5, 63),
                _ => (12, 116),
            };
            assert_eq!((spans(&found), found.end, lost(&found)), (expected, end, 0), "{length} bytes");
            let torn = if length >= end + HEADER && length >= START { 21 - expected } else { 0 };
            assert_eq!(found.torn > 0, torn > 0, "{length} bytes");
        }
    }

    #[test]
    fn bytes_in_between_and_records_from_elsewhere_are_passed_over() {
        let whole = segment(&[5, 7]);
        let (first, second) = whole.split_at(63);
        for between in [&b"FTsp"[..], b"FTspFTspFTsp", &[0; 100], &whole[16..63], &b"FTsp\xff\xff\xff\xff"[..]] {
            let found = scan(&[first, between, second].concat(), BASE);
            assert_eq!((spans(&found), lost(&found)), (12, 0));
        }
        let found = scan(&whole, BASE + 1);
        assert_eq!(spans(&found), 7, "a record before the first is none of this segment's");
    }
}
