//! Maps and globals: what is shared with userland.

use core::ptr::{addr_of, read_volatile};

use aya_ebpf::{
    btf_maps::{HashMap, PerCpuArray},
    macros::btf_map,
};
use flowtrace_abi::{FlowEntry, FlowKey, KernelSettings, Loss, ScanState, Timeouts};

/// The flows. Userland sets the size before loading.
#[btf_map]
pub static FLOWS: HashMap<FlowKey, FlowEntry, 131_072> = HashMap::new();

/// Packets and bytes that were not counted into a flow, by [`Loss`].
#[btf_map]
pub static LOSSES: PerCpuArray<[u64; 2], { Loss::COUNT }> = PerCpuArray::new();

/// A new entry is put together here: it is larger than what the stack should carry.
#[btf_map]
pub static SCRATCH: PerCpuArray<FlowEntry, 1> = PerCpuArray::new();

/// Written by userland before the program is loaded.
#[unsafe(no_mangle)]
static SETTINGS: KernelSettings = KernelSettings { timeouts: Timeouts::DEFAULT };

/// Written by userland before every scan.
#[unsafe(no_mangle)]
static mut SCAN: ScanState = ScanState { boot_offset: 0, epoch: 1, reserved: 0 };

/// The timeouts.
#[inline(always)]
pub fn timeouts() -> &'static Timeouts {
    // SAFETY: the static lives for ever; hiding its origin keeps the compiler from using the values it has now,
    // which userland replaces before loading.
    unsafe { &(*core::hint::black_box(addr_of!(SETTINGS))).timeouts }
}

/// What lies between CLOCK_MONOTONIC and CLOCK_BOOTTIME.
#[inline(always)]
pub fn scan_boot_offset() -> u64 {
    // SAFETY: an aligned word that userland replaces at once.
    unsafe { read_volatile(addr_of!(SCAN.boot_offset)) }
}

/// The current scan.
#[inline(always)]
pub fn scan_epoch() -> u16 {
    // SAFETY: an aligned word that userland replaces at once.
    unsafe { read_volatile(addr_of!(SCAN.epoch)) as u16 }
}
