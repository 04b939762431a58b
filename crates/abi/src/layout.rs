//! Sizes and offsets that both sides were compiled with: a change here is a change of the contract.

use core::mem::{align_of, offset_of, size_of};

use flowtrace_wire::{Envelope, Ports};

use crate::{
    EnvelopeEntry, FlowEntry, FlowKey, FragmentFacts, FragmentKey, KernelSettings, ListeningSocket, PayloadHead, Rival,
    ScanState, Segments, SocketEvent, SocketOffsets, SocketSettings, SocketUse, Tally, Transactions,
};

/// Version of the contract; it counts up when a layout below changes.
pub const VERSION: u32 = 4;

const _: () = {
    assert!(size_of::<FlowKey>() == 48 && align_of::<FlowKey>() == 8);
    assert!(offset_of!(FlowKey, high) == 16);
    assert!(offset_of!(FlowKey, low_port) == 32);
    assert!(offset_of!(FlowKey, generation) == 39);
    assert!(offset_of!(FlowKey, tunnel_id) == 44);
    assert!(size_of::<Tally>() == 24);
    assert!(size_of::<Segments>() == 40 && size_of::<Transactions>() == 64 && size_of::<Rival>() == 24);
    assert!(size_of::<FlowEntry>() == 320 && align_of::<FlowEntry>() == 8);
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
    assert!(offset_of!(FlowEntry, segments) == 128);
    assert!(offset_of!(FlowEntry, transactions) == 208);
    assert!(offset_of!(FlowEntry, rivals) == 272);
    assert!(size_of::<KernelSettings>() == 72);
    assert!(size_of::<Envelope>() == 128 && align_of::<Envelope>() == 8);
    assert!(offset_of!(Envelope, present) == 72);
    assert!(offset_of!(Envelope, tunnel) == 116);
    assert!(size_of::<EnvelopeEntry>() == 320 && align_of::<EnvelopeEntry>() == 8);
    assert!(offset_of!(EnvelopeEntry, facts) == 64);
    assert!(size_of::<FragmentKey>() == 40);
    assert!(size_of::<FragmentFacts>() == 24);
    assert!(size_of::<Ports>() == 65536);
    assert!(size_of::<ScanState>() == 24);
    assert!(size_of::<ListeningSocket>() == 48 && align_of::<ListeningSocket>() == 8);
    assert!(offset_of!(ListeningSocket, opened) == 24);
    assert!(offset_of!(ListeningSocket, port) == 40);
    assert!(size_of::<SocketOffsets>() == 56 && size_of::<SocketSettings>() == 72);
    assert!(offset_of!(SocketSettings, offsets) == 16);
    assert!(size_of::<SocketEvent>() == 88 && align_of::<SocketEvent>() == 8);
    assert!(offset_of!(SocketEvent, at) == 32);
    assert!(offset_of!(SocketEvent, name) == 56);
    assert!(offset_of!(SocketEvent, local_port) == 80);
    assert!(size_of::<SocketUse>() == 48 && align_of::<SocketUse>() == 8);
    assert!(offset_of!(SocketUse, name) == 32);
    assert!(size_of::<PayloadHead>() == 64 && align_of::<PayloadHead>() == 8);
    assert!(offset_of!(PayloadHead, at) == 48);
};
