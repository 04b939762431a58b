//! The two ways through a frame: where the short one knows the packet, the long one says the same.

use flowtrace_wire::{Link, Next, Options, Packet, Ports, STEPS, Walk, plain};

static PORTS: Ports = Ports::DEFAULT;

/// xorshift64*: the same frames in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) as usize % bound
    }
}

/// A packet of one of the kinds that most packets are, with bytes of its headers changed and its end cut off.
fn packet(random: &mut Random) -> Vec<u8> {
    let protocol = [6, 17, 1, 58, 132, 47][random.below(6)];
    let mut packet = if random.below(2) == 0 {
        vec![0x45, 0, 0, 60, 0, 1, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
    } else {
        let mut header = vec![0x60, 0, 0, 9, 0, 40, protocol, 64];
        header.resize(40, 0xfd);
        header
    };
    packet.extend([0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 0, 0]);
    packet.resize(packet.len() + 24, 0);
    for _ in 0..random.below(4) {
        let at = random.below(packet.len());
        packet[at] = random.below(256) as u8;
    }
    if random.below(4) == 0 {
        packet.truncate(random.below(packet.len()));
    }
    packet
}

#[test]
fn the_long_way_says_what_the_short_one_does() {
    let mut random = Random(42);
    let (mut short, mut long) = (0, 0);
    for _ in 0..400_000 {
        let mut frame = packet(&mut random);
        let is_ip = random.below(2) == 0;
        let (link, next) = if is_ip { (Link::Ip, Next::Ip) } else { (Link::Ethernet, Next::Ethernet) };
        if !is_ip {
            let ethertype = if frame.first().is_some_and(|first| first >> 4 == 6) { [0x86, 0xdd] } else { [8, 0] };
            frame = [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], &ethertype, &frame].concat();
        }
        let length = (frame.len() + random.below(3) * 30) as u32;
        let mut packet = Packet::default();
        if !plain(&frame[..], link, length, &PORTS, &mut packet) {
            long += 1;
            continue;
        }
        short += 1;
        let mut walk = Walk::default();
        walk.begin(next, 0, length);
        let options = Options { ports: &PORTS, depth: 4 };
        let steps = (0..STEPS).take_while(|_| walk.step(&frame[..], &options)).count();
        assert_eq!(walk.finish(), Ok(()), "{frame:02x?}");
        assert_eq!(walk.packet, packet, "{frame:02x?}");
        assert_eq!((walk.outer.ip_version, walk.envelope.present, steps), (0, 0, 0), "{frame:02x?}");
    }
    assert!(short > 100_000 && long > 50_000, "{short} by the short way, {long} not");
}
