//! Source, initiator and perspective as records show them.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;

use flowtrace_flow::{Direction, Ephemeral, Evidence, Record, Settings, Socket, SourceMode, Table};
use flowtrace_wire::{Packet, protocol, tcp};

use crate::craft::*;

/// The first record of a flow with these packets, seen by a host that has these addresses.
fn first(settings: &Settings, local: &[u8], packets: &[Packet]) -> Record {
    let mut table = Table::new(settings.clone());
    table.set_local_addresses(local.iter().map(|&octet| IpAddr::from([10, 0, 0, octet])).collect());
    let mut records = Vec::new();
    for packet in packets {
        table.packet(BEGIN, packet, 0, &mut records);
    }
    table.close_all(&mut records);
    assert_eq!(records.len(), 1);
    records.remove(0)
}

#[test]
fn who_began() {
    let (client, server, peer) = ((9, 50_000), (2, 443), (5, 443));
    let (syn, answer) = (tcp::SYN, tcp::SYN | tcp::ACK);
    let table: [(&str, Vec<Packet>, u8, Option<u8>); 13] = [
        ("SYN", vec![tcp(server, client, syn, 1, 0)], 2, Some(2)),
        ("SYN-ACK", vec![tcp(client, server, answer, 1, 5)], 2, Some(2)),
        ("SYN-ACK before SYN", vec![tcp(server, client, answer, 1, 5), tcp(client, server, syn, 4, 0)], 9, Some(9)),
        ("simultaneous open: the first", vec![tcp(peer, server, syn, 1, 0), tcp(server, peer, syn, 5, 0)], 5, Some(5)),
        ("by ports", vec![tcp(server, client, tcp::ACK, 1, 1)], 9, Some(9)),
        ("by ports, UDP", vec![udp(server, client)], 9, Some(9)),
        ("equal ports: the first sender, unknown", vec![udp(peer, server), udp(server, peer)], 5, None),
        ("echo request", vec![icmp(3, 4, 8, 0, 7)], 3, Some(3)),
        ("echo reply first", vec![icmp(4, 3, 0, 0, 7), icmp(3, 4, 8, 0, 7)], 3, Some(3)),
        ("ICMP error", vec![icmp(4, 3, 3, 1, 0)], 4, None),
        ("ICMP error down", vec![icmp(3, 4, 3, 1, 0)], 3, None),
        ("fragment", vec![fragment(4, 3, protocol::UDP)], 4, None),
        ("no ports", vec![packet((4, 0), (3, 0), 47), packet((3, 0), (4, 0), 47)], 4, None),
    ];
    for (name, packets, source, initiator) in table {
        let record = first(&Settings::default(), &[], &packets);
        assert_eq!(sides(&record), (source, initiator), "{name}");
        let expected = if initiator.is_some() { Direction::Forward } else { Direction::Unknown };
        assert_eq!(record.direction, expected, "{name}");
    }
}

#[test]
fn this_hosts_range_of_ports_tells_the_client() {
    let settings = Settings { ephemeral: Ephemeral::Host(32_768..=60_999), ..Settings::default() };
    for (ports, initiator) in [((40_000, 8_080), Some(1)), ((8_080, 40_000), Some(2)), ((40_000, 50_000), None)] {
        let record = first(&settings, &[], &[udp((1, ports.0), (2, ports.1))]);
        assert_eq!(sides(&record), (1.max(initiator.unwrap_or(1)), initiator), "{ports:?}");
    }
}

#[test]
fn both_source_modes_agree_on_the_direction() {
    let request = tcp((1, 50_000), (2, 80), tcp::SYN, 1, 0);
    let unknown = udp((1, 500), (2, 500));
    // local addresses, packets, direction, source by initiator, source by local
    let table = [
        (vec![], request, Direction::Forward, 1, 1),
        (vec![1], request, Direction::Forward, 1, 1),
        (vec![2], request, Direction::Reverse, 1, 2),
        (vec![1, 2], request, Direction::Forward, 1, 1),
        (vec![], unknown, Direction::Unknown, 1, 1),
        (vec![1], unknown, Direction::Unknown, 1, 1),
        (vec![2], unknown, Direction::Unknown, 1, 2),
        (vec![1, 2], unknown, Direction::Unknown, 1, 1),
    ];
    for (local, packet, direction, by_initiator, by_local) in table {
        for (mode, source) in [(SourceMode::Initiator, by_initiator), (SourceMode::Local, by_local)] {
            let record = first(&Settings { source: mode, ..Settings::default() }, &local, &[packet]);
            assert_eq!((record.direction, sides(&record).0), (direction, source), "{local:?} {mode:?}");
            assert_eq!(record.forward.packets, u64::from(source == 1));
        }
    }
}

