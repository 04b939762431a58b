//! Pods and nodes: topologies in which a packet crosses several interfaces of a host.
//!
//! Pods have the addresses `10.88.0.N` and `fd88::N` at `eth0`, and know each other's MAC addresses: nobody has to ask.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::netns::{Cable, Host, Namespace};

/// Two pods, and the nodes between them.
#[derive(Debug)]
pub struct Fabric {
    /// What this is called.
    pub name: &'static str,
    /// The nodes that the packets of the pods cross. A flowtrace on each is to see every packet once.
    pub nodes: Vec<Namespace>,
    /// The pods.
    pub pods: Cable,
}

impl Fabric {
    /// Two pods at the bridge of a node.
    pub fn bridged() -> Self {
        let (node, pods) = (bridge(), pods());
        for (host, port) in [(&pods.client, "port-1"), (&pods.server, "port-2")] {
            plug(host, &node, port);
            node.run(&format!("ip link set {port} master br0"));
        }
        Self::of("two pods at a bridge", vec![node], pods)
    }

    /// Two pods, each at an interface of its own, and a node that routes.
    pub fn routed() -> Self {
        let (node, pods) = (Namespace::new(), pods());
        forward(&node);
        for (host, port) in [(&pods.client, "port-1"), (&pods.server, "port-2")] {
            plug(host, &node, port);
            for address in host.addresses {
                node.run(&format!("ip route add {address} dev {port}"));
                node.run(&format!("ip neighbour replace {address} lladdr {} nud permanent dev {port}", mac(host)));
            }
        }
        let fabric = Self::of("two pods, routed", vec![node], pods);
        for (host, peer, port) in [(0, 1, "port-1"), (1, 0, "port-2")] {
            let (host, peer) = (fabric.pod(host), fabric.pod(peer));
            let gateway = fabric.nodes[0].run(&format!("cat /sys/class/net/{port}/address"));
            for address in peer.addresses {
                host.run(&format!("ip neighbour replace {address} lladdr {} nud permanent dev DEV", gateway.trim()));
            }
        }
        fabric
    }

    /// Each pod at the bridge of a node of its own, with VXLAN between the nodes: a packet crosses the pod's port, the
    /// tunnel's device and the NIC.
    pub fn overlay() -> Self {
        let (nodes, pods) = ([bridge(), bridge()], pods());
        nodes[0].connect("nic", &nodes[1], "nic");
        for (number, (node, host)) in nodes.iter().zip([&pods.client, &pods.server]).enumerate() {
            let (own, other) = (number + 1, 2 - number);
            for line in [
                "ip link set nic mtu 1600 up".to_owned(),
                format!("ip address add 192.168.9.{own}/24 dev nic"),
                format!(
                    "ip link add tunnel type vxlan id 42 local 192.168.9.{own} remote 192.168.9.{other} dstport 4789 dev nic"
                ),
                "ip link set tunnel mtu 1500 master br0 up".to_owned(),
            ] {
                node.run(&line);
            }
            plug(host, node, "port");
            node.run("ip link set port master br0");
        }
        Self::of("an overlay of two nodes", nodes.into(), pods)
    }

    /// Two pods behind one port of a node's bridge, which sends back by it what came from it. (They share a NIC by
    /// macvlan, which hands everything out.)
    pub fn hairpin() -> Self {
        let (node, pods, carrier) = (bridge(), pods(), Namespace::new());
        veth(&carrier, "nic", None, &node, "port");
        node.run("ip link set port master br0");
        node.run("bridge link set dev port hairpin on");
        for host in [&pods.client, &pods.server] {
            let kind = "type macvlan mode vepa";
            carrier.run(&format!(
                "ip link add link nic name pod netns {} address {} {kind}",
                host.namespace.name(),
                mac(host)
            ));
            host.run("ip link set pod name DEV up");
        }
        Self::of("a bridge's port in hairpin mode", vec![node, carrier], pods)
    }

    /// The server is a node whose addresses are at a device above its NIC, made by `lines` in which `ABOVE` is its name.
    fn stacked(name: &'static str, lines: &[&str]) -> Self {
        let pods = pods();
        veth(&pods.client.namespace, "eth0", Some(mac(&pods.client)), &pods.server.namespace, "nic");
        let pods = Cable { server: Host { interface: "above", ..pods.server }, ..pods };
        for line in lines {
            pods.server.run(&line.replace("ABOVE", &format!("above address {}", mac(&pods.server))));
        }
        pods.server.run("ip link set DEV up");
        Self::of(name, Vec::new(), pods)
    }

    /// The server's device lies above its NIC and shares that with others.
    pub fn macvlan() -> Self {
        Self::stacked("macvlan above a NIC", &["ip link add link nic name ABOVE type macvlan mode bridge"])
    }

