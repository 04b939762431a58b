//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

pub mod conntrack;
pub mod file;
pub mod http;
pub mod kubernetes;
pub mod otlp;
pub mod outputs;
pub mod spool;
pub mod who;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use outputs::{Below, OutputOptions};

/// What the exit statuses say: those of [`crate::exit::Exit`], clap's 2, and those of signals.
macro_rules! exit_status {
    () => {
        "Exit status:\n  \
        0    done\n  \
        1    failed: the message says what and why\n  \
        2    wrong command line\n  \
        3    a capture file was cut short or damaged; every flow before the damage was written\n  \
        4    records were lost: not taken by the OTLP receiver, or not written to the file\n  \
        130  ended at once by a second SIGINT or SIGTERM, the last being SIGINT\n  \
        143  the same, the last being SIGTERM"
    };
}

/// The exit statuses, for the help.
const EXIT_STATUS: &str = exit_status!();

/// Watches network traffic and turns every conversation into an OpenTelemetry trace.
///
/// Records go to standard output, everything else to standard error.
#[derive(Debug, Parser)]
#[command(name = "flowtrace", version, arg_required_else_help = true, after_help = EXIT_STATUS)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say more: -v what happens, -vv details, -vvv everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say nothing but errors; no summary.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

impl Arguments {
    /// The command line: its program, then its words.
    pub fn read(line: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        let matches = outputs::repeatable(Self::command()).try_get_matches_from(line)?;
        let mut arguments = Self::from_arg_matches(&matches)?;
        if let Some((_, of_command)) = matches.subcommand() {
            arguments.set_outputs(of_command, &Below::default())?;
        }
        Ok(arguments)
    }

    /// A whole line, in which the words of configuration file and environment stand before the command line's. Which
    /// output an option is of, `own`, what the command line alone says, and `below` tell.
    pub fn layered(whole: &[OsString], own: &ArgMatches, below: &Below) -> Result<Self, clap::Error> {
        let matches = outputs::repeatable(Self::command()).try_get_matches_from(whole)?;
        let mut arguments = Self::from_arg_matches(&matches)?;
        arguments.set_outputs(own, below)?;
        Ok(arguments)
    }

    fn set_outputs(&mut self, matches: &ArgMatches, below: &Below) -> Result<(), clap::Error> {
        let common = match &mut self.command {
            Command::Run(options) => &mut options.common,
            Command::Read(options) => &mut options.common,
            Command::Config(_) => return Ok(()),
        };
        (common.shown, common.receivers) = outputs::outputs(matches, below)?;
        Ok(())
    }
}