#[test]
fn icmp_types_stand_where_ports_would() {
    let pair = |packets: &[Packet]| {
        let record = first(&Settings::default(), &[], packets);
        assert_eq!((record.source.port, record.destination.port), (None, None));
        record.icmp.map(|pair| (pair.source, pair.destination, pair.one_way))
    };
    assert_eq!(pair(&[icmp(1, 2, 8, 0, 7), icmp(2, 1, 0, 0, 7)]), Some((8, 0, false)));
    assert_eq!(pair(&[icmp(2, 1, 8, 0, 7), icmp(1, 2, 0, 0, 7)]), Some((8, 0, false)));
    assert_eq!(pair(&[icmp(2, 1, 3, 1, 0)]), Some((3, 1, true)));
    assert_eq!(pair(&[icmp(1, 2, 3, 1, 0)]), Some((3, 1, true)));
    assert_eq!(pair(&[fragment(1, 2, protocol::ICMP)]), None);
}

#[test]
fn a_host_that_pings_itself_has_one_flow() {
    let record = first(&Settings::default(), &[], &[icmp(1, 1, 8, 0, 7), icmp(1, 1, 0, 0, 7), icmp(1, 1, 8, 0, 7)]);
    assert_eq!((record.forward.packets, record.reverse.packets), (2, 1));
    let record = first(&Settings::default(), &[], &[icmp(1, 1, 0, 0, 7), icmp(1, 1, 8, 0, 7)]);
    assert_eq!((record.forward.packets, record.reverse.packets), (1, 1));
}

#[test]
fn ports_are_present_where_they_were_seen() {
    let ports = |packet: Packet| {
        let record = first(&Settings::default(), &[], &[packet]);
        (record.source.port, record.destination.port)
    };
    assert_eq!(ports(udp((1, 50_000), (2, 53))), (Some(50_000), Some(53)));
    assert_eq!(ports(packet((1, 50_000), (2, 53), protocol::SCTP)), (Some(50_000), Some(53)));
    assert_eq!(ports(fragment(1, 2, protocol::UDP)), (None, None));
    assert_eq!(ports(packet((1, 0), (2, 0), 47)), (None, None));
}

/// A host on which, from some moment on, a socket listens at 10.0.0.2, port 8000.
struct Listener(Rc<Cell<bool>>);

impl flowtrace_flow::Host for Listener {
    fn listens(&self, _: u8, end: Socket, _: u64, _: u64) -> bool {
        self.0.get() && end == (IpAddr::from([10, 0, 0, 2]), 8_000)
    }

    fn has_open(&self, _: [Socket; 2]) -> bool {
        false
    }
}

#[test]
fn a_listener_that_appears_counts_until_the_first_record_and_not_after() {
    let settings = Settings { active: 10 * SECOND, active_jitter: 0.0, ..Settings::default() };
    // When it appears; evidence and source of all records.
    for (appears, evidence, source) in [
        (0, Evidence::ListeningSocket, 1),
        (9_000, Evidence::ListeningSocket, 1),
        (11_000, Evidence::Nothing, 2),
        (99_000, Evidence::Nothing, 2),
    ] {
        let listens = Rc::new(Cell::new(false));
        let mut table = Table::new(settings.clone());
        table.set_host(Box::new(Listener(Rc::clone(&listens))));
        let mut records = Vec::new();
        for at in (0..30_000).step_by(500) {
            listens.set(at >= appears);
            let (from, to) = if at % 1000 == 0 { ((2, 8_000), (1, 7_000)) } else { ((1, 7_000), (2, 8_000)) };
            table.packet(BEGIN + at * MILLI, &tcp(from, to, tcp::ACK, 1, 1), 0, &mut records);
        }
        table.close_all(&mut records);
        assert_eq!(records.len(), 3);
        for record in records {
            assert_eq!((record.evidence, sides(&record).0), (evidence, source), "{appears}");
        }
    }
}

#[test]
fn a_flow_that_comes_back_takes_over_what_was_decided() {
    let listens = Rc::new(Cell::new(true));
    let mut table = Table::new(Settings::default());
    table.set_host(Box::new(Listener(Rc::clone(&listens))));
    let mut records = Vec::new();
    for at in [0, 100, 200] {
        table.packet(BEGIN + at * SECOND, &tcp((2, 8_000), (1, 7_000), tcp::ACK, 1, 1), 0, &mut records);
        // The first record is made when the second packet comes.
        listens.set(at == 0);
    }
    table.close_all(&mut records);
    assert_eq!(records.len(), 3);
    assert!(records.iter().all(|record| record.evidence == Evidence::ListeningSocket && sides(record) == (1, Some(1))));
}

#[test]
fn a_udp_socket_that_was_the_first_to_send_asked() {
    let (listener, other) = ((2, 8_000), (1, 7_000));
    for (from, to, evidence, initiator) in
        [(other, listener, Evidence::ListeningSocket, Some(1)), (listener, other, Evidence::Nothing, None)]
    {
        let mut table = Table::new(Settings::default());
        table.set_host(Box::new(Listener(Rc::new(Cell::new(true)))));
        let mut records = Vec::new();
        for (from, to) in [(from, to), (to, from)] {
            table.packet(BEGIN, &udp(from, to), 0, &mut records);
        }
        table.close_all(&mut records);
        assert_eq!((records[0].evidence, sides(&records[0])), (evidence, (from.0, initiator)));
    }
}
