//! IPv4 headers, and lengths that do not say all.

use crate::craft::capture::{Capture, capture};
use crate::craft::ends::Way::There;
use crate::craft::ends::{AB4, AB6};
use crate::craft::expect::Flow;
use crate::craft::ip::Ipv4;
use crate::craft::talk::{PORTS, data, ping, ping6, tcp, udp};
use crate::craft::transport::{self, ACK};

pub fn captures() -> Vec<Capture> {
    let scene = |name| capture("network", name);
    let with = |options| Ipv4 { options, ..Ipv4::default() };
    // RFC 791: type, length, pointer, room for two addresses; no operation in front.
    let record_route = [1, 7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0];
    // RFC 791: type, length, pointer, no overflow and stamps only, room for two stamps.
    let timestamp = [68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    // RFC 2113: router alert, as in IGMP.
    let router_alert = [148, 4, 0, 0];
    let big = || transport::tcp(There, PORTS, ACK, [1, 1], &[0; 2000]);
    let jumbo = || transport::tcp(There, PORTS, ACK, [1, 1], &[0; 70_000]);
    vec![
        scene("ipv4_options")
            .talk(tcp(), |pdu| pdu.ipv4(AB4, &with(&record_route)).eth())
            .flow(Flow::tcp(AB4).longer(12)),
        scene("ipv4_timestamp")
            .talk(udp(), |pdu| pdu.ipv4(AB4, &with(&timestamp)).eth())
            .flow(Flow::udp(AB4).longer(12)),
        scene("ipv4_router_alert")
            .talk(ping(), |pdu| pdu.ipv4(AB4, &with(&router_alert)).eth())
            .flow(Flow::ping(AB4).longer(4)),
        // Total length 0: the card was to cut the segment and to fill it in. The rest of the frame counts.
        scene("ipv4_length_zero")
            .talk(vec![big()], |pdu| pdu.ipv4(AB4, &Ipv4 { length: Some(0), ..Ipv4::default() }).eth())
            .flow(Flow::of("tcp", AB4, [1, 2040], [0, 0]).on(PORTS)),
        // The same in IPv6, and the segment is longer than 65,535 bytes: BIG TCP without its extension header. The file
        // holds the first 128 bytes. tshark believes the 0 and reads no TCP.
        scene("ipv6_length_zero")
            .talk(vec![jumbo()], |pdu| pdu.ipv6(AB6, 64, Some(0)).eth().snapped(128))
            .flow(Flow::of("tcp", AB6, [1, 70_060], [0, 0]).on(PORTS)),
        // RFC 2675: payload length 0, the true one in a hop-by-hop option: 8 bytes of option header and the segment.
        // tshark's payload length is 0.
        scene("ipv6_jumbo")
            .talk(vec![jumbo()], |pdu| {
                let length = (pdu.bytes.len() as u32 + 8).to_be_bytes();
                pdu.options(0, &[&[0xc2, 4], &length[..]].concat()).ipv6(AB6, 64, Some(0)).eth().snapped(128)
            })
            .flow(Flow::of("tcp", AB6, [1, 70_068], [0, 0]).on(PORTS)),
        // Short packets are filled up to 60 bytes of frame; what is behind the packet does not count.
        scene("padding")
            .talk(vec![data(There, b"x").udp(PORTS)], |pdu| pdu.ip(AB4).eth().padded(&[0; 17]))
            .talk(tcp(), |pdu| pdu.ip(AB4).eth().padded(&[0xee; 6]))
            .flows([Flow::of("udp", AB4, [1, 29], [0, 0]).on(PORTS), Flow::tcp(AB4)]),
        scene("pings").over(AB4, ping()).over(AB6, ping6()).flows([Flow::ping(AB4), Flow::ping(AB6)]),
    ]
}
