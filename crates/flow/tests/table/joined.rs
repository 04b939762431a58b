//! Translated connections: the kernel's entries of both sides are one flow.

use std::cell::Cell;
use std::collections::HashSet;
use std::net::IpAddr;
use std::rc::Rc;

use flowtrace_abi::{FlowKey, KeyParts};
use flowtrace_flow::{
    Direction, End, EndReason, Evidence, Joins, Nat, NatSide, Record, Settings, SourceMode, Table, Translated,
};
use flowtrace_wire::{Packet, tcp};

use crate::craft::*;
use crate::kernel::{BOOT, Kernel, POINT};

/// The client, the address it asks, the server, and the address of this host that it may have for the server.
const A: Host = (1, 50_000);
const V: Host = (200, 80);
const B: Host = (2, 8080);
const G: Host = (100, 61_000);
const OTHER: u32 = POINT + 2;

/// What is known of translations, from a time on (nanoseconds since boot, of the first packet).
struct Known {
    sides: Vec<NatSide>,
    is_known: Rc<Cell<bool>>,
}

impl Nat for Known {
    fn sides(&self, key: &FlowKey, _: u64, _: u64) -> Option<Vec<NatSide>> {
        let plain = FlowKey { generation: 0, scope: 0, tunnel_id: 0, ..*key };
        let is_one = self.sides.iter().any(|(side, _)| *side == plain);
        (self.is_known.get() && is_one).then(|| self.sides.clone())
    }
}

/// A host that translates a connection, with its kernel; times are milliseconds after [`BEGIN`].
struct Watch {
    kernel: Kernel,
    table: Table,
    records: Vec<Record>,
    is_known: Rc<Cell<bool>>,
    /// What the client's packets look like on each side.
    sides: Vec<Packet>,
}

impl Watch {
    fn new(settings: Settings, sides: &[Packet]) -> Self {
        let is_known = Rc::new(Cell::new(true));
        let (kernel, mut table) = (Kernel::new(settings.timeouts(), 1), Table::new(settings));
        let known = Known { sides: sides.iter().map(FlowKey::of).collect(), is_known: Rc::clone(&is_known) };
        table.set_nat(Box::new(known));
        Self { kernel, table, records: Vec::new(), is_known, sides: sides.to_vec() }
    }

    fn local(mut self, octets: &[u8]) -> Self {
        self.table.set_local_addresses(octets.iter().map(|octet| IpAddr::from([10, 0, 0, *octet])).collect());
        self
    }

    /// A packet of the client, or one of the server, passes all sides, one after the other.
    fn packet(&mut self, at: u64, is_answer: bool, change: impl Fn(&mut Packet)) {
        let mut sides: Vec<(usize, Packet)> = self.sides.iter().copied().enumerate().collect();
        if is_answer {
            sides.reverse();
        }
        for (number, (side, mut packet)) in sides.into_iter().enumerate() {
            if is_answer {
                packet = back(&packet);
            }
            change(&mut packet);
            let point = if side == 0 { POINT } else { OTHER + 2 * side as u32 };
            self.kernel.packet_at(BEGIN + at * MILLI + number as u64 * 50_000, &packet, point);
        }
    }

    /// A question or an answer.
    fn say(&mut self, at: u64, is_answer: bool) {
        self.packet(at, is_answer, |_| {});
    }

    fn scan(&mut self, at: u64) {
        self.kernel.scan(BEGIN + at * MILLI, &mut self.table, &mut self.records);
    }

    /// Scans every second, until nothing is left.
    fn drain(&mut self, from: u64) -> &[Record] {
        (0..200).for_each(|second| self.scan(from + 1000 * second));
        assert!(self.kernel.flows.is_empty(), "{:?}", self.kernel.flows.keys());
        assert_eq!(self.table.open(), 0);
        &self.records
    }

    fn joins(&self) -> (u64, u64) {
        let Joins { joined, late, .. } = self.table.joins();
        (joined, late)
    }
}

/// The answer to a packet.
fn back(packet: &Packet) -> Packet {
    let icmp_type = if packet.icmp_type == 8 { 0 } else { packet.icmp_type };
    Packet {
        source: packet.destination,
        destination: packet.source,
        source_port: packet.destination_port,
        destination_port: packet.source_port,
        icmp_type,
        ..*packet
    }
}

fn settings() -> Settings {
    Settings { active: 3600 * SECOND, active_jitter: 0.0, ..Settings::default() }
}

