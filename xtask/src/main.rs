//! What developers do with the project: `cargo xtask --help`.

mod bench;
mod ci;
mod codegen;
mod ebpf;
mod fuzz;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Developer tasks of flowtrace")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run all tests, as CI does; installs what they need where it may.
    Ci {
        /// Only these steps.
        steps: Vec<String>,
    },
    /// Write what is derived from `registry/`: Rust tables, reference page, JSON Schema.
    Codegen {
        /// Write nothing; fail when a file is not what the registry says.
        #[arg(long)]
        check: bool,
    },
    /// Measure.
    #[command(subcommand)]
    Bench(bench::Task),
    /// Build the kernel programs and write crates/ebpf/prebuilt.
    Ebpf(ebpf::Arguments),
    /// Fuzz the dissector and the file reader; installs cargo-fuzz where it is missing.
    Fuzz {
        /// How long each of them runs.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.task {
        Task::Ci { steps } => ci::run(&steps),
        Task::Codegen { check } => codegen::run(check),
        Task::Bench(task) => bench::run(&task),
        Task::Ebpf(arguments) => ebpf::run(&arguments),
        Task::Fuzz { seconds } => fuzz::run(seconds),
    }
}
