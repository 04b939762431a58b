//! The options of address translation.

use clap::Args;

use super::who::Switch;

/// Whether connections are followed through address translation.
#[derive(Debug, Args)]
pub struct ConntrackOptions {
    /// Join what the kernel's connection tracking says is one connection: where this host translates addresses or ports
    /// (NAT), both sides are one flow, named as the initiator's side has it.
    #[arg(long, value_name = "WHETHER", default_value = "on")]
    pub conntrack: Switch,
}
