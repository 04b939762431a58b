//! TCP segments of captures nobody here made, as tshark judges them and as flowtrace does, packet by packet.

pub mod differences;
pub mod exchanges;
pub mod ours;
pub mod scenes;
pub mod tshark;

use std::path::Path;

use flowtrace_abi::FlowEntry;

use exchanges::Exchanges;
use ours::Clock;
use tshark::Opinion;

/// What is said of a segment, by either side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Verdict {
    /// It was sent before.
    pub retransmission: bool,
    /// It was overtaken.
    pub out_of_order: bool,
    /// Its sender has no room for data.
    pub zero_window: bool,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut names = Vec::new();
        for (is_so, name) in [
            (self.retransmission, "retransmission"),
            (self.out_of_order, "out of order"),
            (self.zero_window, "zero window"),
        ] {
            names.extend(is_so.then_some(name));
        }
        f.write_str(&if names.is_empty() { "nothing".to_owned() } else { names.join(", ") })
    }
}

/// A packet of which the two say different things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Its number in the file, from 1.
    pub frame: u64,
    /// tshark's opinion.
    pub tshark: Verdict,
    /// flowtrace's.
    pub flowtrace: Verdict,
}

/// One capture, judged by both.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Segments that both saw.
    pub segments: u64,
    /// Numbers of those that tshark sees, and flowtrace does not.
    pub unseen: Vec<u64>,
    /// What flowtrace says of each of them, one behind the other.
    pub verdicts: Vec<Verdict>,
    /// Those of which they say different things.
    pub disagreements: Vec<Disagreement>,
    /// Numbers of those which flowtrace judges differently by the kernel program's clock.
    pub unlike_by_ticks: Vec<u64>,
    /// What tshark says, by kind: retransmissions, out of order, zero windows.
    pub kinds: [u64; 3],
    /// What either side knows of each connection.
    pub connections: Vec<Connection>,
}

/// One connection, as both know it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connection {
    /// tshark's number of it (`tcp.stream`).
    pub stream: u32,
    /// The handshake's round trip according to tshark, in nanoseconds.
    pub initial_rtt: Option<u64>,
    /// What the packets' fields say of questions and answers.
    pub exchanges: Exchanges,
    /// flowtrace's entry.
    pub entry: FlowEntry,
    /// The same by the kernel program's clock.
    pub by_ticks: FlowEntry,
}

impl Connection {
    /// flowtrace's time from the SYN to the acknowledgement of its answer, in nanoseconds, where all three were seen.
    pub fn handshake(&self) -> Option<u64> {
        let times = &self.entry.transactions;
        let is_complete = times.syn != 0 && times.answer != 0 && times.confirmation != 0;
        is_complete.then(|| times.confirmation - times.syn)
    }

    /// flowtrace's questions and answers.
    pub fn transactions(&self) -> Exchanges {
        transactions(&self.entry)
    }
}

/// Questions and answers in an entry.
pub fn transactions(entry: &FlowEntry) -> Exchanges {
    let times = &entry.transactions;
    Exchanges { count: times.count.into(), sum: times.sum, difference: times.difference }
}

/// Asks both about a capture.
///
/// # Errors
/// What went wrong with tshark.
pub fn compare(path: &Path) -> Result<Comparison, String> {
    let opinions = tshark::opinions(path)?;
    let packets = ours::packets(path);
    let mut streams = ours::Streams::new(Clock::Exact);
    let mut by_ticks = ours::Streams::new(Clock::Ticks);
    let mut exchanges = exchanges::Streams::default();
    let mut comparison = Comparison::default();
    for opinion in &opinions {
        let Some((time, packet)) = packets.get(&opinion.frame).filter(|(_, packet)| opinion.is_of(packet)) else {
            comparison.unseen.push(opinion.frame);
            continue;
        };
        let flowtrace = streams.judge(opinion.stream, *time, packet);
        if by_ticks.judge(opinion.stream, *time, packet) != flowtrace {
            comparison.unlike_by_ticks.push(opinion.frame);
        }
        exchanges.add(opinion);
        comparison.add(opinion, flowtrace);
    }
    let connection = |(stream, entry): (&u32, &FlowEntry)| Connection {
        stream: *stream,
        initial_rtt: opinions.iter().find_map(|opinion| opinion.initial_rtt.filter(|_| opinion.stream == *stream)),
        exchanges: exchanges.of(*stream),
        entry: *entry,
        by_ticks: by_ticks.entries[stream],
    };
    comparison.connections = streams.entries.iter().map(connection).collect();
    Ok(comparison)
}

impl Comparison {
    fn add(&mut self, opinion: &Opinion, flowtrace: Verdict) {
        let tshark = opinion.verdict;
        self.segments += 1;
        self.verdicts.push(flowtrace);
        for (count, is_so) in
            self.kinds.iter_mut().zip([tshark.retransmission, tshark.out_of_order, tshark.zero_window])
        {
            *count += u64::from(is_so);
        }
        if flowtrace != tshark {
            self.disagreements.push(Disagreement { frame: opinion.frame, tshark, flowtrace });
        }
    }
}
