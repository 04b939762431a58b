//! Counters of nftables with rules of one's own, and of interfaces.

use serde_json::Value;

use crate::count::Count;
use crate::netns::Namespace;
use crate::truth::Hook;

/// nftables' counters of what passes an interface.
#[derive(Debug)]
pub struct Counters<'a> {
    namespace: &'a Namespace,
    table: String,
    hook: Hook,
}

impl<'a> Counters<'a> {
    /// Counts from now on: a counter for each name and rule.
    pub fn start(namespace: &'a Namespace, device: &str, hook: Hook, rules: &[(&str, &str)]) -> Self {
        let (name, when) = match hook {
            Hook::Ingress => ("in", "ingress"),
            Hook::Egress => ("out", "egress"),
        };
        let table = format!("{name}_{device}").replace('-', "_");
        namespace.run(&format!("nft add table netdev {table}"));
        namespace.run(&format!(
            "nft add chain netdev {table} counted {{ type filter hook {when} device \"{device}\" priority 0 ; }}"
        ));
        for (name, rule) in rules {
            // The words of nft's language are no names.
            namespace.run(&format!("nft add counter netdev {table} seen_{name}"));
            namespace.run(&format!("nft add rule netdev {table} counted {rule} counter name seen_{name}"));
        }
        Self { namespace, table, hook }
    }

    /// What was counted by this name, in bytes behind the Ethernet header.
    ///
    /// # Panics
    /// When nft does not say.
    pub fn read(&self, name: &str) -> Count {
        let line = format!("nft --json list counter netdev {} seen_{name}", self.table);
        let json: Value = serde_json::from_str(&self.namespace.run(&line)).expect("nft writes JSON");
        let all = json["nftables"].as_array().expect("a list");
        let counter = all.iter().find_map(|object| object.get("counter")).expect("the counter");
        let number = |name: &str| counter[name].as_u64().expect("a number");
        let count = Count { packets: number("packets"), bytes: number("bytes") };
        match self.hook {
            Hook::Ingress => count,
            Hook::Egress => count.without_ethernet(),
        }
    }
}

/// What an interface has received and sent, as its statistics say: for Ethernet in bytes of frames.
///
/// # Panics
/// When there is no such interface.
pub fn statistics(namespace: &Namespace, device: &str) -> [Count; 2] {
    let text = namespace.run(&format!("ip -json -statistics link show dev {device}"));
    let json: Value = serde_json::from_str(&text).expect("ip writes JSON");
    ["rx", "tx"].map(|way| {
        let number = |name: &str| json[0]["stats64"][way][name].as_u64().expect("a number");
        Count { packets: number("packets"), bytes: number("bytes") }
    })
}

/// What the kernel's IP counted by this name (`IpFragCreates`), since the namespace is there.
///
/// # Panics
/// When there is no such counter.
pub fn ip_counter(namespace: &Namespace, name: &str) -> u64 {
    let text = namespace.run(&format!("nstat --noupdate --ignore --zeros {name}"));
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_else(|| panic!("no {name}: {text}"))
}
