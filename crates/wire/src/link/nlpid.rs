//! Network layer protocol identifiers (ISO/IEC TR 9577; RFC 2427 section 3, RFC 2684 section 5).

use super::{Next, Start, take, take_u16};
use crate::{Bytes, Reason};

const SNAP: u8 = 0x80;
const IPV6: u8 = 0x8e;
const IPV4: u8 = 0xcc;
const PPP: u8 = 0xcf;

/// OUI behind which a protocol number is an EtherType.
const ETHERTYPES: [u8; 3] = [0, 0, 0];
/// OUI of IEEE 802.1, behind which 1 and 7 are bridged Ethernet with and without checksum (RFC 2427 section 4.2).
pub(super) const BRIDGED: [u8; 3] = [0x00, 0x80, 0xc2];
/// Whether a protocol number behind [`BRIDGED`] is Ethernet.
pub(super) const fn is_ethernet(number: u16) -> bool {
    matches!(number, 1 | 7)
}

/// The identifier at `at`, and the SNAP header behind it where it says so.
pub(super) fn start<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let [identifier] = take(bytes, at)?;
    match identifier {
        SNAP => snap(bytes, at + 1),
        IPV4 => Ok(Start::new(at + 1, Next::Ipv4)),
        IPV6 => Ok(Start::new(at + 1, Next::Ipv6)),
        PPP => Ok(Start::new(at + 1, Next::Ppp)),
        _ => Ok(Start::new(at, Next::Other(u16::from(identifier)))),
    }
}

fn snap<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let organisation: [u8; 3] = take(bytes, at)?;
    let number = take_u16(bytes, at + 3)?;
    Ok(match organisation {
        ETHERTYPES => Start::ethertype(at + 5, number),
        BRIDGED if is_ethernet(number) => Start::new(at + 5, Next::Ethernet),
        _ => Start::new(at + 5, Next::Other(0)),
    })
}
