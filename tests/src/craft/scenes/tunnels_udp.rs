//! Tunnels in UDP.

use super::links::arp;
use crate::craft::capture::{Capture, capture};
use crate::craft::ends::Way::{Back, There};
use crate::craft::ends::{AB4, AB6, Ends, XY4, XY6};
use crate::craft::expect::Flow;
use crate::craft::link::OUTER;
use crate::craft::pdu::Pdu;
use crate::craft::talk::{PORTS, data, ping, tcp, udp};
use crate::craft::transport::{self, SYN};

pub fn captures() -> Vec<Capture> {
    let mut all = vxlan();
    all.extend(vxlan_within());
    all.extend(no_vxlan());
    all.extend(gpe());
    all.extend(geneve());
    all.extend(gtp());
    all.extend(labels_and_sessions());
    all
}

/// Source and destination port of a tunnel on both ways.
const fn from(port: u16) -> [u16; 2] {
    [50_001, port]
}

fn scene(name: &'static str) -> Capture {
    capture("tunnels", name)
}

fn tunnelled(flow: Flow, kind: &str, outer: Ends, port: u16, overhead: u64) -> Flow {
    flow.tunnel(kind, outer, "udp", overhead).outer_ports(from(port))
}

/// The flow of the UDP datagrams themselves, where what they carry is not opened. Datagrams to a port are packets there.
fn carrier(port: u16, there: [u64; 2], back: [u64; 2]) -> Flow {
    Flow::of("udp", XY4, there, back).on(from(port))
}

fn vxlan() -> Vec<Capture> {
    let wrap = |inner: Ends, outer: Ends, port: u16| {
        move |pdu: Pdu| pdu.ip(inner).frame().vxlan(42).udp_to(from(port)).ip(outer).eth()
    };
    // Headers of IP, UDP, VXLAN, Ethernet.
    let [v4, v6] = [20 + 8 + 8 + 14, 40 + 8 + 8 + 14];
    let flow = |flow: Flow, outer, port, overhead| tunnelled(flow.framed(), "vxlan", outer, port, overhead).id(42);
    vec![
        scene("vxlan").talk(tcp(), wrap(AB4, XY4, 4789)).flow(flow(Flow::tcp(AB4), XY4, 4789, v4)),
        scene("vxlan_inner_v6").talk(tcp(), wrap(AB6, XY4, 4789)).flow(flow(Flow::tcp(AB6), XY4, 4789, v4)),
        scene("vxlan_outer_v6")
            .talk(tcp(), wrap(AB4, XY6, 4789))
            .talk(udp(), wrap(AB6, XY6, 4789))
            .flow(flow(Flow::tcp(AB4), XY6, 4789, v6))
            .flow(flow(Flow::udp(AB6), XY6, 4789, v6)),
        // Linux had VXLAN on this port first; tshark does not know it.
        scene("vxlan_8472").talk(tcp(), wrap(AB4, XY4, 8472)).flow(flow(Flow::tcp(AB4), XY4, 8472, v4)),
    ]
}

fn vxlan_within() -> Vec<Capture> {
    let flow = |flow: Flow, overhead| tunnelled(flow.framed(), "vxlan", XY4, 4789, overhead).id(42);
    let inner_padded = |pdu: Pdu| pdu.ip(AB4).frame().padded(&[0; 6]);
    vec![
        // Tags are those of the outermost frame: a tag within a tunnel is overhead.
        scene("vxlan_inner_vlan")
            .talk(tcp(), |pdu| pdu.ip(AB4).vlan(200).frame().vxlan(42).udp_to(from(4789)).ip(XY4).eth())
            .flow(flow(Flow::tcp(AB4), 54)),
        scene("vxlan_both_vlan")
            .talk(tcp(), |pdu| pdu.ip(AB4).vlan(200).frame().vxlan(42).udp_to(from(4789)).ip(XY4).vlan(100).eth())
            .flow(flow(Flow::tcp(AB4), 54).with("network.vlan.id", 100)),
        // Padding of the frame inside is overhead: it was in the outer packet and is not in the inner one.
        scene("vxlan_inner_padding")
            .talk(udp(), |pdu| inner_padded(pdu).vxlan(42).udp_to(from(4789)).ip(XY4).eth())
            .flow(flow(Flow::udp(AB4), 56)),
        // No IP inside: the flow is the tunnel's. 20 + 8 + 8 + 14 + 28 bytes; both ways go to the same port, so they are
        // two flows.
        scene("vxlan_arp")
            .talk(vec![arp(There, 1), arp(Back, 2)], |pdu| pdu.frame().vxlan(42).udp_to(from(4789)).ip(XY4).eth())
            .flow(carrier(4789, [1, 78], [0, 0]))
            .flow(Flow { ends: [XY4[1], XY4[0]], mac: Some(OUTER[1]), ..carrier(4789, [1, 78], [0, 0]) }),
    ]
}

