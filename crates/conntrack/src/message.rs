//! Messages of ctnetlink (include/uapi/linux/netfilter/nfnetlink_conntrack.h): of a connection, the tuples of both
//! directions, its number and zone. A connection that another one was expected by (the data of FTP) has its own tuples,
//! and is read as any other; the tuple of its master is passed over.

use flowtrace_wire::Address;

use crate::{Side, Tuple};

/// `struct nlmsghdr`, then `struct nfgenmsg`.
const HEADER: usize = 16;
const BODY: usize = HEADER + 4;
/// `NLMSG_ERROR` and `NLMSG_DONE`.
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `NFNL_SUBSYS_CTNETLINK << 8`, with `IPCTNL_MSG_CT_NEW` and `IPCTNL_MSG_CT_DELETE`.
const NEW: u16 = 0x100;
const DELETE: u16 = 0x102;
/// Attributes within one another are at most so many in reason; a message is cut there.
const MOST_ATTRIBUTES: usize = 64;

/// `enum ctattr_type`.
mod attribute {
    pub const ORIGINAL: u16 = 1;
    pub const REPLY: u16 = 2;
    pub const ID: u16 = 12;
    pub const ZONE: u16 = 18;
    /// `enum ctattr_tuple`.
    pub const TUPLE_IP: u16 = 1;
    pub const TUPLE_PROTOCOL: u16 = 2;
    pub const TUPLE_ZONE: u16 = 3;
}

/// One tracked connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The initiator's packets as they come from the initiator.
    pub original: Side,
    /// The initiator's packets as they come to the responder: what the answers that are expected answer.
    pub translated: Side,
    /// Tells it from others that have the same tuples at another time.
    pub id: u32,
    /// Its zone; connections in different zones may have the same tuples.
    pub zone: u16,
}

impl Connection {
    /// Whether its packets look different on the two sides.
    pub fn is_translated(&self) -> bool {
        self.original != self.translated
    }
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// There is this connection: in a list, or it has just begun.
    New(Connection),
    /// It is gone.
    Gone(Connection),
    /// A list is at its end.
    Done,
    /// The kernel refuses, with this number (errno).
    Refused(i32),
}

/// The messages in a datagram. What is not understood is passed over.
pub fn connections(datagram: &[u8]) -> impl Iterator<Item = Change> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        loop {
            let length = u32::from_ne_bytes(field(rest, 0)?) as usize;
            let message = rest.get(..length).filter(|message| message.len() >= HEADER)?;
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
            if let Some(change) = change(message) {
                return Some(change);
            }
        }
    })
}

fn change(message: &[u8]) -> Option<Change> {
    match u16::from_ne_bytes(field(message, 4)?) {
        NEW => connection(message.get(BODY..)?).map(Change::New),
        DELETE => connection(message.get(BODY..)?).map(Change::Gone),
        DONE => Some(Change::Done),
        ERROR => Some(Change::Refused(i32::from_ne_bytes(field(message, HEADER)?).saturating_neg())),
        _ => None,
    }
}

fn connection(body: &[u8]) -> Option<Connection> {
    let (mut original, mut reply, mut id, mut zone) = (None, None, 0, 0);
    for (kind, value) in attributes(body) {
        match kind {
            attribute::ORIGINAL => original = tuple(value),
            attribute::REPLY => reply = tuple(value),
            attribute::ID => id = u32::from_be_bytes(field(value, 0)?),
            attribute::ZONE => zone = u16::from_be_bytes(field(value, 0)?),
            _ => {}
        }
    }
    let ((original, outer), (reply, inner)) = (original?, reply?);
    let is_one = original.ip_version == reply.ip_version && original.protocol == reply.protocol;
    let zone = if zone != 0 { zone } else { outer.or(inner).unwrap_or(0) };
    is_one.then_some(())?;
    Some(Connection { original: original.side(), translated: reply.back()?.side(), id, zone })
}

/// A tuple, and its zone where that is of this direction alone.
fn tuple(value: &[u8]) -> Option<(Tuple, Option<u16>)> {
    let (mut tuple, mut zone) = (Tuple::default(), None);
    for (kind, value) in attributes(value) {
        match kind {
            attribute::TUPLE_IP => addresses(value, &mut tuple)?,
            attribute::TUPLE_PROTOCOL => protocol(value, &mut tuple)?,
            attribute::TUPLE_ZONE => zone = Some(u16::from_be_bytes(field(value, 0)?)),
            _ => {}
        }
    }
    (tuple.ip_version != 0).then_some((tuple, zone))
}

