//! `cargo xtask bench`: what flowtrace costs, measured beside the least that anything could cost
//! (docs/benchmarks.md).

mod driver;
mod floor;
mod frame;
mod kernel;
mod machine;
mod report;
mod scenario;
mod subject;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

/// What to measure.
#[derive(Subcommand)]
pub enum Task {
    /// Nanoseconds per packet of the kernel program, beside the floor programs (as root).
    Kernel(Kernel),
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

/// Measures.
pub fn run(task: &Task) -> Result<()> {
    match task {
        Task::Kernel(arguments) => kernel::run(arguments),
    }
}
