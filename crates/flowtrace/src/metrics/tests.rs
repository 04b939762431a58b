//! What is declared is on the page, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use flowtrace_kubernetes::Kind;
use flowtrace_kubernetes::watch::{KindProgress, Phase};

use super::families::{self, page};
use super::family::{Format, Kind as MetricKind, Page};
use super::table::DEFINITIONS;
use super::{Published, sample};

/// A page on which there is everything.
fn everything(format: Format) -> String {
    let published = Published::new(Duration::from_secs(1), None);
    published.put(sample::snapshot());
    let mut watched = Page::new(format);
    let heard = Some(Instant::now());
    let progress = KindProgress { phase: Phase::Watching, synced: true, heard, ..KindProgress::default() };
    families::kubernetes(&mut watched, &[(Kind::Pod, progress)], Instant::now());
    let text = page(&published, format);
    let (rest, end) = text.split_once("# EOF").map_or((text.as_str(), ""), |(rest, _)| (rest, "# EOF\n"));
    let watched = watched.finish();
    format!("{rest}{}{end}", watched.trim_end_matches("# EOF\n"))
}

/// The samples' names and labels by family.
fn samples(text: &str) -> BTreeMap<String, BTreeSet<(String, Vec<String>)>> {
    let (mut family, mut found) = (String::new(), BTreeMap::<_, BTreeSet<_>>::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().expect("a name").to_owned();
            assert!(found.insert(family.clone(), BTreeSet::new()).is_none(), "{family} comes twice");
        } else if !line.starts_with('#') {
            let (series, _) = line.rsplit_once(' ').expect("a value");
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels.trim_end_matches('}').split("\",").filter_map(|pair| pair.split_once('='));
            let labels = labels.map(|(name, _)| name.to_owned()).filter(|name| name != "le").collect();
            found.get_mut(&family).expect("the line of its type").insert((name.to_owned(), labels));
        }
    }
    found
}

#[test]
fn what_is_declared_is_exposed_and_nothing_else() {
    let found = samples(&everything(Format::Prometheus));
    let total = |kind| if kind == MetricKind::Counter { "_total" } else { "" };
    let declared: BTreeSet<_> = DEFINITIONS.iter().map(|one| format!("{}{}", one.name, total(one.kind))).collect();
    assert_eq!(found.keys().cloned().collect::<BTreeSet<_>>(), declared);
    for definition in &DEFINITIONS {
        for (name, labels) in &found[&format!("{}{}", definition.name, total(definition.kind))] {
            assert_eq!(labels, definition.labels, "{name}");
        }
    }
}

/// No line comes twice, and each is of the family that stands above it.
#[test]
fn series_are_unique_and_named_as_their_family() {
    for format in [Format::Prometheus, Format::OpenMetrics] {
        let text = everything(format);
        let series: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let names: BTreeSet<_> = series.iter().filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect();
        assert_eq!(names.len(), series.len(), "{text}");
        for (family, samples) in samples(&text) {
            assert!(samples.iter().all(|(name, _)| name.starts_with(&family)) && !samples.is_empty(), "{family}");
        }
    }
}

#[test]
fn before_the_first_scan_there_is_the_program() {
    let text = page(&Published::new(Duration::from_secs(1), None), Format::Prometheus);
    assert!(text.contains("flowtrace_build_info{") && text.contains("process_cpu_seconds_total "), "{text}");
    assert!(!text.contains("flowtrace_packets"), "{text}");
}
