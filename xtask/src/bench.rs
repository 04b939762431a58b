//! `cargo xtask bench`: what flowtrace costs, measured beside the least that anything could cost, or beside the usual
//! way (docs/benchmarks.md).

mod driver;
mod encode;
mod floor;
mod frame;
mod kernel;
mod machine;
mod report;
mod scenario;
mod spread;
mod subject;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

/// What to measure.
#[derive(Subcommand)]
pub enum Task {
    /// Nanoseconds per packet of the kernel program, beside the floor programs (as root).
    Kernel(Kernel),
    /// Spans per second of the encoders, beside prost, and through the exporter to a receiver on this host.
    Encode(Encode),
}

/// How to measure the kernel program.
#[derive(Args)]
pub struct Kernel {
    /// Write all figures to this file, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Folder with floor.bpf.c, the smallest programs that could do the work.
    #[arg(long, value_name = "DIR", default_value_os_t = crate::ebpf::root().join("../shared/bench"))]
    floor: PathBuf,
    /// The kernel program to measure instead of the committed one.
    #[arg(long, value_name = "FILE")]
    object: Option<PathBuf>,
    /// An older kernel program, measured beside it; ratios are then to that one.
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
    /// Measure the program that reads payload for names; ratios are then to the one that does not.
    #[arg(long, conflicts_with = "before")]
    payload: bool,
    /// Rounds; every program is measured once in each.
    #[arg(long, default_value_t = 11)]
    rounds: u32,
    /// The CPU to measure on.
    #[arg(long, default_value_t = 1)]
    cpu: usize,
    /// Only scenarios whose name contains this.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
}

/// How to measure the encoders.
#[derive(Args)]
pub struct Encode {
    /// Write all figures to this file, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Rounds of encoding; every encoder has one turn in each.
    #[arg(long, default_value_t = 15)]
    rounds: u32,
    /// Rounds of delivery; every compression has one turn in each.
    #[arg(long, default_value_t = 5)]
    deliveries: u32,
    /// The CPU to encode on; delivery takes what it gets.
    #[arg(long, default_value_t = 1)]
    cpu: usize,
}

/// Measures.
pub fn run(task: &Task) -> Result<()> {
    match task {
        Task::Kernel(arguments) => kernel::run(arguments),
        Task::Encode(arguments) => encode::run(arguments),
    }
}
