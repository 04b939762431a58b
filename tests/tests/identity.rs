//! The vectors of docs/reference/identity.md: by the program's derivation, and by another implementation of the hash.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use flowtrace_abi::{FlowKey, KeyParts, state};
use flowtrace_flow::{Ends, Mark, span_id, trace_id};
use flowtrace_wire::{Address, Envelope, Packet, protocol};

/// SipHash-2-4 with 128 bits of output, as its authors describe it.
fn siphash(key: &[u8], data: &[u8]) -> [u8; 16] {
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    let (k0, k1) = (word(&key[..8]), word(&key[8..]));
    let mut v = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let mut padded = data.to_vec();
    padded.resize(data.len() / 8 * 8 + 7, 0);
    padded.push(data.len() as u8);
    for message in padded.chunks(8).map(word) {
        v[3] ^= message;
        rounds(&mut v, 2);
        v[0] ^= message;
    }
    v[2] ^= 0xee;
    rounds(&mut v, 4);
    let first = v.iter().fold(0, |all, word| all ^ word);
    v[1] ^= 0xdd;
    rounds(&mut v, 4);
    let second = v.iter().fold(0, |all, word| all ^ word);
    [first.to_le_bytes(), second.to_le_bytes()].concat().try_into().unwrap()
}

fn rounds(v: &mut [u64; 4], count: usize) {
    for _ in 0..count {
        for (a, b, left) in [(0, 1, 13), (2, 3, 16)] {
            v[a] = v[a].wrapping_add(v[b]);
            v[b] = v[b].rotate_left(left) ^ v[a];
        }
        v[0] = v[0].rotate_left(32);
        for (a, b, left) in [(0, 3, 21), (2, 1, 17)] {
            v[a] = v[a].wrapping_add(v[b]);
            v[b] = v[b].rotate_left(left) ^ v[a];
        }
        v[2] = v[2].rotate_left(32);
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// `vectors_sip128` of the reference implementation (vectors.h): key 00 01 … 0f, data 00 01 … of this length.
#[test]
fn the_hash_is_siphash() {
    let counting: Vec<u8> = (0..64).collect();
    for (length, expected) in [
        (0, "a3817f04ba25a8e66df67214c7550293"),
        (1, "da87c1d86b99af44347659119b22fc45"),
        (2, "8177228da4a45dc7fca38bdef60affe4"),
        (15, "5493e99933b0a8117e08ec0f97cfc3d9"),
        (16, "6ee2a4ca67b054bbfd3315bf85230577"),
        (63, "5150d1772f50834a503e069a973fbd7c"),
    ] {
        assert_eq!(siphash(&counting[..16], &counting[..length]).as_slice(), bytes(expected), "{length} bytes");
    }
}

/// A vector: its title, what is given, and the block of fields in their order.
struct Vector<'a> {
    title: &'a str,
    given: BTreeMap<&'a str, &'a str>,
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Vector<'a> {
    fn parse(section: &'a str) -> Self {
        let (title, rest) = section.split_once('\n').unwrap();
        let given = rest.split('`').nth(1).unwrap();
        let given = given.split_whitespace().map(|word| word.split_once('=').unwrap()).collect();
        let (_, block) = rest.split_once("```text\n").unwrap();
        let lines = block.split("```").next().unwrap().lines();
        Self { title, given, fields: lines.map(|line| (line[..12].trim(), line[12..].trim())).collect() }
    }

    fn field(&self, name: &str) -> Vec<u8> {
        let field = self.fields.iter().find(|(field, _)| *field == name);
        bytes(field.unwrap_or_else(|| panic!("{}: no field {name}", self.title)).1)
    }

    /// All fields but the last two, which are key and id.
    fn hashed(&self) -> Vec<u8> {
        let fields = &self.fields[..self.fields.len() - 2];
        fields.iter().flat_map(|(_, hex)| bytes(hex)).collect()
    }

    fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(&self, name: &str) -> Option<T> {
        self.given.get(name).map(|text| text.parse().unwrap())
    }

    /// An end: an address, with a port where there are some.
    fn end(&self, name: &str) -> (IpAddr, Option<u16>) {
        let text = self.given[name];
        match text.parse::<SocketAddr>() {
            Ok(end) => (end.ip(), Some(end.port())),
            Err(_) => (text.parse().unwrap(), None),
        }
    }
}

/// The vectors below a heading of the page.
fn vectors<'a>(page: &'a str, heading: &str) -> Vec<Vector<'a>> {
    let (_, part) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let part = part.split("\n## ").next().unwrap();
    part.split("\n### ").skip(1).map(Vector::parse).collect()
}

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/identity.md")).unwrap()
}

