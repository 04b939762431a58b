//! The clsact qdisc, which holds the programs on kernels without tcx.

use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST};
use netlink_packet_route::{
    RouteNetlinkMessage,
    tc::{TcHandle, TcMessage},
};

use super::netlink;

/// Where filters of packets that arrive and that leave hang (`TC_H_MIN_INGRESS`, `TC_H_MIN_EGRESS`).
const PARENTS: [u16; 2] = [0xfff2, 0xfff3];
/// `TC_H_CLSACT`.
const CLSACT: u16 = 0xffff;

/// Removes an interface's clsact qdisc, unless somebody else hung filters into it meanwhile.
pub fn remove_if_unused(index: u32) {
    if PARENTS.iter().any(|&parent| has_filters(index, parent)) {
        tracing::warn!(interface = index, "the clsact qdisc stays: another program uses it");
        return;
    }
    let mut message = TcMessage::default();
    message.header.index = index as i32;
    message.header.parent = TcHandle { major: CLSACT, minor: 0xfff1 };
    message.header.handle = TcHandle { major: CLSACT, minor: 0 };
    let request = RouteNetlinkMessage::DelQueueDiscipline(message);
    if let Err(error) = netlink::exchange(request, NLM_F_REQUEST | NLM_F_ACK) {
        // The interface may be gone, and its qdisc with it.
        tracing::debug!(interface = index, %error, "the clsact qdisc could not be removed");
    }
}

fn has_filters(index: u32, parent: u16) -> bool {
    let mut message = TcMessage::default();
    message.header.index = index as i32;
    message.header.parent = TcHandle { major: CLSACT, minor: parent };
    netlink::dump(RouteNetlinkMessage::GetTrafficFilter(message)).is_ok_and(|filters| !filters.is_empty())
}
