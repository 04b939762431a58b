//! What the kernel itself counted.

use serde_json::Value;

use crate::count::Count;
use crate::netns::Host;

/// Kinds of traffic that are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// Echo requests and replies of either ICMP.
    Echo,
    /// Anything else.
    Other,
}

impl Kind {
    /// Those that tests send.
    pub const SENT: [Self; 3] = [Self::Tcp, Self::Udp, Self::Echo];

    const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Echo => "echo",
            Self::Other => "other",
        }
    }
}

/// Where nftables counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// What arrives at the interface.
    Ingress,
    /// What is handed to the interface; super-packets count once there.
    Egress,
}

/// nftables' counters of an interface, by kind and IP version.
#[derive(Debug)]
pub struct Netfilter<'a> {
    host: &'a Host,
    table: &'static str,
    /// Its bytes are those of frames.
    counts_frames: bool,
}

impl<'a> Netfilter<'a> {
    /// Counts from now on.
    pub fn count(host: &'a Host, hook: Hook) -> Self {
        let (table, hook, counts_frames) = match hook {
            // The kernel has taken the Ethernet header off before this hook.
            Hook::Ingress => ("arrived", "ingress", false),
            Hook::Egress => ("handed", "egress", true),
        };
        host.run(&format!("nft add table netdev {table}"));
        let device = host.interface;
        host.run(&format!(
            "nft add chain netdev {table} counted {{ type filter hook {hook} device \"{device}\" priority 0 ; }}"
        ));
        for (name, rule) in [
            ("tcp_0", "ip protocol tcp"),
            ("tcp_1", "ip6 nexthdr tcp"),
            ("udp_0", "ip protocol udp"),
            ("udp_1", "ip6 nexthdr udp"),
            ("echo_0", "icmp type { echo-request, echo-reply }"),
            ("echo_1", "icmpv6 type { echo-request, echo-reply }"),
        ] {
            host.run(&format!("nft add counter netdev {table} {name}"));
            host.run(&format!("nft add rule netdev {table} counted {rule} counter name {name}"));
        }
        Self { host, table, counts_frames }
    }

    /// What was counted of a kind, in IP bytes; `version`: 0 for IPv4, 1 for IPv6.
    ///
    /// # Panics
    /// When nft does not say.
    pub fn read(&self, kind: Kind, version: usize) -> Count {
        let line = format!("nft --json list counter netdev {} {}_{version}", self.table, kind.name());
        let json: Value = serde_json::from_str(&self.host.run(&line)).expect("nft writes JSON");
        let all = json["nftables"].as_array().expect("a list");
        let counter = all.iter().find_map(|object| object.get("counter")).expect("the counter");
        let number = |name: &str| counter[name].as_u64().expect("a number");
        let count = Count { packets: number("packets"), bytes: number("bytes") };
        if self.counts_frames { count.without_ethernet() } else { count }
    }
}

/// A root qdisc that counts what leaves: a super-packet as its segments, with headers for each.
#[derive(Debug)]
pub struct Qdisc<'a> {
    host: &'a Host,
    before: Count,
}

impl<'a> Qdisc<'a> {
    /// Puts one there, long enough to drop nothing, and counts from now on.
    pub fn count(host: &'a Host) -> Self {
        host.run("tc qdisc replace dev DEV root pfifo limit 1000000");
        let mut qdisc = Self { host, before: Count::default() };
        qdisc.before = qdisc.total();
        qdisc
    }

    /// What left since then, without Ethernet headers.
    pub fn read(&self) -> Count {
        (self.total() - self.before).without_ethernet()
    }

    fn total(&self) -> Count {
        let json: Value =
            serde_json::from_str(&self.host.run("tc -s -j qdisc show dev DEV root")).expect("tc writes JSON");
        let number = |name: &str| json[0][name].as_u64().unwrap_or_else(|| panic!("no {name} in {json}"));
        assert_eq!(number("drops"), 0, "the qdisc dropped packets");
        Count { packets: number("packets"), bytes: number("bytes") }
    }
}
