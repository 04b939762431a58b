//! The metrics of flowtrace itself: `registry/metrics.yaml` → the Rust table and the page for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::NOTICE;
use super::registry::{self, Definition, Instrument, Metric, Type};

/// The metrics, checked: every attribute is declared, and used.
pub struct Metrics {
    metrics: Vec<Metric>,
    attributes: Vec<Definition>,
}

const HEAD: &str = "\
# Metrics

What flowtrace says of itself at `/metrics` of [its endpoint](../how-to/metrics.md), in the text format of Prometheus or, where
a client asks for it, OpenMetrics. Counters count from the start of the program. The values are those of the last scan;
those of the process and of Kubernetes are of the moment. A metric is absent where what it measures is not in use.
";

impl Metrics {
    /// Reads `metrics.yaml` in this folder.
    pub fn load(folder: &Path) -> Result<Self> {
        let file: registry::MetricFile = registry::read(&folder.join("metrics.yaml"))?;
        let mut uses: BTreeMap<&str, usize> = file.attributes.iter().map(|one| (one.key.as_str(), 0)).collect();
        for metric in &file.metrics {
            for attribute in &metric.attributes {
                let known = uses.get_mut(attribute.name.as_str());
                *known.with_context(|| format!("{} refers to {}: not declared", metric.name, attribute.name))? += 1;
            }
        }
        if let Some((name, _)) = uses.iter().find(|(_, uses)| **uses == 0) {
            bail!("registry/metrics.yaml declares {name}, and no metric has it");
        }
        let mut names: Vec<_> = file.metrics.iter().map(family).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            bail!("two metrics have the name {}", twice[0]);
        }
        Ok(Self { metrics: file.metrics, attributes: file.attributes })
    }

    /// `crates/flowtrace/src/metrics/table.rs`, before rustfmt.
    pub fn rust(&self) -> String {
        let count = self.metrics.len();
        let mut out = format!(
            "// {NOTICE}\n\n//! The metrics that are declared.\n\nuse super::family::{{Definition, Kind}};\n\n\
             /// A metric. The order is that of the page.\n#[derive(Clone, Copy, Debug, PartialEq, Eq)]\n\
             #[repr(u8)]\npub enum Metric {{\n"
        );
        for metric in &self.metrics {
            let _ = writeln!(out, "/// {}\n{},", metric.brief, variant(&metric.name));
        }
        let _ = write!(
            out,
            "}}\n\n/// What the registry says, by metric.\npub static DEFINITIONS: [Definition; {count}] = [\n"
        );
        for metric in &self.metrics {
            let labels: Vec<_> = metric.attributes.iter().map(|one| one.name.as_str()).collect();
            let _ = writeln!(
                out,
                "Definition {{ name: {:?}, unit: {:?}, kind: Kind::{:?}, labels: &{labels:?}, help: {:?} }},",
                family(metric),
                unit(metric).unwrap_or_default(),
                metric.instrument,
                metric.brief,
            );
        }
        out.push_str("];\n");
        out
    }

    /// `docs/reference/metrics.md`.
    pub fn page(&self) -> String {
        let mut out =
            format!("<!-- {NOTICE} -->\n\n{HEAD}\n| Name | Type | Labels | What | Source |\n|---|---|---|---|---|\n");
        for metric in &self.metrics {
            let suffix = if metric.instrument == Instrument::Counter { "_total" } else { "" };
            let labels: Vec<_> = metric.attributes.iter().map(|one| format!("`{}`", one.name)).collect();
            let what = format!("{} {}", metric.brief, metric.note);
            let _ = writeln!(
                out,
                "| `{}{suffix}` | {} | {} | {} | {} |",
                family(metric),
                format!("{:?}", metric.instrument).to_lowercase(),
                labels.join(", "),
                what.trim().replace('|', "\\|"),
                metric.annotations.flowtrace.source
            );
        }
        out.push_str("\n## Labels\n\n| Label | What | Values |\n|---|---|---|\n");
        for attribute in &self.attributes {
            let _ = writeln!(out, "| `{}` | {} | {} |", attribute.key, attribute.brief, values(attribute));
        }
        out
    }
}

/// All values with their meanings, or examples.
fn values(attribute: &Definition) -> String {
    let all: Vec<_> = match &attribute.kind {
        Type::Members { members } => members.iter().map(|one| format!("`{}`: {}", one.value, one.brief)).collect(),
        Type::Plain(_) => {
            let examples = attribute.examples.iter().filter_map(|example| example.as_str());
            vec![examples.map(|example| format!("`{example}`")).collect::<Vec<_>>().join(", ")]
        }
    };
    all.join(" ")
}

/// The unit as Prometheus has it in names.
fn unit(metric: &Metric) -> Option<&'static str> {
    match metric.unit.as_str() {
        "s" => Some("seconds"),
        "By" => Some("bytes"),
        _ => None,
    }
}

/// `flowtrace.scan.duration` in seconds → `flowtrace_scan_duration_seconds`.
fn family(metric: &Metric) -> String {
    let name = metric.name.replace('.', "_");
    match unit(metric) {
        Some(unit) if !name.ends_with(&format!("_{unit}")) => format!("{name}_{unit}"),
        _ => name,
    }
}

/// `flowtrace.scan.duration` → `ScanDuration`.
fn variant(name: &str) -> String {
    let name = name.strip_prefix("flowtrace.").unwrap_or(name);
    let words = name.split(['.', '_']).map(|word| {
        let mut letters = word.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>()
    });
    words.collect()
}
