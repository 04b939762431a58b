//! Two agents, at both ends of a cable, name the same connections alike, and their own spans differently.
#![allow(clippy::print_stdout, reason = "of a test that fails one wants to see what it saw")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use flowtrace_tests::chains::{self, chains};
use flowtrace_tests::identity::MachineId;
use flowtrace_tests::netns::Cable;
use flowtrace_tests::record::Record;
use flowtrace_tests::steady::Stream;
use flowtrace_tests::talks::{self, By, Talk};
use flowtrace_tests::tools::{Alone, require_live_beside};
use flowtrace_tests::traffic;
use flowtrace_tests::truth::Kind;
use flowtrace_tests::watch::{Said, Watch};

/// The tests of this file run beside one another: they wait most of the time.
fn alone() -> Option<()> {
    static ALONE: OnceLock<Option<Alone>> = OnceLock::new();
    ALONE.get_or_init(require_live_beside).as_ref().map(|_| ())
}

/// Agents at the client's and at the server's end, as on two machines.
struct Agents {
    watches: [Watch; 2],
    _machines: [MachineId; 2],
}

impl Agents {
    fn start(cable: &Cable, options: &[&str]) -> Self {
        let hosts = [(&cable.client, 'a'), (&cable.server, 'b')];
        let machines = hosts.map(|(host, digit)| MachineId::give(&host.namespace, digit));
        let watches =
            hosts.map(|(host, _)| Watch::start(&host.namespace, &[&["-i", host.interface], options].concat()));
        Self { watches, _machines: machines }
    }

    /// What both said, when all that holds for one holds, and no span has the id of another.
    fn stop(self) -> [Said; 2] {
        traffic::settle();
        let said = self.watches.map(Watch::stop);
        for said in &said {
            println!("{:?}", said.lines);
            chains::check(said);
        }
        let ids = said.each_ref().map(|said| said.records.iter().map(|record| &record.span).collect::<BTreeSet<_>>());
        assert_eq!(ids[0].intersection(&ids[1]).count(), 0, "span ids differ");
        said
    }
}

/// A flow's kind and ends.
type Flow = (String, [String; 2], [u64; 2]);

/// The traces of each pair of ends, in the order of the flows' first packets.
fn traces(said: &Said) -> BTreeMap<Flow, Vec<&str>> {
    let mut flows: Vec<&Record> = chains(&said.records).into_iter().map(|chain| chain[0]).collect();
    flows.retain(|record| record.kind != Kind::Other);
    flows.sort_by_key(|record| record.window[0]);
    let mut traces: BTreeMap<Flow, Vec<&str>> = BTreeMap::new();
    for flow in flows {
        let key = (format!("{:?}", flow.kind), flow.ends.map(|end| end.to_string()), flow.ports);
        traces.entry(key).or_default().push(&flow.trace);
    }
    traces
}

/// Five hundred short connections from a few ports, one after the other.
fn connections(cable: &Cable, version: usize) {
    const PORT: u16 = 7400;
    const OWN_PORTS: u16 = 25;
    let to = SocketAddr::new(cable.server.addresses[version], PORT);
    let listener = cable.server.namespace.enter(|| TcpListener::bind(to).expect("a free port"));
    for number in 0..CONNECTIONS / 2 {
        let own = SocketAddr::new(cable.client.addresses[version], 45_000 + number as u16 % OWN_PORTS);
        let mut talk = Talk::from(cable, own, &listener);
        talk.say();
        if number % 3 == 0 {
            talk.reset(By::Client);
        } else {
            talk.close(By::Server);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// How many short connections there are.
const CONNECTIONS: usize = 500;

#[test]
fn two_agents_agree_on_traces() {
    let Some(()) = alone() else { return };
    let cable = Cable::new();
    let mut seen_by_none = Talk::begin(&cable, 7401);
    seen_by_none.say();
    let agents = Agents::start(&cable, &[]);
    (0..2).for_each(|version| connections(&cable, version));
    seen_by_none.say();
    for number in 0..20 {
        talks::question(&cable, 7410 + number);
    }
    for address in cable.server.addresses {
        cable.client.run(&format!("ping -q -c 3 -i 0.01 {address}"));
    }
    let said = agents.stop();
    let [by_client, by_server] = said.each_ref().map(traces);
    assert_eq!(by_client, by_server);
    let tcp: Vec<&str> =
        by_client.iter().filter(|(key, _)| key.0 == "Tcp").flat_map(|(_, traces)| traces).copied().collect();
    let different: BTreeSet<&str> = tcp.iter().copied().collect();
    assert_eq!((tcp.len(), different.len()), (CONNECTIONS + 1, CONNECTIONS + 1), "a trace for each connection");
    let kinds = |kind: &str| by_client.keys().filter(|key| key.0 == kind).count();
    assert_eq!([kinds("Udp"), kinds("Echo")], [20, 2]);
    let all: BTreeSet<&str> = by_client.values().flatten().copied().collect();
    assert_eq!(all.len(), CONNECTIONS + 1 + 20 + 2, "and for each of the others");
}

#[test]
fn traces_outlast_records_and_silence() {
    let Some(()) = alone() else { return };
    let cable = Cable::new();
    let hosts = [&cable.client, &cable.server];
    let agents = Agents::start(&cable, &["-t", "active=1s", "-t", "tcp=1s", "-t", "udp=1s", "-t", "icmp=1s"]);
    let streams = [
        Stream::tcp(hosts, 0, 7420, Duration::from_millis(50)),
        Stream::udp(hosts, 1, 7421, Duration::from_millis(50)),
        // Each message is a flow of its own.
        Stream::tcp(hosts, 1, 7422, Duration::from_millis(2200)),
        Stream::udp(hosts, 0, 7423, Duration::from_millis(2200)),
    ];
    thread::sleep(Duration::from_millis(6800));
    let _ = streams.map(Stream::stop);
    let said = agents.stop();
    for said in &said {
        for (port, flows, least) in [(7420, 1..=1, 6), (7421, 1..=1, 6), (7422, 3..=9, 3), (7423, 3..=9, 3)] {
            let chains: Vec<_> = chains(&said.records).into_iter().filter(|chain| chain[0].ports[1] == port).collect();
            let records: Vec<&Record> = chains.iter().flatten().copied().collect();
            let traces: BTreeSet<&str> = records.iter().map(|record| record.trace.as_str()).collect();
            println!("port {port}: {} flows, {} records", chains.len(), records.len());
            assert!(flows.contains(&chains.len()), "port {port}: {} flows", chains.len());
            assert!(records.len() >= least, "port {port}: {} records", records.len());
            assert_eq!(traces.len(), 1, "port {port}: one trace");
        }
    }
    let [by_client, by_server] = said.each_ref().map(traces).map(|traces| {
        let sets = traces.into_iter().map(|(key, traces)| (key, traces.into_iter().collect::<BTreeSet<_>>()));
        sets.map(|(key, traces)| (key, traces.into_iter().map(str::to_owned).collect::<Vec<_>>())).collect::<Vec<_>>()
    });
    assert_eq!(by_client, by_server);
}