    /// The server's device is a bridge, of which its NIC is a port.
    pub fn bridge_above() -> Self {
        let lines = ["ip link add name ABOVE type bridge mcast_snooping 0", "ip link set nic master above"];
        Self::stacked("a bridge above a NIC", &lines)
    }

    /// Two hosts with two cables, [`WAYS`]. Their addresses are at loopback; packets both ways go by the first.
    pub fn two_ways() -> Self {
        let pods = pods();
        let pods =
            Cable { client: Host { interface: "lo", ..pods.client }, server: Host { interface: "lo", ..pods.server } };
        for way in WAYS {
            veth(&pods.client.namespace, way, Some(mac(&pods.client)), &pods.server.namespace, way);
            pods.server.run(&format!("ip link set {way} address {}", mac(&pods.server)));
        }
        for (host, peer) in [(&pods.client, &pods.server), (&pods.server, &pods.client)] {
            host.run("ip link set lo up");
            for address in host.addresses {
                host.run(&format!("ip address add {address} dev lo"));
            }
            for (address, way) in peer.addresses.iter().flat_map(|address| WAYS.map(|way| (address, way))) {
                host.run(&format!("ip neighbour replace {address} lladdr {} nud permanent dev {way}", mac(peer)));
            }
            send_by(host, peer, WAYS[0]);
        }
        Self { name: "two cables", nodes: Vec::new(), pods }
    }

    fn of(name: &'static str, nodes: Vec<Namespace>, pods: Cable) -> Self {
        for (host, peer) in [(&pods.client, &pods.server), (&pods.server, &pods.client)] {
            host.run("ip link set lo up");
            for (address, length) in host.addresses.iter().zip([24, 64]) {
                host.run(&format!("ip address add {address}/{length} dev DEV nodad"));
            }
            for address in peer.addresses {
                host.run(&format!("ip neighbour replace {address} lladdr {} nud permanent dev DEV", mac(peer)));
            }
        }
        Self { name, nodes, pods }
    }

    fn pod(&self, number: usize) -> &Host {
        if number == 0 { &self.pods.client } else { &self.pods.server }
    }

    /// Every packet is on its own on all interfaces.
    pub fn without_offloads(self) -> Self {
        let namespaces = [&self.pods.client.namespace, &self.pods.server.namespace];
        for namespace in namespaces.into_iter().chain(&self.nodes) {
            for device in devices(namespace) {
                namespace.run(&format!("ethtool -K {device} gro off gso off tso off"));
            }
        }
        self
    }
}

/// The cables of [`Fabric::two_ways`].
pub const WAYS: [&str; 2] = ["way-a", "way-b"];

/// From now on the host sends by this cable what goes to the peer.
pub fn send_by(host: &Host, peer: &Host, way: &str) {
    for (own, peer) in host.addresses.iter().zip(peer.addresses) {
        host.run(&format!("ip route replace {peer} dev {way} src {own}"));
    }
}

/// The interfaces of a namespace, without loopback.
fn devices(namespace: &Namespace) -> Vec<String> {
    let text = namespace.run("ls /sys/class/net");
    text.split_whitespace().filter(|name| *name != "lo").map(str::to_owned).collect()
}

/// The namespace forwards packets.
pub fn forward(node: &Namespace) {
    node.enter(|| {
        for file in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            std::fs::write(format!("/proc/sys/net/{file}"), "1").expect("root may");
        }
    });
}

/// A cable between two namespaces; both ends are up.
pub fn veth(from: &Namespace, device: &str, mac: Option<String>, to: &Namespace, others: &str) {
    let mac = mac.map_or_else(String::new, |mac| format!("address {mac}"));
    from.run(&format!("ip link add {device} {mac} type veth peer name {others} netns {}", to.name()));
    from.run(&format!("ip link set {device} up"));
    to.run(&format!("ip link set {others} up"));
}

/// A namespace with a bridge.
fn bridge() -> Namespace {
    let node = Namespace::new();
    node.run("ip link add br0 type bridge mcast_snooping 0");
    node.run("ip link set br0 up");
    node
}

/// Two pods without a cable.
fn pods() -> Cable {
    let [client, server] = [1, 2].map(|number: u8| Host {
        namespace: Namespace::new(),
        interface: "eth0",
        addresses: [
            Ipv4Addr::new(10, 88, 0, number).into(),
            Ipv6Addr::new(0xfd88, 0, 0, 0, 0, 0, 0, number.into()).into(),
        ],
    });
    Cable { client, server }
}

/// A pod's MAC address, by the last byte of its IPv4 address.
fn mac(pod: &Host) -> String {
    let IpAddr::V4(address) = pod.addresses[0] else { panic!("IPv4 comes first") };
    format!("02:00:00:00:01:{:02x}", address.octets()[3])
}

fn plug(pod: &Host, node: &Namespace, port: &str) {
    veth(&pod.namespace, pod.interface, Some(mac(pod)), node, port);
}
