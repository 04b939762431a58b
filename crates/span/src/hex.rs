//! Bytes as lower-case hexadecimal text.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The two digits of a byte.
#[inline]
pub(crate) const fn digits(byte: u8) -> [u8; 2] {
    [DIGITS[(byte >> 4) as usize], DIGITS[(byte & 15) as usize]]
}

/// Appends two digits for each byte.
pub(crate) fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.extend_from_slice(&digits(*byte));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn digits_are_lower_case_and_padded() {
        let mut out = Vec::new();
        super::put(&mut out, &[0x00, 0x0a, 0xa0, 0xff]);
        assert_eq!(out, b"000aa0ff");
    }
}
