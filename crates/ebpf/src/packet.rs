//! Packet memory as the dissector's bytes, and what the kernel knows about a packet beside them.

use aya_ebpf::{bindings::__sk_buff, helpers::generated::bpf_skb_load_bytes};
use flowtrace_wire::{Bytes, Packet};

use crate::opaque::opaque;

/// The linear part of a packet, read directly. The verifier sees each bound being checked.
pub struct Linear {
    data: usize,
    end: usize,
}

impl Linear {
    /// The packet's linear part.
    #[inline(always)]
    pub fn of(skb: *mut __sk_buff) -> Self {
        // SAFETY: the context of the program, in which the kernel keeps both fields valid. (They are pointers, whatever
        // their type says: the compiler must not compare halves of them.)
        unsafe { Self { data: opaque((*skb).data as usize), end: opaque((*skb).data_end as usize) } }
    }
}

impl Bytes for Linear {
    #[inline(always)]
    fn get<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let start = self.data + offset;
        if start + N > self.end {
            return None;
        }
        // SAFETY: the bound was checked above (and the verifier insists on it); bytes need no alignment.
        Some(unsafe { *(start as *const [u8; N]) })
    }
}

/// The whole packet, copied out piece by piece: for packets whose headers are not in the linear part.
pub struct Scattered(pub *mut __sk_buff);

impl Bytes for Scattered {
    #[inline(always)]
    fn get<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        // SAFETY: the helper checks offset and length against the packet and fills all of `bytes` or fails.
        let result = unsafe { bpf_skb_load_bytes(self.0.cast(), offset as u32, bytes.as_mut_ptr().cast(), N as u32) };
        if result == 0 { Some(bytes) } else { None }
    }
}

/// How many packets of the wire a packet stands for, and their IP bytes: each of them has `headers` bytes of its own.
#[inline(always)]
pub fn wire_packets(skb: *mut __sk_buff, packet: &Packet, headers: u32) -> (u64, u64) {
    let bytes = packet.ip_length as u64;
    // SAFETY: the context of the program.
    let (segments, size) = unsafe { ((*skb).gso_segs as u64, (*skb).gso_size as u64) };
    if size == 0 {
        return (1, bytes);
    }
    let payload = packet.ip_length.saturating_sub(headers) as u64;
    let packets = if segments != 0 { segments } else { (payload + size - 1) / size };
    let packets = if packets == 0 { 1 } else { packets };
    (packets, bytes + (packets - 1) * headers as u64)
}
