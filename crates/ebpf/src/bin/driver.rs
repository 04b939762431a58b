//! The benchmark's driver: turns the one frame of `BPF_PROG_TEST_RUN` into many, and hands each to a program under
//! test by a tail call. Never part of the product.
//!
//! A flow is a source port and the last two bytes of the source address. Each time around all flows, the TCP sequence
//! and acknowledgement numbers (UDP: four bytes of payload) advance.
#![no_std]
#![no_main]

use core::ptr::write_unaligned;

use aya_ebpf::{
    bindings::{TC_ACT_SHOT, TC_ACT_UNSPEC},
    btf_maps::{Array, ProgramArray},
    macros::{btf_map, classifier},
    programs::TcContext,
};

/// What to make of the next frame. Userland has the same in `xtask/src/bench/driver.rs`.
#[repr(C)]
pub struct Plan {
    /// The next flow.
    index: u32,
    /// After this many flows comes the first again.
    flows: u32,
    /// The next TCP sequence number.
    sequence: u32,
    /// How far it advances each time around.
    sequence_step: u32,
    /// The next TCP acknowledgement number.
    acknowledgement: u32,
    /// How far it advances each time around.
    acknowledgement_step: u32,
}

/// The plan.
#[btf_map]
pub static PLAN: Array<Plan, 1> = Array::new();

/// The program under test.
#[btf_map]
pub static PROGRAMS: ProgramArray<1> = ProgramArray::new();

const ETHERNET: usize = 14;
const IPV6_HIGH_BYTE: u8 = 0x86;
const TCP: u8 = 6;
const FIRST_PORT: u32 = 32_768;
const PORT_BITS: u32 = 14;

/// Does nothing: what a call by the driver costs is measured with it.
#[classifier]
pub fn empty(_: TcContext) -> i32 {
    TC_ACT_UNSPEC
}

/// Rewrites the frame, then becomes the program under test. Its own answer, "drop", says that something failed.
#[classifier]
pub fn drive(context: TcContext) -> i32 {
    let Some(plan) = PLAN.get_ptr_mut(0) else { return TC_ACT_SHOT };
    // SAFETY: a map value of this type; the benchmark runs on one CPU.
    let plan = unsafe { &mut *plan };
    if !rewrite(&context, plan) {
        return TC_ACT_SHOT;
    }
    advance(plan);
    // SAFETY: the benchmark puts programs of this type into the array.
    unsafe { PROGRAMS.tail_call(&context, 0) };
    TC_ACT_SHOT
}

#[inline(always)]
fn rewrite(context: &TcContext, plan: &Plan) -> bool {
    let (data, end) = (context.data(), context.data_end());
    if data + ETHERNET + 20 + 12 > end {
        return false;
    }
    // SAFETY: checked above.
    let is_ipv6 = unsafe { *((data + 12) as *const u8) } == IPV6_HIGH_BYTE;
    if !is_ipv6 {
        write_flow(data + ETHERNET + 14, data + ETHERNET + 20, data + ETHERNET + 9, plan);
        return true;
    }
    if data + ETHERNET + 40 + 12 > end {
        return false;
    }
    write_flow(data + ETHERNET + 22, data + ETHERNET + 40, data + ETHERNET + 6, plan);
    true
}

/// `address`: the last two bytes of the source address; `transport`: 12 bytes; `protocol`: the IP protocol.
#[inline(always)]
fn write_flow(address: usize, transport: usize, protocol: usize, plan: &Plan) {
    let port = (FIRST_PORT + (plan.index & ((1 << PORT_BITS) - 1))) as u16;
    let host = (plan.index >> PORT_BITS) as u16;
    // SAFETY: the caller checked the bounds, which the verifier insists on.
    unsafe {
        write_unaligned(address as *mut u16, host.to_be());
        write_unaligned(transport as *mut u16, port.to_be());
        if *(protocol as *const u8) == TCP {
            write_unaligned((transport + 4) as *mut u32, plan.sequence.to_be());
        }
        write_unaligned((transport + 8) as *mut u32, plan.acknowledgement.to_be());
    }
}

#[inline(always)]
fn advance(plan: &mut Plan) {
    plan.index += 1;
    if plan.index >= plan.flows {
        plan.index = 0;
        plan.sequence = plan.sequence.wrapping_add(plan.sequence_step);
        plan.acknowledgement = plan.acknowledgement.wrapping_add(plan.acknowledgement_step);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: no code path panics; the verifier would refuse a program that could reach this.
    unsafe { core::hint::unreachable_unchecked() }
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
