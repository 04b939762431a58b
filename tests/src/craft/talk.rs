//! Conversations of known sizes, to be put into IP and whatever else.

use super::ends::Way::{self, Back, There};
use super::pdu::Pdu;
use super::transport::{self as layer, ACK, PSH, SYN};

/// Ports of the conversations: some port, and echo (RFC 862).
pub const PORTS: [u16; 2] = [40_000, 7];
/// Data of the question: 12 bytes.
pub const QUESTION: &[u8] = b"how are you?";
/// Data of the answer: 24 bytes.
pub const ANSWER: &[u8] = b"fine, thanks; and you? \n";

/// Handshake, question, answer: three segments there (72 bytes), two back (64 bytes).
pub fn tcp() -> Vec<Pdu> {
    let [here, other] = [1000, 5000];
    vec![
        layer::tcp(There, PORTS, SYN, [here, 0], b""),
        layer::tcp(Back, PORTS, SYN | ACK, [other, here + 1], b""),
        layer::tcp(There, PORTS, ACK, [here + 1, other + 1], b""),
        layer::tcp(There, PORTS, PSH | ACK, [here + 1, other + 1], QUESTION),
        layer::tcp(Back, PORTS, PSH | ACK, [other + 1, here + 13], ANSWER),
    ]
}

/// Question and answer: a datagram of 20 bytes there, one of 32 bytes back.
pub fn udp() -> Vec<Pdu> {
    vec![data(There, QUESTION).udp(PORTS), data(Back, ANSWER).udp(PORTS)]
}

/// A ping and its answer: ICMP messages of 20 bytes.
pub fn ping() -> Vec<Pdu> {
    let echo = |way, kind| layer::icmp(way, kind, 0, [0, 7, 0, 1], QUESTION);
    vec![echo(There, 8), echo(Back, 0)]
}

/// The same for IPv6.
pub fn ping6() -> Vec<Pdu> {
    let echo = |way, kind| layer::icmp6(way, kind, 0, [0, 7, 0, 1], QUESTION);
    vec![echo(There, 128), echo(Back, 129)]
}

/// Data that no layer knows.
pub fn data(way: Way, bytes: &[u8]) -> Pdu {
    Pdu::new(way, 253, bytes)
}
