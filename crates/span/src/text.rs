//! `--output text`: one aligned line a record, for people.

mod around;
mod cell;
mod party;

use std::borrow::Cow;
use std::fmt::Write;

use flowtrace_flow::{End, EndReason, Endpoint, Failure, Record, Side};

use crate::iana;

/// Writes records as aligned lines, with a line of column names before the first.
///
/// Columns of addresses begin as wide as IPv4 with a port needs and grow with the longest seen: lines stay aligned from
/// then on, and nothing is cut.
#[derive(Clone, Debug)]
pub struct Text {
    colour: bool,
    header_written: bool,
    source_width: usize,
    destination_width: usize,
    line: String,
}

/// Width of `255.255.255.255:65535`.
const IPV4_WIDTH: usize = 21;

/// ANSI escape sequences (ECMA-48, SGR).
mod ansi {
    pub(super) const DIM: &str = "\x1b[2m";
    pub(super) const BOLD: &str = "\x1b[1m";
    pub(super) const RED: &str = "\x1b[31m";
    pub(super) const RESET: &str = "\x1b[0m";
}

impl Text {
    /// A writer with or without colours.
    pub fn new(colour: bool) -> Self {
        Self {
            colour,
            header_written: false,
            source_width: IPV4_WIDTH,
            destination_width: IPV4_WIDTH,
            line: String::new(),
        }
    }

    /// Appends the line of the record, and before the first the header.
    pub fn write(&mut self, record: &Record, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.header_written, true) {
            self.put_header(out);
        }
        self.line.clear();
        // Writing to a string does not fail.
        let _ = self.put_record(record);
        out.extend_from_slice(self.line.trim_end().as_bytes());
        out.push(b'\n');
    }

    fn put_header(&self, out: &mut Vec<u8>) {
        let header = format!(
            "{:<12} {:>8}  {:<10} {:>source$}   {:<destination$} {:>7} {:>7} {:>8} {:>8}  {:<11} END",
            "TIME",
            "DURATION",
            "PROTOCOL",
            "SOURCE",
            "DESTINATION",
            "PKTS→",
            "PKTS←",
            "BYTES→",
            "BYTES←",
            "FLAGS",
            source = self.source_width,
            destination = self.destination_width,
        );
        out.extend_from_slice(self.style(ansi::BOLD).as_bytes());
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(self.style(ansi::RESET).as_bytes());
        out.push(b'\n');
    }

    fn put_record(&mut self, record: &Record) -> std::fmt::Result {
        let source = endpoint(record.source);
        let destination = endpoint(record.destination);
        self.source_width = self.source_width.max(source.len());
        self.destination_width = self.destination_width.max(destination.len());
        let (dim, reset) = (self.style(ansi::DIM), self.style(ansi::RESET));

        write!(self.line, "{dim}{}{reset} ", cell::time_of_day(record.end))?;
        write!(self.line, "{:>8}  ", cell::duration(record.end.saturating_sub(record.start)))?;
        write!(self.line, "{:<10} ", transport(record.protocol))?;
        write!(self.line, "{source:>width$} ", width = self.source_width)?;
        write!(self.line, "{} {destination:<width$} ", arrow(record.initiator), width = self.destination_width)?;
        for packets in [record.forward.packets, record.reverse.packets] {
            write!(self.line, "{:>7} ", cell::count(packets))?;
        }
        for bytes in [record.forward.bytes, record.reverse.bytes] {
            write!(self.line, "{:>8} ", cell::bytes(bytes))?;
        }
        write!(self.line, " {:<11} ", flags(&record.forward, &record.reverse))?;
        self.put_end(record)
    }

    fn put_end(&mut self, record: &Record) -> std::fmt::Result {
        let (dim, red, reset) = (self.style(ansi::DIM), self.style(ansi::RED), self.style(ansi::RESET));
        match record.end_reason {
            EndReason::ActiveTimeout => write!(self.line, "{dim}{}{reset}", end(record.end_reason))?,
            reason => write!(self.line, "{}", end(reason))?,
        }
        match record.failure {
            Some(Failure::Refused) => write!(self.line, " {red}refused{reset}")?,
            Some(Failure::Reset) => write!(self.line, " {red}reset{reset}")?,
            None => {}
        }
        around::put(record, &mut self.line)?;
        party::put(record, &mut self.line)
    }

    fn style(&self, sequence: &'static str) -> &'static str {
        if self.colour { sequence } else { "" }
    }
}

/// `network.transport`: IANA's keyword, or the number.
fn transport(protocol: u8) -> Cow<'static, str> {
    iana::protocol_keyword(protocol).map_or_else(|| protocol.to_string().into(), Cow::Borrowed)
}

/// Address and port, IPv6 in brackets where there is a port.
fn endpoint(end: Endpoint) -> String {
    match end.port {
        Some(port) => std::net::SocketAddr::new(end.address, port).to_string(),
        None => end.address.to_string(),
    }
}

/// From the initiator to the responder.
fn arrow(initiator: Option<End>) -> &'static str {
    match initiator {
        Some(End::Source) => "→",
        Some(End::Destination) => "←",
        None => "↔",
    }
}

/// TCP flags of both ways; nothing for other protocols.
fn flags(forward: &Side, reverse: &Side) -> String {
    match (forward.tcp_flags, reverse.tcp_flags) {
        (None, None) => String::new(),
        (forward, reverse) => format!("{}/{}", cell::flags(forward), cell::flags(reverse)),
    }
}

/// A word for the reason.
fn end(reason: EndReason) -> &'static str {
    match reason {
        EndReason::IdleTimeout => "idle",
        EndReason::ActiveTimeout => "active",
        EndReason::EndOfFlowDetected => "closed",
        EndReason::ForcedEnd => "forced",
        EndReason::LackOfResources => "evicted",
    }
}