fn address(address: IpAddr) -> Address {
    match address {
        IpAddr::V4(address) => Address::from_v4(address.octets()),
        IpAddr::V6(address) => Address::from_v6(address.octets()),
    }
}

/// The first packet of the conversation.
fn packet(vector: &Vector<'_>) -> Packet {
    let [(source, source_port), (destination, destination_port)] =
        ["source", "destination"].map(|name| vector.end(name));
    let mut packet = Packet {
        ip_version: if source.is_ipv4() { 4 } else { 6 },
        protocol: vector.number("protocol").unwrap(),
        source: address(source),
        destination: address(destination),
        source_port: source_port.unwrap_or_default(),
        destination_port: destination_port.unwrap_or_default(),
        has_transport: true,
        ..Packet::default()
    };
    if let Some(icmp) = vector.given.get("icmp") {
        let [kind, code, identifier] = icmp.split('/').collect::<Vec<_>>().try_into().unwrap();
        packet.icmp_type = kind.parse().unwrap();
        packet.icmp_code = code.parse().unwrap();
        packet.icmp_identifier = identifier.parse().unwrap();
    }
    packet
}

#[test]
fn trace_ids_are_those_of_the_page() {
    let page = page();
    let vectors = vectors(&page, "Trace ids: vectors");
    assert!(vectors.len() > 10, "{}", vectors.len());
    for vector in &vectors {
        let (key, expected) = (vector.field("key"), vector.field("trace id"));
        assert_eq!(siphash(&key, &vector.hashed()).as_slice(), expected, "{}: SipHash", vector.title);

        let packet = packet(vector);
        let mut parts = 0;
        let mut envelope = Envelope::default();
        if let Some(vlan) = vector.number("vlan") {
            parts |= KeyParts::VLAN;
            (envelope.vlan, envelope.inner_vlan) = (vlan, vector.number("inner_vlan").unwrap());
        }
        let (mut flow, _) = FlowKey::of(&packet);
        flow = flow.within(&envelope, parts);
        if let Some(tunnel_id) = vector.number("tunnel_id") {
            parts |= KeyParts::TUNNEL_ID;
            flow.tunnel_id = tunnel_id;
        }
        let sequence = vector.number("sequence");
        let known = if sequence.is_some() { state::SEQUENCE_KNOWN } else { 0 };
        let window = vector.number("window").unwrap_or(3_600_000_000_000);
        let first = vector.number("first").unwrap_or_default();
        let mark = Mark::of(known, sequence.unwrap_or_default(), first, window);
        let id = trace_id(&key.try_into().unwrap(), &Ends::of(&flow, parts), mark);
        assert_eq!(id.as_slice(), expected, "{}: flowtrace", vector.title);
    }
    let protocols: Vec<u8> = vectors.iter().filter_map(|vector| vector.number("protocol")).collect();
    for needed in [protocol::TCP, protocol::UDP, protocol::ICMP, protocol::ICMPV6, protocol::ESP] {
        assert!(protocols.contains(&needed), "no vector of protocol {needed}");
    }
}

#[test]
fn span_ids_are_those_of_the_page() {
    let page = page();
    let vectors = vectors(&page, "Span ids: vectors");
    assert!(vectors.len() > 4, "{}", vectors.len());
    for vector in &vectors {
        let (key, expected) = (vector.field("key"), vector.field("span id"));
        assert_eq!(siphash(&key, &vector.hashed())[..8], expected, "{}: SipHash", vector.title);
        let (generation, record) = (vector.number("generation").unwrap(), vector.number("record").unwrap());
        let trace = vector.field("trace id").try_into().unwrap();
        let id = span_id(&key.try_into().unwrap(), &trace, vector.given["observer"], generation, record);
        assert_eq!(id.as_slice(), expected, "{}: flowtrace", vector.title);
    }
}
