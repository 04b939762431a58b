//! `/etc/hosts` (hosts(5)).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::domain::host_name;

/// More bytes of the file are not read: lists of blocked names are long.
pub const LIMIT: usize = 1 << 22;
/// More addresses are not kept.
const MAX_ADDRESSES: usize = 1 << 16;

/// Names by address.
pub type Hosts = HashMap<IpAddr, Arc<str>>;

/// Reads lines of an address, its name and other names. The first name of an address holds; `0.0.0.0` and `::`, which
/// lists of blocked names use, are no addresses of anybody.
pub fn parse(content: &[u8]) -> Hosts {
    let mut hosts = Hosts::new();
    for line in content.split(|&byte| byte == b'\n') {
        let Some((address, name)) = host(line) else { continue };
        if hosts.len() >= MAX_ADDRESSES {
            break;
        }
        hosts.entry(address).or_insert_with(|| name.into());
    }
    hosts
}

fn host(line: &[u8]) -> Option<(IpAddr, String)> {
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split('#').next()?.split_ascii_whitespace();
    // An address with a zone (`fe80::1%eth0`) is not the same on every interface.
    let address: IpAddr = words.next()?.parse().ok()?;
    if address.is_unspecified() {
        return None;
    }
    Some((address.to_canonical(), host_name(words.next()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_hosts() {
        let content =
            b"# a comment\n127.0.0.1 localhost\n127.0.0.1\tother\n::1 ip6-localhost ip6-loopback # loopback\n\
            192.0.2.1 Web.Example.  web\r\n192.0.2.2\n192.0.2.3 #none\n0.0.0.0 ads.example\nfe80::1%lo0 x\n\
            ::ffff:192.0.2.4 mapped\n192.0.2.5 b\xc3\xa4d\n\xff 1\n192.0.2.6 192.0.2.7\n  2001:db8::1 indented";
        let mut hosts: Vec<String> =
            parse(content).into_iter().map(|(address, name)| format!("{address} {name}")).collect();
        hosts.sort();
        let expected = [
            "127.0.0.1 localhost",
            "192.0.2.1 web.example",
            "192.0.2.4 mapped",
            "2001:db8::1 indented",
            "::1 ip6-localhost",
        ];
        assert_eq!(hosts, expected);
    }

    #[test]
    fn it_is_bounded() {
        let lines = (0..MAX_ADDRESSES + 10)
            .map(|number| format!("10.{}.{}.{} h\n", number >> 16, number >> 8 & 255, number & 255));
        assert_eq!(parse(lines.collect::<String>().as_bytes()).len(), MAX_ADDRESSES);
    }
}
