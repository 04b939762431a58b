//! Payload of captured frames.

use flowtrace_abi::{FlowKey, PAYLOAD_BYTES, PAYLOAD_PORT, Payload};
use flowtrace_wire::{Walk, protocol};

/// The payload of a frame's packet that names may be learned from: of UDP and TCP what port 53 sent, of TCP what begins
/// like a TLS ClientHello. `walk` is what [`dissect`](flowtrace_wire::dissect()) found in the frame, `at` when it was seen, in
/// nanoseconds.
///
/// As the kernel program does it, but for segments late in a connection: it passes over a ClientHello behind the 16th of
/// its way.
pub fn payload<'a>(frame: &'a [u8], walk: &Walk, at: u64) -> Option<Payload<'a>> {
    let packet = &walk.packet;
    let is_answer = packet.source_port == PAYLOAD_PORT;
    let may_be_wanted = packet.protocol == protocol::TCP || packet.protocol == protocol::UDP && is_answer;
    if !may_be_wanted || packet.payload_length() == 0 {
        return None;
    }
    let start = usize::try_from(walk.payload(frame)?).ok()?;
    let length = packet.payload_length().min(PAYLOAD_BYTES as u32) as usize;
    let bytes = frame.get(start..)?;
    let bytes = bytes.get(..length).unwrap_or(bytes);
    let (key, way) = FlowKey::of(packet);
    (is_answer || is_hello(bytes)).then_some(Payload { key, way, at, bytes })
}

/// Whether a TLS handshake record with a ClientHello begins here (RFC 8446 sections 4 and 5.1).
fn is_hello(bytes: &[u8]) -> bool {
    matches!(bytes, [22, 3, _, _, _, 1, ..])
}