/// The options of `run`, as clap knows them.
pub fn run_options() -> clap::Command {
    RunOptions::augment_args(clap::Command::new("run"))
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch this host's interfaces until interrupted (needs root).
    #[command(after_help = concat!("Examples:\n  \
        flowtrace run                                  flows of all interfaces, in the terminal\n  \
        flowtrace run -i 'eth*' -i '!eth1'             of some\n  \
        flowtrace run --otlp http://localhost:4317     to an OTLP receiver\n\n", exit_status!()))]
    Run(RunOptions),
    /// Read capture files (pcap, pcapng; plain, gzip or zstd).
    #[command(after_help = concat!("Examples:\n  \
        flowtrace read trace.pcap\n  \
        flowtrace read --output json trace.pcapng.gz | jq .attributes\n  \
        tcpdump -w - | flowtrace read -\n\n", exit_status!()))]
    Read(ReadOptions),
    /// Configuration files: print one with all defaults, check one.
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// What to do with configuration files.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print a file in which each key has its default, with an explanation.
    Default,
    /// Check a file, as `run` does before anything starts: keys, values, filters, patterns, secrets and certificates;
    /// with it the FLOWTRACE_* variables that are set here.
    Check {
        /// The file; without it, that of FLOWTRACE_CONFIG.
        file: Option<PathBuf>,
    },
    /// Print the JSON Schema of such files.
    Schema,
    /// Print the reference page.
    #[command(hide = true)]
    Reference,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// Watch the interfaces that match: a glob (`eth*`), a regular expression between slashes (`/^en.*[0-9]$/`), `!`
    /// before either to exclude. Repeatable. Without it: all but loopback.
    #[arg(short, long = "interface", value_name = "PATTERN")]
    pub interfaces: Vec<String>,
    /// How many flows the kernel holds at most.
    #[arg(long, value_name = "N", default_value_t = 131_072, value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    pub max_flows: u32,
    /// How often the kernel's counts are read.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    pub scan_interval: std::time::Duration,
    /// Whose addresses and listening sockets are this host's: those of all network namespaces that can be read, of the
    /// program's own only, or `auto`: of all where it runs in the host's initial namespace, else of its own.
    #[arg(long, value_name = "WHICH", default_value = "auto")]
    pub namespaces: Namespaces,
    /// Which processes use sockets.
    #[command(flatten)]
    pub processes: who::ProcessOptions,
    /// Metrics and health.
    #[command(flatten)]
    pub http: http::HttpOptions,
    /// Address translation.
    #[command(flatten)]
    pub conntrack: conntrack::ConntrackOptions,
    /// Attach by tcx links or by clsact filters, instead of what the kernel has.
    #[arg(long, value_name = "KIND", hide = true)]
    pub attach: Option<Attach>,
    /// Load this kernel program instead of the built-in one (for its developers).
    #[arg(long, value_name = "FILE", hide = true)]
    pub bpf_object: Option<PathBuf>,
    /// What both commands have.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// Options of `read`.
#[derive(Debug, Args)]
pub struct ReadOptions {
    /// Capture files, read one after the other as one capture; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How many flows are open at most; the idlest are closed to make room.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_flows: u32,
    /// What both commands have.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// Options of both commands.
#[derive(Debug, Args)]
pub struct CommonOptions {
    /// Take options from this file (YAML; see `flowtrace config default`). Above it are FLOWTRACE_* variables, one for
    /// each option, as FLOWTRACE_SCAN_INTERVAL=5s; above these is the command line. Without it, the file that
    /// FLOWTRACE_CONFIG names, if it is set.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How records are written to standard output: `text` unless they go to an OTLP receiver, then `none`; or to
    /// `--output-file`, then `json`.
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<Output>,
    /// Send records to this OTLP receiver: `http://HOST:4317`, `https://HOST`, `unix:/PATH`. Without it, to that of
    /// OTEL_EXPORTER_OTLP_ENDPOINT, if it is set. Repeatable: then options of outputs that come after a receiver are of
    /// that one, those before the first of all outputs.
    #[arg(long, value_name = "URL")]
    pub otlp: Vec<String>,
    /// How long sending what is left may take when the program ends.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub shutdown_timeout: std::time::Duration,
    /// Set a timeout, as `udp=30s`; repeatable. Names and defaults: active=60s tcp=20s tcp_fin=5s tcp_rst=5s udp=60s
    /// icmp=10s generic=30s. `active` is how long a window lasts, the others how long a flow may be silent (tcp_fin and
    /// tcp_rst: how long one that has ended lingers).
    #[arg(short, long = "timeout", value_name = "NAME=DURATION")]
    pub timeouts: Vec<String>,
    /// By how much of `active` a flow's first window may be shorter, so that flows that began together are not written
    /// together; 0 for not at all.
    #[arg(long, value_name = "PERCENT", default_value = "10%", value_parser = parse_percent)]
    pub active_jitter: f64,
    /// Which end of a flow is its source: the one that began it, or the one on this host (where one is).
    #[arg(long, value_name = "END", default_value = "initiator")]
    pub source: Source,
    /// Whose flows a tunnel's packets are: those inside, those outside (the tunnel's), or both; then the ones outside
    /// have `flow.layer: outer`.
    #[arg(long, value_name = "WHICH", default_value = "inner")]
    pub tunnels: Tunnels,
    /// How many tunnels within one another are opened.
    #[arg(long, value_name = "N", default_value_t = flowtrace_wire::DEFAULT_DEPTH, value_parser = clap::value_parser!(u32).range(0..=8))]
    pub tunnel_depth: u32,
    /// The UDP ports by which a tunnel or conversation is recognised, instead of the usual ones, as `vxlan=4789,8472`
    /// (`vxlan=` for none); repeatable. Names and defaults: vxlan=4789,8472 vxlan-gpe=4790 geneve=6081 gtp=2152 mpls=6635
    /// teredo=3544 l2tp=1701 wireguard=51820 esp=500,4500.
    #[arg(long = "udp-port", value_name = "NAME=PORT,...")]
    pub udp_ports: Vec<String>,
    /// Tell flows of the same ends apart by more: the frame's VLAN, the tunnel's identifier.
    #[arg(long, value_name = "PART,...", value_delimiter = ',')]
    pub flow_key: Vec<KeyPart>,
    /// Seed of the Community ID.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub community_id_seed: u16,
    /// Colours in text.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Who was talking.
    #[command(flatten)]
    pub who: who::WhoOptions,
    /// Kubernetes.
    #[command(flatten)]
    pub kubernetes: kubernetes::KubernetesOptions,
    /// Records in a file.
    #[command(flatten)]
    pub file: file::FileOptions,
    /// What is written or sent, and how: of standard output, and of the only receiver if there is one. Of several
    /// receivers see [`Self::receivers`].
    #[command(flatten)]
    pub shown: OutputOptions,
    /// The receivers, each with its options.
    #[arg(skip)]
    pub receivers: Vec<(String, OutputOptions)>,
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// An aligned line a record, for people.
    Text,
    /// A JSON object a line.
    Json,
    /// An OTLP/JSON `ExportTraceServiceRequest` a line.
    OtlpJson,
    /// Not at all.
    None,
}

/// Which end of a flow is its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// The initiator; where it is not known, the sender of the first packet.
    Initiator,
    /// The end on this host, where exactly one is; else as above.
    Local,
}

/// Which packets of a tunnelled packet are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tunnels {
    /// The innermost.
    Inner,
    /// The outermost.
    Outer,
    /// Each as its own flow.
    Both,
}

