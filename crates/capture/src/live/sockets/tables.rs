//! Sockets that only text files list (`/proc/net/raw`, `/proc/net/icmp`): raw sockets, and those of `ping`.

use std::fs;

use flowtrace_abi::Families;
use flowtrace_wire::protocol;

use super::listeners::Cookie;
use super::owners::{Ends, Listed};

/// Marks what stands for a cookie: the kernel counts cookies from 1 (or a CPU's share), and never gets here.
const STAND_IN: Cookie = 1 << 63;
/// How many lines are read of a file.
const MOST: usize = 65_536;

/// A file, its protocol (0: each line has its own), and its version.
const FILES: [(&str, u8, u8); 4] = [
    ("raw", 0, Families::V4),
    ("raw6", 0, Families::V6),
    ("icmp", protocol::ICMP, Families::V4),
    ("icmp6", protocol::ICMPV6, Families::V6),
];

/// Whether a cookie is one of this module's.
pub const fn is_stand_in(cookie: Cookie) -> bool {
    cookie & STAND_IN != 0
}

/// All of them, in the network namespace (with this cookie) of the calling thread.
pub fn list(netns: u64) -> Vec<Listed> {
    let mut found = Vec::new();
    for (file, protocol, families) in FILES {
        // Not all kernels have all.
        let text = fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap_or_default();
        let lines = text.lines().skip(1).take(MOST);
        found.extend(lines.filter_map(|line| parse(line, protocol)).map(|socket| Listed {
            families,
            ends: Ends { netns, ..socket.ends },
            ..socket
        }));
    }
    found
}

/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode ..`; a port is hexadecimal, and of raw
/// sockets the protocol.
fn parse(line: &str, protocol: u8) -> Option<Listed> {
    let mut fields = line.split_ascii_whitespace();
    let (_, port) = fields.nth(1)?.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let inode: u64 = fields.nth(7)?.parse().ok()?;
    let is_raw = protocol == 0;
    let (protocol, identifier) = if is_raw { (u8::try_from(port).ok()?, 0) } else { (protocol, port) };
    let ends = Ends { protocol, local: ([0; 16], identifier), ..Ends::default() };
    (inode != 0).then_some(Listed { cookie: STAND_IN | inode, ends, families: 0, is_raw, inode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sockets() {
        const REST: &str = "07 00000000:00000000 00:00000000 00000000     0        0 4711 2 ffff888 0";
        let raw = parse(&format!("    1: 00000000:0001 00000000:0000 {REST}"), 0).expect("a socket");
        assert_eq!((raw.ends.protocol, raw.ends.local.1, raw.inode, raw.is_raw), (1, 0, 4711, true));
        let ping = parse(&format!(" 4104: 0:1008 0:0000 {REST}"), protocol::ICMPV6).expect("a socket");
        assert_eq!((ping.ends.protocol, ping.ends.local.1, ping.is_raw), (protocol::ICMPV6, 0x1008, false));
        assert!(is_stand_in(raw.cookie) && !is_stand_in(raw.inode));
        for wrong in ["", "1:", "1: 0:0001 0:0 07", "1: 0:zz 0:0 07 a b c d e 1", "1: 0:0101 0:0 07 a b c d e 1"] {
            assert_eq!(parse(wrong, 0), None, "{wrong}");
        }
    }
}
