//! pcapng (draft-ietf-opsawg-pcapng).

use super::{
    buffer::{Buffer, MAX_RECORD},
    error::Fault,
    frame::Record,
    interface::{self, Interface},
    order::Order,
};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Block type and total length before the body, and the total length again behind it.
const BLOCK_HEADER: usize = 8;
const BLOCK_TRAILER: usize = 4;
/// Length of a Section Header Block without options.
const SECTION: usize = 28;

/// The most interfaces of one section that are believed, and of a file whose names are kept.
const MAX_INTERFACES: usize = 1 << 16;

/// The state of a file: its current section.
pub(super) struct Pcapng {
    order: Order,
    /// Interfaces of the section.
    interfaces: Vec<Interface>,
    /// Interfaces of all sections before.
    interfaces_before: u32,
    /// Names of the interfaces of the file.
    names: Vec<Option<Box<str>>>,
}

/// Whether a file that begins like this is pcapng. Where it is cut within these 12 bytes, the block type decides.
pub(super) fn is_pcapng(head: &[u8]) -> bool {
    head.starts_with(&SECTION_HEADER.to_be_bytes()) && (head.len() < 12 || byte_order(head).is_some())
}

/// The byte order of the section that a Section Header Block opens.
fn byte_order(head: &[u8]) -> Option<Order> {
    let magic = *head.get(8..)?.first_chunk()?;
    [Order::Little, Order::Big].into_iter().find(|order| order.u32(magic) == BYTE_ORDER_MAGIC)
}

impl Pcapng {
    /// Reads the first Section Header Block.
    pub fn new(buffer: &mut Buffer) -> Result<Self, Fault> {
        let mut file = Self { order: Order::Little, interfaces: Vec::new(), interfaces_before: 0, names: Vec::new() };
        file.open_section(buffer)?;
        Ok(file)
    }

    /// The name of an interface of the file.
    pub fn interface_name(&self, interface: u32) -> Option<&str> {
        self.names.get(interface as usize)?.as_deref()
    }

    /// The next frame; `None` at the end of the file.
    #[inline]
    pub fn next(&mut self, buffer: &mut Buffer) -> Result<Option<Record>, Fault> {
        loop {
            let head = buffer.fill(BLOCK_HEADER)?;
            let held = head.len();
            let Some([kind, length]) = self.order.words(head) else {
                return if held == 0 { Ok(None) } else { Err(cut(buffer, BLOCK_HEADER, held)) };
            };
            match kind {
                ENHANCED_PACKET | SIMPLE_PACKET | PACKET => {
                    let (start, body) = self.block(buffer, length)?;
                    return self.packet(buffer, kind, start, body).map(Some);
                }
                INTERFACE_DESCRIPTION => {
                    let (start, body) = self.block(buffer, length)?;
                    self.describe(buffer, start, body)?;
                }
                SECTION_HEADER => self.open_section(buffer)?,
                _ => self.skip(buffer, length)?,
            }
        }
    }

    /// Takes a whole block of the stated total length. Returns where its body begins in the buffer, and its length.
    #[inline]
    fn block(&self, buffer: &mut Buffer, stated: u32) -> Result<(usize, usize), Fault> {
        let length = self.total_length(buffer, stated)?;
        if length > MAX_RECORD {
            let found = format!("a block claims {length} bytes, where at most {MAX_RECORD} can be");
            return Err(Fault::Damaged(buffer.offset(), found));
        }
        let bytes = buffer.fill(length)?;
        let held = bytes.len();
        let trailer = bytes.get(length - BLOCK_TRAILER..).and_then(|bytes| self.order.words(bytes));
        let Some([repeated]) = trailer else { return Err(cut(buffer, length, held)) };
        if repeated != stated {
            return Err(mismatch(buffer.offset(), stated, repeated));
        }
        let start = buffer.start() + BLOCK_HEADER;
        buffer.consume(length);
        Ok((start, length - BLOCK_HEADER - BLOCK_TRAILER))
    }

    /// The bytes that a block takes. Some writers state a length without the padding.
    #[inline]
    fn total_length(&self, buffer: &Buffer, stated: u32) -> Result<usize, Fault> {
        let length = (stated as usize).next_multiple_of(4);
        if length < BLOCK_HEADER + BLOCK_TRAILER {
            return Err(Fault::Damaged(
                buffer.offset(),
                format!("a block claims {stated} bytes, where 12 are the least"),
            ));
        }
        Ok(length)
    }

    /// Passes a block that says nothing about packets, however long.
    fn skip(&self, buffer: &mut Buffer, stated: u32) -> Result<(), Fault> {
        let start = buffer.offset();
        let length = self.total_length(buffer, stated)?;
        let body = (length - BLOCK_TRAILER) as u64;
        let skipped = buffer.skip(body)?;
        let trailer = buffer.fill(BLOCK_TRAILER)?;
        let held = skipped + trailer.len().min(BLOCK_TRAILER) as u64;
        let Some([repeated]) = self.order.words(trailer).filter(|_| skipped == body) else {
            return Err(Fault::truncated(start, "block", length as u64, held));
        };
        if repeated != stated {
            return Err(mismatch(start, stated, repeated));
        }
        buffer.consume(BLOCK_TRAILER);
        Ok(())
    }

