//! The ring buffer of payloads, as the kernel program fills it.
#![allow(unsafe_code, reason = "what the kernel program writes is read as the type that it is")]

use flowtrace_abi::{Payload, PayloadHead, Way};

/// The map's name.
pub const MAP: &str = "PAYLOADS";
/// Bytes of the ring: until they are taken out, some 20,000 answers of 128 bytes, or 2,000 ClientHellos of 1,800.
const ROOM: u32 = 4 << 20;
/// The same where nothing is put in: one page of the largest that Linux has.
const NO_ROOM: u32 = 64 << 10;
/// The ring holds fewer payloads than this. No more are taken out at once.
pub const AT_ONCE: usize = ROOM as usize / size_of::<PayloadHead>();

/// Bytes of the ring: a power of two, and whole pages.
pub const fn room(payloads: bool) -> u32 {
    if payloads { ROOM } else { NO_ROOM }
}

/// A payload out of the ring: the head, and as many bytes as it says. None where it is no such thing.
pub fn read(item: &[u8]) -> Option<Payload<'_>> {
    let (head, bytes) = item.split_first_chunk::<{ size_of::<PayloadHead>() }>()?;
    // SAFETY: so many bytes are there; the head is made of integers, of which all bytes are valid, without padding.
    let head = unsafe { head.as_ptr().cast::<PayloadHead>().read_unaligned() };
    let way = if head.way == Way::Up as u32 { Way::Up } else { Way::Down };
    let bytes = bytes.get(..usize::try_from(head.length).ok()?)?;
    Some(Payload { key: head.key, way, at: head.at, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `way` stands at 60, `length` at 56, `at` at 48.
    fn item(length: u8, bytes: &[u8]) -> Vec<u8> {
        let mut item = vec![0; size_of::<PayloadHead>()];
        item[48] = 7;
        item[56] = length;
        item[60] = 1;
        item.extend_from_slice(bytes);
        item
    }

    #[test]
    fn a_payload_is_as_long_as_its_head_says() {
        let item = item(3, b"abcd");
        let payload = read(&item).expect("a payload");
        assert_eq!((payload.bytes, payload.way), (&b"abc"[..], Way::Down));
        assert_eq!(payload.at, u64::from_ne_bytes([7, 0, 0, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn what_is_shorter_is_none() {
        assert_eq!(read(&item(5, b"abcd")), None);
        assert_eq!(read(&item(0, b"")[..63]), None);
        assert!(read(&item(0, b"")).is_some());
    }
}
