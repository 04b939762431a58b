//! The options of files.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{parse_duration, parse_size};

/// Records in a file instead of on standard output.
#[derive(Debug, Args)]
#[command(next_help_heading = "File")]
pub struct FileOptions {
    /// Append records to this file instead of writing them to standard output; as `--output` says, without it as json.
    #[arg(long, value_name = "PATH")]
    pub output_file: Option<PathBuf>,
    /// Begin another file when it has so many bytes, as 100MiB; the full one gets the time into its name.
    #[arg(long, value_name = "SIZE", requires = "output_file", value_parser = parse_rotate_size)]
    pub rotate_size: Option<u64>,
    /// Begin another file when it is so old, as 1h.
    #[arg(long, value_name = "DURATION", requires = "output_file", value_parser = parse_duration)]
    pub rotate_age: Option<Duration>,
    /// How many full files are kept; of more, the oldest are deleted.
    #[arg(long, value_name = "N", default_value_t = 10, requires = "output_file", value_parser = clap::value_parser!(u32).range(1..))]
    pub rotate_keep: u32,
}

/// The least a file takes: a few records.
const ROTATE_MIN: u64 = 4 << 10;

/// `100MiB`: in bytes.
fn parse_rotate_size(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        bytes if bytes < ROTATE_MIN => Err("it must be 4KiB or more".to_owned()),
        bytes => Ok(bytes),
    }
}
