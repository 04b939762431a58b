//! One record: a header of 32 bytes with its own checksum, then the batch. Numbers are little-endian.
//!
//! The header's checksum makes its length worth trusting: a batch that is damaged is passed over as a whole, and what
//! was in it is known. Only where a header is damaged is the next one searched for.

use std::ops::Range;

/// Bytes of a record's header.
pub(super) const HEADER: usize = 32;
/// Bytes of a batch, at most: far above what an exporter makes of one.
pub(super) const BATCH_MAX: usize = 64 << 20;
/// Positions are below this: sums of them cannot overflow.
pub(super) const POSITION_MAX: u64 = 1 << 62;
/// The batch is a protobuf `ExportTraceServiceRequest`.
pub(crate) const PROTOBUF: u8 = 1;

const MARK: [u8; 4] = *b"FTsp";

/// Where things are in the header. Bytes 13 to 15 are 0.
mod field {
    use super::Range;

    pub(super) const MARK: Range<usize> = 0..4;
    /// Bytes of the batch.
    pub(super) const LENGTH: Range<usize> = 4..8;
    pub(super) const SPANS: Range<usize> = 8..12;
    pub(super) const ENCODING: usize = 12;
    pub(super) const POSITION: Range<usize> = 16..24;
    /// CRC32C of the batch.
    pub(super) const BATCH_CRC: Range<usize> = 24..28;
    /// CRC32C of the header before it.
    pub(super) const CRC: Range<usize> = 28..32;
}

/// A record's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of the batch.
    pub(super) length: u32,
    /// Spans in the batch, 1 at least.
    pub(super) spans: u32,
    /// How the batch is encoded.
    pub(super) encoding: u8,
    /// Spans before this record.
    pub(super) position: u64,
    /// CRC32C of the batch.
    pub(super) batch_crc: u32,
}

impl Header {
    /// The header of a batch.
    pub(super) fn of(batch: &[u8], length: u32, spans: u32, encoding: u8, position: u64) -> Self {
        Self { length, spans, encoding, position, batch_crc: crc32c::crc32c(batch) }
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[field::MARK].copy_from_slice(&MARK);
        bytes[field::LENGTH].copy_from_slice(&self.length.to_le_bytes());
        bytes[field::SPANS].copy_from_slice(&self.spans.to_le_bytes());
        bytes[field::ENCODING] = self.encoding;
        bytes[field::POSITION].copy_from_slice(&self.position.to_le_bytes());
        bytes[field::BATCH_CRC].copy_from_slice(&self.batch_crc.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..field::CRC.start]);
        bytes[field::CRC].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The header at the beginning of the bytes, if it is one.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HEADER)?;
        let right =
            bytes[field::MARK] == MARK && number(bytes, field::CRC) == crc32c::crc32c(&bytes[..field::CRC.start]);
        let header = Self {
            length: number(bytes, field::LENGTH),
            spans: number(bytes, field::SPANS),
            encoding: bytes[field::ENCODING],
            position: u64::from_le_bytes(bytes[field::POSITION].try_into().ok()?),
            batch_crc: number(bytes, field::BATCH_CRC),
        };
        (right && header.is_sane()).then_some(header)
    }

    fn is_sane(&self) -> bool {
        self.length as usize <= BATCH_MAX && self.spans > 0 && self.position < POSITION_MAX
    }

    /// Bytes of header and batch.
    pub(super) fn size(&self) -> usize {
        HEADER + self.length as usize
    }

    /// The position after it.
    pub(super) fn end(&self) -> u64 {
        self.position + u64::from(self.spans)
    }

    /// Whether these are the bytes of its batch.
    pub(super) fn checks(&self, batch: &[u8]) -> bool {
        batch.len() == self.length as usize && crc32c::crc32c(batch) == self.batch_crc
    }
}

/// Where the next mark is at or after `from`; the end of the bytes when there is none.
pub(super) fn next_mark(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.windows(MARK.len()).position(|window| window == MARK).map_or(bytes.len(), |place| from + place)
}

fn number(bytes: &[u8], range: Range<usize>) -> u32 {
    bytes[range].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_as_it_was_written() {
        let header = Header::of(b"123456789", 9, 7, PROTOBUF, 0x0102_0304_0506);
        assert_eq!(header.batch_crc, 0xe306_9283, "the check value of CRC-32/ISCSI");
        let bytes = header.bytes();
        assert_eq!(bytes[..24], *b"FTsp\x09\0\0\0\x07\0\0\0\x01\0\0\0\x06\x05\x04\x03\x02\x01\0\0");
        assert_eq!(Header::read(&bytes), Some(header));
        assert_eq!((header.size(), header.end()), (41, 0x0102_0304_050d));
        assert!(header.checks(b"123456789") && !header.checks(b"123456780") && !header.checks(b"12345678"));
    }

    #[test]
    fn a_damaged_header_is_none() {
        let bytes = Header::of(b"x", 1, 1, PROTOBUF, 3).bytes();
        for bit in 0..HEADER * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::read(&bytes), None, "bit {bit}");
        }
        for length in 0..HEADER {
            assert_eq!(Header::read(&bytes[..length]), None);
        }
    }

    #[test]
    fn a_header_that_cannot_be_is_none() {
        let header = Header::of(b"", 0, 1, PROTOBUF, 0);
        assert!(Header::read(&header.bytes()).is_some());
        for wrong in [
            Header { length: BATCH_MAX as u32 + 1, ..header },
            Header { spans: 0, ..header },
            Header { position: POSITION_MAX, ..header },
            Header { position: u64::MAX, ..header },
        ] {
            assert_eq!(Header::read(&wrong.bytes()), None, "{wrong:?}");
        }
    }
}
