//! The figures of a run, as tables and as JSON.

use anyhow::Result;
use serde_json::{Value, json};

use super::figures::{Delivery, Encoding, Figures};
use crate::bench::machine;
use crate::bench::spread::Spread;

/// For people.
pub fn text(figures: &Figures) -> String {
    let load = &figures.load;
    let mut lines = vec![format!(
        "Linux {}, {}; {} attributes a span, {} different records, {} a batch",
        machine::kernel(),
        machine::cpu(),
        load.attributes,
        load.records,
        load.batch
    )];
    lines.push(format!(
        "\n{:<36}{:>9}{:>22}{:>13}{:>9}{:>8}{:>13}",
        "encoding, one CPU", "ns/span", "min / max", "M spans/s", "speed", "bytes", "allocations"
    ));
    let first = figures.encodings.first();
    lines.extend(figures.encodings.iter().map(|encoding| encoding_line(encoding, first.unwrap_or(encoding))));
    lines.push(format!(
        "\n{:<36}{:>9}{:>22}{:>13}{:>9}{:>8}",
        "delivery by gRPC, as fast as it goes", "k/s", "min / max", "k/s/CPU", "CPUs", "bytes"
    ));
    lines.extend(figures.deliveries.iter().map(delivery_line));
    lines.join("\n")
}

fn encoding_line(encoding: &Encoding, first: &Encoding) -> String {
    let Spread { min, median, max } = Spread::of(encoding.nanoseconds.iter().copied());
    let ratio = ratio(encoding, first).median;
    format!(
        "{:<36}{median:>9.0}{:>22}{:>13.2}{ratio:>9.2}{:>8.0}{:>13.3}",
        encoding.name,
        format!("{min:.0} / {max:.0}"),
        1e3 / median,
        encoding.bytes,
        encoding.allocations
    )
}

/// How many times as fast as the first encoding, round by round.
fn ratio(encoding: &Encoding, first: &Encoding) -> Spread {
    Spread::of(first.nanoseconds.iter().zip(&encoding.nanoseconds).map(|(first, this)| first / this))
}

fn delivery_line(delivery: &Delivery) -> String {
    let Spread { min, median, max } = Spread::of(delivery.spans_per_second.iter().map(|speed| speed / 1e3));
    format!(
        "{:<36}{median:>9.0}{:>22}{:>13.0}{:>9.2}{:>8.0}",
        format!("compression {}", delivery.compression),
        format!("{min:.0} / {max:.0}"),
        per_cpu(delivery).median / 1e3,
        Spread::of(delivery.cpus.iter().copied()).median,
        Spread::of(delivery.bytes.iter().copied()).median
    )
}

/// Spans a second of CPU time.
fn per_cpu(delivery: &Delivery) -> Spread {
    Spread::of(delivery.spans_per_second.iter().zip(&delivery.cpus).map(|(speed, cpus)| speed / cpus))
}

/// For programs.
pub fn json(figures: &Figures) -> Result<String> {
    let first = figures.encodings.first();
    let encodings = figures.encodings.iter().map(|encoding| encoding_json(encoding, first.unwrap_or(encoding)));
    let report = json!({
        "kernel": machine::kernel(),
        "cpu": machine::cpu(),
        "attributes": figures.load.attributes,
        "records": figures.load.records,
        "batch": figures.load.batch,
        "encodings": encodings.collect::<Vec<Value>>(),
        "deliveries": figures.deliveries.iter().map(delivery_json).collect::<Vec<Value>>(),
    });
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}

fn encoding_json(encoding: &Encoding, first: &Encoding) -> Value {
    json!({
        "name": encoding.name,
        "rounds": encoding.nanoseconds.len(),
        "nanoseconds_per_span": Spread::of(encoding.nanoseconds.iter().copied()).json(),
        "spans_per_second": Spread::of(encoding.nanoseconds.iter().map(|time| 1e9 / time)).json(),
        "speed_to_first": ratio(encoding, first).json(),
        "bytes_per_span": encoding.bytes,
        "allocations_per_span": encoding.allocations,
    })
}

fn delivery_json(delivery: &Delivery) -> Value {
    json!({
        "compression": delivery.compression,
        "rounds": delivery.spans_per_second.len(),
        "spans_per_second": Spread::of(delivery.spans_per_second.iter().copied()).json(),
        "spans_per_cpu_second": per_cpu(delivery).json(),
        "cpus": Spread::of(delivery.cpus.iter().copied()).json(),
        "bytes_per_span": Spread::of(delivery.bytes.iter().copied()).json(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENCODED: &str = r#"{"attributes":3,"records":4,"batch":2}
{"encoding":"ours","nanoseconds":[500.0,400.0,600.0],"bytes":10.0,"allocations":0.004}
{"encoding":"peer","nanoseconds":[5000.0,2000.0,6000.0],"bytes":10.0,"allocations":99.0}
"#;
    const DELIVERED: &str = r#"{"compression":"gzip","spans_per_second":[300000.0],"cpus":[1.5],"bytes":[200.0]}
"#;

    #[test]
    fn medians_are_taken_over_rounds_and_ratios_within_them() {
        let figures = Figures::parse(ENCODED, DELIVERED).unwrap();
        let text = text(&figures);
        let words = |start: &str| {
            let line = text.lines().find(|line| line.starts_with(start)).unwrap();
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(words("ours"), ["ours", "500", "400", "/", "600", "2.00", "1.00", "10", "0.004"]);
        assert_eq!(words("peer"), ["peer", "5000", "2000", "/", "6000", "0.20", "0.10", "10", "99.000"]);
        assert_eq!(words("comp"), ["compression", "gzip", "300", "300", "/", "300", "200", "1.50", "200"]);
        let json: Value = serde_json::from_str(&json(&figures).unwrap()).unwrap();
        assert_eq!(json["encodings"][1]["speed_to_first"], json!({ "min": 0.1, "median": 0.1, "max": 0.2 }));
        assert_eq!(json["deliveries"][0]["spans_per_cpu_second"]["median"], 200_000.0);
    }

    #[test]
    fn what_is_no_figure_is_an_error() {
        for (encoded, delivered) in [("", ""), (ENCODED, "oh\n"), ("{}\n", DELIVERED)] {
            assert!(Figures::parse(encoded, delivered).is_err());
        }
    }
}
