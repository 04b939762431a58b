//! Frames in which headers are nested as they may be: tags, labels, sessions, IP with options and extension headers,
//! fragments, tunnels in tunnels. Every choice is a byte of the input, so a fuzzer can change one at a time.

/// What is chosen; zeros once the input is used up, which ends every nesting.
pub struct Choices<'a>(pub &'a [u8]);

impl Choices<'_> {
    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// Now and then.
    fn rarely(&mut self) -> bool {
        self.byte() >= 250
    }
}

/// A frame, and what is known of it.
#[derive(Debug, Default)]
pub struct Nested {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// It begins with an IP header.
    pub is_ip: bool,
    /// Whether all lengths in IP headers are true.
    pub is_honest: bool,
    /// Whether nothing is missing and no byte was changed.
    pub is_whole: bool,
    /// How many IP packets are within one another, as far as a reader can get; 0: there is none, or nobody can tell.
    pub levels: u8,
    /// How many headers lie around and before the last of them, each counted as two where it may take two steps.
    pub headers: u32,
}

/// How the frame grows: from the outside to the inside, so that what is inside is known when a length is written.
struct Builder<'c, 'a> {
    choices: &'c mut Choices<'a>,
    nested: Nested,
    /// Nothing that is nested from here on can be read.
    is_opaque: bool,
    /// IP headers so far, readable or not.
    made: u8,
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// The frame that the choices make.
pub fn frame(choices: &mut Choices<'_>) -> Nested {
    let is_ip = choices.below(4) == 3;
    let nested = Nested { is_honest: true, is_whole: true, is_ip, ..Nested::default() };
    let mut builder = Builder { choices, nested, is_opaque: false, made: 0 };
    let bytes = if is_ip { builder.ip().1 } else { builder.ethernet(false) };
    let mut nested = builder.nested;
    nested.bytes = bytes;
    damage(&mut nested, choices);
    nested
}

/// Changes bytes and cuts, now and then.
fn damage(nested: &mut Nested, choices: &mut Choices<'_>) {
    let length = nested.bytes.len();
    let place = |choices: &mut Choices<'_>| usize::from(choices.word()) % length.max(1);
    if choices.byte() >= 192 {
        (nested.is_honest, nested.is_whole) = (false, false);
        for _ in 0..=choices.below(3) {
            let at = place(choices);
            nested.bytes[at] ^= choices.byte();
        }
    }
    if choices.byte() >= 224 {
        nested.is_whole = false;
        let at = place(choices);
        nested.bytes.truncate(at);
    }
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

impl Builder<'_, '_> {
    /// Another header, which takes so many steps.
    fn header(&mut self, steps: u32) {
        if !self.is_opaque {
            self.nested.headers += steps;
        }
    }

    /// An Ethernet frame; in a pseudowire nothing but a tag or IP tells that it is one.
    fn ethernet(&mut self, is_pseudowire: bool) -> Vec<u8> {
        let kind = if is_pseudowire { self.choices.below(4) } else { self.choices.below(12) };
        let (ethertype, payload) = self.ethertype(kind);
        let last = self.choices.below(3);
        let mut frame = join(&[&[2, 0, 0, 0, 0, last + 1, 2, 0, 0, 0, 0, last], &ethertype.to_be_bytes(), &payload]);
        if self.choices.rarely() {
            // Padding.
            frame.resize(frame.len() + usize::from(self.choices.below(20)), 0);
        }
        frame
    }

    /// An EtherType and what follows it. The kinds that end a nesting come first.
    fn ethertype(&mut self, kind: u8) -> (u16, Vec<u8>) {
        match kind {
            0 | 1 | 4..=6 => self.ip(),
            2 | 3 => self.vlan(),
            7 => (0x8847, self.mpls()),
            8 => self.pppoe(),
            9 => self.llc(),
            10 => self.nsh(),
            _ => {
                self.is_opaque = true;
                // ARP, LLDP, PPPoE discovery, loopback, PTP, IPX, LLC.
                let others = [0x0806, 0x88cc, 0x8863, 0x9000, 0x88f7, 0x8137, 0x0026, 0x88b5];
                (others[usize::from(self.choices.below(8))], vec![self.choices.byte() | 1; 30])
            }
        }
    }

    fn vlan(&mut self) -> (u16, Vec<u8>) {
        self.header(1);
        let tag = [0x8100, 0x88a8, 0x9100][usize::from(self.choices.below(3))];
        let control = u16::from(self.choices.below(4)) | u16::from(self.choices.byte()) << 13;
        let kind = self.choices.below(12).saturating_sub(4);
        let (ethertype, payload) = self.ethertype(kind);
        (tag, join(&[&control.to_be_bytes(), &ethertype.to_be_bytes(), &payload]))
    }

    fn mpls(&mut self) -> Vec<u8> {
        let mut labels = Vec::new();
        // One for the EtherType that announces it.
        self.header(2);
        for _ in 0..self.choices.below(3) {
            self.header(1);
            labels.extend([0, 1, self.choices.byte() & 0xf0, 64]);
        }
        labels.extend([0, 2, self.choices.byte() | 1, 64]);
        match self.choices.below(4) {
            0 => join(&[&labels, &[0, 0, 0, 0], &self.ethernet(true)]),
            1 => join(&[&labels, &self.ethernet(true)]),
            _ => join(&[&labels, &self.ip().1]),
        }
    }

    fn pppoe(&mut self) -> (u16, Vec<u8>) {
        self.header(2);
        let payload = self.ppp();
        let length = (payload.len() as u16).to_be_bytes();
        (0x8864, join(&[&[0x11, 0, 0, self.choices.byte()], &length, &payload]))
    }

    fn ppp(&mut self) -> Vec<u8> {
        let compressed = self.choices.below(2) == 1;
        let address: &[u8] = if self.choices.below(4) == 1 { &[0xff, 3] } else { &[] };
        self.header(1 + u32::from(!address.is_empty()));
        let (ethertype, payload) = self.ip();
        let number = if ethertype == IPV4 { 0x21 } else { 0x57 };
        let protocol: &[u8] = if compressed { &[number] } else { &[0, number] };
        join(&[address, protocol, &payload])
    }

    fn llc(&mut self) -> (u16, Vec<u8>) {
        self.header(2);
        let (ethertype, payload) = self.ip();
        let packet = join(&[&[0xaa, 0xaa, 3, 0, 0, 0], &ethertype.to_be_bytes(), &payload]);
        // The length of longer ones would be an EtherType.
        self.nested.is_whole &= packet.len() < 0x600;
        (packet.len() as u16, packet)
    }

    fn nsh(&mut self) -> (u16, Vec<u8>) {
        self.header(1);
        let words = 2 + self.choices.below(4);
        let (protocol, payload) = match self.choices.below(3) {
            0 => (3, self.ethernet(false)),
            1 => (5, self.mpls()),
            _ => match self.ip() {
                (IPV4, packet) => (1, packet),
                (_, packet) => (2, packet),
            },
        };
        let mut header = vec![0, words, 1, protocol];
        header.resize(usize::from(words) * 4, 0);
        (0x894f, join(&[&header, &payload]))
    }

    /// An IP packet and its EtherType. A level has addresses of its own.
    fn ip(&mut self) -> (u16, Vec<u8>) {
        if self.choices.below(2) == 0 { (IPV4, self.ipv4()) } else { (IPV6, self.ipv6()) }
    }

    fn level(&mut self) -> u8 {
        self.made += 1;
        if self.is_opaque {
            return 0xee;
        }
        self.nested.headers += 1;
        self.nested.levels += 1;
        self.nested.levels
    }

    fn length(&mut self, length: usize) -> [u8; 2] {
        if self.choices.rarely() {
            self.nested.is_honest = false;
            // What holds others is shorter than they are: they are not read as they are.
            self.nested.is_whole = false;
            return self.choices.word().to_be_bytes();
        }
        (length as u16).to_be_bytes()
    }

    fn ipv4(&mut self) -> Vec<u8> {
        let level = self.level();
        let (class, last, words) =
            (self.choices.byte(), self.choices.below(2), self.choices.below(9).saturating_sub(5));
        let fragment: u16 = match self.choices.below(16) {
            13 => 0x2000,
            14 => 0x2005,
            15 => 0x0005,
            _ => 0x4000,
        };
        self.is_opaque |= fragment & 0x1fff != 0;
        let identification = self.choices.below(4);
        let (protocol, payload) = self.protocol(0);
        let length = self.length(20 + usize::from(words) * 4 + payload.len());
        let mut header = vec![0x45 + words, class, length[0], length[1], 0, identification];
        header.extend(fragment.to_be_bytes());
        header.extend([64, protocol, 0, 0, 10, level, 0, last, 10, level, 0, 1 - last]);
        header.resize(header.len() + usize::from(words) * 4, 1);
        join(&[&header, &payload])
    }

    fn ipv6(&mut self) -> Vec<u8> {
        let level = self.level();
        let (label, last) = (self.choices.byte(), self.choices.below(2));
        let (next, payload) = self.extension(0);
        let length = self.length(payload.len());
        let mut header = vec![0x60 | label >> 4, label, 0, level, length[0], length[1], next, 64];
        for host in [last, 1 - last] {
            header.extend([0xfd, level, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
        }
        join(&[&header, &payload])
    }

    /// Extension headers, and what follows them.
    fn extension(&mut self, count: u8) -> (u8, Vec<u8>) {
        let kind = self.choices.below(16);
        let number = [0, 43, 60, 135, 139, 140, 44][usize::from(kind.min(6))];
        if !(2..=8).contains(&kind) || count == 4 {
            return self.protocol(0);
        }
        self.header(1);
        let units = self.choices.below(3);
        if number == 44 {
            return (44, self.fragment(count));
        }
        let (next, payload) = self.extension(count + 1);
        // Behind messages, "nothing" follows.
        self.is_opaque |= number > 100 && next == 59;
        let mut header = vec![next, units];
        header.resize(8 + usize::from(units) * 8, 1);
        (number, join(&[&header, &payload]))
    }

    fn fragment(&mut self, count: u8) -> Vec<u8> {
        let place = [0_u8, 1, 0x29, 0x28][usize::from(self.choices.below(4))];
        self.is_opaque |= place & 0xf8 != 0;
        let identification = self.choices.below(4);
        let (next, payload) = self.extension(count + 1);
        join(&[&[next, 0, 0, place, 0, 0, 0, identification], &payload])
    }

    /// What an IP packet holds. The kinds that hold nothing more come first.
    fn protocol(&mut self, count: u8) -> (u8, Vec<u8>) {
        let kind = self.choices.below(20);
        if self.made >= 6 || count > 2 {
            return (6, self.tcp());
        }
        match kind {
            0..=2 => (6, self.tcp()),
            3 => (17, self.udp(53, &[1, 2, 3])),
            4 => (1, vec![self.choices.below(16), self.choices.below(4), 0, 0, 0, self.choices.below(3), 0, 1]),
            5 => (58, vec![128 + self.choices.below(16), 0, 0, 0, 0, self.choices.below(3), 0, 1]),
            6 => (50, vec![self.choices.below(2), 0, 1, 2, 0, 0, 0, 1, 9, 9]),
            7 => (51, self.authentication(count)),
            8 => (self.choices.byte(), self.opaque()),
            9 => (17, self.conversation()),
            10 | 11 => match self.ip() {
                (IPV4, packet) => (4, packet),
                (_, packet) => (41, packet),
            },
            12 | 13 => (47, self.gre()),
            14 => (115, self.l2tp()),
            _ => (17, self.tunnel(kind)),
        }
    }

    fn opaque(&mut self) -> Vec<u8> {
        // Any number may be that of something nested: then the rest is by chance.
        self.nested.is_honest = false;
        self.nested.is_whole = false;
        vec![self.choices.byte(); usize::from(self.choices.below(40))]
    }

    fn tcp(&mut self) -> Vec<u8> {
        let ports = [0, 80 + self.choices.below(2), 0x9c, self.choices.below(2)];
        let (flags, offset, data) = (self.choices.byte(), self.choices.below(4), self.choices.below(20));
        let mut segment = join(&[&ports, &[0, 0, 0, self.choices.below(4), 0, 0, 0, self.choices.below(4)]]);
        segment.extend([0x50 + (offset << 4), flags, 1, 0, 0, 0, 0, 0]);
        segment.resize(20 + usize::from(offset) * 4 + usize::from(data), 7);
        segment
    }

    fn udp(&mut self, destination: u16, payload: &[u8]) -> Vec<u8> {
        let length = (8 + payload.len()) as u16;
        let source = 40_000 + u16::from(self.choices.below(2));
        join(&[&source.to_be_bytes(), &destination.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload])
    }

    /// WireGuard, ESP in UDP, IKE.
    fn conversation(&mut self) -> Vec<u8> {
        let port = [51820, 4500, 500][usize::from(self.choices.below(3))];
        let kind = self.choices.below(6);
        let length = [40, 148, 92, 64, 32, 48][usize::from(kind)];
        let mut message = vec![kind.min(4), 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        message.resize(length, 0);
        self.udp(port, &message)
    }

    fn authentication(&mut self, count: u8) -> Vec<u8> {
        self.header(1);
        let words = 1 + self.choices.below(5);
        let (next, payload) = self.protocol(count + 1);
        let mut header = vec![next, words, 0, 0, 0, 0, 1, self.choices.byte()];
        header.resize(8 + usize::from(words) * 4, 0xa4);
        join(&[&header, &payload])
    }

    fn gre(&mut self) -> Vec<u8> {
        let flags = self.choices.byte() & 0xb0;
        let optional = (flags & 0xb0).count_ones() as usize * 4;
        let (ethertype, payload) = match self.choices.below(8) {
            0 => (0x6558, self.bridged()),
            1 if flags & 0x10 == 0 => (0x88be, self.ethernet(false)),
            1 => (0x88be, join(&[&[0x10, 1, 0, 5, 0, 0, 0, 0], &self.ethernet(false)])),
            2 => (0x22eb, join(&[&[0x20, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0], &self.ethernet(false)])),
            3 => (0x22eb, join(&[&[0x20, 1, 0, 6], &[0; 7], &[1], &[0; 8], &self.ethernet(false)])),
            4 => (0x8847, self.mpls()),
            _ => self.ip(),
        };
        let mut header = join(&[&[flags, 0], &ethertype.to_be_bytes()]);
        header.resize(4 + optional, 3);
        join(&[&header, &payload])
    }

    /// A frame behind an EtherType of frames, which takes a step of its own.
    fn bridged(&mut self) -> Vec<u8> {
        self.header(1);
        self.ethernet(false)
    }

    fn l2tp(&mut self) -> Vec<u8> {
        self.header(1);
        let cookie = [4, 0, 8, 12][usize::from(self.choices.below(4))];
        let mut header = vec![0, 0, 1, self.choices.byte()];
        header.resize(4 + cookie, 0xc0);
        join(&[&header, &self.ethernet(true)])
    }

    /// A tunnel over UDP.
    fn tunnel(&mut self, kind: u8) -> Vec<u8> {
        let id = self.choices.byte();
        let (port, payload) = match kind {
            15 => (4789, join(&[&[8, 0, 0, 0, 0, 1, id, 0], &self.ethernet(false)])),
            16 => (6081, self.geneve(id)),
            17 => (2152, self.gtp(id)),
            18 => (6635, self.mpls()),
            _ => match self.choices.below(3) {
                0 => (3544, self.ipv6()),
                1 => (1701, join(&[&[0, 3, 0, 0], &self.l2tp()])),
                _ => (4790, self.vxlan_gpe(id)),
            },
        };
        self.udp(port, &payload)
    }

    fn vxlan_gpe(&mut self, id: u8) -> Vec<u8> {
        let (protocol, payload) = match self.choices.below(4) {
            0 => (3, self.ethernet(false)),
            1 => (4, self.nsh().1),
            2 => (5, self.mpls()),
            _ => match self.ip() {
                (IPV4, packet) => (1, packet),
                (_, packet) => (2, packet),
            },
        };
        join(&[&[0x0c, 0, 0, protocol, 0, 2, id, 0], &payload])
    }

    fn geneve(&mut self, id: u8) -> Vec<u8> {
        let words = self.choices.below(8);
        let (ethertype, payload) = if self.choices.below(2) == 0 { (0x6558, self.bridged()) } else { self.ip() };
        let options = vec![0; usize::from(words) * 4];
        join(&[&[words, 0], &ethertype.to_be_bytes(), &[0, 3, id, 0], &options, &payload])
    }

    fn gtp(&mut self, id: u8) -> Vec<u8> {
        let extensions = self.choices.below(4);
        let mut optional = Vec::new();
        if extensions != 0 {
            self.header(u32::from(extensions) - 1);
            optional.extend([0, 1, 0, if extensions > 1 { 0x85 } else { 0 }]);
            for left in (1..extensions).rev() {
                optional.extend([1, 0, 9, if left > 1 { 0x85 } else { 0 }]);
            }
        }
        let payload = join(&[&optional, &self.ip().1]);
        let flags = 0x30 | if extensions != 0 { 4 } else { 0 };
        let length = (payload.len() as u16).to_be_bytes();
        join(&[&[flags, 255], &length, &[0, 4, 0, id], &payload])
    }
}
