//! The options of who was talking.

use clap::{Args, ValueEnum};

/// Names of addresses, and their privacy.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who")]
pub struct WhoOptions {
    /// Write names for `client.address` and `server.address`, from these sources: Kubernetes, the file /etc/hosts, DNS
    /// answers and TLS ClientHellos that are seen (their payload is looked at), the system's resolver.
    #[arg(long, value_name = "SOURCE,...", value_delimiter = ',')]
    pub names: Vec<NameSource>,
    /// Write pseudonyms for addresses, made with the key that is in `file:PATH` or `env:NAME`: 32 hexadecimal digits.
    /// Names and MAC addresses are left out then.
    #[arg(long, value_name = "SECRET", conflicts_with = "names")]
    pub hide_addresses: Option<String>,
}

/// Where names come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NameSource {
    /// Pods, services and nodes.
    Kubernetes,
    /// /etc/hosts.
    Hosts,
    /// DNS answers that are seen.
    Dns,
    /// Server names in TLS ClientHellos that are seen.
    Tls,
    /// The system's resolver is asked for names of addresses.
    Reverse,
}

/// Which processes use sockets, in which containers.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who")]
pub struct ProcessOptions {
    /// Say which processes talk, and in which containers.
    #[arg(long, value_name = "WHETHER", default_value = "on")]
    pub processes: Switch,
    /// Ask container runtimes for the names and images of containers.
    #[arg(long, value_name = "WHETHER", default_value = "on")]
    pub container_runtimes: Switch,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

impl Switch {
    /// Whether it is on.
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}
