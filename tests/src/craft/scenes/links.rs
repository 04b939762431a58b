//! Ethernet: tags, labels, sessions, and frames without IP.

use crate::craft::capture::{Capture, capture};
use crate::craft::ends::Way::{self, Back, There};
use crate::craft::ends::{AB4, AB6, octets};
use crate::craft::expect::Flow;
use crate::craft::link::{Mac, OUTER};
use crate::craft::pdu::Pdu;
use crate::craft::talk::{tcp, udp};

/// IEEE 802.1D: the bridge group address.
const BRIDGES: [Mac; 2] = [OUTER[0], [0x01, 0x80, 0xc2, 0, 0, 0]];
/// IEEE 802.1AB: the nearest bridge.
const NEAREST: [Mac; 2] = [OUTER[0], [0x01, 0x80, 0xc2, 0, 0, 0x0e]];
const BROADCAST: [Mac; 2] = [OUTER[0], [0xff; 6]];

const VLAN: &str = "network.vlan.id";
const INNER_VLAN: &str = "network.inner.vlan.id";

pub fn captures() -> Vec<Capture> {
    let mut all = tags();
    all.extend(labels());
    all.extend(without_ip());
    all
}

fn link(name: &'static str) -> Capture {
    capture("links", name)
}

fn tags() -> Vec<Capture> {
    vec![
        link("ethernet").over(AB4, tcp()).over(AB6, tcp()).flows([Flow::tcp(AB4), Flow::tcp(AB6)]),
        link("llc_snap")
            .talk(tcp(), |pdu| pdu.ip(AB4).snap().ieee8023(OUTER))
            .talk(udp(), |pdu| pdu.ip(AB6).snap().ieee8023(OUTER))
            .flows([Flow::tcp(AB4), Flow::udp(AB6)]),
        link("vlan")
            .talk(tcp(), |pdu| pdu.ip(AB4).vlan(100).eth())
            .talk(udp(), |pdu| pdu.ip(AB6).vlan(100).eth())
            .flows([Flow::tcp(AB4).with(VLAN, 100), Flow::udp(AB6).with(VLAN, 100)]),
        // Priority 5, drop eligible: only the lower 12 bits are the number.
        link("vlan_priority_bits")
            .talk(tcp(), |pdu| pdu.ip(AB4).tag(0x8100, 0xb064).eth())
            .flow(Flow::tcp(AB4).with(VLAN, 100)),
        // IEEE 802.1Q table 9-2: number 0 says that the tag has a priority and no VLAN.
        link("vlan_priority_tag").talk(tcp(), |pdu| pdu.ip(AB4).tag(0x8100, 0xe000).eth()).flow(Flow::tcp(AB4)),
        link("qinq")
            .talk(tcp(), |pdu| pdu.ip(AB4).vlan(200).tag(0x88a8, 100).eth())
            .flow(Flow::tcp(AB4).with(VLAN, 100).with(INNER_VLAN, 200)),
        link("vlan_three")
            .talk(udp(), |pdu| pdu.ip(AB4).vlan(300).vlan(200).tag(0x88a8, 100).eth())
            .talk(udp(), |pdu| pdu.ip(AB6).vlan(300).vlan(200).vlan(100).eth())
            .flows([AB4, AB6].map(|ends| Flow::udp(ends).with(VLAN, 100).with(INNER_VLAN, 300))),
        link("vlan_llc_snap")
            .talk(tcp(), |mut pdu| {
                pdu = pdu.ip(AB4).snap();
                pdu.ether_type = pdu.bytes.len() as u16;
                pdu.vlan(100).eth()
            })
            .flow(Flow::tcp(AB4).with(VLAN, 100)),
    ]
}

