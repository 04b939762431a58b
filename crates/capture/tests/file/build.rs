//! Captures, built byte by byte.

/// Numbers in the chosen byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

pub const ORDERS: [Order; 2] = [Order::Little, Order::Big];

/// Bytes that grow.
#[derive(Clone, Debug)]
pub struct Bytes {
    order: Order,
    pub bytes: Vec<u8>,
}

impl Bytes {
    pub const fn new(order: Order) -> Self {
        Self { order, bytes: Vec::new() }
    }

    pub fn u16(mut self, value: u16) -> Self {
        self.bytes.extend(match self.order {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        });
        self
    }

    pub fn u32(mut self, value: u32) -> Self {
        self.bytes.extend(match self.order {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        });
        self
    }

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    pub fn pad(mut self) -> Self {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }
}

pub const MICROSECONDS: u32 = 0xa1b2_c3d4;
pub const NANOSECONDS: u32 = 0xa1b2_3c4d;
pub const MODIFIED: u32 = 0xa1b2_cd34;
pub const ETHERNET: u32 = 1;
pub const RAW_IP: u32 = 101;

/// A pcap file.
#[derive(Clone, Debug)]
pub struct Pcap {
    bytes: Bytes,
    magic: u32,
}

impl Pcap {
    pub fn new(order: Order, magic: u32) -> Self {
        Self::with(order, magic, [2, 4], 65535, ETHERNET)
    }

    pub fn with(order: Order, magic: u32, version: [u16; 2], snap_length: u32, network: u32) -> Self {
        let [major, minor] = version;
        let bytes = Bytes::new(order).u32(magic).u16(major).u16(minor).u32(0).u32(0).u32(snap_length).u32(network);
        Self { bytes, magic }
    }

    /// A record with these four numbers in its header.
    pub fn record(mut self, header: [u32; 4], frame: &[u8]) -> Self {
        for number in header {
            self.bytes = self.bytes.u32(number);
        }
        if self.magic == MODIFIED {
            self.bytes = self.bytes.u32(3).u16(0x0800).raw(&[0, 0]);
        }
        self.bytes = self.bytes.raw(frame);
        self
    }

    /// A frame that was captured whole.
    pub fn frame(self, seconds: u32, fraction: u32, frame: &[u8]) -> Self {
        let length = frame.len() as u32;
        self.record([seconds, fraction, length, length], frame)
    }

    pub fn done(self) -> Vec<u8> {
        self.bytes.bytes
    }
}

/// A pcapng file.
#[derive(Clone, Debug)]
pub struct Pcapng {
    order: Order,
    bytes: Vec<u8>,
}

impl Pcapng {
    /// A file with a first section.
    pub fn new(order: Order) -> Self {
        Self { order, bytes: Vec::new() }.section(order)
    }

    /// A file that begins with `bytes`.
    pub const fn of(order: Order, bytes: Vec<u8>) -> Self {
        Self { order, bytes }
    }

    /// A new section.
    pub fn section(mut self, order: Order) -> Self {
        self.order = order;
        let body = self.body().u32(0x1a2b_3c4d).u16(1).u16(0).u32(u32::MAX).u32(u32::MAX);
        self.block(0x0a0d_0d0a, body)
    }

    pub const fn body(&self) -> Bytes {
        Bytes::new(self.order)
    }

    pub fn block(mut self, kind: u32, body: Bytes) -> Self {
        let body = body.pad().bytes;
        let length = body.len() as u32 + 12;
        self.bytes.extend(Bytes::new(self.order).u32(kind).u32(length).raw(&body).u32(length).bytes);
        self
    }

    pub fn interface(self, link_type: u16, snap_length: u32, options: &[(u16, &[u8])]) -> Self {
        let mut body = self.body().u16(link_type).u16(0).u32(snap_length);
        for (code, value) in options {
            body = body.u16(*code).u16(value.len() as u16).raw(value).pad();
        }
        self.block(1, if options.is_empty() { body } else { body.u32(0) })
    }

    pub fn enhanced(self, interface: u32, stamp: u64, frame: &[u8], original: u32) -> Self {
        let body = self.body().u32(interface).u32((stamp >> 32) as u32).u32(stamp as u32);
        let body = body.u32(frame.len() as u32).u32(original).raw(frame).pad();
        self.block(6, body)
    }

    pub fn simple(self, frame: &[u8], original: u32) -> Self {
        let body = self.body().u32(original).raw(frame);
        self.block(3, body)
    }

    pub fn obsolete(self, interface: u16, stamp: u64, frame: &[u8], original: u32) -> Self {
        let body = self.body().u16(interface).u16(7).u32((stamp >> 32) as u32).u32(stamp as u32);
        let body = body.u32(frame.len() as u32).u32(original).raw(frame);
        self.block(2, body)
    }

    pub fn done(self) -> Vec<u8> {
        self.bytes
    }
}

/// `count` frames of different lengths.
pub fn frames(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| vec![number as u8; number % 7 * 5]).collect()
}

/// A pcap file of these frames.
pub fn pcap_of(frames: &[Vec<u8>]) -> Vec<u8> {
    frames
        .iter()
        .zip(1..)
        .fold(Pcap::new(Order::Little, MICROSECONDS), |file, (frame, time)| file.frame(time, 0, frame))
        .done()
}

/// A pcapng file of these frames.
pub fn pcapng_of(frames: &[Vec<u8>]) -> Vec<u8> {
    let file = Pcapng::new(Order::Big).interface(1, 0, &[(2, b"eth0")]);
    let add =
        |file: Pcapng, (frame, time): (&Vec<u8>, u64)| file.enhanced(0, time * 1_000_000, frame, frame.len() as u32);
    frames.iter().zip(1..).fold(file, add).done()
}
