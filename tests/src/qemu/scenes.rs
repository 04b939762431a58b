//! The scenes: each real tunnel device of the second kernel, with what flowtrace is to say.
//!
//! Overheads are sums of header lengths: Ethernet 14, IPv4 20, IPv6 40, UDP 8, VXLAN and Geneve 8, GRE 4 and 4 each for
//! checksum, key and sequence number (RFC 2784, RFC 2890), ERSPAN 8 (type II) or 12 (type III), L2TPv3 over IP 8 (session
//! and default sublayer, RFC 3931, 4.1.1 and 4.6), AH 24 (12 and an integrity value of 12), destination options with the
//! encapsulation limit 8 (RFC 2473, 4.1.1).

use crate::count::Count;

use super::expect::{ANY, Expect};
use super::scene::{ANSWERED, ANSWERS, ASKED, DATAGRAMS, PINGED, PINGS, SPI, Scene, Traffic, WIREGUARD};

/// The scene of traffic without a tunnel, compared with nftables.
pub const PLAIN: &str = "plain";
/// The same with offloads, compared with the queueing discipline.
pub const OFFLOADS: &str = "offloads";

/// What flowtrace says of all the others.
pub const TUNNELS: &str = "tunnels";

/// All scenes that need more than a plain cable.
pub fn all() -> Vec<Scene> {
    let scenes = [tags(), overlays(), gre(), ip_in_ip(), labels(), nested(), esp(), ah(), wireguard(), headers()]
        .into_iter()
        .flatten();
    scenes.zip(1..).map(|(scene, number)| Scene { number, ..scene }).collect()
}

/// Tags of VLANs: the kernel holds the outer one in metadata.
fn tags() -> Vec<Scene> {
    vec![
        Scene::frames(
            "vlan",
            &["ip link add link DEV name tun type vlan id 42"],
            Expect::inside().with("network.vlan.id", 42),
        ),
        Scene::frames(
            "vlan in the frame",
            &["ethtool -K DEV txvlan off rxvlan off", "ip link add link DEV name tun type vlan id 4094"],
            Expect::inside().with("network.vlan.id", 4094),
        ),
        Scene::frames(
            "qinq",
            &[
                "ip link add link DEV name outer type vlan proto 802.1ad id 100",
                "ip link set outer up",
                "ip link add link outer name tun type vlan id 200",
            ],
            Expect::inside().with("network.vlan.id", 100).with("network.inner.vlan.id", 200),
        ),
    ]
}

/// VXLAN and Geneve.
fn overlays() -> Vec<Scene> {
    vec![
        Scene::frames(
            "vxlan",
            &["ip link add tun type vxlan id 4096 local LOCAL remote REMOTE dstport 4789 dev DEV"],
            Expect::inside().tunnel("vxlan", 0, "udp", 20 + 8 + 8 + 14).id(4096).port(4789),
        ),
        Scene::frames(
            "vxlan over IPv6",
            &["ip link add tun type vxlan id 16777215 local LOCAL6 remote REMOTE6 dstport 8472 dev DEV udp6zerocsumrx"],
            Expect::inside().tunnel("vxlan", 1, "udp", 40 + 8 + 8 + 14).id(16_777_215).port(8472),
        ),
        Scene::routed(
            "vxlan-gpe",
            &[
                "ip link add tun type vxlan external gpe dstport 4790",
                "ip address add INSIDE.OWN/24 dev tun",
                "ip link set tun up",
                "ip route add INSIDE.OTHER/32 encap ip id 5 dst REMOTE dev tun",
            ],
            Expect::inside().tunnel("vxlan-gpe", 0, "udp", 20 + 8 + 8).id(5).port(4790),
        ),
        Scene::frames(
            "geneve",
            &["ip link add tun type geneve id 77 remote REMOTE"],
            Expect::inside().tunnel("geneve", 0, "udp", 20 + 8 + 8 + 14).id(77).port(6081),
        ),
        Scene::frames(
            "geneve over IPv6",
            &["ip link add tun type geneve id 78 remote REMOTE6 udp6zerocsumrx"],
            Expect::inside().tunnel("geneve", 1, "udp", 40 + 8 + 8 + 14).id(78).port(6081),
        ),
        Scene::routed(
            "geneve with an option",
            &[
                "ip link add tun address 02:00:00:00:01:0OWN type geneve external",
                "ip address add INSIDE.OWN/24 dev tun",
                "ip link set tun up",
                "ip neighbour replace INSIDE.OTHER lladdr 02:00:00:00:01:0OTHER nud permanent dev tun",
                "ip route add INSIDE.OTHER/32 encap ip id 79 dst REMOTE geneve_opts 258:1:0a0b0c0d dev tun",
            ],
            Expect::inside().tunnel("geneve", 0, "udp", 20 + 8 + 8 + 8 + 14).id(79).port(6081),
        ),
    ]
}

