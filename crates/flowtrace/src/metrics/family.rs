//! The text formats: Prometheus 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>) and OpenMetrics 1.0
//! (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).

use std::fmt::{Display, Write as _};

use flowtrace_export::Durations;

use super::table::{DEFINITIONS, Metric};

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets.
    Histogram,
}

/// What the registry says of a metric.
#[derive(Debug)]
pub struct Definition {
    /// The family's name, with its unit.
    pub name: &'static str,
    /// `seconds`, `bytes` or nothing.
    pub unit: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// One sentence.
    pub help: &'static str,
}

impl Metric {
    /// What the registry says of it.
    pub fn definition(self) -> &'static Definition {
        &DEFINITIONS[self as usize]
    }
}

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own.
    Prometheus,
    /// OpenMetrics.
    OpenMetrics,
}

impl Format {
    /// Its `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A page of metrics.
pub struct Page {
    format: Format,
    text: String,
}

/// The samples of one metric; nothing is written of a metric without any.
pub struct Family<'a> {
    page: &'a mut Page,
    definition: &'static Definition,
    is_begun: bool,
}

impl Page {
    /// An empty one.
    pub fn new(format: Format) -> Self {
        Self { format, text: String::new() }
    }

    /// Begins a metric; each once.
    pub fn family(&mut self, metric: Metric) -> Family<'_> {
        Family { page: self, definition: metric.definition(), is_begun: false }
    }

    /// A metric without labels.
    pub fn single(&mut self, metric: Metric, value: impl Display) {
        self.family(metric).sample(&[], value);
    }

    /// The text.
    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

impl Family<'_> {
    /// A value with the values of its labels, in the registry's order. A set of labels comes once.
    pub fn sample(&mut self, labels: &[&str], value: impl Display) {
        self.begin();
        let suffix = if self.definition.kind == Kind::Counter { "_total" } else { "" };
        self.line(suffix, labels, None, value);
    }

    /// A histogram in seconds.
    pub fn durations(&mut self, labels: &[&str], durations: &Durations) {
        self.begin();
        for (bound, count) in durations.cumulative() {
            // With a point always, as OpenMetrics has it: 1.0, not 1.
            self.line("_bucket", labels, Some(&format!("{bound:?}")), count);
        }
        self.line("_bucket", labels, Some("+Inf"), durations.count());
        self.line("_sum", labels, None, durations.sum().as_secs_f64());
        self.line("_count", labels, None, durations.count());
    }

    /// Writes what stands before the first sample.
    fn begin(&mut self) {
        if std::mem::replace(&mut self.is_begun, true) {
            return;
        }
        let Definition { name, unit, kind, help, .. } = self.definition;
        let text = &mut self.page.text;
        let (name, kind) = match (self.page.format, kind) {
            (Format::Prometheus, Kind::Counter) => (format!("{name}_total"), "counter"),
            (Format::OpenMetrics, Kind::Counter) => ((*name).to_owned(), "counter"),
            (Format::OpenMetrics, Kind::Gauge) if name.ends_with("_info") => {
                (name.trim_end_matches("_info").to_owned(), "info")
            }
            (_, Kind::Gauge) => ((*name).to_owned(), "gauge"),
            (_, Kind::Histogram) => ((*name).to_owned(), "histogram"),
        };
        let help = escape(help);
        // Writing to a string does not fail, here and below.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        if self.page.format == Format::OpenMetrics && !unit.is_empty() {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
    }

    fn line(&mut self, suffix: &str, labels: &[&str], bound: Option<&str>, value: impl Display) {
        debug_assert_eq!(labels.len(), self.definition.labels.len(), "{}", self.definition.name);
        let text = &mut self.page.text;
        let _ = write!(text, "{}{suffix}", self.definition.name);
        let pairs = self.definition.labels.iter().copied().zip(labels.iter().copied());
        let mut separator = '{';
        for (name, value) in pairs.chain(bound.map(|bound| ("le", bound))) {
            let _ = write!(text, "{separator}{name}=\"{}\"", escape(value));
            separator = ',';
        }
        if separator == ',' {
            text.push('}');
        }
        let _ = writeln!(text, " {value}");
    }
}

/// As both formats want it in the values of labels, and OpenMetrics in descriptions, too.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn page(format: Format) -> String {
        let mut page = Page::new(format);
        let mut packets = page.family(Metric::Packets);
        packets.sample(&["tcp"], 3);
        packets.sample(&["a\"b\\c\nd"], 4);
        page.single(Metric::LastScanTimestamp, 1.5);
        page.family(Metric::BuildInfo).sample(&["1", "x"], 1);
        let mut durations = Durations::default();
        durations.add(Duration::from_millis(1500));
        page.family(Metric::ScanDuration).durations(&[], &durations);
        page.family(Metric::KernelProgramRuns);
        page.finish()
    }

    #[test]
    fn prometheus() {
        let text = page(Format::Prometheus);
        for line in [
            "# TYPE flowtrace_packets_total counter",
            "flowtrace_packets_total{transport=\"tcp\"} 3",
            "flowtrace_packets_total{transport=\"a\\\"b\\\\c\\nd\"} 4",
            "flowtrace_last_scan_timestamp_seconds 1.5",
            "# TYPE flowtrace_build_info gauge",
            "flowtrace_build_info{version=\"1\",architecture=\"x\"} 1",
            "flowtrace_scan_duration_seconds_bucket{le=\"1.0\"} 0",
            "flowtrace_scan_duration_seconds_bucket{le=\"2.5\"} 1",
            "flowtrace_scan_duration_seconds_bucket{le=\"+Inf\"} 1",
            "flowtrace_scan_duration_seconds_sum 1.5",
            "flowtrace_scan_duration_seconds_count 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("UNIT") && !text.contains("EOF") && !text.contains("program_runs"), "{text}");
    }

    #[test]
    fn open_metrics() {
        let text = page(Format::OpenMetrics);
        for line in [
            "# TYPE flowtrace_packets counter",
            "flowtrace_packets_total{transport=\"tcp\"} 3",
            "# UNIT flowtrace_last_scan_timestamp_seconds seconds",
            "# TYPE flowtrace_build info",
            "flowtrace_build_info{version=\"1\",architecture=\"x\"} 1",
            "# TYPE flowtrace_scan_duration_seconds histogram",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.ends_with("\n# EOF\n"), "{text}");
    }
}
