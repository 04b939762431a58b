//! Interface Description Blocks of pcapng (draft-ietf-opsawg-pcapng section 4.2).

use flowtrace_wire::Link;

use super::{
    clock::{Clock, DEFAULT_RESOLUTION},
    frame::link,
    order::Order,
};

const OPTION_NAME: u16 = 2;
const OPTION_RESOLUTION: u16 = 9;
const OPTION_OFFSET: u16 = 14;

/// The longest name that is kept, in bytes. Linux allows 15, Windows about 60.
const MAX_NAME: usize = 256;

/// What must be known of an interface to read its packets.
pub(super) struct Interface {
    pub link: Link,
    /// The most bytes of a packet that were captured; 0: no limit.
    pub snap_length: u32,
    pub clock: Clock,
}

/// Reads the body of a block: the interface and its name. `None` where the body is too short. Options are read as far
/// as they make sense.
pub(super) fn read(order: Order, body: &[u8]) -> Option<(Interface, Option<Box<str>>)> {
    let [kind, snap_length] = order.words(body)?;
    let [link_type, _] = order.halves(kind);
    let (mut resolution, mut offset, mut name) = (DEFAULT_RESOLUTION, 0, None);
    for (code, value) in options(order, body.get(8..)?) {
        match (code, value) {
            (OPTION_NAME, value) => name = Some(text(value)),
            (OPTION_RESOLUTION, [value]) => resolution = *value,
            (OPTION_OFFSET, value) => {
                if let Ok(seconds) = value.try_into() {
                    offset = order.u64(seconds) as i64;
                }
            }
            _ => {}
        }
    }
    Some((Interface { link: link(link_type), snap_length, clock: Clock::new(resolution, offset) }, name))
}

/// Code and value of each option, up to the end of the options or the first that does not fit.
fn options(order: Order, mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let [head] = order.words(bytes)?;
        let [code, length] = order.halves(head);
        let length = usize::from(length);
        let value = bytes.get(4..)?.get(..length)?;
        bytes = bytes.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        (code != 0).then_some((code, value))
    })
}

fn text(value: &[u8]) -> Box<str> {
    let value = value.get(..MAX_NAME).unwrap_or(value);
    String::from_utf8_lossy(value).trim_end_matches('\0').into()
}
