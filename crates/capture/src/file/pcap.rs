//! pcap (draft-ietf-opsawg-pcap), with the dialects of its history.

use super::{
    buffer::{Buffer, MAX_RECORD},
    error::Fault,
    frame::{Record, link},
    order::Order,
};
use flowtrace_wire::Link;

/// Length of the file header.
const FILE_HEADER: usize = 24;
/// Length of a record's header.
const HEADER: usize = 16;
/// The same where Alexey Kuznetzov's patch wrote it: interface index, protocol and packet type follow.
const MODIFIED_HEADER: usize = 24;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;

/// Snap length of tcpdump and the least that any file may exceed its own by: many writers state one that is too small.
const USUAL_SNAP_LENGTH: usize = 256 << 10;

/// How the records of one file are read.
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in a unit of the stamps' second part.
    unit: u32,
    /// Length of a record's header.
    header: usize,
    lengths: Lengths,
    /// The longest record that is believed.
    limit: usize,
    link: Link,
}

/// The order of captured and original length in a record's header. It was settled in version 2.3 (libpcap's
/// `sf-pcap.c` knows the stragglers).
#[derive(Clone, Copy)]
enum Lengths {
    CapturedFirst,
    OriginalFirst,
    /// The smaller one is what was captured.
    Either,
}

/// The byte order and the kind of file that a magic number tells.
fn magic(head: &[u8]) -> Option<(Order, u32)> {
    let word = *head.first_chunk()?;
    [Order::Little, Order::Big]
        .map(|order| (order, order.u32(word)))
        .into_iter()
        .find(|(_, magic)| matches!(*magic, MICROSECONDS | NANOSECONDS | MODIFIED))
}

/// Whether a file that begins like this is pcap.
pub(super) fn is_pcap(head: &[u8]) -> bool {
    magic(head).is_some()
}

impl Pcap {
    /// Reads the file header.
    pub fn new(buffer: &mut Buffer) -> Result<Self, Fault> {
        let head = buffer.fill(FILE_HEADER)?;
        let held = head.len();
        let Some((order, magic)) = magic(head) else { return Err(Fault::Foreign("is no pcap".into())) };
        let Some([_, version, _, _, snap_length, network]) = order.words(head) else {
            return Err(Fault::truncated(0, "pcap file header", FILE_HEADER as u64, held as u64));
        };
        let lengths = match order.halves(version) {
            // 543.0 is DG/UX.
            [2, ..=2] | [543, 0] => Lengths::OriginalFirst,
            [2, 3] => Lengths::Either,
            [2, _] => Lengths::CapturedFirst,
            [major, minor] => {
                return Err(Fault::Damaged(4, format!("pcap version {major}.{minor}, where only 2 is known")));
            }
        };
        buffer.consume(FILE_HEADER);
        Ok(Self {
            order,
            unit: if magic == NANOSECONDS { 1 } else { 1000 },
            header: if magic == MODIFIED { MODIFIED_HEADER } else { HEADER },
            lengths,
            limit: limit(snap_length),
            // The upper half says how long the frame check sequence is; some writers leave other things there.
            link: link(network as u16),
        })
    }

    /// The next frame; `None` at the end of the file.
    #[inline]
    pub fn next(&self, buffer: &mut Buffer) -> Result<Option<Record>, Fault> {
        let head = buffer.fill(self.header)?;
        let held = head.len();
        let Some([seconds, fraction, first, second]) = self.order.words(head).filter(|_| held >= self.header) else {
            return if held == 0 { Ok(None) } else { Err(self.cut(buffer, self.header, held)) };
        };
        let (captured, original) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::OriginalFirst => (second, first),
            Lengths::Either => (first.min(second), first.max(second)),
        };
        let length = captured as usize;
        if length > self.limit {
            let found = format!("a packet record claims {length} bytes, where at most {} can be", self.limit);
            return Err(Fault::Damaged(buffer.offset(), found));
        }
        let held = buffer.fill(self.header + length)?.len();
        if held < self.header + length {
            return Err(self.cut(buffer, self.header + length, held));
        }
        let start = buffer.start() + self.header;
        buffer.consume(self.header + length);
        let time = u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * u64::from(self.unit);
        let wire_length = original.max(captured);
        Ok(Some(Record { time: Some(time), link: self.link, wire_length, interface: 0, start, length }))
    }

    #[cold]
    fn cut(&self, buffer: &Buffer, needed: usize, held: usize) -> Fault {
        Fault::truncated(buffer.offset(), "packet record", needed as u64, held as u64)
    }
}

/// The longest record of a file with this snap length: a larger claim is taken for damage. 0 means unlimited.
fn limit(snap_length: u32) -> usize {
    let most = MAX_RECORD - MODIFIED_HEADER;
    match snap_length as usize {
        0 => most,
        stated => stated.clamp(USUAL_SNAP_LENGTH, most),
    }
}
