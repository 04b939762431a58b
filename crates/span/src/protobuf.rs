//! The wire format of protocol buffers, as much as spans need: varints, tags, lengths.
//! Source: <https://protobuf.dev/programming-guides/encoding/>.

/// Wire type of integers.
const VARINT: u8 = 0;
/// Wire type of eight-byte numbers.
const FIXED64: u8 = 1;
/// Wire type of bytes, text and messages.
const LENGTH: u8 = 2;

/// Bytes of a varint.
#[inline]
pub(crate) const fn varint_length(value: u64) -> usize {
    // Seven bits a byte; `| 1` gives 0 its one byte.
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Appends a varint.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A varint as a number whose lowest byte is the first, and how many bytes it has; of a number of at most 56 bits. Without
/// a branch: numbers of many sizes follow each other.
#[inline]
pub(crate) const fn small_varint(value: u64) -> (u64, usize) {
    // Seven bits to each byte, from halves to quarters to eighths.
    let halves = value & 0x0fff_ffff | (value & 0x00ff_ffff_f000_0000) << 4;
    let quarters = halves & 0x0000_3fff_0000_3fff | (halves & 0x0fff_c000_0fff_c000) << 2;
    let eighths = quarters & 0x007f_007f_007f_007f | (quarters & 0x3f80_3f80_3f80_3f80) << 1;
    let length = varint_length(value);
    // Every byte but the last says that another follows.
    let follows = 0x8080_8080_8080_8080 & ((1 << (8 * (length - 1))) - 1);
    (eighths | follows, length)
}

/// The tag byte of a length-delimited field with a number below 16.
pub(crate) const fn length_tag(field: u8) -> u8 {
    field << 3 | LENGTH
}

/// The tag byte of a varint field with a number below 16.
pub(crate) const fn varint_tag(field: u8) -> u8 {
    field << 3 | VARINT
}

/// The tag byte of a fixed64 field with a number below 16.
pub(crate) const fn fixed64_tag(field: u8) -> u8 {
    field << 3 | FIXED64
}

/// Bytes of a field of `length` bytes, tag and length included.
#[inline]
pub(crate) const fn field_length(length: usize) -> usize {
    1 + varint_length(length as u64) + length
}

/// Appends tag and length of a field; its `length` bytes are to follow.
#[inline]
pub(crate) fn put_head(out: &mut Vec<u8>, field: u8, length: usize) {
    out.push(length_tag(field));
    put_varint(out, length as u64);
}

/// Appends a field of bytes, text, or a message encoded before.
#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    put_head(out, field, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends a varint field.
pub(crate) fn put_integer(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(varint_tag(field));
    put_varint(out, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_exact() {
        let rows: [(u64, &[u8]); 6] = [
            (0, &[0]),
            (127, &[0x7f]),
            (128, &[0x80, 1]),
            (300, &[0xac, 2]),
            (16_384, &[0x80, 0x80, 1]),
            (u64::MAX, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ];
        for (value, expected) in rows {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out, expected);
        }
        for shift in 0..64 {
            for value in [1u64 << shift, (1 << shift) - 1] {
                let mut out = Vec::new();
                put_varint(&mut out, value);
                assert_eq!(out.len(), varint_length(value), "{value}");
                if value < 1 << 56 {
                    let (bytes, length) = small_varint(value);
                    assert_eq!(&bytes.to_le_bytes()[..length], out, "{value}");
                }
            }
        }
    }
}