/// What tells flows apart beside addresses, ports and protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum KeyPart {
    /// The VLANs of the frame.
    Vlan,
    /// The identifier of the outermost tunnel.
    TunnelId,
}

/// Whether to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Yes.
    Always,
    /// No.
    Never,
}

/// Whose addresses and sockets are this host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Namespaces {
    /// All in the host's initial network namespace, else its own.
    Auto,
    /// The program's own network namespace.
    Own,
    /// All network namespaces that can be read.
    All,
}

/// How to attach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Attach {
    /// tcx links.
    Tcx,
    /// Filters of a clsact qdisc.
    Clsact,
}

/// `1s`, `250ms`, `1m 30s`.
pub fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a number with a unit, as 500ms, 60s or 5m"))?;
    if duration.is_zero() { Err("it must be longer than 0".to_owned()) } else { Ok(duration) }
}

/// `10%`, `2.5%`, `0`: as a fraction.
fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    let percent: f64 = number.parse().map_err(|_| format!("`{number}` is no number; write it as 10%"))?;
    let is_right = (0.0..=100.0).contains(&percent);
    if is_right { Ok(percent / 100.0) } else { Err("it must be from 0 to 100%".to_owned()) }
}

/// `1GiB`, `500MB`, `1.5 GiB`, `8388608`: in bytes.
fn parse_size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 10] = [
        ("", 1),
        ("b", 1),
        ("kb", 1_000),
        ("kib", 1 << 10),
        ("mb", 1_000_000),
        ("mib", 1 << 20),
        ("gb", 1_000_000_000),
        ("gib", 1 << 30),
        ("tb", 1_000_000_000_000),
        ("tib", 1 << 40),
    ];
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim().to_ascii_lowercase();
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let bytes = number.parse::<f64>().ok().zip(factor).map(|(number, factor)| number * factor as f64);
    let bytes = bytes.ok_or_else(|| "write a number with a unit, as 500MB or 1GiB".to_owned())?;
    Ok((bytes as u64).min(1 << 50))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_help_has_all_exit_statuses() {
        use crate::exit::Exit;
        let numbers = [Exit::Done, Exit::Damaged, Exit::Undelivered, Exit::Failed].map(|exit| exit as i32);
        for number in numbers.into_iter().chain([2, 130, 143]) {
            assert!(EXIT_STATUS.lines().any(|line| line.split_whitespace().next() == Some(&number.to_string())));
        }
    }

    #[test]
    fn percentages_are_fractions() {
        for (text, fraction) in [("10%", Some(0.1)), ("0", Some(0.0)), ("2.5%", Some(0.025)), ("100 %", Some(1.0))] {
            assert_eq!(parse_percent(text).ok(), fraction, "{text}");
        }
        for (text, message) in [
            ("101%", "it must be from 0 to 100%"),
            ("-1", "it must be from 0 to 100%"),
            ("nan", "it must be from 0 to 100%"),
            ("ten", "`ten` is no number; write it as 10%"),
            ("", "`` is no number; write it as 10%"),
        ] {
            assert_eq!(parse_percent(text).err().as_deref(), Some(message), "{text}");
        }
    }
}
