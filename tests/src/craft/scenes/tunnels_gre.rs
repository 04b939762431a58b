//! GRE and what goes by it.

use crate::craft::capture::{Capture, capture};
use crate::craft::ends::{AB4, AB6, XY4, XY6};
use crate::craft::expect::Flow;
use crate::craft::pdu::Pdu;
use crate::craft::talk::{tcp, udp};
use crate::craft::tunnel::Gre;

const PLAIN: Gre = Gre { checksum: false, key: None, sequence: None };
const CHECKSUM: Gre = Gre { checksum: true, ..PLAIN };
const KEY: Gre = Gre { key: Some(0x1234), ..PLAIN };
const SEQUENCE: Gre = Gre { sequence: Some(1), ..PLAIN };
const ALL: Gre = Gre { checksum: true, ..KEY_AND_SEQUENCE };
const KEY_AND_SEQUENCE: Gre = Gre { key: Some(0x1234), sequence: Some(1), checksum: false };
/// RFC 7637 section 3.2: a subnet of 24 bits (42) and a flow of 8 bits.
const SUBNET: Gre = Gre { key: Some(42 << 8 | 7), ..PLAIN };

pub fn captures() -> Vec<Capture> {
    let mut all = plain();
    all.extend(frames());
    all
}

fn scene(name: &'static str) -> Capture {
    capture("tunnels", name)
}

/// Overhead: the IP header and what else is named.
fn gre(flow: Flow, overhead: u64) -> Flow {
    flow.tunnel("gre", XY4, "gre", 20 + overhead)
}

fn plain() -> Vec<Capture> {
    let outer = |fields| move |pdu: Pdu| pdu.gre(fields).ip(XY4).eth();
    let all_fields = outer(ALL);
    vec![
        scene("gre")
            .talk(tcp(), |pdu| outer(PLAIN)(pdu.ip(AB4)))
            .talk(udp(), |pdu| outer(PLAIN)(pdu.ip(AB6)))
            .flows([gre(Flow::tcp(AB4), 4), gre(Flow::udp(AB6), 4)]),
        scene("gre_checksum").talk(tcp(), |pdu| outer(CHECKSUM)(pdu.ip(AB4))).flow(gre(Flow::tcp(AB4), 8)),
        scene("gre_key").talk(tcp(), |pdu| outer(KEY)(pdu.ip(AB4))).flow(gre(Flow::tcp(AB4), 8).id(0x1234)),
        scene("gre_sequence").talk(tcp(), |pdu| outer(SEQUENCE)(pdu.ip(AB4))).flow(gre(Flow::tcp(AB4), 8)),
        scene("gre_all")
            .talk(tcp(), |pdu| all_fields(pdu.ip(AB4)))
            .talk(udp(), |pdu| all_fields(pdu.ip(AB6)))
            .flows([gre(Flow::tcp(AB4), 16).id(0x1234), gre(Flow::udp(AB6), 16).id(0x1234)]),
        scene("gre_over_v6")
            .talk(tcp(), |pdu| pdu.ip(AB4).gre(PLAIN).ip(XY6).eth())
            .talk(udp(), |pdu| pdu.ip(AB6).gre(KEY).ip(XY6).eth())
            .flow(Flow::tcp(AB4).tunnel("gre", XY6, "gre", 44))
            .flow(Flow::udp(AB6).tunnel("gre", XY6, "gre", 48).id(0x1234)),
        // PPTP: the lower half of the key is the call.
        scene("gre_pptp")
            .talk(tcp(), |pdu| pdu.ip(AB4).ppp().hdlc().gre_pptp(9, 1, None).ip(XY4).eth())
            .flow(gre(Flow::tcp(AB4), 12 + 4).id(9)),
        scene("gre_pptp_acknowledged")
            .talk(udp(), |pdu| pdu.ip(AB4).ppp().hdlc().gre_pptp(9, 1, Some(0)).ip(XY4).eth())
            .flow(gre(Flow::udp(AB4), 16 + 4).id(9)),
    ]
}

fn frames() -> Vec<Capture> {
    let framed = |flow: Flow, overhead: u64| gre(flow.framed(), overhead + 14);
    let erspan = |overhead: u64| Flow::tcp(AB4).framed().tunnel("erspan", XY4, "gre", 20 + overhead + 14);
    vec![
        scene("gre_ethernet")
            .talk(tcp(), |pdu| pdu.ip(AB4).frame().gre(PLAIN).ip(XY4).eth())
            .flow(framed(Flow::tcp(AB4), 4)),
        scene("nvgre")
            .talk(tcp(), |pdu| pdu.ip(AB4).frame().gre(SUBNET).ip(XY4).eth())
            .flow(framed(Flow::tcp(AB4), 8).id(42 << 8 | 7)),
        scene("gre_mpls")
            .talk(udp(), |pdu| pdu.ip(AB4).mpls(&[1000]).gre(PLAIN).ip(XY4).eth())
            .flow(gre(Flow::udp(AB4), 4 + 4)),
        // Type I has no header of its own, and no sequence number by which it is told from type II.
        scene("erspan_1").talk(tcp(), |pdu| pdu.ip(AB4).frame().gre_type(PLAIN, 0x88be).ip(XY4).eth()).flow(erspan(4)),
        scene("erspan_2")
            .talk(tcp(), |pdu| pdu.ip(AB4).frame().erspan2(321).gre(SEQUENCE).ip(XY4).eth())
            .flow(erspan(8 + 8).id(321)),
        scene("erspan_3")
            .talk(tcp(), |pdu| pdu.ip(AB4).frame().erspan3(321).gre(SEQUENCE).ip(XY4).eth())
            .flow(erspan(8 + 12).id(321)),
    ]
}
