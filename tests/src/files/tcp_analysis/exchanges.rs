//! Questions and answers, computed from tshark's fields alone and with all bytes in memory: what the counting rule says
//! in constant space has to be the same.

use std::collections::{BTreeMap, HashMap};

use super::tshark::Opinion;

/// Times from the last payload of a question to the first payload of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exchanges {
    /// How many answers.
    pub count: u64,
    /// Sum of the times, in nanoseconds.
    pub sum: u64,
    /// Sum of the absolute differences of two in a row, in nanoseconds.
    pub difference: u64,
}

/// Payload that was sent, as ranges of sequence numbers counted from the first segment.
#[derive(Debug, Default)]
struct Sent {
    first: Option<u32>,
    ranges: BTreeMap<i64, i64>,
}

impl Sent {
    /// Notes a segment; answers whether some of its bytes were never seen.
    fn add(&mut self, sequence: u32, length: u32) -> bool {
        let first = *self.first.get_or_insert(sequence);
        let start = i64::from(sequence.wrapping_sub(first) as i32);
        let (mut begin, mut end) = (start, start + i64::from(length));
        let covered = self.ranges.iter().any(|(from, to)| *from <= begin && end <= *to);
        let touched: Vec<i64> =
            self.ranges.iter().filter(|(from, to)| **from <= end && begin <= **to).map(|(from, _)| *from).collect();
        for from in touched {
            let to = self.ranges.remove(&from).expect("it was just found");
            (begin, end) = (begin.min(from), end.max(to));
        }
        self.ranges.insert(begin, end);
        !covered
    }
}

#[derive(Debug, Default)]
struct Stream {
    initiator: Option<(String, u16)>,
    sent: HashMap<(String, u16), Sent>,
    asked: Option<u64>,
    times: Vec<u64>,
    latest: u64,
}

/// All connections of a file.
#[derive(Debug, Default)]
pub struct Streams(HashMap<u32, Stream>);

impl Streams {
    /// Adds a segment. Time does not run backwards within a connection.
    pub fn add(&mut self, segment: &Opinion) {
        const SYN: u8 = 0x02;
        const ACK: u8 = 0x10;
        let stream = self.0.entry(segment.stream).or_default();
        stream.latest = stream.latest.max(segment.time);
        if segment.flags & (SYN | ACK) == SYN && stream.initiator.is_none() {
            stream.initiator = Some(segment.source.clone());
        }
        if segment.length == 0
            || !stream.sent.entry(segment.source.clone()).or_default().add(segment.sequence, segment.length)
        {
            return;
        }
        let asks = match &stream.initiator {
            Some(initiator) => *initiator == segment.source,
            None => segment.source.1 > segment.destination_port,
        };
        if asks {
            stream.asked = Some(stream.latest);
        } else if let Some(asked) = stream.asked.take() {
            stream.times.push(stream.latest - asked);
        }
    }

    /// What became of one of them.
    pub fn of(&self, stream: u32) -> Exchanges {
        let Some(stream) = self.0.get(&stream) else { return Exchanges::default() };
        Exchanges {
            count: stream.times.len() as u64,
            sum: stream.times.iter().sum(),
            difference: stream.times.windows(2).map(|pair| pair[0].abs_diff(pair[1])).sum(),
        }
    }
}