fn gre() -> Vec<Scene> {
    vec![
        Scene::packets(
            "gre",
            &[0, 1],
            &["ip link add tun type gre local LOCAL remote REMOTE"],
            Expect::inside().tunnel("gre", 0, "gre", 20 + 4),
        ),
        Scene::packets(
            "gre with checksum, key and sequence number",
            &[0, 1],
            &["ip link add tun type gre local LOCAL remote REMOTE key 4294967295 icsum ocsum iseq oseq"],
            Expect::inside().tunnel("gre", 0, "gre", 20 + 4 + 4 + 4 + 4).id(4_294_967_295),
        ),
        Scene::frames(
            "gretap with key",
            &["ip link add tun type gretap local LOCAL remote REMOTE key 7"],
            Expect::inside().tunnel("gre", 0, "gre", 20 + 4 + 4 + 14).id(7),
        ),
        Scene::packets(
            "ip6gre",
            &[0, 1],
            &["ip link add tun type ip6gre local LOCAL6 remote REMOTE6 key 9 encaplimit none"],
            Expect::inside().tunnel("gre", 1, "gre", 40 + 4 + 4).id(9),
        ),
        Scene::frames(
            "ip6gretap behind destination options",
            &["ip link add tun type ip6gretap local LOCAL6 remote REMOTE6 encaplimit 4"],
            Expect::inside().tunnel("gre", 1, "gre", 40 + 8 + 4 + 14),
        ),
        Scene::frames(
            "erspan II",
            &["ip link add tun type erspan seq key 30 local LOCAL remote REMOTE erspan_ver 1 erspan 123"],
            Expect::inside().tunnel("erspan", 0, "gre", 20 + 8 + 8 + 14).id(30),
        ),
        Scene::frames(
            "erspan III",
            &[
                "ip link add tun type erspan seq key 31 local LOCAL remote REMOTE erspan_ver 2 erspan_dir egress erspan_hwid 17",
            ],
            Expect::inside().tunnel("erspan", 0, "gre", 20 + 8 + 12 + 14).id(31),
        ),
    ]
}

/// IP in IP, all four ways.
fn ip_in_ip() -> Vec<Scene> {
    vec![
        Scene::packets(
            "ipip",
            &[0],
            &["ip link add tun type ipip local LOCAL remote REMOTE"],
            Expect::inside().ipip(0, 20),
        ),
        Scene::packets(
            "sit",
            &[1],
            &["ip link add tun type sit local LOCAL remote REMOTE"],
            Expect::inside().ipip(0, 20),
        ),
        Scene::packets(
            "ip6tnl",
            &[0, 1],
            &["ip link add tun type ip6tnl mode any local LOCAL6 remote REMOTE6 encaplimit none"],
            Expect::inside().ipip(1, 40),
        ),
        Scene::packets(
            "ip6tnl behind destination options",
            &[0, 1],
            &["ip link add tun type ip6tnl mode any local LOCAL6 remote REMOTE6 encaplimit 4"],
            Expect::inside().ipip(1, 40 + 8),
        ),
    ]
}