fn labels() -> Vec<Capture> {
    vec![
        link("mpls")
            .talk(tcp(), |pdu| pdu.ip(AB4).mpls(&[16]).eth())
            .talk(udp(), |pdu| pdu.ip(AB6).mpls(&[17]).eth())
            .flows([Flow::tcp(AB4), Flow::udp(AB6)]),
        link("mpls_three")
            .talk(tcp(), |pdu| pdu.ip(AB4).mpls(&[1000, 2000, 3000]).eth())
            .talk(udp(), |pdu| pdu.ip(AB6).mpls(&[1000, 2000, 3000]).eth())
            .flows([Flow::tcp(AB4), Flow::udp(AB6)]),
        link("mpls_vlan")
            .talk(tcp(), |pdu| pdu.ip(AB4).mpls(&[16]).vlan(100).eth())
            .flow(Flow::tcp(AB4).with(VLAN, 100)),
        // tshark's guess is that there is no control word; `-d mpls.label==17,pwethcw` tells it.
        link("mpls_pseudo_wire")
            .talk(tcp(), |pdu| pdu.ip(AB4).frame().control_word().mpls(&[16, 17]).eth())
            .flow(Flow::tcp(AB4).framed()),
        link("pppoe")
            .talk(tcp(), |pdu| pdu.ip(AB4).ppp().pppoe(7).eth())
            .talk(udp(), |pdu| pdu.ip(AB6).ppp().pppoe(7).eth())
            .flows([Flow::tcp(AB4), Flow::udp(AB6)]),
        link("pppoe_vlan")
            .talk(tcp(), |pdu| pdu.ip(AB4).ppp().pppoe(7).vlan(100).eth())
            .flow(Flow::tcp(AB4).with(VLAN, 100)),
    ]
}

fn without_ip() -> Vec<Capture> {
    let discovery = |way, code, session: u8| {
        // A tag for any service name (RFC 2516 section 5).
        Pdu::of_type(way, 0x8863, [0x11, code, 0, session, 0, 4, 1, 1, 0, 0])
    };
    vec![
        link("arp").talk(vec![arp(There, 1), arp(Back, 2)], Pdu::eth),
        link("lldp").talk(vec![Pdu::of_type(There, 0x88cc, LLDP)], |pdu| pdu.ethernet(NEAREST)),
        link("stp").talk(vec![Pdu::of_type(There, 0, stp())], |pdu| pdu.ieee8023(BRIDGES).padded(&[0; 8])),
        link("pppoe_discovery")
            .talk(vec![discovery(There, 0x09, 0)], |pdu| pdu.ethernet(BROADCAST))
            .talk(vec![discovery(Back, 0x07, 0), discovery(There, 0x19, 0), discovery(Back, 0x65, 7)], Pdu::eth),
    ]
}

/// ARP for IPv4 over Ethernet (RFC 826): 1 request, 2 reply.
pub fn arp(way: Way, operation: u8) -> Pdu {
    let [source, destination] = way.order(OUTER);
    let [from, to] = way.order(AB4).map(octets);
    let asked = if operation == 1 { [0; 6] } else { destination };
    Pdu::of_type(way, 0x0806, [&[0, 1, 8, 0, 6, 4, 0, operation][..], &source, &from, &asked, &to].concat())
}

/// LLDP (IEEE 802.1AB): chassis and port by MAC address, two minutes to live, end.
const LLDP: [u8; 24] = [0x02, 7, 4, 2, 0, 0, 0, 0, 1, 0x04, 7, 3, 2, 0, 0, 0, 0, 1, 0x06, 2, 0, 120, 0, 0];

/// A configuration message of the spanning tree (IEEE 802.1D section 9.3.1), behind LLC.
fn stp() -> Vec<u8> {
    let bridge = [0x80, 0, 2, 0, 0, 0, 0, 1];
    let times = [0, 0, 20, 0, 2, 0, 15, 0];
    [&[0x42, 0x42, 3, 0, 0, 0, 0, 0][..], &bridge, &[0; 4], &bridge, &[0x80, 1, 0], &times].concat()
}
