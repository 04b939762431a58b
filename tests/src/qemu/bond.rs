//! Two NICs in a bond, a VLAN above it, and a switch. The bond fails over in the middle.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use crate::counters::statistics;
use crate::fabric::veth;
use crate::netns::{Cable, Host, Namespace};
use crate::talks::{By, Talk};
use crate::traffic;
use crate::truth::{Hook, Kind, Netfilter};
use crate::watch::Watch;

use super::guest::{tell_all, tell_truth};
use super::report::{Fact, Watcher};

/// The scene's name.
pub const NAME: &str = "bond";
/// The ports of the server.
pub const PORTS: [u16; 3] = [7500, 7501, 7502];
/// The slaves, in the order in which they are active. Each for longer than it takes to take over.
const ACTIVE: [&str; 3] = ["slave-1", "slave-2", "slave-1"];
const ROUNDS: usize = 60;
const PAUSE: Duration = Duration::from_millis(40);

/// The addresses of client and server, by IP version.
pub fn ends(version: usize) -> [IpAddr; 2] {
    [1, 2].map(|end| match version {
        0 => Ipv4Addr::new(10, 66, 0, end).into(),
        _ => Ipv6Addr::new(0xfd66, 0, 0, 0, 0, 0, 0, end.into()).into(),
    })
}

/// The client, whose NICs are in a bond, and the server; both say tagged frames to a switch.
fn cable() -> (Cable, Namespace) {
    let host =
        |end: usize| Host { namespace: Namespace::new(), interface: "tagged", addresses: [0, 1].map(|v| ends(v)[end]) };
    let (cable, switch) = (Cable { client: host(0), server: host(1) }, Namespace::new());
    let (client, server) = (&cable.client, &cable.server);
    switch.run("ip link add br0 type bridge mcast_snooping 0");
    switch.run("ip link set br0 up");
    client.run("ip link add nic type bond mode active-backup miimon 50");
    for (slave, port) in [("slave-1", "port-1"), ("slave-2", "port-2")] {
        veth(&client.namespace, slave, None, &switch, port);
        client.run(&format!("ip link set {slave} down"));
        client.run(&format!("ip link set {slave} master nic"));
        switch.run(&format!("ip link set {port} master br0"));
    }
    veth(&server.namespace, "nic", None, &switch, "port-3");
    switch.run("ip link set port-3 master br0");
    for (host, other, own, others) in [(client, server, 1, 2), (server, client, 2, 1)] {
        host.run(&format!("ip link set nic address 02:00:00:00:02:0{own} up"));
        host.run("ip link add link nic name DEV type vlan id 7");
        host.run("ip link set DEV up");
        for (address, length) in host.addresses.iter().zip([24, 64]) {
            host.run(&format!("ip address add {address}/{length} dev DEV nodad"));
        }
        for address in other.addresses {
            host.run(&format!("ip neighbour replace {address} lladdr 02:00:00:00:02:0{others} nud permanent dev DEV"));
        }
    }
    (cable, switch)
}

/// A TCP connection and UDP conversations that go on while the bond fails over; flowtrace watches the bond and all that
/// is above and below it.
pub fn play(facts: &mut Vec<Fact>) {
    let (cable, _switch) = cable();
    let hosts = [&cable.client, &cable.server];
    let truth = hosts.map(|host| Netfilter::count(host, Hook::Ingress));
    let watch = Watch::start(&cable.client.namespace, &["--names", "dns,tls"]);
    let mut talk = Talk::begin(&cable, PORTS[0]);
    let datagrams = [0, 1].map(|version| Datagrams::between(&cable, version, PORTS[1 + version]));
    for active in ACTIVE {
        cable.client.run(&format!("ip link set nic type bond active_slave {active}"));
        for round in 0..ROUNDS {
            talk.say();
            datagrams.iter().for_each(|datagrams| datagrams.say(10 * round));
            thread::sleep(PAUSE);
        }
    }
    talk.close(By::Client);
    traffic::settle();
    for slave in ACTIVE {
        assert!(statistics(&cable.client.namespace, slave)[0].packets > ROUNDS as u64, "{slave} was active");
    }
    tell_all(facts, Watcher::Cable, watch.stop());
    // What arrives at one end was sent by the other.
    for (arrived, sender) in truth.iter().zip([&cable.server, &cable.client]) {
        for kind in [Kind::Tcp, Kind::Udp] {
            tell_truth(facts, arrived, kind, sender);
        }
    }
}

/// Questions and answers over UDP.
struct Datagrams {
    client: UdpSocket,
    server: UdpSocket,
}

impl Datagrams {
    fn between(cable: &Cable, version: usize, port: u16) -> Self {
        let to = SocketAddr::new(cable.server.addresses[version], port);
        Self {
            server: traffic::sink(&cable.server, version, port),
            client: traffic::udp(&cable.client, version, 0, to),
        }
    }

    fn say(&self, length: usize) {
        let mut buffer = [0; 1000];
        self.client.send(&buffer[..length]).expect("it can be sent");
        let (length, from) = self.server.recv_from(&mut buffer).expect("it arrives");
        self.server.send_to(&buffer[..length / 2], from).expect("it can be sent");
        self.client.recv(&mut buffer).expect("it arrives");
    }
}