/// MPLS on the cable and in UDP; L2TPv3.
fn labels() -> Vec<Scene> {
    vec![
        Scene::routed(
            "mpls",
            &[
                "modprobe mpls_iptunnel",
                "sysctl -q -w net.mpls.platform_labels=1000",
                "sysctl -q -w net.mpls.conf.DEV.input=1",
                "sysctl -q -w net.mpls.conf.lo.input=1",
                "ip address add INSIDE.OWN/32 dev lo",
                "ip -f mpls route add 100 dev lo",
                "ip -f mpls route add 200 dev lo",
                "ip route add INSIDE.OTHER/32 encap mpls 100/200 via inet REMOTE dev DEV src INSIDE.OWN",
            ],
            Expect::inside(),
        ),
        Scene::routed(
            "mpls in udp",
            &[
                "modprobe mpls_iptunnel",
                "sysctl -q -w net.mpls.platform_labels=1000",
                "modprobe fou",
                "ip fou add port 6635 ipproto 137",
                "ip link add tun type ipip mode mplsip local LOCAL remote REMOTE ttl 64 encap fou encap-sport auto encap-dport 6635",
                "ip link set tun up",
                "sysctl -q -w net.mpls.conf.tun.input=1",
                "ip address add INSIDE.OWN/32 dev lo",
                "ip -f mpls route add 300 dev lo",
                "ip route add INSIDE.OTHER/32 encap mpls 300 dev tun src INSIDE.OWN",
            ],
            Expect::inside().tunnel("mpls", 0, "udp", 20 + 8 + 4).id(300).port(6635),
        ),
        Scene::frames(
            "l2tp",
            &[
                "ip l2tp add tunnel tunnel_id 1 peer_tunnel_id 1 encap ip local LOCAL remote REMOTE",
                "ip l2tp add session name tun tunnel_id 1 session_id 500 peer_session_id 500",
            ],
            Expect::inside().tunnel("l2tp", 0, "l2tp", 20 + 8 + 14).id(500),
        ),
    ]
}

/// A tunnel in a tunnel: the outermost one is named, and each layer's overhead is in the sum.
fn nested() -> Vec<Scene> {
    vec![
        Scene::frames(
            "vxlan in gre in vlan",
            &[
                "ip link add link DEV name tagged type vlan id 7",
                "ip link set tagged address 02:00:00:00:00:0OWN up",
                "ip address add 10.97.0.OWN/24 dev tagged",
                "ip neighbour replace 10.97.0.OTHER lladdr 02:00:00:00:00:0OTHER nud permanent dev tagged",
                "ip link add outer type gre local 10.97.0.OWN remote 10.97.0.OTHER key 6",
                "ip address add 10.98.0.OWN/24 dev outer",
                "ip link set outer up",
                "ip link add tun type vxlan id 8 local 10.98.0.OWN remote 10.98.0.OTHER dstport 4789 dev outer",
            ],
            Expect::inside()
                .with("network.vlan.id", 7)
                .tunnel_between("gre", 0, ["10.97.0.1", "10.97.0.2"], "gre", (20 + 8) + (20 + 8 + 8 + 14))
                .id(6),
        ),
        Scene::packets(
            "ipip in vxlan",
            &[0],
            &[
                "ip link add outer address 02:00:00:00:01:0OWN type vxlan id 8 local LOCAL remote REMOTE dstport 4789 dev DEV",
                "ip address add 10.98.0.OWN/24 dev outer",
                "ip link set outer up",
                "ip neighbour replace 10.98.0.OTHER lladdr 02:00:00:00:01:0OTHER nud permanent dev outer",
                "ip link add tun type ipip local 10.98.0.OWN remote 10.98.0.OTHER",
            ],
            Expect::inside().tunnel("vxlan", 0, "udp", 20 + 8 + 8 + 14).id(8).port(4789).ipip_between(
                0,
                ["10.98.0.1", "10.98.0.2"],
                20,
            ),
        ),
    ]
}

