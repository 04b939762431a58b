//! Time to encode one record: `cargo bench -p flowtrace-span`.

#[path = "../tests/records/mod.rs"]
mod records;

use divan::Bencher;
use flowtrace_flow::Record;
use flowtrace_span::{Batch, Environment, Facts, Json, Options, OtlpJson, Resource, Text, attributes};

fn main() {
    divan::main();
}

fn resource() -> Resource {
    Resource::new(&Facts::default(), Environment::default()).unwrap_or_default()
}

/// The values alone: what every encoder pays.
#[divan::bench]
fn values(bencher: Bencher) {
    let (record, options) = (records::tcp(), Options::default());
    bencher.bench_local(|| attributes(&record, &options, &mut |_, value| divan::black_box_drop(value)));
}

/// The values of a record in a tunnel, which has some fifteen more.
#[divan::bench]
fn values_tunnelled(bencher: Bencher) {
    let (record, options) = (records::tunnelled(), Options::default());
    bencher.bench_local(|| attributes(&record, &options, &mut |_, value| divan::black_box_drop(value)));
}

/// Protobuf, a finished batch of 512 at a time.
#[divan::bench]
fn otlp_512(bencher: Bencher) {
    encode(bencher, &records::tcp());
}

/// The same of two processes of this host, one of them in a container.
#[divan::bench]
fn otlp_512_known(bencher: Bencher) {
    encode(bencher, &records::known());
}

/// The same with all that Kubernetes says by default of both ends: 28 names.
#[divan::bench]
fn otlp_512_in_kubernetes(bencher: Bencher) {
    encode(bencher, &records::in_kubernetes());
}

fn encode(bencher: Bencher, record: &Record) {
    let mut batch = Batch::new(&resource(), Options::default());
    bencher.counter(divan::counter::ItemsCount::new(512u32)).bench_local(|| {
        (0..512).for_each(|_| batch.push(record));
        batch.finish()
    });
}

#[divan::bench]
fn json(bencher: Bencher) {
    let (record, json) = (records::tcp(), Json::new(&resource(), Options::default()));
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        json.write(&record, &mut out);
    });
}

#[divan::bench]
fn otlp_json(bencher: Bencher) {
    let (record, json) = (records::tcp(), OtlpJson::new(&resource(), Options::default()));
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        json.write(&record, &mut out);
    });
}

#[divan::bench]
fn text(bencher: Bencher) {
    let (record, mut text, mut out) = (records::tcp(), Text::new(true), Vec::new());
    bencher.bench_local(|| {
        out.clear();
        text.write(&record, &mut out);
    });
}
