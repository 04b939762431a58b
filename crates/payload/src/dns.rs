//! Answers of DNS (RFC 1035): which addresses a name that was asked for has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use domain::base::iana::{Class, Opcode, Rcode, Rtype};
use domain::base::name::ToName;
use domain::base::record::ParsedRecord;
use domain::base::{Message, ParsedName, Question};
use domain::rdata::svcb::value::{Ipv4Hint, Ipv6Hint};
use domain::rdata::{A, Aaaa, Cname, Https, Svcb};

use crate::name;

/// How many records of an answer are looked at. An answer over UDP that is not longer than 1,232 bytes has at most 77 A
/// records.
const RECORDS: usize = 128;
/// How many addresses are told of an answer.
const ADDRESSES: usize = 64;
/// How many aliases a name goes through. Resolvers stop at 8 to 16.
const ALIASES: usize = 16;
/// How many messages of a segment are looked at.
const MESSAGES: usize = 16;

/// An address, the name that was asked for, and for how many seconds it may be kept: the least TTL of the records that
/// lead from the name to the address.
pub type Answer = (IpAddr, Arc<str>, u32);

/// The addresses that a message tells of the name that it says was asked for: A and AAAA records at the end of its
/// aliases (CNAME), and the address hints of HTTPS and SVCB records (RFC 9460). None of a message that is not a positive
/// answer (QR 1, QUERY, RCODE 0) to one question of class IN, or that is damaged before the end of its answers. Records
/// beside the answer section, or of other names, do not count; nor do addresses that can be nobody's.
pub fn answers(message: &[u8]) -> Vec<Answer> {
    Message::from_slice(message).ok().and_then(read).unwrap_or_default()
}

/// The same of DNS over TCP (RFC 1035 section 4.2.2): each message is behind its length, two bytes. Only messages that
/// are whole in this segment, from its beginning on.
pub fn answers_in_stream(segment: &[u8]) -> Vec<Answer> {
    let mut rest = segment;
    let mut answers = Vec::new();
    for _ in 0..MESSAGES {
        let Some((length, behind)) = rest.split_first_chunk() else { break };
        let Some((message, behind)) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length))) else { break };
        answers.extend(self::answers(message));
        rest = behind;
    }
    answers
}

type Name<'a> = ParsedName<&'a [u8]>;
type Records<'a> = Vec<ParsedRecord<'a, [u8]>>;

fn read(message: &Message<[u8]>) -> Option<Vec<Answer>> {
    let header = message.header();
    let is_answer = header.qr() && header.opcode() == Opcode::QUERY && header.rcode() == Rcode::NOERROR;
    if !is_answer || message.header_counts().qdcount() != 1 {
        return None;
    }
    let question = message.question().next()?.ok()?;
    if question.qclass() != Class::IN || !asks_for_addresses(question.qtype()) {
        return None;
    }
    let name = asked(&question)?;
    let records = records(message)?;
    let (owner, ttl) = follow(*question.qname(), &records)?;
    let mut answers = Vec::new();
    for record in records.iter().filter(|record| record.owner().name_eq(&owner)) {
        let (ttl, room) = (ttl.min(seconds(record)), ADDRESSES - answers.len());
        let addresses = addresses(record, question.qtype())?;
        answers
            .extend(addresses.into_iter().filter(is_somebodys).take(room).map(|address| (address, name.clone(), ttl)));
    }
    Some(answers)
}

fn asks_for_addresses(qtype: Rtype) -> bool {
    matches!(qtype, Rtype::A | Rtype::AAAA | Rtype::HTTPS | Rtype::SVCB | Rtype::ANY)
}

/// The name that was asked for. Of a service (RFC 9460 section 2.3: `_8443._https.example.com`) the host it is of.
fn asked(question: &Question<Name<'_>>) -> Option<Arc<str>> {
    let is_service = matches!(question.qtype(), Rtype::HTTPS | Rtype::SVCB);
    let labels = question.qname().iter().map(|label| label.as_slice());
    let labels: Vec<&[u8]> = labels.skip_while(|label| is_service && label.starts_with(b"_")).collect();
    // The last label is the root's, which is empty.
    let (_, labels) = labels.split_last()?;
    name::of_labels(labels.iter().copied())
}

/// The records of the answer section. None where they are damaged.
fn records(message: &Message<[u8]>) -> Option<Records<'_>> {
    let mut records = Vec::new();
    for record in message.answer().ok()?.take(RECORDS) {
        let record = record.ok()?;
        if record.class() == Class::IN {
            records.push(record);
        }
    }
    Some(records)
}

/// Where a name's aliases lead to, and the least of their TTLs. None where they go on and on, or are damaged.
fn follow<'a>(asked: Name<'a>, records: &Records<'a>) -> Option<(Name<'a>, u32)> {
    let (mut owner, mut ttl) = (asked, u32::MAX);
    for _ in 0..=ALIASES {
        let mut aliases =
            records.iter().filter(|record| record.rtype() == Rtype::CNAME && record.owner().name_eq(&owner));
        let Some(alias) = aliases.next() else { return Some((owner, ttl)) };
        ttl = ttl.min(seconds(alias));
        owner = *alias.to_record::<Cname<Name<'a>>>().ok()??.data().cname();
    }
    None
}

/// RFC 2181 section 8: a TTL with its first bit set is 0.
fn seconds(record: &ParsedRecord<'_, [u8]>) -> u32 {
    let seconds = record.ttl().as_secs();
    if seconds > i32::MAX as u32 { 0 } else { seconds }
}

/// The addresses in a record, of the kinds that were asked for. None where it is damaged.
fn addresses<'a>(record: &ParsedRecord<'a, [u8]>, qtype: Rtype) -> Option<Vec<IpAddr>> {
    if qtype != Rtype::ANY && qtype != record.rtype() {
        return Some(Vec::new());
    }
    let addresses = match record.rtype() {
        Rtype::A => vec![IpAddr::V4(record.to_record::<A>().ok()??.data().addr())],
        Rtype::AAAA => vec![IpAddr::V6(record.to_record::<Aaaa>().ok()??.data().addr())],
        Rtype::HTTPS => hints(record.to_record::<Https<&'a [u8], Name<'a>>>().ok()??.data().params()),
        Rtype::SVCB => hints(record.to_record::<Svcb<&'a [u8], Name<'a>>>().ok()??.data().params()),
        _ => Vec::new(),
    };
    Some(addresses)
}

/// `ipv4hint` and `ipv6hint` (RFC 9460 section 7.3).
fn hints(params: &domain::rdata::svcb::SvcParams<&[u8]>) -> Vec<IpAddr> {
    let v4 = params.first::<Ipv4Hint<_>>();
    let v6 = params.first::<Ipv6Hint<_>>();
    let v4 = v4.iter().flat_map(|hint| hint.iter()).map(IpAddr::V4);
    let v6 = v6.iter().flat_map(|hint| hint.iter()).map(IpAddr::V6);
    v4.chain(v6).take(ADDRESSES).collect()
}

/// Whether an address may be that of another end. Blocklists answer with 0.0.0.0 or the loopback; nobody has the
/// others.
fn is_somebodys(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_somebodys_v4(*address),
        IpAddr::V6(address) => is_somebodys_v6(*address),
    }
}

fn is_somebodys_v4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first != 0 && first < 224 && !address.is_loopback()
}

fn is_somebodys_v6(address: Ipv6Addr) -> bool {
    let is_none = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    !is_none && !address.is_unicast_link_local() && address.to_ipv4_mapped().is_none()
}
