//! Connections made by hand, for what the corpus lacks: packets that really overtook others, closed windows.

use super::Verdict;
use crate::files::frames::{ACK, FIN, Host, PSH, SYN, pcap, tcp};

/// A segment: milliseconds, whether the client sends it, flags, sequence and acknowledgement, bytes, and what it is: `.`
/// nothing, `R` sent again, `O` out of order, `Z` no room.
pub type Segment = (u64, bool, u8, [u32; 2], usize, char);

/// A connection.
#[derive(Debug)]
pub struct Scene {
    /// What happens.
    pub name: &'static str,
    /// Behind the handshake, which takes 20 ms and leaves the client at 101 and the server at 501.
    pub segments: &'static [Segment],
}

const DATA: u8 = PSH | ACK;
const HANDSHAKE: [Segment; 3] =
    [(0, true, SYN, [100, 0], 0, '.'), (10, false, SYN | ACK, [500, 101], 0, '.'), (20, true, ACK, [101, 501], 0, '.')];

const fn up(time: u64, sequence: u32, length: usize, is: char) -> Segment {
    (time, true, DATA, [sequence, 501], length, is)
}

const fn ack(time: u64, acknowledgement: u32, is: char) -> Segment {
    (time, false, ACK, [501, acknowledgement], 0, is)
}

/// All of them. Where the window is closed, the segment is a `Z`.
pub const SCENES: [Scene; 12] = [
    Scene {
        name: "one is overtaken",
        segments: &[up(30, 101, 100, '.'), up(31, 301, 100, '.'), up(32, 201, 100, 'O'), up(33, 401, 100, '.')],
    },
    Scene {
        name: "one is overtaken by many",
        segments: &[
            up(30, 201, 100, '.'),
            up(31, 301, 100, '.'),
            up(32, 401, 100, '.'),
            up(33, 501, 100, '.'),
            up(45, 101, 100, 'O'),
        ],
    },
    Scene {
        name: "two are overtaken",
        segments: &[
            up(30, 201, 100, '.'),
            up(31, 401, 100, '.'),
            up(32, 501, 100, '.'),
            up(33, 101, 100, 'O'),
            up(34, 301, 100, 'O'),
        ],
    },
    Scene {
        name: "lost, and sent again after a time-out",
        segments: &[up(30, 201, 100, '.'), ack(40, 101, '.'), up(300, 101, 100, 'R'), ack(310, 301, '.')],
    },
    Scene {
        name: "lost, and sent again after three acknowledgements",
        segments: &[
            up(30, 201, 100, '.'),
            ack(31, 101, '.'),
            up(32, 301, 100, '.'),
            ack(33, 101, '.'),
            up(34, 401, 100, '.'),
            ack(43, 101, '.'),
            ack(44, 101, '.'),
            up(56, 101, 100, 'R'),
            ack(57, 501, '.'),
        ],
    },
    Scene { name: "sent twice at once", segments: &[up(30, 101, 100, '.'), up(30, 101, 100, 'R'), ack(40, 201, '.')] },
    Scene {
        name: "sent again though it was acknowledged",
        segments: &[up(30, 101, 100, '.'), ack(40, 201, '.'), up(250, 101, 100, 'R'), ack(260, 201, '.')],
    },
    Scene {
        name: "a window closes, is probed, and opens",
        segments: &[
            up(30, 101, 100, '.'),
            ack(31, 201, 'Z'),
            up(300, 201, 1, '.'),
            ack(301, 201, 'Z'),
            up(900, 201, 1, '.'),
            ack(901, 201, 'Z'),
            ack(950, 201, '.'),
            up(951, 201, 50, '.'),
            ack(960, 251, '.'),
        ],
    },
    Scene {
        name: "keep-alives, without and with a byte",
        segments: &[
            up(30, 101, 100, '.'),
            ack(40, 201, '.'),
            (5000, true, ACK, [200, 501], 0, '.'),
            ack(5010, 201, '.'),
            up(10_000, 200, 1, '.'),
            ack(10_010, 201, '.'),
            up(12_000, 201, 10, '.'),
        ],
    },
    Scene {
        name: "a FIN is sent again",
        segments: &[
            (30, true, FIN | ACK, [101, 501], 0, '.'),
            (300, true, FIN | ACK, [101, 501], 0, 'R'),
            (310, false, FIN | ACK, [501, 102], 0, '.'),
            (320, true, ACK, [102, 502], 0, '.'),
        ],
    },
    Scene {
        name: "the answer to a SYN is sent again",
        segments: &[
            (25, false, SYN | ACK, [500, 101], 0, 'R'),
            (35, true, ACK, [101, 501], 0, '.'),
            up(40, 101, 9, '.'),
        ],
    },
    Scene {
        name: "data overtook the FIN",
        segments: &[(30, true, FIN | ACK, [201, 501], 0, '.'), up(31, 101, 100, 'O')],
    },
];

impl Scene {
    /// All its segments.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        HANDSHAKE.iter().chain(self.segments)
    }

    /// What each is.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let verdict = |is: char| Verdict { retransmission: is == 'R', out_of_order: is == 'O', zero_window: is == 'Z' };
        self.segments().map(|segment| verdict(segment.5)).collect()
    }

    /// As a capture, with this added to the client's sequence numbers.
    pub fn capture(&self, offset: u32) -> Vec<u8> {
        let [client, server] = [(Host::v4(1), 40_000), (Host::v4(2), 80)];
        let frame = |(time, is_client, flags, [sequence, acknowledgement], length, is): &Segment| {
            let payload = vec![0x61; *length];
            let acknowledgement = if *flags & ACK == 0 { 0 } else { *acknowledgement };
            let mut frame = if *is_client {
                tcp(client, server, *flags, sequence.wrapping_add(offset), acknowledgement, &payload)
            } else {
                tcp(server, client, *flags, *sequence, acknowledgement.wrapping_add(offset), &payload)
            };
            if *is == 'Z' {
                // Ethernet 14, IPv4 20; the window at 14 (RFC 9293 section 3.1). The checksum is nobody's matter here.
                frame[14 + 20 + 14..][..2].fill(0);
            }
            (*time, frame)
        };
        pcap(&self.segments().map(frame).collect::<Vec<_>>())
    }
}
