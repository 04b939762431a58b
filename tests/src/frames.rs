//! Ethernet frames, made by hand.

use flowtrace_capture::live::SkbContext;

/// xorshift64*: the same frames in every run.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) as usize % bound
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }
}

/// An Ethernet frame with this EtherType.
pub fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &kind.to_be_bytes()[..], payload].concat()
}

/// An IPv4 frame from host `from` to host `to`. `length`: of the payload, as the header says it.
pub fn ipv4(protocol: u8, [from, to]: [u8; 2], fragment: u16, length: u16, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![0x45, 0xb8];
    header.extend((20 + length).to_be_bytes());
    header.extend([0, 1]);
    header.extend(fragment.to_be_bytes());
    header.extend([64, protocol, 0, 0, 10, 0, 0, from, 10, 0, 0, to]);
    header.extend(payload);
    ethernet(0x0800, &header)
}

/// An IPv6 frame.
pub fn ipv6(next: u8, [from, to]: [u8; 2], length: u16, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![0x6b, 0x81, 0x23, 0x45];
    header.extend(length.to_be_bytes());
    header.extend([next, 63]);
    for host in [from, to] {
        header.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
    }
    header.extend(payload);
    ethernet(0x86dd, &header)
}

/// A TCP header of 20 bytes and data behind it.
pub fn tcp([from, to]: [u16; 2], flags: u8, [sequence, acknowledgement]: [u32; 2], data: usize) -> Vec<u8> {
    let mut segment = [from.to_be_bytes(), to.to_be_bytes()].concat();
    segment.extend(sequence.to_be_bytes());
    segment.extend(acknowledgement.to_be_bytes());
    segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.resize(20 + data, 0xda);
    segment
}

/// A UDP header and data behind it.
pub fn udp([from, to]: [u16; 2], data: usize) -> Vec<u8> {
    let length = u16::try_from(8 + data).expect("short");
    let mut datagram = [from.to_be_bytes(), to.to_be_bytes(), length.to_be_bytes(), [0, 0]].concat();
    datagram.resize(8 + data, 0xda);
    datagram
}

/// Each of the things that a header can say.
pub fn crafted() -> Vec<Vec<u8>> {
    let mut frames = connections();
    let length = |payload: &[u8]| payload.len() as u16;
    for data in [0, 1, 6, 18, 1472, 3400] {
        let datagram = udp([5000, 53], data);
        frames.push(ipv4(17, [1, 2], 0, length(&datagram), &datagram));
        frames.push(ipv6(17, [2, 1], length(&datagram), &datagram));
    }
    for (kind, code) in [(8, 0), (0, 0), (3, 1), (11, 0), (13, 0), (128, 0), (129, 0), (135, 0), (1, 4), (255, 255)] {
        let message = [kind, code, 0, 0, 0x12, 0x34, 0, 1, 9, 9, 9, 9];
        frames.push(ipv4(1, [1, 2], 0, 12, &message));
        frames.push(ipv4(1, [7, 7], 0, 12, &message));
        frames.push(ipv6(58, [2, 1], 12, &message));
    }
    let datagram = udp([6000, 7000], 100);
    for fragment in [0x2000, 0x4000, 0x2010, 0x0020] {
        frames.push(ipv4(17, [3, 4], fragment, 108, &datagram));
    }
    for protocol in 0..=255 {
        frames.push(ipv4(protocol, [5, 6], 0, 40, &[protocol; 40]));
        frames.push(ipv6(protocol, [5, 6], 40, &[protocol; 40]));
    }
    // Lengths that lie: 0 (the rest of the frame), shorter than the headers, longer than the frame, padding behind.
    for said in [0, 4, 8, 50, 1400, 65_000] {
        frames.push(ipv4(17, [8, 9], 0, said, &datagram));
        frames.push(ipv6(17, [8, 9], said, &datagram));
    }
    frames.push([&ipv4(17, [8, 9], 0, 8, &udp([1, 2], 0))[..], &[0; 30]].concat());
    for kind in [0x0806, 0x8100, 0x88a8, 0x8847, 0x0026, 0] {
        frames.push(ethernet(kind, &[0x45; 60]));
    }
    frames
}

/// TCP: handshakes, data, both ways to end, refusals, and ports used again.
fn connections() -> Vec<Vec<u8>> {
    const UP: [u16; 2] = [40_000, 443];
    const DOWN: [u16; 2] = [443, 40_000];
    let mut frames = Vec::new();
    for (hosts, start) in [([1, 2], 100), ([2, 1], 9000), ([1, 2], 77_000)] {
        let back = [hosts[1], hosts[0]];
        let script: [(bool, u8, [u32; 2], usize); 10] = [
            (true, 0x02, [start, 0], 0),
            (true, 0x02, [start, 0], 0),
            (false, 0x12, [500, start + 1], 0),
            (true, 0x10, [start + 1, 501], 0),
            (true, 0x18, [start + 1, 501], 100),
            (false, 0x50, [501, start + 101], 1000),
            (true, 0x11, [start + 101, 1501], 20),
            (false, 0x11, [1501, start + 122], 0),
            (true, 0x10, [start + 122, 1502], 0),
            (true, 0xb4, [start + 122, 1502], 0),
        ];
        for (up, flags, numbers, data) in script {
            let segment = tcp(if up { UP } else { DOWN }, flags, numbers, data);
            let hosts = if up { hosts } else { back };
            frames.push(ipv4(6, hosts, 0, segment.len() as u16, &segment));
            frames.push(ipv6(6, hosts, segment.len() as u16, &segment));
        }
    }
    for (up, flags, numbers) in [(true, 2, [1, 0]), (false, 0x14, [0, 2]), (true, 2, [9, 0]), (false, 0x14, [0, 10])] {
        let segment = tcp(if up { [1, 81] } else { [81, 1] }, flags, numbers, 0);
        frames.push(ipv4(6, if up { [1, 2] } else { [2, 1] }, 0, 20, &segment));
    }
    frames
}

/// `frames`, each cut at every length from an Ethernet header to the end of a transport header.
pub fn cut(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    frames.iter().flat_map(|frame| (14..frame.len().min(80)).map(|length| frame[..length].to_vec())).collect()
}

/// Frames made of others by changing bytes in their headers, and their lengths.
pub fn mutated(frames: &[Vec<u8>], count: usize, random: &mut Random) -> Vec<Vec<u8>> {
    let mutate = |_| {
        let mut frame = frames[random.below(frames.len())].clone();
        for _ in 0..=random.below(4) {
            let at = 12 + random.below(60);
            if let Some(byte) = frame.get_mut(at) {
                *byte = random.byte();
            }
        }
        if random.below(4) == 0 {
            frame.resize(14 + random.below(120), random.byte());
        }
        frame
    };
    (0..count).map(mutate).collect()
}

/// What the kernel may say of super-packets.
pub fn contexts() -> Vec<SkbContext> {
    let pairs = [(0, 0), (1448, 0), (1448, 2), (1448, 45), (100, 0), (1, 0), (65_535, 1), (1000, 0), (0, 7)];
    pairs.into_iter().map(|(gso_size, gso_segments)| SkbContext { gso_size, gso_segments }).collect()
}