    /// Reads a Section Header Block: byte order and interfaces begin anew.
    fn open_section(&mut self, buffer: &mut Buffer) -> Result<(), Fault> {
        let offset = buffer.offset();
        let head = buffer.fill(SECTION)?;
        let held = head.len();
        let Some(magic) = head.get(8..12) else { return Err(cut(buffer, SECTION, held)) };
        let Some(order) = byte_order(head) else {
            return Err(Fault::Damaged(offset, format!("a section whose byte order is written as {magic:02x?}")));
        };
        let Some([_, length, _, version]) = order.words(head) else { return Err(cut(buffer, SECTION, held)) };
        let [major, minor] = order.halves(version);
        if major != 1 {
            return Err(Fault::Damaged(offset, format!("pcapng version {major}.{minor}, where only 1 is known")));
        }
        self.order = order;
        self.interfaces_before = self.interfaces_before.saturating_add(self.interfaces.len() as u32);
        self.interfaces.clear();
        self.skip(buffer, length)
    }

    fn describe(&mut self, buffer: &Buffer, start: usize, length: usize) -> Result<(), Fault> {
        let offset = || block_offset(buffer, length);
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(Fault::Damaged(offset(), format!("more than {MAX_INTERFACES} interfaces in a section")));
        }
        let Some((interface, name)) = interface::read(self.order, buffer.slice(start, length)) else {
            return Err(Fault::Damaged(offset(), format!("an interface described in {length} bytes")));
        };
        self.interfaces.push(interface);
        if self.names.len() < MAX_INTERFACES {
            self.names.push(name);
        }
        Ok(())
    }

    /// Reads one of the three packet blocks (sections 4.3, 4.4 and appendix A).
    #[inline]
    fn packet(&self, buffer: &Buffer, kind: u32, start: usize, length: usize) -> Result<Record, Fault> {
        let body = buffer.slice(start, length);
        let fields = match kind {
            ENHANCED_PACKET => self.enhanced(body),
            SIMPLE_PACKET => self.simple(body),
            _ => self.obsolete(body),
        };
        let short =
            || Fault::Damaged(block_offset(buffer, length), format!("a packet block with {length} bytes inside"));
        let fields = fields.ok_or_else(short)?;
        let Some(interface) = self.interfaces.get(fields.interface as usize) else {
            let found = format!("a packet of interface {}, which nothing describes", fields.interface);
            return Err(Fault::Damaged(block_offset(buffer, length), found));
        };
        let room = length - fields.header;
        let captured = fields.captured.unwrap_or_else(|| simple_length(fields.original, interface.snap_length, room));
        if captured as usize > room {
            let found = format!("a packet claims {captured} bytes in a block with room for {room}");
            return Err(Fault::Damaged(block_offset(buffer, length), found));
        }
        Ok(Record {
            time: fields.stamp.map(|stamp| interface.clock.time(stamp)),
            link: interface.link,
            wire_length: fields.original.max(captured),
            interface: self.interfaces_before.saturating_add(fields.interface),
            start: start + fields.header,
            length: captured as usize,
        })
    }

    #[inline]
    fn enhanced(&self, body: &[u8]) -> Option<Fields> {
        let [interface, high, low, captured, original] = self.order.words(body)?;
        Some(Fields { interface, stamp: Some(stamp(high, low)), captured: Some(captured), original, header: 20 })
    }

    fn simple(&self, body: &[u8]) -> Option<Fields> {
        let [original] = self.order.words(body)?;
        Some(Fields { interface: 0, stamp: None, captured: None, original, header: 4 })
    }

    fn obsolete(&self, body: &[u8]) -> Option<Fields> {
        let [interface_and_drops, high, low, captured, original] = self.order.words(body)?;
        let [interface, _] = self.order.halves(interface_and_drops);
        let interface = interface.into();
        Some(Fields { interface, stamp: Some(stamp(high, low)), captured: Some(captured), original, header: 20 })
    }
}

/// What a packet block says before the packet.
struct Fields {
    /// Number of the interface within the section.
    interface: u32,
    /// In the interface's units.
    stamp: Option<u64>,
    /// Captured bytes; a Simple Packet Block does not say.
    captured: Option<u32>,
    /// Bytes on the wire.
    original: u32,
    /// Bytes of the body before the packet.
    header: usize,
}

const fn stamp(high: u32, low: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

/// What a Simple Packet Block captured: all, as far as the interface's snap length and the block allow.
fn simple_length(original: u32, snap_length: u32, room: usize) -> u32 {
    let limit = if snap_length == 0 { u32::MAX } else { snap_length };
    original.min(limit).min(u32::try_from(room).unwrap_or(u32::MAX))
}

/// Where a block with a body of `length` bytes began that was consumed last.
const fn block_offset(buffer: &Buffer, length: usize) -> u64 {
    buffer.offset() - (length + BLOCK_HEADER + BLOCK_TRAILER) as u64
}

#[cold]
fn cut(buffer: &Buffer, needed: usize, held: usize) -> Fault {
    Fault::truncated(buffer.offset(), "block", needed as u64, held as u64)
}

#[cold]
fn mismatch(offset: u64, stated: u32, repeated: u32) -> Fault {
    Fault::Damaged(offset, format!("a block claims {stated} bytes at its beginning and {repeated} at its end"))
}
