//! Time, bytes and allocations of each encoding, on one thread.

use std::hint::black_box;

use flowtrace_flow::Record;
use flowtrace_span::{Batch, Json, Options, OtlpJson, Text};
use nix::time::ClockId;
use serde_json::json;

use crate::{Result, cpu_time, load, peer, report};

/// Records of a batch, as the exporter has them.
const BATCH: usize = 512;
/// Batches that are encoded in a row, each encoding in each round.
const BATCHES: usize = 32;

/// Writes records, and answers how many bytes that made.
type Encode<'a> = Box<dyn FnMut(&[Record]) -> usize + 'a>;

/// A way to write a batch of records. Says how many bytes that made.
struct Encoding<'a> {
    name: &'static str,
    encode: Encode<'a>,
    /// Nanoseconds a span, round by round.
    rounds: Vec<f64>,
}

/// The command.
pub fn run(rounds: usize) -> Result<()> {
    let (records, resource, options) = (load::records(), load::resource()?, Options::default());
    let mut batch = Batch::new(&resource, options.clone());
    let (json, otlp_json) = (Json::new(&resource, options.clone()), OtlpJson::new(&resource, options.clone()));
    let (mut text, mut lines, mut objects, mut rows) = (Text::new(false), Vec::new(), Vec::new(), Vec::new());
    same_bytes(&mut batch, &records[..BATCH], |records| peer::encode(records, &resource, &options))?;

    let mut encodings = [
        encoding("OTLP, direct", |records| {
            records.iter().for_each(|record| batch.push(record));
            black_box(batch.finish()).len()
        }),
        encoding("OTLP, opentelemetry-proto and prost", |records| {
            black_box(peer::encode(records, &resource, &options)).len()
        }),
        encoding("OTLP, JSON", |records| write(&mut objects, records, |record, out| otlp_json.write(record, out))),
        encoding("JSON lines", |records| write(&mut lines, records, |record, out| json.write(record, out))),
        encoding("text", |records| write(&mut rows, records, |record, out| text.write(record, out))),
    ];
    for _ in 0..rounds {
        for encoding in &mut encodings {
            let nanoseconds = encoding.round(&records)?;
            encoding.rounds.push(nanoseconds);
        }
    }
    report(&json!({ "attributes": load::attribute_count(&records[0]), "records": records.len(), "batch": BATCH }))?;
    encodings.iter_mut().try_for_each(|encoding| encoding.report(&records))
}

fn encoding<'a>(name: &'static str, encode: impl FnMut(&[Record]) -> usize + 'a) -> Encoding<'a> {
    Encoding { name, encode: Box::new(encode), rounds: Vec::new() }
}

impl Encoding<'_> {
    /// All batches once: bytes and spans.
    fn batches(&mut self, records: &[Record]) -> (usize, usize) {
        let bytes = records.chunks_exact(BATCH).cycle().take(BATCHES).map(&mut self.encode).sum();
        (bytes, BATCHES * BATCH)
    }

    /// Nanoseconds a span.
    fn round(&mut self, records: &[Record]) -> Result<f64> {
        // What the encoding before left in the caches is not this one's fault.
        (self.encode)(&records[..BATCH]);
        let start = cpu_time(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
        let (_, spans) = self.batches(records);
        let time = cpu_time(ClockId::CLOCK_THREAD_CPUTIME_ID)? - start;
        Ok(time.as_nanos() as f64 / spans as f64)
    }

    fn report(&mut self, records: &[Record]) -> Result<()> {
        let (mut bytes, mut spans) = (0, 0);
        let counted = allocation_counter::measure(|| (bytes, spans) = self.batches(records));
        let each = |count: u64| count as f64 / spans as f64;
        report(&json!({
            "encoding": self.name,
            "nanoseconds": self.rounds,
            "bytes": each(bytes as u64),
            "allocations": each(counted.count_total),
        }))
    }
}

fn write(out: &mut Vec<u8>, records: &[Record], mut put: impl FnMut(&Record, &mut Vec<u8>)) -> usize {
    out.clear();
    records.iter().for_each(|record| put(record, out));
    black_box(out).len()
}

/// Both ways to OTLP have to give the same.
fn same_bytes(batch: &mut Batch, records: &[Record], peer: impl Fn(&[Record]) -> Vec<u8>) -> Result<()> {
    records.iter().for_each(|record| batch.push(record));
    if batch.finish() != peer(records) {
        return Err("the two ways to OTLP give different bytes".into());
    }
    Ok(())
}
