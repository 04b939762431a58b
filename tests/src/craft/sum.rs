//! Checksums.

use std::net::IpAddr;

use super::ends::octets;

/// The Internet checksum (RFC 1071).
pub fn internet(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The Internet checksum with the pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1).
pub fn transport([source, destination]: [IpAddr; 2], protocol: u8, payload: &[u8]) -> u16 {
    let length = (payload.len() as u32).to_be_bytes();
    internet(&[&octets(source)[..], &octets(destination), &length, &[0, 0, 0, protocol], payload].concat())
}

/// `bytes` with their Internet checksum in the two bytes at `at`.
pub fn with_internet(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    let sum = internet(&bytes);
    bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// CRC-32C, as SCTP has it (RFC 9260 appendix A).
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc(0x82f6_3b78, bytes)
}

/// CRC-32 of IEEE 802.
pub fn crc32(bytes: &[u8]) -> u32 {
    crc(0xedb8_8320, bytes)
}

fn crc(polynomial: u32, bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ polynomial } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_specifications() {
        // RFC 1071 section 3.
        assert_eq!(internet(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        // RFC 3720 appendix B.4: 32 bytes of zeros; and the check value of CRC-32.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
