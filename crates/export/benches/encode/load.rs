//! Records to encode: connections of TCP, each another.

use std::net::{IpAddr, Ipv4Addr};

use flowtrace_flow::{ConnectionState, Latency, Packets, Record};
use flowtrace_span::{Environment, Facts, Options, Resource, attributes};

use crate::Result;
use crate::records;

/// Different records; a multiple of the records of a batch.
const DIFFERENT: usize = 1024;

/// Records of TCP connections with every attribute that such a record has by default. Addresses, ports, ids, times and
/// counts differ from record to record, as do their sizes; the same in every run.
pub fn records() -> Vec<Record> {
    let mut random = Random(1);
    (0..DIFFERENT).map(|_| connection(&mut random)).collect()
}

/// Attributes of a record.
pub fn attribute_count(record: &Record) -> usize {
    let mut count = 0;
    attributes(record, &Options::default(), &mut |_, _| count += 1);
    count
}

/// The resource of an agent on a host.
pub fn resource() -> Result<Resource> {
    let facts = Facts {
        instance: Some("627cc493-f310-47de-96bd-71410b7dec09".into()),
        host_name: Some("node-7".into()),
        host_id: Some("c0ffee00c0ffee00c0ffee00c0ffee00".into()),
        host_arch: Some("amd64".into()),
        os_type: Some("linux".into()),
        ..Facts::default()
    };
    Ok(Resource::new(&facts, Environment::default())?)
}

fn connection(random: &mut Random) -> Record {
    let mut record = records::tcp();
    record.trace_id = (u128::from(random.next()) << 64 | u128::from(random.next())).to_be_bytes();
    record.span_id = random.next().to_be_bytes();
    record.parent_span_id = (random.below(2) == 0).then(|| random.next().to_be_bytes());
    record.end = record.start + random.sized(36);
    record.source.address = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 | random.below(1 << 24) as u32));
    record.destination.address = IpAddr::V4(Ipv4Addr::from(random.next() as u32));
    record.source.port = Some(32_768 + random.below(28_232) as u16);
    record.state = Some(ConnectionState::Closed);
    for side in [&mut record.forward, &mut record.reverse] {
        side.packets = 1 + random.sized(14);
        side.bytes = side.packets * (40 + random.below(1461));
        side.packets_total = side.packets + random.sized(20);
        side.bytes_total = side.bytes + random.sized(30);
    }
    if let Some(tcp) = record.tcp.as_deref_mut() {
        tcp.handshake.answer = Some(random.sized(24));
        tcp.round_trip = Some(Latency { mean: random.sized(24), jitter: random.sized(20) });
        for segments in [&mut tcp.forward, &mut tcp.reverse] {
            segments.retransmits = Packets { delta: random.below(3), total: 2 + random.below(3) };
            segments.round_trip = Some(random.sized(24));
        }
    }
    record
}

/// SplitMix64: numbers without a pattern (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A number of at most so many bits; every size is as likely as another.
    fn sized(&mut self, bits: u64) -> u64 {
        let bits = 1 + self.below(bits);
        self.next() & ((1 << bits) - 1)
    }
}
