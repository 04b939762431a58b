//! Transport protocols, and what else is directly in IP.

use crate::craft::capture::{Capture, capture};
use crate::craft::ends::Way::{Back, There};
use crate::craft::ends::{AB4, AB6, Ends, octets, to};
use crate::craft::expect::{Flow, ip_header};
use crate::craft::link::OUTER;
use crate::craft::pdu::Pdu;
use crate::craft::sum;
use crate::craft::talk::{ANSWER, PORTS, QUESTION, data, ping, ping6, tcp, udp};
use crate::craft::transport::{self, icmp, icmp6};
use crate::craft::tunnel::Gre;

pub fn captures() -> Vec<Capture> {
    let mut all = with_ports();
    all.extend(messages());
    all.extend(errors());
    all.extend(neighbours());
    all.extend(routing());
    all.extend(others());
    all
}

fn scene(name: &'static str) -> Capture {
    capture("transport", name)
}

/// The same conversation over both families; `there` and `back`: its packets and their bytes without IP header.
fn both(name: &'static str, transport: &'static str, talk: Vec<Pdu>, [there, back]: [[u64; 2]; 2]) -> Capture {
    let flow = |ends| {
        let with = |[packets, bytes]: [u64; 2]| [packets, bytes + packets * ip_header(ends)];
        Flow::of(transport, ends, with(there), with(back)).on(PORTS)
    };
    scene(name).over(AB4, talk.clone()).over(AB6, talk).flows([flow(AB4), flow(AB6)])
}

fn with_ports() -> Vec<Capture> {
    let lite = |way, data| transport::udp_lite(way, PORTS, data);
    // RFC 9260 section 3.3: INIT and INIT ACK with a state cookie: tag, window, streams, first sequence number.
    let init = [1, 0, 0, 20, 0, 0, 0, 9, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 5];
    let ack = [2, 0, 0, 28, 0, 0, 0, 8, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 6, 0, 7, 0, 8, 1, 2, 3, 4];
    let sctp = vec![transport::sctp(There, PORTS, 0, &init), transport::sctp(Back, PORTS, 9, &ack)];
    // RFC 4340 section 5.1: 0 request with a service code; 1 response with an acknowledgement and a service code.
    let response = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 42];
    let dccp = vec![transport::dccp(There, PORTS, 0, 1, &[0, 0, 0, 42]), transport::dccp(Back, PORTS, 1, 9, &response)];
    vec![
        scene("tcp").over(AB4, tcp()).over(AB6, tcp()).flows([Flow::tcp(AB4), Flow::tcp(AB6)]),
        scene("udp").over(AB4, udp()).over(AB6, udp()).flows([Flow::udp(AB4), Flow::udp(AB6)]),
        both("udp_lite", "udplite", vec![lite(There, QUESTION), lite(Back, ANSWER)], [[1, 20], [1, 32]]),
        both("sctp", "sctp", sctp, [[1, 32], [1, 40]]),
        both("dccp", "dccp", dccp, [[1, 20], [1, 28]]),
    ]
}

fn messages() -> Vec<Capture> {
    let stamp = |way, kind| icmp(way, kind, 0, [0, 7, 0, 1], &[0; 12]);
    let one = [1, 20 + 20];
    vec![
        scene("icmp_echo").over(AB4, ping()).over(AB6, ping6()).flows([Flow::ping(AB4), Flow::ping(AB6)]),
        scene("icmp_timestamp")
            .over(AB4, vec![stamp(There, 13), stamp(Back, 14)])
            .flow(Flow::of("icmp", AB4, one, one)),
    ]
}

/// Errors quote the packet that they are about; what they quote is not counted. An error is a flow of its own.
fn errors() -> Vec<Capture> {
    let question = || data(There, QUESTION).udp(PORTS);
    let quoted = |ends| question().ip(ends).bytes;
    let asked = |ends| Flow::of("udp", ends, [1, ip_header(ends) + 20], [0, 0]).on(PORTS);
    let error = |transport, ends: Ends| {
        let bytes = ip_header(ends) + 8 + ip_header(ends) + 20;
        Flow::of(transport, [ends[1], ends[0]], [1, bytes], [0, 0])
    };
    let from_answering = |flow: Flow| flow.mac(OUTER[1]);
    // 3/3 and 1/4: port unreachable; 11/0 and 3/0: hop limit exceeded in transit.
    let scene_of = |name, v4, v6| {
        scene(name)
            .over(AB4, vec![question(), icmp(Back, v4, if v4 == 3 { 3 } else { 0 }, [0; 4], &quoted(AB4))])
            .over(AB6, vec![question(), icmp6(Back, v6, if v6 == 1 { 4 } else { 0 }, [0; 4], &quoted(AB6))])
            .flows([asked(AB4), from_answering(error("icmp", AB4))])
            .flows([asked(AB6), from_answering(error("ipv6-icmp", AB6))])
    };
    vec![scene_of("icmp_unreachable", 3, 1), scene_of("icmp_time_exceeded", 11, 3)]
}

