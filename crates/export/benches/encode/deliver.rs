//! Records through the exporter to a receiver in another process, as fast as they go.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use flowtrace_export::{Compression, Destination, Exporter, Full, Settings};
use flowtrace_flow::Record;
use flowtrace_span::Options;
use nix::time::ClockId;
use serde_json::json;

use crate::{Result, cpu_time, load, report};

/// Records that are sent, each way in each round.
const RECORDS: usize = 200_000;
/// For what is left in the end.
const PATIENCE: Duration = Duration::from_secs(60);

/// One way to the receiver, and its figures round by round.
struct Way {
    compression: Compression,
    spans_per_second: Vec<f64>,
    /// CPUs that the agent kept busy.
    cpus: Vec<f64>,
    /// Bytes of requests a span.
    bytes: Vec<f64>,
}

/// The command.
pub fn run(rounds: usize) -> Result<()> {
    let records = load::records();
    let way = |compression| Way { compression, spans_per_second: Vec::new(), cpus: Vec::new(), bytes: Vec::new() };
    let mut ways = Compression::ALL.map(way);
    for _ in 0..rounds {
        ways.iter_mut().try_for_each(|way| way.round(&records))?;
    }
    ways.iter().try_for_each(Way::report)
}

impl Way {
    fn round(&mut self, records: &[Record]) -> Result<()> {
        let sink = Sink::start()?;
        let to = Destination { compression: self.compression, ..Destination::from(sink.url.as_str()) };
        let mut exporter = Exporter::new(to, &load::resource()?, Options::default(), Settings::new(Full::Wait))?;

        let (start, start_cpu) = (Instant::now(), cpu_time(ClockId::CLOCK_PROCESS_CPUTIME_ID)?);
        records.iter().cycle().take(RECORDS).for_each(|record| exporter.push(record));
        let report = exporter.shutdown(PATIENCE);
        let (time, cpu) = (start.elapsed(), cpu_time(ClockId::CLOCK_PROCESS_CPUTIME_ID)? - start_cpu);

        if report.sent != RECORDS as u64 {
            return Err(format!("not everything arrived: {report:?}").into());
        }
        let count = RECORDS as f64;
        self.spans_per_second.push(count / time.as_secs_f64());
        self.cpus.push(cpu.as_secs_f64() / time.as_secs_f64());
        self.bytes.push(sink.stop()? as f64 / count);
        Ok(())
    }

    fn report(&self) -> Result<()> {
        report(&json!({
            "compression": self.compression.name(),
            "spans_per_second": self.spans_per_second,
            "cpus": self.cpus,
            "bytes": self.bytes,
        }))
    }
}

/// The receiver in a process of its own.
struct Sink {
    process: Child,
    output: BufReader<ChildStdout>,
    url: String,
}

impl Sink {
    fn start() -> Result<Self> {
        let mut process =
            Command::new(std::env::current_exe()?).arg("sink").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut output = BufReader::new(process.stdout.take().ok_or("no output of the receiver")?);
        let mut url = String::new();
        output.read_line(&mut url)?;
        Ok(Self { process, output, url: url.trim().to_owned() })
    }

    /// Ends it. Says how many bytes of requests it took.
    fn stop(mut self) -> Result<u64> {
        drop(self.process.stdin.take());
        let mut bytes = String::new();
        self.output.read_line(&mut bytes)?;
        self.process.wait()?;
        Ok(bytes.trim().parse()?)
    }
}
