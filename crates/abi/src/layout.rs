//! Sizes and offsets that both sides were compiled with: a change here is a change of the contract.

use core::mem::{align_of, offset_of, size_of};

use crate::{FlowEntry, FlowKey, KernelSettings, ScanState, Tally};

/// Version of the contract; it counts up when a layout below changes.
pub const VERSION: u32 = 1;

const _: () = {
    assert!(size_of::<FlowKey>() == 40 && align_of::<FlowKey>() == 8);
    assert!(offset_of!(FlowKey, high) == 16);
    assert!(offset_of!(FlowKey, low_port) == 32);
    assert!(offset_of!(FlowKey, generation) == 39);
    assert!(size_of::<Tally>() == 24);
    assert!(size_of::<FlowEntry>() == 128 && align_of::<FlowEntry>() == 8);
    assert!(offset_of!(FlowEntry, state) == 48);
    assert!(offset_of!(FlowEntry, epochs) == 52);
    assert!(offset_of!(FlowEntry, points) == 56);
    assert!(offset_of!(FlowEntry, first) == 64);
    assert!(offset_of!(FlowEntry, ended) == 72);
    assert!(offset_of!(FlowEntry, headers) == 80);
    assert!(offset_of!(FlowEntry, sequence) == 96);
    assert!(offset_of!(FlowEntry, fins) == 100);
    assert!(offset_of!(FlowEntry, macs) == 108);
    assert!(offset_of!(FlowEntry, successor) == 120);
    assert!(size_of::<KernelSettings>() == 48);
    assert!(size_of::<ScanState>() == 16);
};
