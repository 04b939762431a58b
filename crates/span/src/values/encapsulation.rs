//! What lies around a flow's packets, in the words of either profile.
//!
//! Profile `reference` keeps tunnels, IP in IP and IPsec apart. Profile `proposal` has one name, `tunnel.*`, for
//! whichever of them is outermost.

use std::net::IpAddr;

use flowtrace_flow::{IpInIp, Ipsec, Record, Tunnel};
use flowtrace_wire::Tunnel as Kind;

use crate::Profile;

/// Whether the packets of this flow were ever seen in something, or had IPsec or WireGuard in them. Where not, the record
/// has no attribute of the groups `tunnel`, `ipip` and `ipsec`.
pub fn is_wrapped(record: &Record) -> bool {
    let says_ipsec = |ipsec: &Ipsec| *ipsec != Ipsec::default();
    record.had_tunnel
        || record.had_ipip
        || record.tunnel.is_some()
        || record.ipip.is_some()
        || says_ipsec(&record.forward.ipsec)
        || says_ipsec(&record.reverse.ipsec)
}

/// `tunnel.type`. Outermost first; an AH header stands in front of ESP (RFC 4301, section 4.5), and both in front of
/// WireGuard's UDP. Either direction tells.
pub fn kind(record: &Record, profile: Profile) -> Option<&'static str> {
    if let Some(tunnel) = &record.tunnel {
        return Some(tunnel.kind.name()).filter(|name| !name.is_empty());
    }
    let has = |fact: fn(&Ipsec) -> Option<u32>| {
        [&record.forward, &record.reverse].into_iter().any(|side| fact(&side.ipsec).is_some())
    };
    match profile {
        Profile::Reference => None,
        Profile::Proposal if record.ipip.is_some() => Some("ipip"),
        Profile::Proposal if has(|ipsec| ipsec.ah) => Some("ah"),
        Profile::Proposal if has(|ipsec| ipsec.esp) => Some("esp"),
        Profile::Proposal if has(|ipsec| ipsec.sender.or(ipsec.receiver)) => Some("wireguard"),
        Profile::Proposal => None,
    }
}

/// `tunnel.network.type`.
pub fn version(record: &Record, profile: Profile) -> Option<u8> {
    Some(match &record.tunnel {
        Some(tunnel) => tunnel.ip_version,
        None => ipip(record, profile)?.ip_version,
    })
}

/// `tunnel.source.address`.
pub fn source(record: &Record, profile: Profile) -> Option<IpAddr> {
    Some(match &record.tunnel {
        Some(tunnel) => tunnel.source.address,
        None => ipip(record, profile)?.source,
    })
}

/// `tunnel.destination.address`.
pub fn destination(record: &Record, profile: Profile) -> Option<IpAddr> {
    Some(match &record.tunnel {
        Some(tunnel) => tunnel.destination.address,
        None => ipip(record, profile)?.destination,
    })
}

/// IP in IP where it is called a tunnel.
fn ipip(record: &Record, profile: Profile) -> Option<&IpInIp> {
    record.ipip.as_ref().filter(|_| profile == Profile::Proposal)
}

/// `tunnel.key`: the key of a GRE header (RFC 2890); other tunnels have identifiers, not keys.
pub fn key(tunnel: &Tunnel) -> Option<u32> {
    tunnel.id.filter(|_| tunnel.kind == Kind::Gre)
}

/// `tunnel.spi`: that of the outermost header of IPsec.
pub fn spi(record: &Record) -> Option<u32> {
    let around = record.tunnel.as_ref().and_then(|tunnel| tunnel.ah);
    around.or(record.forward.ipsec.ah).or(record.forward.ipsec.esp)
}
