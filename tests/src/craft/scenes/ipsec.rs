//! IPsec and WireGuard.

use crate::craft::capture::{Capture, capture};
use crate::craft::ends::Way::{Back, There};
use crate::craft::ends::{AB4, AB6, Ends, XY4, XY6};
use crate::craft::expect::{Flow, ip_header};
use crate::craft::pdu::Pdu;
use crate::craft::talk::{data, tcp, udp};
use crate::craft::transport::{esp, wireguard};
use crate::craft::tunnel::{Gre, ike};

const AH: &str = "flow.ipsec.ah.spi";
const ESP: &str = "flow.ipsec.esp.spi";
const REVERSE_AH: &str = "flow.reverse.ipsec.ah.spi";
const REVERSE_ESP: &str = "flow.reverse.ipsec.esp.spi";
const OUTER_AH: &str = "tunnel.ipsec.ah.spi";
/// SPIs of the two ways: every receiver chooses its own.
const THERE: u32 = 0x1001;
const BACK: u32 = 0x2002;

pub fn captures() -> Vec<Capture> {
    let mut all = encrypted();
    all.extend(authenticated());
    all.extend(in_vxlan());
    all.push(wireguard_messages());
    all.push(wireguard_nonsense());
    all
}

fn scene(name: &'static str) -> Capture {
    capture("tunnels", name)
}

fn spi(pdu: &Pdu) -> u32 {
    if pdu.way == There { THERE } else { BACK }
}

fn ah(pdu: Pdu) -> Pdu {
    let spi = spi(&pdu);
    pdu.ah(spi)
}

fn packets() -> Vec<Pdu> {
    vec![esp(There, THERE), esp(Back, BACK)]
}

/// ESP packets are 40 bytes in IP.
fn esp_flow(ends: Ends) -> Flow {
    let one = [1, ip_header(ends) + 40];
    Flow::of("esp", ends, one, one).with(ESP, THERE).with(REVERSE_ESP, BACK)
}

fn encrypted() -> Vec<Capture> {
    let ports = [4500, 4500];
    // RFC 3948 section 2: ESP, four zero bytes in front of IKE, one byte to keep a translation alive.
    let marked = |way| ike(way).front([0; 4], 0, 255);
    let in_udp = [vec![marked(There), marked(Back)], packets(), vec![data(There, &[0xff])]].concat();
    let [there, back] = [28 + 32 + 28 + 40 + 29, 28 + 32 + 28 + 40];
    vec![
        scene("esp").over(AB4, packets()).flow(esp_flow(AB4)),
        scene("esp_v6").over(AB6, packets()).flow(esp_flow(AB6)),
        scene("esp_udp")
            .talk(in_udp, |pdu| pdu.udp_to(ports).ip(AB4).eth())
            .flow(Flow::of("udp", AB4, [3, there], [2, back]).on(ports).with(ESP, THERE).with(REVERSE_ESP, BACK)),
        scene("ike")
            .talk(vec![ike(There), ike(Back)], |pdu| pdu.udp_to([500, 500]).ip(AB4).eth())
            .flow(Flow::of("udp", AB4, [1, 56], [1, 56]).on([500, 500])),
    ]
}

