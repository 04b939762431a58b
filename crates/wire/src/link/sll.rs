//! Linux cooked capture, versions 1 and 2 (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2).

use super::{Next, Start, frame_relay, monitor, netlink, take};
use crate::{Bytes, Mac, Reason};

/// ARPHRD values whose frames begin with a header of their own (linux/if_arp.h).
const FRAD: u16 = 770;
const RADIOTAP: u16 = 803;
const NETLINK: u16 = 824;
/// `ETH_P_802_2` (linux/if_ether.h): an LLC header follows.
const LLC: u16 = 4;

/// Packet type (2), ARPHRD (2), length of the address (2), address (8), protocol (2).
pub(super) fn version_1<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let [_, _, hardware @ .., length_high, length_low] = take::<6, B>(bytes, at)?;
    let address = take(bytes, at + 6)?;
    let protocol = u16::from_be_bytes(take(bytes, at + 14)?);
    let length = u16::from_be_bytes([length_high, length_low]);
    let start = behind(bytes, at + 16, u16::from_be_bytes(hardware), protocol)?;
    Ok(Start { source_mac: mac(length, address).or(start.source_mac), ..start })
}

/// Protocol (2), reserved (2), interface (4), ARPHRD (2), packet type (1), length of the address (1), address (8).
pub(super) fn version_2<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let protocol = u16::from_be_bytes(take(bytes, at)?);
    let [hardware @ .., _, length] = take::<4, B>(bytes, at + 8)?;
    let address = take(bytes, at + 12)?;
    let start = behind(bytes, at + 20, u16::from_be_bytes(hardware), protocol)?;
    Ok(Start { source_mac: mac(u16::from(length), address).or(start.source_mac), ..start })
}

fn behind<B: Bytes + ?Sized>(bytes: &B, at: usize, hardware: u16, protocol: u16) -> Result<Start, Reason> {
    match (hardware, protocol) {
        (FRAD, _) => frame_relay::start(bytes, at),
        (RADIOTAP, _) => monitor::radiotap(bytes, at),
        (NETLINK, family) => netlink::message(bytes, at, family),
        (_, LLC) => Ok(Start::new(at, Next::Llc)),
        (_, protocol) => Ok(Start::ethertype(at, protocol)),
    }
}

fn mac(length: u16, address: [u8; 8]) -> Option<Mac> {
    (length == 6).then(|| Mac::from_first_six(address))
}
