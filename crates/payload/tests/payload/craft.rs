//! DNS messages and ClientHellos, made by hand.

pub const A: u16 = 1;
pub const CNAME: u16 = 5;
pub const TXT: u16 = 16;
pub const AAAA: u16 = 28;
pub const DNAME: u16 = 39;
pub const SVCB: u16 = 64;
pub const HTTPS: u16 = 65;
pub const ANY: u16 = 255;
/// A pointer to the name in the question, which is behind the header.
pub const ASKED: [u8; 2] = [0xc0, 12];

/// Labels and the root's.
pub fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> = labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}

pub fn record(owner: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let head = [&kind.to_be_bytes()[..], &[0, 1], &ttl.to_be_bytes(), &(data.len() as u16).to_be_bytes()].concat();
    [owner, &head, data].concat()
}

pub fn a(owner: &[u8], ttl: u32, address: [u8; 4]) -> Vec<u8> {
    record(owner, A, ttl, &address)
}

pub fn alias(owner: &str, ttl: u32, target: &str) -> Vec<u8> {
    record(&name(owner), CNAME, ttl, &name(target))
}

/// A positive answer of these records, all in the answer section.
pub fn message(asked: &str, kind: u16, records: &[Vec<u8>]) -> Vec<u8> {
    let head = [0x12, 0x34, 0x81, 0x80, 0, 1, 0, records.len() as u8, 0, 0, 0, 0];
    [&head[..], &name(asked), &kind.to_be_bytes(), &[0, 1], &records.concat()].concat()
}

pub fn v6(last: u8) -> [u8; 16] {
    let mut address = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    address[15] = last;
    address
}

/// RFC 9460 appendix D.2, figure 5 and 7: a target name and address hints.
pub fn service() -> Vec<u8> {
    let hints = [&[0, 4, 0, 4, 192, 0, 2, 1, 0, 6, 0, 32][..], &v6(1), &v6(0x53)].concat();
    [&[0, 1][..], &name("foo.example.com"), &hints].concat()
}

/// The first ClientHello of RFC 8448 section 3, in its record.
pub const RFC_8448: &str = "16030100c4010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006130113031302\
    010000910000000b0009000006736572766572ff01000100000a00140012001d0017001800190100010101020103010400230000003300260024001d\
    002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003020304000d0020001e04030503060302030804080508\
    0604010501060102010402050206020202002d00020101001c00024001";

pub fn rfc_8448() -> Vec<u8> {
    let digits: Vec<u8> = RFC_8448.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits");
    digits.chunks(2).map(byte).collect()
}

/// An extension.
pub fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &(data.len() as u16).to_be_bytes(), data].concat()
}

/// The extension of this name.
pub fn named(name: &str) -> Vec<u8> {
    let length = name.len() as u8;
    extension(0, &[&[0, length + 3, 0, 0, length], name.as_bytes()].concat())
}

/// A ClientHello with these extensions, in a record of this version.
pub fn hello(version: u8, extensions: &[u8]) -> Vec<u8> {
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[2, 1, 2],
        &[0, 4, 0x13, 1, 0x13, 2],
        &[1, 0],
        &(extensions.len() as u16).to_be_bytes(),
        extensions,
    ]
    .concat();
    let message = [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat();
    [&[22, 3, version][..], &(message.len() as u16).to_be_bytes(), &message].concat()
}