fn no_vxlan() -> Vec<Capture> {
    let one = |pdu: Pdu| vec![pdu];
    let inside = || udp().swap_remove(0).ip(AB4).frame();
    let question = |bytes: u64| carrier(4789, [1, 28 + bytes], [0, 0]);
    vec![
        // RFC 7348 section 5: the I flag must be set for a valid VNI. tshark opens it all the same.
        scene("vxlan_without_flag")
            .talk(one(inside().vxlan_flags([0; 4], 42)), |pdu| pdu.udp_to(from(4789)).ip(XY4).eth())
            .flow(question(8 + 14 + 40)),
        scene("vxlan_garbage")
            .talk(one(data(There, b"\xffno tunnel at all, whatever the port may say")), |pdu| {
                pdu.udp_to(from(4789)).ip(XY4).eth()
            })
            .flow(question(44)),
        scene("vxlan_too_short")
            .talk(one(data(There, &[8, 0, 0, 0, 0])), |pdu| pdu.udp_to(from(4789)).ip(XY4).eth())
            .flow(question(5)),
        // Tunnels go by the destination port; tshark goes by either. Neither port is ephemeral: the sender is the source.
        scene("vxlan_source_port")
            .talk(one(inside().vxlan(42)), |pdu| pdu.udp_to([4789, 20_000]).ip(XY4).eth())
            .flow(question(8 + 14 + 40).on([4789, 20_000])),
        scene("vxlan_tcp")
            .talk(vec![transport::tcp(There, from(4789), SYN, [1, 0], &inside().vxlan(42).bytes)], |pdu| {
                pdu.ip(XY4).eth()
            })
            .flow(Flow::of("tcp", XY4, [1, 40 + 62], [0, 0]).on(from(4789))),
    ]
}

fn gpe() -> Vec<Capture> {
    let flow = |flow: Flow, overhead| tunnelled(flow, "vxlan-gpe", XY4, 4790, overhead).id(42);
    let outer = |pdu: Pdu| pdu.vxlan_gpe(42).udp_to(from(4790)).ip(XY4).eth();
    vec![
        scene("vxlan_gpe_v4").talk(tcp(), |pdu| outer(pdu.ip(AB4))).flow(flow(Flow::tcp(AB4), 36)),
        scene("vxlan_gpe_v6").talk(tcp(), |pdu| outer(pdu.ip(AB6))).flow(flow(Flow::tcp(AB6), 36)),
        scene("vxlan_gpe_ethernet")
            .talk(tcp(), |pdu| outer(pdu.ip(AB4).frame()))
            .flow(flow(Flow::tcp(AB4).framed(), 50)),
    ]
}

fn geneve() -> Vec<Capture> {
    let flow = |flow: Flow, overhead| tunnelled(flow, "geneve", XY4, 6081, overhead).id(42);
    let outer = |options: &'static [u8]| move |pdu: Pdu| pdu.geneve(42, options).udp_to(from(6081)).ip(XY4).eth();
    // RFC 8926 section 3.5: class, type, length in units of 4 bytes, data; one without data.
    const OPTIONS: &[u8] = &[1, 2, 3, 2, 9, 9, 9, 9, 8, 8, 8, 8, 1, 2, 4, 0];
    vec![
        scene("geneve").talk(tcp(), |pdu| outer(&[])(pdu.ip(AB4).frame())).flow(flow(Flow::tcp(AB4).framed(), 50)),
        scene("geneve_options")
            .talk(tcp(), |pdu| outer(OPTIONS)(pdu.ip(AB4).frame()))
            .talk(udp(), |pdu| outer(OPTIONS)(pdu.ip(AB6).frame()))
            .flow(flow(Flow::tcp(AB4).framed(), 66))
            .flow(flow(Flow::udp(AB6).framed(), 66)),
        scene("geneve_ip")
            .talk(tcp(), |pdu| outer(&[])(pdu.ip(AB4)))
            .talk(udp(), |pdu| outer(OPTIONS)(pdu.ip(AB6)))
            .flow(flow(Flow::tcp(AB4), 36))
            .flow(flow(Flow::udp(AB6), 52)),
        // Version 1 does not exist; tshark says so, and opens it.
        scene("geneve_version")
            .talk(vec![udp().swap_remove(0).ip(AB4).geneve(42, &[])], |mut pdu| {
                pdu.bytes[0] = 0x40;
                pdu.udp_to(from(6081)).ip(XY4).eth()
            })
            .flow(carrier(6081, [1, 28 + 8 + 40], [0, 0])),
    ]
}

