//! What is known of address translation.

use flowtrace_abi::{FlowKey, Way};

/// How the packets of a connection look on one side of a translation: the key of their flow (generation 0, without VLAN
/// and tunnel), and the way that the initiator's packets go in it.
pub type Side = (FlowKey, Way);

/// What the host knows of connections whose addresses or ports it translates. `()` knows nothing.
pub trait Nat {
    /// All sides of the connection to which packets of this flow belong, if it is translated: from its initiator's to its
    /// responder's, the flow's own among them. The packets were seen from `first` to `last` (nanoseconds since boot).
    fn sides(&self, key: &FlowKey, first: u64, last: u64) -> Option<Vec<Side>>;
}

impl Nat for () {
    fn sides(&self, _: &FlowKey, _: u64, _: u64) -> Option<Vec<Side>> {
        None
    }
}