/// ESP: only the carrier can be seen.
fn esp() -> Vec<Scene> {
    let [spi, back] = SPI;
    let esp = |expect: Expect| expect.with("flow.ipsec.esp.spi", spi).with("flow.reverse.ipsec.esp.spi", back);
    vec![
        Scene::untunnelled(
            "esp",
            &[
                "ip xfrm state add src LOCAL dst REMOTE proto esp spi OUT reqid 1 mode transport KEYS",
                "ip xfrm state add src REMOTE dst LOCAL proto esp spi IN reqid 1 mode transport KEYS",
                "ip xfrm policy add src LOCAL dst REMOTE dir out tmpl proto esp reqid 1 mode transport",
            ],
            esp(Expect::carrier("esp", [0; 2], Some(sealed(0, 0)))),
        ),
        Scene::routed(
            "esp, tunnel mode",
            &[
                "ip address add INSIDE.OWN/32 dev lo",
                "ip route add INSIDE.OTHER/32 dev DEV src INSIDE.OWN",
                "ip xfrm state add src LOCAL dst REMOTE proto esp spi OUT reqid 1 mode tunnel KEYS",
                "ip xfrm state add src REMOTE dst LOCAL proto esp spi IN reqid 1 mode tunnel KEYS",
                "ip xfrm policy add src INSIDE.OWN dst INSIDE.OTHER dir out tmpl src LOCAL dst REMOTE proto esp reqid 1 mode tunnel",
                "ip xfrm policy add src INSIDE.OTHER dst INSIDE.OWN dir in tmpl src REMOTE dst LOCAL proto esp reqid 1 mode tunnel",
            ],
            esp(Expect::carrier("esp", [0; 2], Some(sealed(20, 0)))),
        ),
        Scene::routed(
            "esp in udp",
            &[
                "ip address add INSIDE.OWN/32 dev lo",
                "ip route add INSIDE.OTHER/32 dev DEV src INSIDE.OWN",
                "ip xfrm state add src LOCAL dst REMOTE proto esp spi OUT reqid 1 mode tunnel KEYS encap espinudp 4500 4500 0.0.0.0",
                "ip xfrm state add src REMOTE dst LOCAL proto esp spi IN reqid 1 mode tunnel KEYS encap espinudp 4500 4500 0.0.0.0",
                "ip xfrm policy add src INSIDE.OWN dst INSIDE.OTHER dir out tmpl src LOCAL dst REMOTE proto esp reqid 1 mode tunnel",
                "ip xfrm policy add src INSIDE.OTHER dst INSIDE.OWN dir in tmpl src REMOTE dst LOCAL proto esp reqid 1 mode tunnel",
            ],
            esp(Expect::carrier("udp", [4500; 2], Some(sealed(20, 8)))),
        ),
        Scene::routed(
            "esp in gretap",
            &[
                "ip link add tun address 02:00:00:00:01:0OWN type gretap local LOCAL remote REMOTE key 3",
                "ip address add INSIDE.OWN/24 dev tun",
                "ip link set tun up",
                "ip neighbour replace INSIDE.OTHER lladdr 02:00:00:00:01:0OTHER nud permanent dev tun",
                "ip xfrm state add src INSIDE.OWN dst INSIDE.OTHER proto esp spi OUT reqid 1 mode transport KEYS",
                "ip xfrm state add src INSIDE.OTHER dst INSIDE.OWN proto esp spi IN reqid 1 mode transport KEYS",
                "ip xfrm policy add src INSIDE.OWN dst INSIDE.OTHER dir out tmpl proto esp reqid 1 mode transport",
            ],
            esp(Expect::sealed_inside(sealed(0, 0))).tunnel("gre", 0, "gre", 20 + 8 + 14).id(3),
        ),
    ]
}