/// `enum ctattr_ip`.
fn addresses(value: &[u8], tuple: &mut Tuple) -> Option<()> {
    for (kind, value) in attributes(value) {
        let (address, ip_version) = match kind {
            1 | 2 => (Address::from_v4(field(value, 0)?), 4),
            3 | 4 => (Address::from_v6(field(value, 0)?), 6),
            _ => continue,
        };
        tuple.ip_version = ip_version;
        *(if kind % 2 == 1 { &mut tuple.source } else { &mut tuple.destination }) = address;
    }
    Some(())
}

/// `enum ctattr_l4proto`.
fn protocol(value: &[u8], tuple: &mut Tuple) -> Option<()> {
    for (kind, value) in attributes(value) {
        let number = || field(value, 0).map(u16::from_be_bytes);
        match kind {
            1 => tuple.protocol = *value.first()?,
            2 => tuple.source_port = number()?,
            3 => tuple.destination_port = number()?,
            4 | 7 => tuple.icmp.2 = number()?,
            5 | 8 => tuple.icmp.0 = *value.first()?,
            6 | 9 => tuple.icmp.1 = *value.first()?,
            _ => {}
        }
    }
    Some(())
}

/// Type and value of each attribute (`struct nlattr`), without the flags of the type.
fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let attributes = std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(field(bytes, 0)?));
        let kind = u16::from_ne_bytes(field(bytes, 2)?) & 0x3fff;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, value))
    });
    attributes.take(MOST_ATTRIBUTES)
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use flowtrace_wire::protocol as number;

    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = ((value.len() + 4) as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn nested(kind: u16, values: &[Vec<u8>]) -> Vec<u8> {
        attribute(kind | 0x8000, &values.concat())
    }

    /// A tuple from (address, port) to (address, port); for ICMP type and identifier are the ports.
    fn encoded(kind: u16, protocol: u8, from: (&str, u16), to: (&str, u16)) -> Vec<u8> {
        let address = |kind: u16, text: &str| match text.parse().expect("an address") {
            std::net::IpAddr::V4(address) => attribute(kind, &address.octets()),
            std::net::IpAddr::V6(address) => attribute(kind + 2, &address.octets()),
        };
        let port = |kind, port: u16| attribute(kind, &port.to_be_bytes());
        let mut parts = vec![attribute(1, &[protocol])];
        match protocol {
            number::ICMP => parts.extend([port(4, to.1), attribute(5, &[from.1 as u8]), attribute(6, &[0])]),
            number::ICMPV6 => parts.extend([port(7, to.1), attribute(8, &[from.1 as u8]), attribute(9, &[0])]),
            _ => parts.extend([port(2, from.1), port(3, to.1)]),
        }
        nested(kind, &[nested(1, &[address(1, from.0), address(2, to.0)]), nested(2, &parts)])
    }

    fn message(kind: u16, attributes: &[Vec<u8>]) -> Vec<u8> {
        let body: Vec<u8> = [vec![2, 0, 0, 0], attributes.concat()].concat();
        let mut bytes = ((body.len() + HEADER) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(body);
        bytes
    }

    fn one(datagram: &[u8]) -> Connection {
        match connections(datagram).collect::<Vec<_>>()[..] {
            [Change::New(connection)] => connection,
            ref other => panic!("{other:?}"),
        }
    }

    fn tuple_of(protocol: u8, from: (&str, u16), to: (&str, u16)) -> Tuple {
        let bytes = encoded(1, protocol, from, to);
        tuple(&bytes[4..]).expect("a tuple").0
    }

    #[test]
    fn translations_are_told_from_connections() {
        let (tcp, udp, icmp) = (number::TCP, number::UDP, number::ICMP);
        type End = (&'static str, u16);
        /// Its protocol, the original tuple, that of the answers, the initiator's packets behind the translation.
        type Row = (&'static str, u8, [End; 2], [End; 2], Option<[End; 2]>);
        let rows: [Row; 8] = [
            ("plain", tcp, [("10.0.0.1", 4000), ("10.0.0.2", 80)], [("10.0.0.2", 80), ("10.0.0.1", 4000)], None),
            (
                "to a backend",
                tcp,
                [("10.0.0.1", 4000), ("10.96.0.1", 80)],
                [("10.0.0.2", 8080), ("10.0.0.1", 4000)],
                Some([("10.0.0.1", 4000), ("10.0.0.2", 8080)]),
            ),
            (
                "masquerade",
                udp,
                [("10.0.0.1", 4000), ("192.0.2.1", 53)],
                [("192.0.2.1", 53), ("203.0.113.1", 6000)],
                Some([("203.0.113.1", 6000), ("192.0.2.1", 53)]),
            ),
            (
                "both, IPv6",
                tcp,
                [("fd00::1", 4000), ("fd00::96", 80)],
                [("fd00::2", 8080), ("fd00::ff", 5000)],
                Some([("fd00::ff", 5000), ("fd00::2", 8080)]),
            ),
            (
                "only the port",
                udp,
                [("10.0.0.1", 4000), ("10.0.0.2", 53)],
                [("10.0.0.2", 5353), ("10.0.0.1", 4000)],
                Some([("10.0.0.1", 4000), ("10.0.0.2", 5353)]),
            ),
            ("ping", icmp, [("10.0.0.1", 8), ("10.0.0.2", 77)], [("10.0.0.2", 0), ("10.0.0.1", 77)], None),
            (
                "ping, masqueraded",
                icmp,
                [("10.0.0.1", 8), ("192.0.2.1", 77)],
                [("192.0.2.1", 0), ("203.0.113.1", 78)],
                Some([("203.0.113.1", 8), ("192.0.2.1", 78)]),
            ),
            (
                "ping, IPv6",
                number::ICMPV6,
                [("fd00::1", 128), ("fd00::2", 77)],
                [("fd00::2", 129), ("fd00::3", 77)],
                Some([("fd00::3", 128), ("fd00::2", 77)]),
            ),
        ];
        for (name, protocol, original, reply, translated) in rows {
            let attributes = [
                encoded(1, protocol, original[0], original[1]),
                encoded(2, protocol, reply[0], reply[1]),
                // The tuple of its master, where it was expected.
                encoded(14, tcp, ("10.9.9.9", 1), ("10.9.9.8", 21)),
                attribute(12, &7_u32.to_be_bytes()),
                attribute(18, &3_u16.to_be_bytes()),
            ];
            let found = one(&message(NEW, &attributes));
            let original = tuple_of(protocol, original[0], original[1]).side();
            assert_eq!((found.original, found.id, found.zone), (original, 7, 3), "{name}");
            assert_eq!(found.is_translated(), translated.is_some(), "{name}");
            let translated = translated.map_or(original, |[from, to]| tuple_of(protocol, from, to).side());
            assert_eq!(found.translated, translated, "{name}");
        }
    }

    #[test]
    fn a_datagram_has_several_messages() {
        let both = [
            encoded(1, number::TCP, ("10.0.0.1", 1), ("10.0.0.2", 2)),
            encoded(2, number::TCP, ("10.0.0.2", 2), ("10.0.0.1", 1)),
        ];
        let datagram = [message(NEW, &both), message(DELETE, &both), message(NEW, &both[..1]), message(0x999, &both)];
        let kinds: Vec<_> = connections(&datagram.concat()).collect();
        assert!(matches!(kinds[..], [Change::New(a), Change::Gone(b)] if a == b), "{kinds:?}");
        let mut refused = message(ERROR, &[]);
        refused[HEADER..HEADER + 4].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(connections(&refused).next(), Some(Change::Refused(1)));
        assert_eq!(connections(&message(DONE, &[])).next(), Some(Change::Done));
    }

    #[test]
    fn damage_does_no_harm() {
        let both = [
            encoded(1, number::ICMP, ("10.0.0.1", 8), ("10.0.0.2", 2)),
            encoded(2, number::ICMP, ("10.0.0.2", 0), ("10.0.0.1", 2)),
        ];
        let whole = message(NEW, &both);
        for length in 0..whole.len() {
            assert_eq!(connections(&whole[..length]).next(), None);
        }
        for at in 0..whole.len() {
            for value in [0, 1, 3, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                assert!(connections(&damaged).count() < 100);
            }
        }
        // Lengths that would never come to an end.
        assert_eq!(connections(&[0; 64]).count(), 0);
        assert!(attributes(&[0; 64]).next().is_none());
    }
}
