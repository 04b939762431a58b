//! Flows: the records of each, from the first to the last, and the laws that hold for them.

use std::collections::{HashMap, HashSet};

use crate::count::Count;
use crate::record::Record;
use crate::watch::Said;

/// The records of each flow, in order. Flows are in the order of their first records.
///
/// # Panics
/// When a record's parent is missing or comes later.
pub fn chains(records: &[Record]) -> Vec<Vec<&Record>> {
    let mut chains: Vec<Vec<&Record>> = Vec::new();
    let mut roots = HashMap::new();
    for record in records {
        match &record.parent {
            None => {
                roots.insert(&record.span, chains.len());
                chains.push(vec![record]);
            }
            Some(parent) => {
                let place = roots.get(parent).unwrap_or_else(|| panic!("no parent: {}", record.json));
                chains[*place].push(record);
            }
        }
    }
    chains
}

/// Asserts what holds for all records: one trace a flow, windows that tile, totals that are the sums of deltas, unique
/// ids, no empty window, an end only at the end.
///
/// # Panics
/// When one of them does not hold.
pub fn check(said: &Said) {
    said.check();
    let spans: HashSet<&str> = said.records.iter().map(|record| record.span.as_str()).collect();
    assert_eq!(spans.len(), said.records.len(), "span ids are unique");
    for chain in chains(&said.records) {
        let mut totals = [Count::default(); 2];
        for (place, record) in chain.iter().enumerate() {
            totals = [totals[0] + record.ways[0], totals[1] + record.ways[1]];
            assert_eq!(record.totals, totals, "totals: {}", record.json);
            assert_eq!(record.trace, chain[0].trace, "one trace: {}", record.json);
            assert!(record.ways.iter().any(|way| way.packets > 0), "an empty window: {}", record.json);
            assert!(record.window[0] <= record.window[1], "time goes on: {}", record.json);
            let is_cut = record.end_reason == "active_timeout";
            assert_eq!(is_cut, place + 1 < chain.len(), "an end at the end: {}", record.json);
            if place > 0 {
                assert_eq!(record.window[0], chain[place - 1].window[1], "windows tile: {}", record.json);
            }
        }
    }
}
