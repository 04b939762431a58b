//! IPv6 extension headers.

use crate::craft::capture::{Capture, capture};
use crate::craft::ends::Way::{Back, There};
use crate::craft::ends::{AB6, octets, to};
use crate::craft::expect::Flow;
use crate::craft::pdu::Pdu;
use crate::craft::sum;
use crate::craft::talk::{PORTS, data, ping6, tcp, udp};

/// PadN over six bytes (RFC 8200 section 4.2).
const PAD: [u8; 6] = [1, 4, 0, 0, 0, 0];
/// "No next header" (RFC 8200 section 4.7).
const NOTHING: u8 = 59;

pub fn captures() -> Vec<Capture> {
    let mut all = options_and_routing();
    all.extend(last_headers());
    all.extend(cut_short());
    all
}

fn scene(name: &'static str) -> Capture {
    capture("network", name)
}

fn options_and_routing() -> Vec<Capture> {
    // What is on the wire on the way there: to the next segment, and the final one is in the routing header.
    let detour = to(AB6, "2001:db8:3::1");
    let one = |transport_bytes| Flow::of("udp", detour, [1, 40 + transport_bytes], [0, 0]).on(PORTS);
    let last = octets(AB6[1]);
    let routed = |name, kind, data: Vec<u8>| {
        let flow = one(20 + 4 + data.len() as u64);
        let question = udp().swap_remove(0);
        let wrap = |pdu: Pdu| pdu.summed_to(AB6[1]).routing(kind, 1, &data).ip(detour).eth();
        scene(name).talk(vec![question], wrap).flow(flow)
    };
    let reserved = |rest: &[u8]| [&[0; 4], rest].concat();
    // RFC 8754 section 2: last entry, flags, tag, segments with the last one first.
    let segments = [&[1, 0, 0, 0][..], &last, &octets(detour[1])].concat();
    vec![
        scene("ipv6_hop_by_hop").talk(tcp(), |pdu| pdu.options(0, &PAD).ip(AB6).eth()).flow(Flow::tcp(AB6).longer(8)),
        scene("ipv6_destination_options")
            .talk(udp(), |pdu| pdu.options(60, &[&PAD[..], &[1, 6, 0, 0, 0, 0, 0, 0]].concat()).ip(AB6).eth())
            .flow(Flow::udp(AB6).longer(16)),
        routed("ipv6_routing_type_0", 0, reserved(&last)),
        routed("ipv6_routing_type_2", 2, reserved(&last)),
        routed("ipv6_segment_routing", 4, segments),
        scene("ipv6_chain")
            .talk(tcp(), |pdu| {
                let pdu = pdu.options(60, &PAD).ah(0x1001).fragment_header(0, 77);
                pdu.routing(4, 0, &[&[0, 0, 0, 0][..], &last].concat()).options(60, &PAD).options(0, &PAD).ip(AB6).eth()
            })
            .flow({
                let flow = Flow::tcp(AB6).longer(8 + 8 + 24 + 8 + 24 + 8).with("flow.ipsec.ah.spi", 0x1001);
                flow.with("flow.reverse.ipsec.ah.spi", 0x1001)
            }),
        scene("ipv6_many_options")
            .talk(ping6(), |pdu| (0..4).fold(pdu, |pdu, _| pdu.options(60, &PAD)).options(0, &PAD).ip(AB6).eth())
            .flow(Flow::ping(AB6).longer(40)),
    ]
}

fn last_headers() -> Vec<Capture> {
    let one = |transport, length: u64| Flow::of(transport, AB6, [1, 40 + length], [0, 0]);
    // RFC 6275 section 6.1: no next header, length, type 0 (binding refresh request), checksum.
    let mobility = Pdu::new(There, 135, [NOTHING, 0, 0, 0, 0, 0, 0, 0]).summed(4);
    // RFC 7401 section 5.1: no next header, length, I1, version 2, checksum, controls, two host identity tags.
    let hip = Pdu::new(There, 139, [&[NOTHING, 4, 1, 0x21, 0, 0, 0, 0][..], &[0x20; 32]].concat()).summed(4);
    // RFC 5533 section 5.3: no next header, length, type 1 (I1), checksum, context tag, nonce.
    let shim6 = vec![NOTHING, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9];
    let shim6 = Pdu::new(There, 140, sum::with_internet(shim6, 4));
    vec![
        scene("ipv6_mobility").over(AB6, vec![mobility]).flow(one("mobility-header", 8)),
        scene("ipv6_hip").over(AB6, vec![hip]).flow(one("hip", 40)),
        scene("ipv6_shim6").over(AB6, vec![shim6]).flow(one("shim6", 16)),
        // RFC 5533 section 5.1: a payload extension header with a context tag. tshark does not go on behind it when it
        // says which protocols there are; the flow is the UDP datagram's.
        scene("ipv6_shim6_payload")
            .talk(udp(), |pdu| {
                let next = pdu.protocol;
                pdu.extend([next, 0, 0x80, 0, 0, 0, 0, 7], 140).ip(AB6).eth()
            })
            .flow(Flow::udp(AB6).longer(8)),
        scene("ipv6_no_next_header")
            .over(AB6, vec![Pdu::new(There, NOTHING, b"ignored".as_slice()), Pdu::new(Back, NOTHING, [])])
            .flow(Flow::of("ipv6-nonxt", AB6, [1, 47], [1, 40])),
        scene("ipv6_options_and_nothing")
            .talk(vec![Pdu::new(There, NOTHING, [])], |pdu| pdu.options(60, &PAD).options(0, &PAD).ip(AB6).eth())
            .flow(one("ipv6-nonxt", 16)),
    ]
}

/// Headers that are longer than the packet, or than what was captured of it: the flow has the addresses and the last
/// protocol of which a byte that is there tells, and no ports.
fn cut_short() -> Vec<Capture> {
    let hop_by_hop = Pdu::new(There, 0, [17, 8, 1, 4, 0, 0, 0, 0]);
    let nothing_there = Pdu::new(There, 60, []);
    let datagram = data(There, b"x").udp(PORTS);
    vec![
        scene("ipv6_options_cut_short").over(AB6, vec![hop_by_hop]).flow(Flow::of("udp", AB6, [1, 48], [0, 0])),
        scene("ipv6_options_missing").over(AB6, vec![nothing_there]).flow(Flow::of("ipv6-opts", AB6, [1, 40], [0, 0])),
        // The capture ends within the second header, the packet does not.
        scene("ipv6_snapped")
            .talk(vec![datagram], |pdu| pdu.options(60, &PAD).options(0, &PAD).ip(AB6).eth().snapped(14 + 40 + 12))
            .flow(Flow::of("udp", AB6, [1, 40 + 16 + 9], [0, 0])),
    ]
}