fn neighbours() -> Vec<Capture> {
    let answering = octets(AB6[1]);
    let link_address = |number| [1, 1, 2, 0, 0, 0, 0, number];
    // RFC 4861 section 4: to the neighbour itself, as it is asked whether it is still there.
    let solicitation = icmp6(There, 135, 0, [0; 4], &[&answering[..], &link_address(1)].concat());
    let advertisement = icmp6(Back, 136, 0, [0x60, 0, 0, 0], &[&answering[..], &[2], &link_address(2)[1..]].concat());
    let probe = icmp6(There, 135, 0, [0; 4], &[&answering[..], &link_address(1)].concat());
    let solicited = to(AB6, "ff02::1:ff00:2");
    let routers = to(AB6, "ff02::2");
    let group = to(AB6, "ff02::16");
    // RFC 3810 section 5.2: one record, exclude nothing, the group asked for; behind a router alert (RFC 2711).
    let all = octets(to(AB6, "ff05::2")[1]);
    let report = icmp6(There, 143, 0, [0, 0, 0, 1], &[&[4, 0, 0, 0][..], &all].concat());
    let one = |ends, length: u64| Flow::of("ipv6-icmp", ends, [1, 40 + length], [0, 0]);
    vec![
        scene("icmp6_neighbour")
            .talk(vec![solicitation, advertisement], |pdu| pdu.ip_hops(AB6, 255).eth())
            .flow(Flow::of("ipv6-icmp", AB6, [1, 72], [1, 72])),
        scene("icmp6_neighbour_multicast")
            .talk(vec![probe], |pdu| pdu.ip_hops(solicited, 255).eth())
            .flow(one(solicited, 32)),
        scene("icmp6_router_solicitation")
            .talk(vec![icmp6(There, 133, 0, [0; 4], &link_address(1))], |pdu| pdu.ip_hops(routers, 255).eth())
            .flow(one(routers, 16)),
        scene("icmp6_multicast_report")
            .talk(vec![report], |pdu| pdu.options(0, &[5, 2, 0, 0, 1, 0]).ip_hops(group, 1).eth())
            .flow(one(group, 8 + 28)),
    ]
}

/// Protocols of routers: each a message to the group of its kind.
fn routing() -> Vec<Capture> {
    let summed = |protocol, at, bytes: Vec<u8>| Pdu::new(There, protocol, sum::with_internet(bytes, at));
    let scene_of = |name, transport, message: Pdu, group, hops| {
        let ends = to(AB4, group);
        let bytes = 20 + message.bytes.len() as u64;
        let flow = Flow::of(transport, ends, [1, bytes], [0, 0]);
        scene(name).talk(vec![message], |pdu| pdu.ip_hops(ends, hops).eth()).flow(flow)
    };
    let me = [192, 0, 2, 1];
    // RFC 2236 section 2: version 2 report.
    let igmp = summed(2, 2, vec![0x16, 0, 0, 0, 233, 252, 0, 1]);
    // RFC 2328 appendix A.3.2: version, hello, length, router, area, checksum, no authentication.
    let hello = [&[2, 1, 0, 44][..], &me, &[0; 16], &[255, 255, 255, 0, 0, 10, 2, 1, 0, 0, 0, 40], &[0; 8]].concat();
    // RFC 3768 section 5.1: advertisement, router 7, priority 100, one address, every second.
    let vrrp = summed(112, 6, [&[0x21, 7, 100, 1, 0, 1, 0, 0, 192, 0, 2, 9][..], &[0; 8]].concat());
    // RFC 7761 section 4.9.2: hello with a hold time.
    let pim = summed(103, 2, vec![0x20, 0, 0, 0, 0, 1, 0, 2, 0, 105]);
    // RFC 2205 section 3.1.1, RFC 3209 section 5: hello request.
    let rsvp = summed(46, 2, vec![0x10, 20, 0, 0, 1, 0, 0, 20, 0, 12, 22, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
    // RFC 7868 section 6.6: version 2, hello, AS 1, parameters.
    let eigrp = [&[2, 5, 0, 0][..], &[0; 12], &[0, 0, 0, 1], &[0, 1, 0, 12, 1, 0, 1, 0, 0, 0, 0, 15]].concat();
    vec![
        scene_of("igmp", "igmp", igmp, "233.252.0.1", 1),
        scene_of("ospf", "ospfigp", summed(89, 12, hello), "224.0.0.5", 1),
        scene_of("vrrp", "vrrp", vrrp, "224.0.0.18", 255),
        scene_of("pim", "pim", pim, "224.0.0.13", 1),
        scene_of("rsvp", "rsvp", rsvp, "192.0.2.2", 64),
        scene_of("eigrp", "eigrp", summed(88, 2, eigrp), "224.0.0.10", 2),
    ]
}

fn others() -> Vec<Capture> {
    let each_way = |protocol| vec![Pdu::new(There, protocol, QUESTION), Pdu::new(Back, protocol, ANSWER)];
    let flow = |transport, ends, more| {
        let header = ip_header(ends) + more;
        Flow::of(transport, ends, [1, header + 12], [1, header + 24])
    };
    vec![
        // A protocol type that nobody can open: GRE itself is the flow.
        scene("gre_unknown")
            .talk(each_way(253), |pdu| pdu.gre_type(Gre { key: Some(5), ..Gre::default() }, 0x1234).ip(AB4).eth())
            .flow(flow("gre", AB4, 8)),
        // AH around a protocol without ports.
        scene("ah").talk(each_way(253), |pdu| pdu.ah(0x1001).ip(AB4).eth()).flow({
            let flow = flow("253", AB4, 24).with("flow.ipsec.ah.spi", 0x1001);
            flow.with("flow.reverse.ipsec.ah.spi", 0x1001)
        }),
        // Protocols without a name (RFC 3692: 253 is for experiments).
        scene("protocol_253")
            .over(AB4, each_way(253))
            .over(AB6, each_way(253))
            .flows([flow("253", AB4, 0), flow("253", AB6, 0)]),
    ]
}
