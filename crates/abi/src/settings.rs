//! What userland tells the kernel program.

use flowtrace_wire::protocol;

use crate::state;

/// After how much silence a flow is over, and what else is a matter of time; in nanoseconds.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// A TCP connection.
    pub tcp: u64,
    /// A TCP connection whose FINs are acknowledged: counted from then on, whatever follows.
    pub tcp_fin: u64,
    /// A TCP connection that was reset: counted from then on, whatever follows.
    pub tcp_rst: u64,
    /// UDP.
    pub udp: u64,
    /// ICMP and ICMPv6.
    pub icmp: u64,
    /// Any other protocol.
    pub generic: u64,
    /// For how long after a flow's first packet a SYN still tells who began it and with which sequence number: not longer
    /// than until its first record may be made, so that this does not depend on when anybody looks.
    pub evidence: u64,
}

impl Timeouts {
    /// The silence that ends a flow of this protocol.
    #[inline(always)]
    pub const fn idle(&self, protocol: u8) -> u64 {
        match protocol {
            protocol::TCP => self.tcp,
            protocol::UDP => self.udp,
            protocol::ICMP | protocol::ICMPV6 => self.icmp,
            _ => self.generic,
        }
    }

    /// How long a TCP connection lingers once it ended.
    #[inline(always)]
    pub const fn linger(&self, flow_state: u32) -> u64 {
        if flow_state & state::ENDED_BY_RESET != 0 { self.tcp_rst } else { self.tcp_fin }
    }
}

impl Timeouts {
    /// The defaults: those of the design's semantics.
    pub const DEFAULT: Self = {
        const SECOND: u64 = 1_000_000_000;
        Self {
            tcp: 20 * SECOND,
            tcp_fin: 5 * SECOND,
            tcp_rst: 5 * SECOND,
            udp: 60 * SECOND,
            icmp: 10 * SECOND,
            generic: 30 * SECOND,
            evidence: 54 * SECOND,
        }
    };
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What the kernel program is told once, before it is loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelSettings {
    /// When a flow is over.
    pub timeouts: Timeouts,
    /// How many tunnels within one another are opened.
    pub depth: u32,
    /// Which packets of a tunnelled packet are counted: bits of [`Layers`].
    pub layers: u32,
    /// What tells flows apart beside ends and protocol: bits of [`KeyParts`](crate::KeyParts).
    pub key_parts: u32,
    /// Zero.
    pub reserved: u32,
}

/// Which packets of a tunnelled packet are counted: bits of [`KernelSettings::layers`].
#[derive(Clone, Copy, Debug)]
pub struct Layers;

impl Layers {
    /// The innermost.
    pub const INNER: u32 = 1;
    /// The outermost.
    pub const OUTER: u32 = 2;
}

impl KernelSettings {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        timeouts: Timeouts::DEFAULT,
        depth: flowtrace_wire::DEFAULT_DEPTH,
        layers: Layers::INNER,
        key_parts: 0,
        reserved: 0,
    };
}

impl Default for KernelSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What the kernel program is told before every scan.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanState {
    /// CLOCK_BOOTTIME minus CLOCK_MONOTONIC, in nanoseconds: the coarse clock is monotonic, flows count since boot.
    pub boot_offset: u64,
    /// Number of the scan; the first packet of a way that finds an older one writes its header values.
    pub epoch: u32,
    /// Zero.
    pub reserved: u32,
    /// Flows that are silent for so long are over, whatever their timeout, in nanoseconds: less than the longest while
    /// room is short.
    pub silence: u64,
}