/// AH: all can be seen.
fn ah() -> Vec<Scene> {
    let [spi, back] = SPI;
    let ah = |expect: Expect| expect.with("flow.ipsec.ah.spi", spi).with("flow.reverse.ipsec.ah.spi", back);
    vec![
        Scene::untunnelled(
            "ah",
            &[
                "ip xfrm state add src LOCAL dst REMOTE proto ah spi OUT reqid 1 mode transport AUTH",
                "ip xfrm state add src REMOTE dst LOCAL proto ah spi IN reqid 1 mode transport AUTH",
                "ip xfrm policy add src LOCAL dst REMOTE dir out tmpl proto ah reqid 1 mode transport",
            ],
            ah(Expect::longer(24)),
        ),
        Scene::routed(
            "ah, tunnel mode",
            &[
                "ip address add INSIDE.OWN/32 dev lo",
                "ip route add INSIDE.OTHER/32 dev DEV src INSIDE.OWN",
                "ip xfrm state add src LOCAL dst REMOTE proto ah spi OUT reqid 1 mode tunnel AUTH",
                "ip xfrm state add src REMOTE dst LOCAL proto ah spi IN reqid 1 mode tunnel AUTH",
                "ip xfrm policy add src INSIDE.OWN dst INSIDE.OTHER dir out tmpl src LOCAL dst REMOTE proto ah reqid 1 mode tunnel",
                "ip xfrm policy add src INSIDE.OTHER dst INSIDE.OWN dir in tmpl src REMOTE dst LOCAL proto ah reqid 1 mode tunnel",
            ],
            Expect::inside().tunnel("ah", 0, "ah", 20 + 24).with("tunnel.ipsec.ah.spi", spi),
        ),
        Scene::packets(
            "gre behind ah",
            &[0, 1],
            &[
                "ip link add tun type gre local LOCAL remote REMOTE key 3",
                "ip xfrm state add src LOCAL dst REMOTE proto ah spi OUT reqid 1 mode transport AUTH",
                "ip xfrm state add src REMOTE dst LOCAL proto ah spi IN reqid 1 mode transport AUTH",
                "ip xfrm policy add src LOCAL dst REMOTE dir out tmpl proto ah reqid 1 mode transport",
            ],
            Expect::inside().tunnel("gre", 0, ANY, 20 + 24 + 8).id(3).with("tunnel.ipsec.ah.spi", spi),
        ),
    ]
}

fn wireguard() -> Vec<Scene> {
    vec![Scene::packets(
        "wireguard",
        &[0, 1],
        &[
            "ip link add tun type wireguard",
            "wg set tun private-key PRIVATE listen-port PORT peer PEER allowed-ips 0.0.0.0/0,::/0 endpoint REMOTE:PEERPORT",
        ],
        Expect::carrier("udp", WIREGUARD, None)
            .with("flow.ipsec.sender_index", ANY)
            .with("flow.ipsec.receiver_index", ANY)
            .with("flow.reverse.ipsec.sender_index", ANY)
            .with("flow.reverse.ipsec.receiver_index", ANY),
    )]
}

/// What client and server send of ESP with AES-CBC and HMAC-SHA-256-96: payloads, `inner` more bytes of a header inside,
/// padding to 16 and two bytes (RFC 4303, 2.4), the header of 8, an initialisation vector of 16, an integrity value of
/// 12, `outer` bytes of UDP, IPv4.
fn sealed(inner: usize, outer: usize) -> [Count; 2] {
    let one = |payload: usize| (20 + outer + 8 + 16 + (inner + payload + 2).next_multiple_of(16) + 12) as u64;
    [(DATAGRAMS, ASKED), (ANSWERS, ANSWERED)].map(|(times, length)| Count {
        packets: (times + PINGS) as u64,
        bytes: times as u64 * one(8 + length) + PINGS as u64 * one(8 + PINGED),
    })
}

/// Fragments of both IP versions: they belong to their datagram's flow.
fn headers() -> Vec<Scene> {
    let scene = Scene::untunnelled("fragments", &[], Expect::inside());
    let traffic = Traffic { versions: &[0, 1], longer: 2900, ..scene.traffic };
    vec![Scene { traffic, ..scene }]
}
