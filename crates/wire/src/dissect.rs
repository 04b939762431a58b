//! From a frame to its flow's packet.

use crate::link::FileLink;
use crate::walk::Next;
use crate::{Bytes, Options, Packet, Reason, Walk, ethernet, ipv6, plain};

/// What a capture's frames begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// An Ethernet header.
    Ethernet,
    /// An IP header, whose first nibble tells the version.
    Ip,
    /// The header of another link, as capture files have them.
    File(FileLink),
    /// Something that is not read.
    Unsupported,
}

/// Reads the headers of one frame of `wire_length` bytes, of which `bytes` holds the captured ones. `walk` is then what
/// was found: the flow's packet, the outermost one where that is another, and what lies around.
///
/// # Errors
/// The [`Reason`] why there is no IP packet. A header that is cut short, or that a later fragment does not have, is no
/// error: the packet then has no ports ([`Packet::has_transport`](crate::Packet::has_transport)).
pub fn dissect<B: Bytes + ?Sized>(
    bytes: &B,
    link: Link,
    wire_length: u32,
    options: &Options<'_>,
    walk: &mut Walk,
) -> Result<(), Reason> {
    walk.clear();
    if plain(bytes, link, wire_length, options.ports, &mut walk.packet) {
        walk.begin_plain(transport(bytes, link));
        return Ok(());
    }
    walk.packet = Packet::default();
    match link {
        Link::Ethernet => walk.begin(Next::Ethernet, 0, wire_length),
        Link::Ip => walk.begin(Next::Ip, 0, wire_length),
        Link::File(link) => walk.begin_file(bytes, link, wire_length)?,
        Link::Unsupported => return Err(Reason::UnsupportedLink),
    }
    for _ in 0..crate::STEPS {
        if !walk.step(bytes, options) {
            break;
        }
    }
    walk.finish()
}

/// Where the transport header of a plain packet begins.
fn transport<B: Bytes + ?Sized>(bytes: &B, link: Link) -> u32 {
    let start = if link == Link::Ethernet { ethernet::LENGTH } else { 0 };
    let length = match bytes.get::<1>(start) {
        Some([first]) if first >> 4 == 4 => usize::from(first & 0x0f) * 4,
        _ => ipv6::LENGTH,
    };
    (start + length) as u32
}
