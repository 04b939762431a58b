//! What the benchmark says, line by line.

use anyhow::{Context, Result};
use serde::Deserialize;

/// All figures of a run.
#[derive(Debug)]
pub struct Figures {
    pub load: Load,
    /// Ours first, then what it is compared with.
    pub encodings: Vec<Encoding>,
    pub deliveries: Vec<Delivery>,
}

/// What was encoded.
#[derive(Debug, Deserialize)]
pub struct Load {
    /// Of a record.
    pub attributes: u32,
    /// Different ones.
    pub records: u32,
    /// Records of a batch.
    pub batch: u32,
}

/// An encoding on one CPU.
#[derive(Debug, Deserialize)]
pub struct Encoding {
    #[serde(rename = "encoding")]
    pub name: String,
    /// A span, round by round.
    pub nanoseconds: Vec<f64>,
    /// A span.
    pub bytes: f64,
    /// A span.
    pub allocations: f64,
}

/// A way to the receiver.
#[derive(Debug, Deserialize)]
pub struct Delivery {
    pub compression: String,
    /// Round by round.
    pub spans_per_second: Vec<f64>,
    /// CPUs that the agent kept busy, round by round.
    pub cpus: Vec<f64>,
    /// A span, round by round.
    pub bytes: Vec<f64>,
}

impl Figures {
    /// From what the two halves of the benchmark wrote.
    pub fn parse(encoded: &str, delivered: &str) -> Result<Self> {
        let (load, encodings) = encoded.split_once('\n').context("the benchmark said nothing of encoding")?;
        Ok(Self { load: serde_json::from_str(load)?, encodings: lines(encodings)?, deliveries: lines(delivered)? })
    }
}

fn lines<T: for<'a> Deserialize<'a>>(text: &str) -> Result<Vec<T>> {
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("reading {line:?}"))).collect()
}
