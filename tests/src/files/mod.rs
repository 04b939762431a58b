//! Tests on capture files: the program is run on them, and what it writes is compared with the truth, the laws, the
//! snapshots and what receivers got.

#![allow(clippy::unwrap_used, reason = "a failure in these helpers is a failed test")]

pub mod compare;
pub mod corpus;
pub mod frames;
pub mod laws;
pub mod otlp;
pub mod program;
pub mod python;
pub mod receiver;
pub mod rotel;
pub mod scenes;
pub mod span;
pub mod summary;
pub mod tcp_analysis;
pub mod text;
pub mod venv;

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A line on standard error that the test harness does not keep back, as it does with `eprintln!` of tests that pass.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Whether this is continuous integration: then nothing may be left out.
pub fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Calls `work` with every item, on all processors; the results are in the items' order.
pub fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((at, item)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, items.get(at)?)))
                {
                    let result = work(item);
                    results.lock().unwrap().push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
