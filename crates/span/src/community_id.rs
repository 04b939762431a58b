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
    let mut input = Input { bytes: [0; Input::ROOM], length: 0 };
    input.put(&seed.to_be_bytes());
    for address in if swapped { [destination, source] } else { [source, destination] } {
        match address {
            IpAddr::V4(address) => input.put(&address.octets()),
            IpAddr::V6(address) => input.put(&address.octets()),
        }
    }
    input.put(&[record.protocol, 0]);
    if let Some(ports) = ports {
        let (first, second) =
            if swapped { (ports.destination, ports.source) } else { (ports.source, ports.destination) };
        input.put(&first.to_be_bytes());
        input.put(&second.to_be_bytes());
    }
    encode(&Sha1::digest(&input.bytes[..input.length]).into())
}

/// What is hashed, at once: a hash that is fed by the piece costs twice as much.
struct Input {
    bytes: [u8; Self::ROOM],
    length: usize,
}

impl Input {
    /// Seed, two addresses of IPv6, protocol and padding, two ports.
    const ROOM: usize = 2 + 2 * 16 + 2 + 2 * 2;

    fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        self.bytes[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }
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

#[cfg(test)]
mod tests {
    use flowtrace_flow::IcmpPair;

    use super::*;
    use crate::sample;

    /// Seed, protocol, source, destination, then `source:destination` ports, `source/destination` ICMP types, or
    /// `type>code` of a one-way ICMP message, and the id. Computed with the reference implementation (PyPI
    /// `communityid` 1.5); the form without ports, of TCP and ICMP too, is what it gives for protocols without ports.
    const TABLE: &str = "
        0 6 128.232.110.120 66.35.250.204 34855:80 1:LQU9qZlK+B5F3KDmev6m5PMibrg=
        0 6 66.35.250.204 128.232.110.120 80:34855 1:LQU9qZlK+B5F3KDmev6m5PMibrg=
        1 6 128.232.110.120 66.35.250.204 34855:80 1:3V71V58M3Ksw/yuFALMcW0LAHvc=
        0 17 192.168.1.52 8.8.8.8 54585:53 1:d/FP5EW3wiY1vCndhwleRRKHowQ=
        0 17 8.8.8.8 192.168.1.52 53:54585 1:d/FP5EW3wiY1vCndhwleRRKHowQ=
        1 17 192.168.1.52 8.8.8.8 54585:53 1:Q9We8WO3piVF8yEQBNJF4uiSVrI=
        0 132 192.168.170.8 192.168.170.56 7:80 1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=
        1 132 192.168.170.56 192.168.170.8 80:7 1:Y1/0jQg6e+I3ZwZZ9LP65DNbTXU=
        0 6 2001:470:e5bf:dead:4957:2174:e82c:4887 2607:f8b0:400c:c03::1a 63943:25 1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=
        0 6 2607:f8b0:400c:c03::1a 2001:470:e5bf:dead:4957:2174:e82c:4887 25:63943 1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=
        1 6 2001:470:e5bf:dead:4957:2174:e82c:4887 2607:f8b0:400c:c03::1a 63943:25 1:eJYTW6AOzFLlSUoESovMjnu7rMw=
        0 17 10.0.0.1 10.0.0.1 7:9 1:xASWHUhMb118sbXbjDPqZo32CD8=
        0 17 10.0.0.1 10.0.0.1 9:7 1:xASWHUhMb118sbXbjDPqZo32CD8=
        0 1 192.168.0.89 192.168.0.1 8/0 1:X0snYXpgwiv9TZtqg64sgzUn6Dk=
        0 1 192.168.0.1 192.168.0.89 0/8 1:X0snYXpgwiv9TZtqg64sgzUn6Dk=
        1 1 192.168.0.89 192.168.0.1 8/0 1:03g6IloqVBdcZlPyX8r0hgoE7kA=
        0 1 192.168.0.89 192.168.0.1 3>1 1:LXCfhMUFbYXe+CEMrQuZCbiLY3o=
        0 1 192.168.0.1 192.168.0.89 3>1 1:o3zT92uTgnRWv/YrDVeXcWumpC4=
        1 1 192.168.0.89 192.168.0.1 11>0 1:rMbtrew3evxPId/m9EePP9Qv9AM=
        0 58 fe80::200:86ff:fe05:80da fe80::260:97ff:fe07:69ea 135/136 1:dGHyGvjMfljg6Bppwm3bg0LO8TY=
        0 58 fe80::260:97ff:fe07:69ea fe80::200:86ff:fe05:80da 136/135 1:dGHyGvjMfljg6Bppwm3bg0LO8TY=
        0 58 3ffe:507:0:1:260:97ff:fe07:69ea 3ffe:507:0:1:200:86ff:fe05:80da 3>0 1:NdobDX8PQNJbAyfkWxhtL2Pqp5w=
        1 58 3ffe:507:0:1:260:97ff:fe07:69ea 3ffe:507:0:1:200:86ff:fe05:80da 128/129 1:BmWrgaPes4zN3vAiJDmg+4gbOV4=
        0 46 10.1.24.4 10.1.12.1 - 1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4=
        0 46 10.1.12.1 10.1.24.4 - 1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4=
        1 46 10.1.24.4 10.1.12.1 - 1:BK3BVW3U2eemuwVQVN3zd/GULno=
        0 47 2001:470:e5bf:dead:4957:2174:e82c:4887 2607:f8b0:400c:c03::1a - 1:Ww0kIEbmKw/jCO7crea7h0/BJMY=
        0 0 10.0.0.2 10.0.0.1 - 1:nYc3h22t9kfT6DRXxJgdIJZFfwg=
        0 6 128.232.110.120 66.35.250.204 - 1:Z1rA8bFwmea/qgEvZlYzLUSwHyk=
        0 1 192.168.0.89 192.168.0.1 - 1:R/ESNZ+kKhndmKnvhTJ+FFgTe5s=
    ";

    /// The two numbers on the sides of a sign.
    fn pair<T: std::str::FromStr>(text: &str, sign: char) -> Option<(T, T)> {
        let (left, right) = text.split_once(sign)?;
        Some((left.parse().ok()?, right.parse().ok()?))
    }

    #[test]
    fn agrees_with_the_reference_implementation() {
        let rows: Vec<_> = TABLE.lines().filter(|line| !line.trim().is_empty()).collect();
        assert_eq!(rows.len(), 30);
        for row in rows {
            let [seed, protocol, source, destination, ports, expected] =
                row.split_whitespace().collect::<Vec<_>>().try_into().expect("six columns");
            let mut record = sample::between(source, destination);
            record.protocol = protocol.parse().unwrap();
            let known = pair(ports, ':');
            record.source.port = known.map(|ports| ports.0);
            record.destination.port = known.map(|ports| ports.1);
            let icmp = |sign, one_way| {
                pair(ports, sign).map(|(source, destination)| IcmpPair { source, destination, one_way })
            };
            record.icmp = icmp('/', false).or(icmp('>', true));
            let id = community_id(&record, seed.parse().unwrap());
            assert_eq!(std::str::from_utf8(&id), Ok(expected), "{row}");
        }
    }

    #[test]
    fn ports_that_the_specification_does_not_know_are_not_hashed() {
        let mut record = sample::between("10.0.0.2", "10.0.0.1");
        record.protocol = protocol::DCCP;
        assert!(record.source.port.is_some());
        assert_eq!(&community_id(&record, 0), b"1:qKfrGVs14/VI2wLMVfhXXHfa6a0=");
    }
}
