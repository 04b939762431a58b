//! What developers do with the project: `cargo xtask --help`.

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
    /// Write what is derived from `registry/`: Rust tables, reference page, JSON Schema.
    Codegen {
        /// Write nothing; fail when a file is not what the registry says.
        #[arg(long)]
        check: bool,
    },
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
        Task::Codegen { check } => codegen::run(check),
        Task::Ebpf(arguments) => ebpf::run(&arguments),
        Task::Fuzz { seconds } => fuzz::run(seconds),
    }
}