fn gtp() -> Vec<Capture> {
    // Ports of GTP-U are the same at both ends.
    let ports = [2152, 2152];
    let flow = |flow: Flow, overhead| flow.tunnel("gtp", XY4, "udp", overhead).outer_ports(ports).id(0x1234);
    let outer =
        |optional: (u8, &'static [u8])| move |pdu: Pdu| pdu.gtp(255, 0x1234, optional).udp_to(ports).ip(XY4).eth();
    // Sequence number, N-PDU number, next extension header; then length 1, a PDU session container, none behind it.
    const SEQUENCE: (u8, &[u8]) = (2, &[0, 9, 0, 0]);
    const EXTENSION: (u8, &[u8]) = (4, &[0, 0, 0, 0x85, 1, 0, 9, 0]);
    let echo = |way, kind| data(way, &[]).gtp(kind, 0, SEQUENCE);
    vec![
        scene("gtp").talk(tcp(), |pdu| outer((0, &[]))(pdu.ip(AB4))).flow(flow(Flow::tcp(AB4), 36)),
        scene("gtp_sequence").talk(tcp(), |pdu| outer(SEQUENCE)(pdu.ip(AB4))).flow(flow(Flow::tcp(AB4), 40)),
        scene("gtp_extension").talk(tcp(), |pdu| outer(EXTENSION)(pdu.ip(AB6))).flow(flow(Flow::tcp(AB6), 44)),
        // 1 and 2: echo between the ends of the tunnel. The answer has a recovery element.
        scene("gtp_echo")
            .talk(vec![echo(There, 1), data(Back, &[14, 0]).gtp(2, 0, SEQUENCE)], |pdu| pdu.udp_to(ports).ip(XY4).eth())
            .flow(Flow::of("udp", XY4, [1, 40], [1, 42]).on(ports)),
    ]
}

fn labels_and_sessions() -> Vec<Capture> {
    let l2tp = |pdu: Pdu| pdu.ip(AB4).frame().l2tp_udp(77).udp_to([1701, 1701]).ip(XY4).eth();
    vec![
        scene("mpls_udp")
            .talk(tcp(), |pdu| pdu.ip(AB4).mpls(&[1000]).udp_to(from(6635)).ip(XY4).eth())
            .talk(ping(), |pdu| pdu.ip(AB4).mpls(&[1000]).udp_to(from(6635)).ip(XY4).eth())
            .flow(tunnelled(Flow::tcp(AB4), "mpls", XY4, 6635, 32).id(1000))
            .flow(tunnelled(Flow::ping(AB4), "mpls", XY4, 6635, 32).id(1000)),
        scene("mpls_udp_two_labels")
            .talk(udp(), |pdu| pdu.ip(AB6).mpls(&[1000, 2000]).udp_to(from(6635)).ip(XY4).eth())
            .flow(tunnelled(Flow::udp(AB6), "mpls", XY4, 6635, 36).id(2000)),
        scene("l2tp_udp")
            .talk(tcp(), l2tp)
            .flow(Flow::tcp(AB4).framed().tunnel("l2tp", XY4, "udp", 50).id(77).outer_ports([1701, 1701])),
        scene("udp_unknown_port")
            .talk(udp(), |pdu| pdu.ip(AB4).frame().vxlan(42).udp_to(from(4788)).ip(XY4).eth())
            .flow(carrier(4788, [1, 50 + 40], [0, 0]))
            .flow(Flow { ends: [XY4[1], XY4[0]], mac: Some(OUTER[1]), ..carrier(4788, [1, 50 + 52], [0, 0]) })
            .flow(Flow::udp(AB6).on(PORTS))
            .talk(udp(), |pdu| pdu.ip(AB6).eth()),
    ]
}
