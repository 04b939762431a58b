//! What a payload tells.

use std::sync::Arc;

use flowtrace_abi::{PAYLOAD_PORT, Payload};
use flowtrace_wire::protocol;

use crate::{dns, tls};

/// What a payload tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learned {
    /// Addresses, each with the name that was asked for and for how many seconds that may be kept.
    Addresses(Vec<dns::Answer>),
    /// The name under which the sender knows the receiver.
    ServerName(Arc<str>),
}

/// What a payload tells, if anything: one that port 53 sent of DNS, one of another TCP port of TLS.
pub fn learned(payload: &Payload<'_>) -> Option<Learned> {
    let (_, port) = payload.sender();
    let addresses = match (payload.key.protocol, port) {
        (protocol::UDP, PAYLOAD_PORT) => dns::answers(payload.bytes),
        (protocol::TCP, PAYLOAD_PORT) => dns::answers_in_stream(payload.bytes),
        (protocol::TCP, _) => return tls::server_name(payload.bytes).map(Learned::ServerName),
        _ => return None,
    };
    (!addresses.is_empty()).then_some(Learned::Addresses(addresses))
}
