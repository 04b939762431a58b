//! Community ID v1: one name for a flow in many tools (<https://github.com/corelight/community-id-spec>).

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flowtrace_flow::Record;
use flowtrace_wire::protocol;
use sha1::{Digest as _, Sha1};

/// Length of every id: `1:` and 20 bytes in base64.
pub const LENGTH: usize = 30;

/// What stands for the ports of the two ends.
struct Ports {
    source: u16,
    destination: u16,
    /// Whether the two directions are different flows, so that nothing is ordered.
    one_way: bool,
}

/// The id of the record's flow.
pub fn community_id(record: &Record, seed: u16) -> [u8; LENGTH] {
    let ports = ports(record);
    let (source, destination) = (record.source.address, record.destination.address);
    let swapped = ports.as_ref().map_or(destination < source, |ports| {
        !ports.one_way && (destination, ports.destination) < (source, ports.source)
    });
    let mut hash = Sha1::new();
    hash.update(seed.to_be_bytes());
    for address in if swapped { [destination, source] } else { [source, destination] } {
        match address {
            IpAddr::V4(address) => hash.update(address.octets()),
            IpAddr::V6(address) => hash.update(address.octets()),
        }
    }
    hash.update([record.protocol, 0]);
    if let Some(ports) = ports {
        let (first, second) =
            if swapped { (ports.destination, ports.source) } else { (ports.source, ports.destination) };
        hash.update(first.to_be_bytes());
        hash.update(second.to_be_bytes());
    }
    encode(&hash.finalize().into())
}

/// The ports that are hashed. Only TCP, UDP and SCTP have some in the specification's eyes; ICMP has types in place of
/// them. Everything else, and what has lost its ports (later fragments), takes the form without.
fn ports(record: &Record) -> Option<Ports> {
    match record.protocol {
        protocol::TCP | protocol::UDP | protocol::SCTP => {
            Some(Ports { source: record.source.port?, destination: record.destination.port?, one_way: false })
        }
        protocol::ICMP | protocol::ICMPV6 => record.icmp.map(|pair| Ports {
            source: pair.source.into(),
            destination: pair.destination.into(),
            one_way: pair.one_way,
        }),
        _ => None,
    }
}

fn encode(digest: &[u8; 20]) -> [u8; LENGTH] {
    let mut id = *b"1:____________________________";
    // 20 bytes make 28 letters: it always fits.
    let _ = STANDARD.encode_slice(digest, &mut id[2..]);
    id
}
