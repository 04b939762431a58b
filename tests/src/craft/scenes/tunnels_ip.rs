//! IP in IP, L2TPv3 in IP, Teredo.

use crate::craft::capture::{Capture, capture};
use crate::craft::ends::Way::There;
use crate::craft::ends::{AB4, AB6, XY4, XY6, octets};
use crate::craft::expect::Flow;
use crate::craft::pdu::Pdu;
use crate::craft::talk::{data, tcp, udp};
use crate::craft::tunnel::origin_indication;

pub fn captures() -> Vec<Capture> {
    let mut all = ip_in_ip();
    all.extend(l2tp());
    all.extend(teredo());
    all
}

fn scene(name: &'static str) -> Capture {
    capture("tunnels", name)
}

fn ip_in_ip() -> Vec<Capture> {
    let pair = |name, inner, outer, header| {
        scene(name)
            .talk(tcp(), |pdu| pdu.ip(inner).ip(outer).eth())
            .talk(udp(), |pdu| pdu.ip(inner).ip(outer).eth())
            .flow(Flow::tcp(inner).ipip(outer, "tcp", header))
            .flow(Flow::udp(inner).ipip(outer, "udp", header))
    };
    // RFC 8754: a routing header between the two, all segments visited.
    let segments = [&[0, 0, 0, 0][..], &octets(XY6[1])].concat();
    vec![
        pair("ipip", AB4, XY4, 20),
        pair("6in4", AB6, XY4, 20),
        pair("4in6", AB4, XY6, 40),
        pair("6in6", AB6, XY6, 40),
        scene("segment_routing")
            .talk(tcp(), |pdu| pdu.ip(AB4).routing(4, 0, &segments).ip(XY6).eth())
            .flow(Flow::tcp(AB4).ipip(XY6, "tcp", 40 + 24)),
    ]
}

fn l2tp() -> Vec<Capture> {
    let flow = |overhead: u64| Flow::tcp(AB4).framed().tunnel("l2tp", XY4, "l2tp", 20 + overhead).id(77);
    let outer = |rest: &'static [u8]| move |pdu: Pdu| pdu.ip(AB4).frame().l2tp(77, rest).ip(XY4).eth();
    // A cookie of 4 bytes, and the default sublayer with a sequence number (RFC 3931 section 4.6).
    const COOKIE: &[u8] = &[0xc0, 0x0c, 0x1e, 0x55, 0x40, 0, 0, 1];
    // RFC 3931 section 4.1.1.2: session 0 is the control connection: flags, length, connection, two numbers.
    let control = [0xc8, 3, 0, 12, 0, 0, 0, 9, 0, 0, 0, 0];
    vec![
        // tshark shows what is inside as data: it knows a session only from the control messages that made it.
        scene("l2tp").talk(tcp(), outer(&[])).flow(flow(4 + 14)),
        scene("l2tp_cookie").talk(tcp(), outer(COOKIE)).flow(flow(4 + 8 + 14)),
        scene("l2tp_control").talk(vec![data(There, &control).l2tp(0, &[])], |pdu| pdu.ip(XY4).eth()).flow(Flow::of(
            "l2tp",
            XY4,
            [1, 36],
            [0, 0],
        )),
    ]
}

fn teredo() -> Vec<Capture> {
    // Recognised by its destination port, which is the same on both ways here.
    let outer = |pdu: Pdu| pdu.udp_to([3544, 3544]).ip(XY4).eth();
    let origin = origin_indication(50_001, [198, 51, 100, 1]);
    vec![
        scene("teredo").talk(tcp(), |pdu| outer(pdu.ip(AB6))).flow(Flow::tcp(AB6).ipip(XY4, "tcp", 28)),
        scene("teredo_origin")
            .talk(udp(), |pdu| outer(pdu.ip(AB6).front(&origin, 0, 255)))
            .flow(Flow::udp(AB6).ipip(XY4, "udp", 36)),
        // RFC 4380 section 2.8: a packet without content, to open a way.
        scene("teredo_bubble")
            .talk(vec![Pdu::new(There, 59, [])], |pdu| outer(pdu.ip(AB6)))
            .flow(Flow::of("ipv6-nonxt", AB6, [1, 40], [0, 0]).ipip(XY4, "ipv6-nonxt", 28)),
        // An answer goes to the client's port: the flow is the datagram's. tshark opens it.
        scene("teredo_answer")
            .talk(udp().split_off(1), |pdu| pdu.ip(AB6).udp([50_001, 3544]).ip(XY4).eth())
            .flow(Flow::of("udp", XY4, [0, 0], [1, 28 + 72]).on([50_001, 3544])),
    ]
}
