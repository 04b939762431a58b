//! The interfaces of this network namespace.

use std::io;

use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage},
};

use super::kernel::Header;
use super::netlink;

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is the loopback.
    pub is_loopback: bool,
    /// What its packets begin with; `None`: nothing that is read.
    pub header: Option<Header>,
}

/// All interfaces.
pub fn list() -> io::Result<Vec<Link>> {
    let answers = netlink::dump(RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
    Ok(answers.into_iter().filter_map(link).collect())
}

fn link(message: RouteNetlinkMessage) -> Option<Link> {
    let RouteNetlinkMessage::NewLink(message) = message else { return None };
    let name = message.attributes.into_iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name),
        _ => None,
    })?;
    let kind = message.header.link_layer_type;
    Some(Link {
        index: message.header.index,
        name,
        is_loopback: message.header.flags.contains(LinkFlags::Loopback),
        header: header(kind),
    })
}

/// By the ARPHRD of the device (include/uapi/linux/if_arp.h): tunnels of IP hand out packets without a link header.
const fn header(kind: LinkLayerType) -> Option<Header> {
    match kind {
        LinkLayerType::Ether | LinkLayerType::Loopback => Some(Header::Ethernet),
        LinkLayerType::None
        | LinkLayerType::Rawip
        | LinkLayerType::Ppp
        | LinkLayerType::Tunnel
        | LinkLayerType::Tunnel6
        | LinkLayerType::Sit
        | LinkLayerType::Ipgre
        | LinkLayerType::Ip6gre => Some(Header::Ip),
        _ => None,
    }
}
