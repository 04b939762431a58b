//! The kernel program: counts every packet into its flow, at the traffic-control hooks of the watched interfaces.
//!
//! Whatever happens, it answers `TC_ACT_UNSPEC`: traffic is never touched.
#![no_std]
#![no_main]
// The atomic instructions of BPF are only to be had as assembly (see `atomic`).
#![feature(asm_experimental_arch)]

mod atomic;
mod cells;
mod clock;
mod count;
mod envelope;
mod later;
mod losses;
mod maps;
mod opaque;
mod packet;
mod payload;
mod plain;
mod round_trip;
mod tc;
mod walk;
mod zero;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: no code path panics; the verifier would refuse a program that could reach this.
    unsafe { core::hint::unreachable_unchecked() }
}

/// Some helpers may only be called by programs under a licence that is compatible with the kernel's.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
