//! Tunnels in tunnels.

use crate::craft::capture::{Capture, capture};
use crate::craft::ends::{AB4, AB6, Ends, PQ4, PQ6, XY4, XY6};
use crate::craft::expect::Flow;
use crate::craft::pdu::Pdu;
use crate::craft::talk::{tcp, udp};
use crate::craft::tunnel::Gre;

const PORTS: [u16; 2] = [50_001, 4789];
/// IP, UDP, VXLAN, Ethernet.
const VXLAN: u64 = 20 + 8 + 8 + 14;

pub fn captures() -> Vec<Capture> {
    let scene = |name| capture("tunnels", name);
    let vxlan = |pdu: Pdu, vni, ends: Ends| pdu.frame().vxlan(vni).udp_to(PORTS).ip(ends);
    let outermost = |flow: Flow, ends, vni, overhead| {
        flow.framed().tunnel("vxlan", ends, "udp", overhead).id(vni).outer_ports(PORTS)
    };
    vec![
        scene("vxlan_in_vxlan").talk(tcp(), |pdu| vxlan(vxlan(pdu.ip(AB4), 42, XY4), 43, PQ4).eth()).flow(outermost(
            Flow::tcp(AB4),
            PQ4,
            43,
            2 * VXLAN,
        )),
        scene("vxlan_in_ipip")
            .talk(tcp(), |pdu| vxlan(pdu.ip(AB4), 42, XY4).ip(PQ4).eth())
            .flow(outermost(Flow::tcp(AB4), XY4, 42, VXLAN).ipip(PQ4, "udp", 20)),
        scene("ipip_in_vxlan")
            .talk(tcp(), |pdu| vxlan(pdu.ip(AB4).ip(XY4), 42, PQ4).eth())
            .flow(outermost(Flow::tcp(AB4), PQ4, 42, VXLAN).ipip(XY4, "tcp", 20)),
        scene("gre_in_vxlan")
            .talk(udp(), |pdu| vxlan(pdu.ip(AB6).gre(Gre { key: Some(5), ..Gre::default() }).ip(XY6), 42, PQ4).eth())
            .flow(outermost(Flow::udp(AB6), PQ4, 42, VXLAN + 40 + 8).without_mac()),
        scene("ipip_in_ipip").talk(tcp(), |pdu| pdu.ip(AB4).ip(XY6).ip(PQ4).eth()).flow(Flow::tcp(AB4).ipip(
            PQ4,
            "ipv4",
            40 + 20,
        )),
        // Four tunnels are opened unless more is asked for.
        scene("ipip_four_deep")
            .talk(tcp(), |pdu| pdu.ip(AB4).ip(XY4).ip(PQ4).ip(XY4).ip(PQ4).eth())
            .flow(Flow::tcp(AB4).ipip(PQ4, "ipv4", 4 * 20)),
        // The fifth is not: the flow is that of the deepest header that was read, which says IPv4 comes next. tshark goes on.
        scene("ipip_five_deep")
            .talk(udp(), |pdu| pdu.ip(AB4).ip(XY4).ip(PQ4).ip(XY4).ip(PQ4).ip(XY4).eth())
            .flow(Flow::of("ipv4", XY4, [1, 60], [1, 72]).ipip(XY4, "ipv4", 4 * 20)),
        scene("6in6_five_deep")
            .talk(udp(), |pdu| pdu.ip(AB6).ip(XY6).ip(PQ6).ip(XY6).ip(PQ6).ip(XY6).eth())
            .flow(Flow::of("ipv6", XY6, [1, 100], [1, 112]).ipip(XY6, "ipv6", 4 * 40)),
    ]
}
