//! Maps and globals: what is shared with userland.

use core::ptr::{addr_of, read_volatile};

use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    btf_maps::{HashMap, LruHashMap, PerCpuArray, RingBuf},
    macros::btf_map,
};
use flowtrace_abi::{
    EnvelopeEntry, FlowEntry, FlowKey, FragmentFacts, FragmentKey, KernelSettings, Loss, PayloadHead, ScanState,
    Timeouts,
};
use flowtrace_wire::{KnownPorts, Ports, Walk};

use crate::{later::Later, opaque::opaque, payload::Copied};

/// The flows. Userland sets the size before loading.
#[btf_map]
pub static FLOWS: HashMap<FlowKey, FlowEntry, 131_072> = HashMap::new();

/// Packets and bytes that were not counted into a flow, by [`Loss`].
#[btf_map]
pub static LOSSES: PerCpuArray<[u64; 2], { Loss::COUNT }> = PerCpuArray::new();

/// A new entry is put together here: it is larger than what the stack should carry.
#[btf_map]
pub static SCRATCH: PerCpuArray<FlowEntry, 1> = PerCpuArray::new();

/// What lies around the packets of flows, by the flow's key. Room is taken as it is needed: most flows have nothing
/// around them. Userland sets the size before loading.
#[btf_map]
pub static ENVELOPES: HashMap<FlowKey, EnvelopeEntry, 131_072, { BPF_F_NO_PREALLOC as usize }> = HashMap::new();

/// The beginning of an entry in it.
pub static NOTHING_AROUND: EnvelopeEntry = EnvelopeEntry::NONE;

/// What the first fragments of datagrams showed; the oldest go.
#[btf_map]
pub static FRAGMENTS: LruHashMap<FragmentKey, FragmentFacts, 8192> = LruHashMap::new();

/// How many frames held no IP, by EtherType ([`Walk::not_ip`]).
#[btf_map]
pub static ETHERTYPES: HashMap<u32, u64, 512, { BPF_F_NO_PREALLOC as usize }> = HashMap::new();

/// A walk through a packet's headers is in here: it is larger than the stack.
#[btf_map]
pub static WALK: PerCpuArray<Walk, 1> = PerCpuArray::new();

/// What is put aside of a packet.
#[btf_map]
pub static LATER: PerCpuArray<Later, 1> = PerCpuArray::new();

/// Payloads that names are learned from: a head and as many bytes as it says. Userland sets the size before loading, and
/// takes them out at every scan.
#[btf_map]
pub static PAYLOADS: RingBuf<PayloadHead, 4_194_304> = RingBuf::new();

/// A payload is put together here.
#[btf_map]
pub static PAYLOAD: PerCpuArray<Copied, 1> = PerCpuArray::new();

/// Which UDP ports are known; userland writes it before it attaches anything.
#[unsafe(no_mangle)]
static mut PORTS: Ports = Ports::NONE;

/// Written by userland before the program is loaded.
#[unsafe(no_mangle)]
static SETTINGS: KernelSettings = KernelSettings::DEFAULT;

/// Written by userland before every scan.
#[unsafe(no_mangle)]
static mut SCAN: ScanState = ScanState { boot_offset: 0, epoch: 1, reserved: 0, silence: u64::MAX };

/// The settings.
#[inline(always)]
pub fn settings() -> &'static KernelSettings {
    // SAFETY: the static lives for ever; hiding its origin keeps the compiler from using the values it has now,
    // which userland replaces before loading.
    unsafe { &*opaque(addr_of!(SETTINGS)) }
}

/// The timeouts.
#[inline(always)]
pub fn timeouts() -> &'static Timeouts {
    &settings().timeouts
}

/// [`PORTS`], whose address is only taken where it is needed.
pub struct UdpPorts;

impl KnownPorts for UdpPorts {
    #[inline(always)]
    fn of(&self, port: u16) -> u8 {
        // The mask changes nothing, but older verifiers (6.1) forget how large a 16-bit number is that was on the stack.
        let port = opaque(u64::from(port)) & u64::from(u16::MAX);
        // SAFETY: as in `settings`; nobody writes to it while the program runs.
        unsafe { (*opaque(addr_of!(PORTS))).0[port as usize] }
    }
}

/// What lies between CLOCK_MONOTONIC and CLOCK_BOOTTIME.
#[inline(always)]
pub fn scan_boot_offset() -> u64 {
    // SAFETY: an aligned word that userland replaces at once.
    unsafe { read_volatile(addr_of!(SCAN.boot_offset)) }
}

/// How long a flow may be silent whatever its timeout.
#[inline(always)]
pub fn scan_silence() -> u64 {
    // SAFETY: an aligned word that userland replaces at once.
    unsafe { read_volatile(addr_of!(SCAN.silence)) }
}

/// The current scan.
#[inline(always)]
pub fn scan_epoch() -> u16 {
    // SAFETY: an aligned word that userland replaces at once.
    unsafe { read_volatile(addr_of!(SCAN.epoch)) as u16 }
}
