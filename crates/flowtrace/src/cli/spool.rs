//! The options of spools.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use flowtrace_export::Sync;

use super::{parse_duration, parse_size};

/// What happens to batches that a receiver does not take.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Spool")]
pub struct SpoolOptions {
    /// Keep on disk, below this directory, what the OTLP receiver does not take; what an earlier run left there is sent
    /// first. Each receiver has a directory of its own there, for one process at a time.
    #[arg(long, value_name = "DIR")]
    pub spool: Option<PathBuf>,
    /// How much of the disk a receiver's spool takes at most.
    #[arg(long, value_name = "SIZE", requires = "spool", default_value = "1GiB", value_parser = parse_spool_size)]
    pub spool_size: u64,
    /// When batches go to disk: those that are more than memory holds or come while the receiver does not answer, or
    /// each before it is sent.
    #[arg(long, value_name = "WHEN", requires = "spool", default_value = "overflow")]
    pub spool_mode: SpoolMode,
    /// When what is on disk is made safe against a loss of power: after each `batch`, or at intervals, as `1s`.
    #[arg(long, value_name = "WHEN", requires = "spool", default_value = "batch", value_parser = parse_spool_sync)]
    pub spool_sync: Sync,
}

/// When batches go to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SpoolMode {
    /// Those that are more than memory holds, and all while the receiver does not answer.
    Overflow,
    /// Each, before it is sent.
    Always,
}

/// The least a spool can do with: a few batches.
const SPOOL_MIN: u64 = 8 << 20;

/// `1GiB`, and enough.
fn parse_spool_size(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        bytes if bytes < SPOOL_MIN => Err("it must be 8MiB or more".to_owned()),
        bytes => Ok(bytes),
    }
}

/// `batch`, or a duration.
fn parse_spool_sync(text: &str) -> Result<Sync, String> {
    match text {
        "batch" => Ok(Sync::Batch),
        interval => parse_duration(interval).map(Sync::Interval).map_err(|error| format!("{error}, or batch")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("1GiB", Some(1 << 30)),
            ("500MB", Some(500_000_000)),
            ("1.5 gib", Some(3 << 29)),
            ("8388608", Some(8 << 20)),
            ("999999999999TiB", Some(1 << 50)),
            ("8388607", None),
            ("0", None),
            ("1GiBs", None),
            ("-1GiB", None),
            ("1.2.3GiB", None),
            ("GiB", None),
            ("", None),
        ] {
            assert_eq!(parse_spool_size(text).ok(), bytes, "{text}");
        }
    }

    #[test]
    fn a_spool_is_synchronised_by_batch_or_interval() {
        assert_eq!(parse_spool_sync("batch"), Ok(Sync::Batch));
        assert_eq!(parse_spool_sync("1s"), Ok(Sync::Interval(std::time::Duration::from_secs(1))));
        assert!(parse_spool_sync("never").is_err_and(|error| error.ends_with(", or batch")));
    }
}
