//! Links of capture files that have little or nothing in front of the IP header.

use crate::craft::capture::{Capture, capture};
use crate::craft::ends::Way::There;
use crate::craft::ends::{AB4, AB6};
use crate::craft::expect::Flow;
use crate::craft::link::linktype;
use crate::craft::pdu::Pdu;
use crate::craft::talk::{tcp, udp};

pub fn captures() -> Vec<Capture> {
    let mut all = raw();
    all.extend(cooked());
    all.extend(point_to_point());
    all
}

/// TCP over IPv4 and UDP over IPv6.
fn both(name: &'static str, link: u32, v4: impl Fn(Pdu) -> Pdu, v6: impl Fn(Pdu) -> Pdu) -> Capture {
    capture("links", name)
        .link(link)
        .talk(tcp(), |pdu| v4(pdu.ip(AB4)))
        .talk(udp(), |pdu| v6(pdu.ip(AB6)))
        .flows([Flow::tcp(AB4), Flow::udp(AB6)])
}

fn raw() -> Vec<Capture> {
    // Address families: AF_INET is 2 everywhere; AF_INET6 is 10 on Linux (which tshark does not know), 24 on NetBSD and
    // OpenBSD, 28 on FreeBSD, 30 on macOS.
    let mut families = capture("links", "null_families").link(linktype::NULL).talk(udp(), |pdu| {
        let packet = pdu.ip(AB4);
        packet.behind(2_u32.to_be_bytes())
    });
    for family in [10_u32, 24, 28, 30] {
        families = families.talk(udp(), |pdu| pdu.ip(AB6).behind(family.to_le_bytes()));
        families = families.talk(udp(), |pdu| pdu.ip(AB6).behind(family.to_be_bytes()));
    }
    let [packets_there, packets_back] = [[8, 8 * 60], [8, 8 * 72]];
    let eight = Flow { there: packets_there, back: packets_back, ..Flow::udp(AB6) };
    vec![
        both("raw", linktype::RAW, |pdu| pdu, |pdu| pdu),
        capture("links", "raw_ipv4").link(linktype::IPV4).talk(tcp(), |pdu| pdu.ip(AB4)).flow(Flow::tcp(AB4)),
        capture("links", "raw_ipv6").link(linktype::IPV6).talk(tcp(), |pdu| pdu.ip(AB6)).flow(Flow::tcp(AB6)),
        both("null", linktype::NULL, |pdu| pdu.behind([2, 0, 0, 0]), |pdu| pdu.behind([30, 0, 0, 0])),
        families.flows([Flow::udp(AB4), eight]),
        both("loop", linktype::LOOP, |pdu| pdu.behind([0, 0, 0, 2]), |pdu| pdu.behind([0, 0, 0, 24])),
    ]
}

fn cooked() -> Vec<Capture> {
    let tagged = |ends| Flow::udp(ends).with("network.vlan.id", 100);
    let vlan = |name, link, wrap: fn(Pdu) -> Pdu| {
        let capture = capture("links", name).link(link).talk(udp(), |pdu| wrap(pdu.ip(AB4).vlan(100)));
        capture.flow(tagged(AB4))
    };
    // Attributes of NFLOG: length and number in the order of the host that wrote them, little endian like the file.
    let nflog = |family: u8| {
        move |pdu: Pdu| {
            let length = (4 + pdu.bytes.len()) as u16;
            let payload = [length, 9].map(u16::to_le_bytes).concat();
            // A prefix attribute (10) before the payload (9); each begins at a multiple of 4 bytes.
            let header = [&[family, 0, 0, 5, 6, 0, 10, 0, b'x', 0, 0, 0][..], &payload].concat();
            let filled = pdu.bytes.len().next_multiple_of(4) - pdu.bytes.len();
            pdu.behind(header).padded(&vec![0; filled])
        }
    };
    vec![
        both("linux_sll", linktype::LINUX_SLL, Pdu::sll, Pdu::sll),
        both("linux_sll2", linktype::LINUX_SLL2, Pdu::sll2, Pdu::sll2),
        vlan("linux_sll_vlan", linktype::LINUX_SLL, Pdu::sll),
        vlan("linux_sll2_vlan", linktype::LINUX_SLL2, Pdu::sll2),
        both("nflog", linktype::NFLOG, nflog(2), nflog(10)),
    ]
}

fn point_to_point() -> Vec<Capture> {
    let ppp = |pdu: Pdu| pdu.ppp();
    let hdlc = |pdu: Pdu| pdu.ppp().hdlc();
    // A configure request of LCP (RFC 1661 section 5.1): no IP.
    let lcp = vec![Pdu::of_type(There, 0, [0xff, 3, 0xc0, 0x21, 1, 1, 0, 4])];
    vec![
        both("ppp", linktype::PPP, hdlc, hdlc).talk(lcp, |pdu| pdu),
        both("ppp_without_address", linktype::PPP, ppp, ppp),
        // RFC 1661 section 6.5: a compressed protocol field is one byte, and odd.
        both("ppp_compressed", linktype::PPP, |pdu| pdu.behind([0xff, 3, 0x21]), |pdu| pdu.behind([0x57])),
        both("ppp_hdlc", linktype::PPP_HDLC, hdlc, hdlc),
        // Address (unicast, broadcast), control 0, EtherType.
        both(
            "cisco_hdlc",
            linktype::C_HDLC,
            |pdu| pdu.behind([0x0f, 0, 8, 0]),
            |pdu| pdu.behind([0x8f, 0, 0x86, 0xdd]),
        ),
        // RFC 2427 section 4: address of two bytes (DLCI 100), control, NLPID.
        both(
            "frame_relay",
            linktype::FRELAY,
            |pdu| pdu.behind([0x18, 0x41, 3, 0xcc]),
            |pdu| pdu.behind([0x18, 0x41, 3, 0x8e]),
        ),
        // RFC 2427 section 4.1: control, padding, NLPID of SNAP, organization 0, EtherType.
        both(
            "frame_relay_snap",
            linktype::FRELAY,
            |pdu| pdu.behind([0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0]),
            |pdu| pdu.behind([0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 0x86, 0xdd]),
        ),
    ]
}
