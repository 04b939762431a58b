//! The addresses of this network namespace.

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;

use netlink_packet_route::{
    RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
};

use super::netlink;

/// All addresses of all interfaces. Of a point-to-point address only this end.
pub fn list() -> io::Result<HashSet<IpAddr>> {
    let answers = netlink::dump(RouteNetlinkMessage::GetAddress(AddressMessage::default()))?;
    Ok(answers.into_iter().filter_map(address).collect())
}

fn address(message: RouteNetlinkMessage) -> Option<IpAddr> {
    let RouteNetlinkMessage::NewAddress(message) = message else { return None };
    let mut found = None;
    for attribute in message.attributes {
        match attribute {
            AddressAttribute::Local(address) => return Some(address),
            AddressAttribute::Address(address) => found = Some(address),
            _ => {}
        }
    }
    found
}
