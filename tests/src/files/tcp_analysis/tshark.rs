//! What tshark says of the TCP segments of a capture.

use std::path::Path;
use std::process::Command;

use flowtrace_wire::Packet;

use super::Verdict;

/// Nothing is put together that was sent in parts; sequence numbers are judged.
const OPTIONS: [&str; 7] = [
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "tcp.desegment_tcp_streams:FALSE",
    "tcp.analyze_sequence_numbers:TRUE",
    "tcp.relative_sequence_numbers:FALSE",
    "tcp.check_checksum:FALSE",
    "tcp.fastrt_supersedes_ooo:TRUE",
];

/// What is asked, in this order.
const FIELDS: [&str; 17] = [
    "frame.number",
    "frame.time_epoch",
    "tcp.stream",
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.len",
    "tcp.flags",
    "tcp.analysis.initial_rtt",
    "tcp.analysis.retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.spurious_retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.zero_window",
];

/// What it says of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// Number of the packet in the file, from 1.
    pub frame: u64,
    /// When it was captured, in nanoseconds since the Unix epoch.
    pub time: u64,
    /// Number of the connection in the file, from 0.
    pub stream: u32,
    /// Address and port of its sender.
    pub source: (String, u16),
    /// Port of its receiver.
    pub destination_port: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// Bytes of payload.
    pub length: u32,
    /// Flags.
    pub flags: u8,
    /// From the latest SYN to the acknowledgement of its answer, in nanoseconds.
    pub initial_rtt: Option<u64>,
    /// What it is.
    pub verdict: Verdict,
}

impl Opinion {
    /// Whether it is about this packet, and not about one that it quotes or that lies around it.
    pub fn is_of(&self, packet: &Packet) -> bool {
        packet.has_transport && packet.source_port == self.source.1 && packet.sequence == self.sequence
    }
}

/// Version of tshark, if there is one.
pub fn version() -> Option<String> {
    let output = Command::new("tshark").arg("--version").output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

/// Its opinions on all TCP segments of a file that have a whole header, in their order. A file that is damaged is judged
/// up to there.
///
/// # Errors
/// What it says instead of an opinion.
pub fn opinions(path: &Path) -> Result<Vec<Opinion>, String> {
    let mut command = Command::new("tshark");
    // Host names are not looked up; the last of several headers is that of the innermost packet.
    command.arg("-n").arg("-r").arg(path).args(["-T", "fields", "-E", "occurrence=l", "-E", "separator=/t"]);
    command.args(["-Y", "tcp"]);
    command.args(OPTIONS.iter().flat_map(|option| ["-o", option]));
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let output = command.output().map_err(|error| format!("tshark: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter_map(|line| parse(line).transpose()).collect()
}

/// `None`: the header is cut short.
fn parse(line: &str) -> Result<Option<Opinion>, String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let fields: [&str; FIELDS.len()] = fields.try_into().map_err(|_| format!("tshark: {line}"))?;
    let [frame, time, stream, v4, v6, source_port, destination_port, sequence, acknowledgement, length, flags, rtt, ..] =
        fields;
    if [stream, source_port, sequence, length, flags].contains(&"") {
        return Ok(None);
    }
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("tshark: {text:?} in {line}: {error}"));
    let flags = u16::from_str_radix(flags.trim_start_matches("0x"), 16).map_err(|error| format!("{flags}: {error}"))?;
    let [retransmission, fast, spurious, out_of_order, zero_window] =
        [12, 13, 14, 15, 16].map(|field: usize| !fields[field].is_empty());
    Ok(Some(Opinion {
        frame: number(frame)?,
        time: nanoseconds(time).unwrap_or(0),
        stream: number(stream)? as u32,
        source: (format!("{v4}{v6}"), number(source_port)? as u16),
        destination_port: number(destination_port)? as u16,
        sequence: number(sequence)? as u32,
        acknowledgement: number(acknowledgement).unwrap_or(0) as u32,
        length: number(length)? as u32,
        flags: flags as u8,
        initial_rtt: nanoseconds(rtt),
        verdict: Verdict { retransmission: retransmission || fast || spurious, out_of_order, zero_window },
    }))
}

/// Seconds with up to nine decimals, as nanoseconds; `None` where that is nothing.
fn nanoseconds(text: &str) -> Option<u64> {
    let (seconds, rest) = text.split_once('.')?;
    let rest = format!("{rest:0<9}");
    Some(seconds.parse::<u64>().ok()? * 1_000_000_000 + rest.get(..9)?.parse::<u64>().ok()?)
}