fn authenticated() -> Vec<Capture> {
    let transport = |flow: Flow| flow.longer(24).with(AH, THERE).with(REVERSE_AH, BACK);
    let tunnel = |flow: Flow, ends: Ends| flow.tunnel("ah", ends, "ah", ip_header(ends) + 24).with(OUTER_AH, THERE);
    vec![
        scene("ah_transport_v4").talk(tcp(), |pdu| ah(pdu).ip(AB4).eth()).flow(transport(Flow::tcp(AB4))),
        scene("ah_transport_v6").talk(tcp(), |pdu| ah(pdu).ip(AB6).eth()).flow(transport(Flow::tcp(AB6))),
        scene("ah_tunnel")
            .talk(tcp(), |pdu| ah(pdu.ip(AB4)).ip(XY4).eth())
            .talk(udp(), |pdu| ah(pdu.ip(AB6)).ip(XY4).eth())
            .flows([tunnel(Flow::tcp(AB4), XY4), tunnel(Flow::udp(AB6), XY4)]),
        scene("ah_tunnel_over_v6").talk(tcp(), |pdu| ah(pdu.ip(AB4)).ip(XY6).eth()).flow(tunnel(Flow::tcp(AB4), XY6)),
        // AH around GRE: the tunnel is GRE's, and the AH is outside of it.
        scene("ah_gre")
            .talk(tcp(), |pdu| ah(pdu.ip(AB4).gre(Gre::default())).ip(XY4).eth())
            .flow(Flow::tcp(AB4).tunnel("gre", XY4, "gre", 20 + 24 + 4).with(OUTER_AH, THERE)),
        // AH around ESP: both are the flow's.
        scene("ah_esp").talk(packets(), |pdu| ah(pdu).ip(AB4).eth()).flow(transport(esp_flow(AB4))),
    ]
}

fn in_vxlan() -> Vec<Capture> {
    let ports = [50_001, 4789];
    let wrap = |pdu: Pdu| pdu.ip(AB4).frame().vxlan(42).udp_to(ports).ip(XY4).eth();
    let within = |flow: Flow| flow.framed().tunnel("vxlan", XY4, "udp", 50).id(42).outer_ports(ports);
    vec![
        scene("vxlan_esp").talk(packets(), wrap).flow(within(esp_flow(AB4))),
        scene("vxlan_ah_transport")
            .talk(tcp(), |pdu| wrap(ah(pdu)))
            .flow(within(Flow::tcp(AB4).longer(24)).with(AH, THERE).with(REVERSE_AH, BACK)),
    ]
}

/// WireGuard (its whitepaper, section 5.4): all four types; each end chooses an index.
fn wireguard_messages() -> Capture {
    let [mine, yours] = [0x0a0b_0c0d, 0x0102_0304];
    let initiation = wireguard(There, 1, 148, &[(4, mine)]);
    let response = wireguard(Back, 2, 92, &[(4, yours), (8, mine)]);
    let cookie = wireguard(Back, 3, 64, &[(4, mine)]);
    let there = wireguard(There, 4, 32 + 16, &[(4, yours)]);
    let back = wireguard(Back, 4, 32 + 32, &[(4, mine)]);
    let talk = vec![initiation, response, cookie, there, back];
    let ports = [51_821, 51_820];
    let flow = |ends| {
        let each = ip_header(ends) + 8;
        Flow::of("udp", ends, [2, 2 * each + 148 + 48], [3, 3 * each + 92 + 64 + 64])
            .on(ports)
            .with("flow.ipsec.sender_index", mine)
            .with("flow.ipsec.receiver_index", yours)
            .with("flow.reverse.ipsec.sender_index", yours)
            .with("flow.reverse.ipsec.receiver_index", mine)
    };
    let wrap = |ends| move |pdu: Pdu| pdu.udp(ports).ip(ends).eth();
    // Port 51821 is ephemeral, 51820 is too: nobody says who began, and the sender of the first packet is the source.
    scene("wireguard").talk(talk.clone(), wrap(AB4)).talk(talk, wrap(AB6)).flows([flow(AB4), flow(AB6)])
}

/// Port 51820 and no WireGuard: a length that does not fit its type, a type that does not exist, bytes that are not 0.
fn wireguard_nonsense() -> Capture {
    let mut reserved = wireguard(There, 4, 48, &[]);
    reserved.bytes[2] = 1;
    let talk = vec![wireguard(There, 1, 100, &[]), wireguard(There, 5, 48, &[]), reserved];
    scene("wireguard_nonsense")
        .talk(talk, |pdu| pdu.udp([50_001, 51_820]).ip(AB4).eth())
        .flow(Flow::of("udp", AB4, [3, 3 * 28 + 100 + 48 + 48], [0, 0]).on([50_001, 51_820]))
}
