//! Fragments of both families. What the truth that tshark gives has apart, later fragments, is here in the flow of the
//! first.

use crate::craft::capture::{Capture, capture};
use crate::craft::ends::Way::{Back, There};
use crate::craft::ends::{AB4, AB6, Ends, XY4, to};
use crate::craft::expect::{Flow, ip_header};
use crate::craft::pdu::Pdu;
use crate::craft::talk::{PORTS, data};
use crate::craft::transport::{self, ACK};

pub fn captures() -> Vec<Capture> {
    let mut all = orders();
    all.extend(odd());
    all.extend(pings());
    all
}

/// A datagram of 328 bytes, to be cut at 120 and 240.
fn datagram() -> Pdu {
    data(There, &[0x5a; 320]).udp(PORTS)
}

/// Offsets and lengths of its fragments.
const CUTS: [(usize, usize); 3] = [(0, 120), (120, 120), (240, 88)];

/// Bytes of an IP header and, in IPv6, the fragment header.
const fn header(ends: Ends) -> u64 {
    if ends[0].is_ipv4() { 20 } else { 48 }
}

/// The same for both families; `name`: of the IPv4 and the IPv6 capture.
fn both(names: [&'static str; 2], make: impl Fn(Capture, Ends) -> Capture) -> [Capture; 2] {
    [make(capture("network", names[0]), AB4), make(capture("network", names[1]), AB6)]
}

fn some(cuts: &'static [(usize, usize)], ends: Ends) -> Vec<Pdu> {
    datagram().fragments(ends, 0x77, cuts)
}

fn orders() -> Vec<Capture> {
    let portless = |ends, count, bytes| Flow::of("udp", ends, [count, count * header(ends) + bytes], [0, 0]);
    let flow = move |ends, count, bytes| portless(ends, count, bytes).on(PORTS);
    let rest_first = [CUTS[1], CUTS[0], CUTS[2]];
    let in_order = both(["fragments_v4", "fragments_v6"], |capture, ends| {
        capture.talk(some(&CUTS, ends), Pdu::eth).flow(flow(ends, 3, 328))
    });
    // What comes before the first fragment has no ports that could be known.
    let rest = both(["fragments_rest_first_v4", "fragments_rest_first_v6"], |capture, ends| {
        capture
            .talk(datagram().fragments(ends, 0x77, &rest_first), Pdu::eth)
            .flows([portless(ends, 1, 120), flow(ends, 2, 208)])
    });
    let missing = both(["fragments_first_missing_v4", "fragments_first_missing_v6"], |capture, ends| {
        capture.talk(some(&[(120, 120), (240, 88)], ends), Pdu::eth).flow(portless(ends, 2, 208))
    });
    let overlapping = both(["fragments_overlapping_v4", "fragments_overlapping_v6"], |capture, ends| {
        capture.talk(some(&[(0, 120), (64, 120), (176, 152)], ends), Pdu::eth).flow(flow(ends, 3, 392))
    });
    [in_order, rest, missing, overlapping].concat()
}

fn odd() -> Vec<Capture> {
    // RFC 1858 section 3: the first fragment has the ports and not the flags.
    let tiny = both(["fragments_tiny_v4", "fragments_tiny_v6"], |capture, ends| {
        let segment = transport::tcp(There, PORTS, ACK, [1, 1], &[0x5a; 100]);
        let bytes = 2 * header(ends) + 120;
        capture
            .talk(segment.fragments(ends, 0x77, &[(0, 8), (8, 112)]), Pdu::eth)
            .flow(Flow::of("tcp", ends, [2, bytes], [0, 0]).on(PORTS))
    });
    // RFC 6946: a fragment header around a whole datagram.
    let atomic = capture("network", "fragment_atomic")
        .talk(vec![data(There, &[0x5a; 12]).udp(PORTS), data(Back, &[0x5a; 24]).udp(PORTS)], |pdu| {
            pdu.fragment_header(0, 0x77).ip(AB6).eth()
        })
        .flow(Flow::udp(AB6).longer(8));
    // Datagrams with the same identification: another destination, the other way, and in IPv4 another protocol: in IPv6
    // the protocol does not tell them apart (RFC 791 section 3.2, RFC 8200 section 4.5).
    let same_id = both(["fragments_same_id_v4", "fragments_same_id_v6"], |capture, ends| {
        let other = to(ends, if ends == AB4 { "192.0.2.3" } else { "2001:db8::3" });
        let bytes = 3 * header(ends) + 328;
        let segment = transport::tcp(There, PORTS, ACK, [1, 1], &[0x5a; 308]);
        let answer = data(Back, &[0x5a; 320]).udp(PORTS);
        let mut sets = vec![
            datagram().fragments(ends, 7, &CUTS),
            datagram().fragments(other, 7, &CUTS),
            answer.fragments(ends, 7, &CUTS),
        ];
        let mut flows = vec![
            Flow::of("udp", ends, [3, bytes], [3, bytes]).on(PORTS),
            Flow::of("udp", other, [3, bytes], [0, 0]).on(PORTS),
        ];
        if ends == AB4 {
            sets.insert(1, segment.fragments(ends, 7, &CUTS));
            flows.push(Flow::of("tcp", ends, [3, bytes], [0, 0]).on(PORTS));
        }
        // All first fragments, then all second ones, then all third ones.
        let mixed = (0..3).flat_map(|part| sets.iter().map(move |set| set[part].clone())).collect();
        capture.talk(mixed, Pdu::eth).flows(flows)
    });
    // A VXLAN datagram of 306 bytes (inner packet: 276) in fragments of 160 and 146 bytes: the first holds the inner
    // packet's headers, the second belongs to the outer datagram's ports.
    let tunnel = data(There, &[0x5a; 248]).udp(PORTS).ip(AB4).frame().vxlan(42).udp_to([50_001, 4789]);
    let carried = Flow::of("udp", AB4, [1, ip_header(AB4) + 256], [0, 0]).on(PORTS).framed();
    let tunnel = capture("tunnels", "vxlan_fragmented")
        .talk(tunnel.fragments(XY4, 0x77, &[(0, 160), (160, 146)]), Pdu::eth)
        .flows([
            // The outer packet is shorter than the one inside says it is: what the overhead is, nobody says.
            carried
                .tunnel("vxlan", XY4, "udp", 0)
                .id(42)
                .outer_ports([50_001, 4789])
                .with("tunnel.bytes.delta", serde_json::Value::Null)
                .with("tunnel.bytes.total", serde_json::Value::Null),
            Flow::of("udp", XY4, [1, ip_header(XY4) + 146], [0, 0]).on([50_001, 4789]),
        ]);
    tiny.into_iter().chain([atomic]).chain(same_id).chain([tunnel]).collect()
}

/// Pings of 4000 bytes over a link that takes 1500, both ways.
fn pings() -> Vec<Capture> {
    let scene = |capture: Capture, ends: Ends, cuts: [(usize, usize); 3]| {
        let echo = |way| {
            let data = [0x5a; 4000];
            match (ends == AB4, way == There) {
                (true, there) => transport::icmp(way, if there { 8 } else { 0 }, 0, [0, 7, 0, 1], &data),
                (false, there) => transport::icmp6(way, if there { 128 } else { 129 }, 0, [0, 7, 0, 1], &data),
            }
        };
        let bytes = 4008 + 3 * header(ends);
        let transport = if ends == AB4 { "icmp" } else { "ipv6-icmp" };
        capture
            .talk(echo(There).fragments(ends, 0x77, &cuts), Pdu::eth)
            .talk(echo(Back).fragments(ends, 0x78, &cuts), Pdu::eth)
            .flow(Flow::of(transport, ends, [3, bytes], [3, bytes]))
    };
    vec![
        scene(capture("network", "fragments_ping_v4"), AB4, [(0, 1480), (1480, 1480), (2960, 1048)]),
        scene(capture("network", "fragments_ping_v6"), AB6, [(0, 1448), (1448, 1448), (2896, 1112)]),
    ]
}
