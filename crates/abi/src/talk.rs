//! For tests: a TCP connection, fed segment by segment.

use flowtrace_wire::{Address, Packet, protocol, tcp};

use crate::{
    Event, FlowEntry, Timeouts, Way, account, account_next, account_segment, account_tcp_times, is_remarkable, state,
};

pub(crate) const UP: Way = Way::Up;
pub(crate) const DOWN: Way = Way::Down;
pub(crate) const FIN: u8 = tcp::FIN;
pub(crate) const SYN: u8 = tcp::SYN;
pub(crate) const PSH: u8 = tcp::PSH;
pub(crate) const ACK: u8 = tcp::ACK;

const MILLISECOND: u64 = 1_000_000;
/// When connections begin: not at 0, as that means never.
const BEGIN: u64 = 1000 * MILLISECOND;

/// One segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// When, in milliseconds since the begin.
    pub time: u32,
    pub way: Way,
    flags: u8,
    sequence: u32,
    acknowledgement: u32,
    length: u32,
    window: u16,
    packets: u64,
    ports: [u16; 2],
}

/// A segment; `numbers`: sequence and acknowledgement.
pub(crate) const fn step(time: u32, way: Way, flags: u8, numbers: [u32; 2], length: u32) -> Step {
    let [sequence, acknowledgement] = numbers;
    Step { time, way, flags, sequence, acknowledgement, length, window: 1000, packets: 1, ports: [40_000, 80] }
}

impl Step {
    /// Its sender's window is closed.
    pub(crate) const fn without_room(mut self) -> Self {
        self.window = 0;
        self
    }

    /// It stands for several.
    pub(crate) const fn of_packets(mut self, packets: u64) -> Self {
        self.packets = packets;
        self
    }

    /// Between other ports: of the low end and the high end.
    pub(crate) const fn between(mut self, ports: [u16; 2]) -> Self {
        self.ports = ports;
        self
    }

    fn packet(&self) -> Packet {
        let ends = [(Address::from_v4([10, 0, 0, 1]), self.ports[0]), (Address::from_v4([10, 0, 0, 2]), self.ports[1])];
        let [(source, source_port), (destination, destination_port)] =
            if self.way == UP { ends } else { [ends[1], ends[0]] };
        Packet {
            ip_version: 4,
            protocol: protocol::TCP,
            source,
            destination,
            source_port,
            destination_port,
            has_transport: true,
            tcp_flags: self.flags,
            sequence: self.sequence,
            acknowledgement: self.acknowledgement,
            window: self.window,
            ip_length: 40 + self.length,
            header_length: 40,
            ..Packet::default()
        }
    }

    fn event(&self) -> Event {
        let time = BEGIN + u64::from(self.time) * MILLISECOND;
        let bytes = u64::from(40 + self.length);
        Event { way: self.way, packets: self.packets, bytes, time, point: 2, epoch: 1 }
    }
}

/// A connection, as it is counted.
pub(crate) struct Talk {
    pub entry: FlowEntry,
}

impl Talk {
    pub(crate) fn new() -> Self {
        Self { entry: FlowEntry { first: BEGIN, ..FlowEntry::default() } }
    }

    /// Counts a segment, as file mode and the kernel program do.
    pub(crate) fn send(&mut self, step: &Step) -> &mut Self {
        let (packet, event) = (step.packet(), step.event());
        let before = self.entry.state;
        account(&mut self.entry, &packet, &event, &Timeouts::DEFAULT);
        if is_remarkable(&mut self.entry, &packet, event.way, before) {
            account_tcp_times(&mut self.entry, &packet, &event, before);
        }
        self
    }

    /// Notes only the segment's place, by the short way if it can be had and is wanted. Answers whether it was taken.
    pub(crate) fn note(&mut self, step: &Step, by_short_way: bool) -> bool {
        let (packet, event) = (step.packet(), step.event());
        let before = self.entry.state;
        self.entry.state |= state::flags(event.way, packet.tcp_flags);
        let is_short = by_short_way && account_next(&mut self.entry, &packet, &event, before);
        if !is_short {
            account_segment(&mut self.entry, &packet, &event, before);
        }
        is_short
    }
}