/// Source, destination, and what they are translated to: last octets and ports.
fn ends(record: &Record) -> [(u8, Option<u16>); 4] {
    let Translated { source, destination } = record.nat.expect("it is translated");
    [record.source, record.destination, source, destination].map(|end| match end.address {
        IpAddr::V4(address) => (address.octets()[3], end.port),
        IpAddr::V6(_) => panic!("an address of another version"),
    })
}

fn some((octet, port): Host) -> (u8, Option<u16>) {
    (octet, Some(port))
}

#[test]
fn both_sides_of_a_translation_are_one_flow() {
    type Row = (&'static str, (Host, Host), (Host, Host));
    let rows: [Row; 5] = [
        ("to a backend", (A, V), (A, B)),
        ("masquerade", (A, B), (G, B)),
        ("both", (A, V), (G, B)),
        ("only the port", (A, (2, 80)), (A, B)),
        ("to itself", (A, V), ((100, 50_000), (1, 8080))),
    ];
    for (name, first, last) in rows {
        let mut watch = Watch::new(settings(), &[udp(first.0, first.1), udp(last.0, last.1)]);
        for at in 0..50 {
            watch.say(100 * at, at % 3 == 1);
            if at % 7 == 0 {
                watch.scan(100 * at + 30);
            }
        }
        let records = watch.drain(5000);
        assert_eq!(lines(records), ["0-4900 33/17 idle_timeout"], "{name}");
        let [record] = records else { panic!("one record") };
        assert_eq!(ends(record), [first.0, first.1, last.0, last.1].map(some), "{name}");
        assert_eq!((record.forward.bytes_total, record.reverse.bytes_total), (3300, 1700), "{name}");
        assert_eq!(
            (record.initiator, record.interface.as_ref().and_then(|seen| seen.index)),
            (Some(End::Source), Some(POINT >> 1))
        );
        assert_eq!((watch.joins(), watch.table.begun()), ((1, 0), 1), "{name}");
    }
}

#[test]
fn a_connection_is_followed_by_its_flags_on_either_side() {
    for (first, last) in [((A, V), (A, B)), (((9, 50_000), V), ((1, 50_001), B)), ((A, B), (G, B))] {
        let [mut question, mut translated] = [first, last].map(|(from, to)| tcp(from, to, tcp::SYN, 100, 0));
        (question.window, translated.window) = (1000, 1000);
        let mut watch = Watch::new(settings(), &[question, translated]);
        let script = [
            (0, false, tcp::SYN, 100, 0),
            (10, true, tcp::SYN | tcp::ACK, 500, 101),
            (11, false, tcp::ACK, 101, 501),
            (20, true, tcp::FIN | tcp::ACK, 501, 101),
            (30, false, tcp::FIN | tcp::ACK, 101, 502),
            (31, true, tcp::ACK, 502, 102),
        ];
        for (at, is_answer, flags, sequence, acknowledgement) in script {
            watch.packet(at, is_answer, |packet| {
                (packet.tcp_flags, packet.sequence, packet.acknowledgement) = (flags, sequence, acknowledgement);
            });
        }
        let records = watch.drain(100);
        assert_eq!(lines(records), ["0-31 3/3 end_of_flow_detected"], "{first:?}");
        let record = &records[0];
        assert_eq!((record.closed_by, record.evidence), (Some(End::Destination), Evidence::Handshake));
        let flags = tcp::SYN | tcp::ACK | tcp::FIN;
        assert_eq!((record.forward.tcp_flags, record.reverse.tcp_flags), (Some(flags), Some(flags)));
        let handshake = record.tcp.as_ref().expect("TCP").handshake;
        assert!(handshake.answer.is_some_and(|took| took.abs_diff(10 * MILLI) < MILLI), "{handshake:?}");
        assert_eq!(watch.joins(), (1, 0));
    }
}

/// The client uses its port again at once, and gets another backend.
#[test]
fn each_connection_of_the_same_ends_is_a_flow() {
    let mut watch = Watch::new(settings(), &[tcp(A, V, 0, 0, 0), tcp(A, B, 0, 0, 0)]);
    for number in 0..20 {
        let (at, sequence) = (number * 60, 1000 * number as u32);
        watch.packet(at, false, |packet| (packet.tcp_flags, packet.sequence) = (tcp::SYN, sequence));
        watch.packet(at + 1, true, |packet| {
            (packet.tcp_flags, packet.acknowledgement) = (tcp::SYN | tcp::ACK, sequence + 1);
        });
        watch.packet(at + 2, false, |packet| (packet.tcp_flags, packet.sequence) = (tcp::RST, sequence + 1));
        if number % 4 == 0 {
            watch.scan(at + 3);
        }
    }
    let records = watch.drain(1500).to_vec();
    assert_eq!(records.len(), 20, "{:?}", lines(&records));
    assert!(records.iter().all(|record| (record.forward.packets, record.reverse.packets) == (2, 1)));
    let traces: HashSet<_> = records.iter().map(|record| record.trace_id).collect();
    assert_eq!((traces.len(), watch.joins()), (20, (20, 0)));
}

#[test]
fn a_ping_is_one_flow_whatever_its_number_becomes() {
    let mut watch = Watch::new(settings(), &[icmp(1, 2, 8, 0, 77), icmp(100, 2, 8, 0, 78)]);
    for at in 0..10 {
        watch.say(100 * at, false);
        watch.say(100 * at + 1, true);
    }
    let records = watch.drain(1000);
    assert_eq!(lines(records), ["0-901 10/10 idle_timeout"]);
    assert_eq!(ends(&records[0]), [(1, None), (2, None), (100, None), (2, None)]);
    assert_eq!((records[0].evidence, watch.joins()), (Evidence::IcmpQuery, (1, 0)));
}

#[test]
fn windows_and_a_flow_that_comes_back_are_of_one_trace() {
    let mut watch = Watch::new(Settings { active: 10 * SECOND, ..settings() }, &[udp(A, V), udp(A, B)]);
    for second in 0..25 {
        watch.say(1000 * second, false);
        watch.say(1000 * second + 3, true);
        watch.scan(1000 * second + 500);
    }
    (25..100).for_each(|second| watch.scan(1000 * second + 500));
    watch.say(100_000, false);
    let records = watch.drain(100_500).to_vec();
    assert_eq!(records.len(), 4, "{:?}", lines(&records));
    let sum: u64 = records.iter().map(|record| record.forward.packets + record.reverse.packets).sum();
    assert_eq!((sum, records[2].forward.packets_total, records[3].forward.packets_total), (51, 25, 1));
    assert!(records.windows(2).all(|pair| pair[0].trace_id == pair[1].trace_id));
    assert_eq!((records[3].parent_span_id, records[2].end_reason), (None, EndReason::IdleTimeout));
}

/// A side that is heard of after records were made of both apart.
#[test]
fn a_translation_that_is_told_late_joins_what_follows() {
    let mut watch = Watch::new(Settings { active: 10 * SECOND, ..settings() }, &[udp(A, V), udp(A, B)]);
    watch.is_known.set(false);
    for second in 0..50 {
        watch.is_known.set(second > 15);
        watch.say(1000 * second, false);
        watch.scan(1000 * second + 500);
    }
    let records = watch.drain(60_000).to_vec();
    let (apart, joined): (Vec<_>, Vec<_>) = records.iter().partition(|record| record.nat.is_none());
    let sum = |records: &[&Record]| records.iter().map(|record| record.forward.packets).sum::<u64>();
    assert_eq!((sum(&apart) % 2, sum(&apart) / 2 + sum(&joined)), (0, 50), "{:?}", lines(&records));
    assert_eq!(apart.iter().filter(|record| record.end_reason == EndReason::ForcedEnd).count(), 2);
    assert_eq!(joined.last().map(|record| record.forward.packets_total), Some(sum(&joined)));
    assert_eq!((watch.joins(), watch.table.begun()), ((1, 1), 3));
}

/// It is told before the first record: nothing is split.
#[test]
fn a_translation_that_is_told_before_the_first_record_joins_all() {
    for known in [0, 1, 2, 5, 60] {
        let mut watch = Watch::new(settings(), &[udp(A, V), udp(A, B)]);
        for second in 0..20 {
            watch.is_known.set(second >= known);
            watch.say(1000 * second, false);
            watch.scan(1000 * second + 500);
        }
        watch.is_known.set(true);
        let records = watch.drain(20_500);
        assert_eq!(lines(records), ["0-19000 20/0 idle_timeout"], "{known}");
        assert_eq!((watch.joins(), watch.table.begun()), ((1, 0), 1), "{known}");
    }
}

#[test]
fn without_translations_sides_stay_apart() {
    let mut watch = Watch::new(settings(), &[udp(A, V), udp(A, B)]);
    watch.table.set_nat(Box::new(()));
    watch.say(0, false);
    assert_eq!(watch.drain(500).len(), 2);
    assert_eq!(watch.joins(), (0, 0));
}

#[test]
fn the_observer_stops_with_all_that_was_read() {
    let mut watch = Watch::new(settings(), &[udp(A, V), udp(A, B)]);
    (0..9).for_each(|number| watch.say(number, number % 2 == 1));
    watch.scan(50);
    watch.table.close_all(&mut watch.records);
    assert_eq!(lines(&watch.records), ["0-8 5/4 forced_end"]);
    assert_eq!(watch.table.open(), 0);
}

/// Which side makes the trace id: that on the wire towards the other host.
#[test]
fn the_other_host_has_the_same_trace() {
    let trace = |sides: &[Packet], local: &[u8]| {
        let mut watch = Watch::new(settings(), sides).local(local);
        watch.say(0, false);
        let record = watch.drain(500)[0].clone();
        (record.trace_id, record.direction)
    };
    let (first, last) = (udp(A, V), udp(A, B));
    let both = udp(G, B);
    let (id_first, id_last) = (trace(&[first], &[]).0, trace(&[last], &[]).0);
    let id_both = trace(&[both], &[]).0;
    let rows = [
        ("the client is here", vec![first, last], vec![1], id_last, Direction::Forward),
        ("the client is here, masqueraded", vec![first, both], vec![1, 100], id_both, Direction::Forward),
        ("the server is here", vec![first, last], vec![2, 200], id_first, Direction::Reverse),
        ("both are", vec![first, last], vec![1, 2], id_first, Direction::Forward),
        ("neither: servers are behind it", vec![first, last], vec![200], id_last, Direction::Forward),
        ("neither, with a change of both", vec![first, both], vec![100, 200], id_both, Direction::Forward),
        ("neither: clients are behind it", vec![last, both], vec![100], id_last, Direction::Forward),
    ];
    for (name, sides, local, expected, direction) in rows {
        assert_eq!(trace(&sides, &local), (expected, direction), "{name}");
    }
}

#[test]
fn three_sides_are_one_flow() {
    let mut watch = Watch::new(settings(), &[udp(A, V), udp(A, B), udp(G, B)]);
    (0..20).for_each(|number| watch.say(10 * number, number % 2 == 1));
    let records = watch.drain(500);
    assert_eq!(lines(records), ["0-190 10/10 idle_timeout"]);
    assert_eq!(ends(&records[0]), [A, V, G, B].map(some));
}

#[test]
fn the_source_may_be_the_end_that_is_here() {
    let settings = Settings { source: SourceMode::Local, ..settings() };
    let mut watch = Watch::new(settings, &[udp(A, V), udp(G, B)]).local(&[2]);
    watch.say(0, false);
    let records = watch.drain(500);
    assert_eq!(ends(&records[0]), [V, A, B, G].map(some));
    assert_eq!((records[0].reverse.packets, records[0].direction), (1, Direction::Reverse));
}

#[test]
fn vlans_that_tell_flows_apart_do_so_on_both_sides() {
    let settings = Settings { key_parts: KeyParts::VLAN, ..settings() };
    let mut watch = Watch::new(settings, &[udp(A, V), udp(A, B)]);
    watch.say(0, false);
    assert_eq!(watch.drain(500).len(), 1);
}

/// Any traffic, any scans: each packet once, in one flow as long as it does not fall silent.
#[test]
fn any_scans_give_the_same_sums() {
    let mut random = 0x9e37_79b9_u64;
    let mut below = |bound: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 20) % bound
    };
    for round in 0..300 {
        let active = [3, 10, 3600][below(3) as usize];
        let settings = Settings { active: active * SECOND, active_jitter: 0.0, ..Settings::default() };
        let mut watch = Watch::new(settings, &[udp(A, V), udp(G, B)]);
        let (mut at, mut sent) = (0, [0; 2]);
        for _ in 0..below(200) {
            at += if below(30) == 0 { below(90_000) } else { below(900) } + 1;
            let is_answer = below(3) == 0;
            watch.say(at, is_answer);
            sent[usize::from(is_answer)] += 1;
            if below(4) == 0 {
                let count = [1, 2, usize::MAX][below(3) as usize];
                watch.kernel.read(BEGIN + at * MILLI + MILLI / 2, count, &mut watch.table, &mut watch.records);
            }
        }
        let records = watch.drain(at + 1);
        let side =
            |record: &Record, end: IpAddr| if record.source.address == end { record.forward } else { record.reverse };
        let client = IpAddr::from([10, 0, 0, A.0]);
        let up: u64 = records.iter().map(|record| side(record, client).packets).sum();
        let down: u64 = records.iter().map(|record| side(record, IpAddr::from([10, 0, 0, V.0])).packets).sum();
        assert_eq!([up, down], sent, "{round}: {:?}", lines(records));
        let traces: HashSet<_> = records.iter().map(|record| record.trace_id).collect();
        assert!(traces.len() <= 1, "{round}");
        assert!(records.iter().all(|record| record.start >= BEGIN && record.nat.is_some()), "{round}");
        let _ = BOOT;
    }
}
