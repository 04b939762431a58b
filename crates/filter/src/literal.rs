//! Values as they are written.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use flowtrace_span::Attribute;

use crate::error::Mistake;
use crate::token::{Kind, Token};

/// A unit in the registry (UCUM), and what may stand behind a number of it, with its factor.
const UNITS: [(&str, &[(&str, i64)]); 2] = [
    (
        "ns",
        &[
            ("ns", 1),
            ("us", 1_000),
            ("ms", 1_000_000),
            ("s", 1_000_000_000),
            ("m", 60_000_000_000),
            ("h", 3_600_000_000_000),
        ],
    ),
    (
        "By",
        &[
            ("B", 1),
            ("kB", 1_000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("TB", 1_000_000_000_000),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("TiB", 1 << 40),
        ],
    ),
];

/// A number, decimal or `0x…`, with a unit where the attribute has one.
pub fn integer(token: &Token<'_>, attribute: Attribute) -> Result<i64, Mistake> {
    let name = attribute.name();
    let word = match &token.kind {
        Kind::Word(word) if word.starts_with(|first: char| first.is_ascii_digit()) => *word,
        Kind::Quoted(_) => {
            return Err(Mistake::new(&token.place, format!("{name} is a number")).help("write it without quotes"));
        }
        Kind::Word(word) if word.starts_with('-') => {
            return Err(Mistake::new(&token.place, format!("{name} is never negative")));
        }
        _ => return Err(no_value(token, &format!("{name} is a number"))),
    };
    let number = match word.strip_prefix("0x") {
        Some(digits) => hexadecimal(token, word, digits)?,
        None => with_unit(token, word, attribute)?,
    };
    if name.ends_with(".port") && number > i64::from(u16::MAX) {
        return Err(Mistake::new(&token.place, format!("a port is at most {}", u16::MAX)));
    }
    Ok(number)
}

fn hexadecimal(token: &Token<'_>, word: &str, digits: &str) -> Result<i64, Mistake> {
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(not_a_number(token, word));
    }
    i64::from_str_radix(digits, 16).map_err(|_| too_large(token))
}

fn with_unit(token: &Token<'_>, word: &str, attribute: Attribute) -> Result<i64, Mistake> {
    let end = word.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(word.len());
    let (digits, unit) = word.split_at(end);
    if unit.starts_with(['-', '.', ':', '/', '_']) {
        return Err(not_a_number(token, word));
    }
    let number: i64 = digits.parse().map_err(|_| too_large(token))?;
    if unit.is_empty() {
        return Ok(number);
    }
    let wanted = attribute.definition().unit;
    let known = UNITS.iter().find(|(name, _)| *name == wanted).map_or(&[][..], |(_, units)| units);
    let Some((_, factor)) = known.iter().find(|(name, _)| *name == unit) else {
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        let help = if names.is_empty() {
            "write the number alone".into()
        } else {
            format!("its units are {}", names.join(", "))
        };
        return Err(Mistake::new(&token.place, format!("{} has no such unit", attribute.name())).help(help));
    };
    number.checked_mul(*factor).ok_or_else(|| too_large(token))
}

fn too_large(token: &Token<'_>) -> Mistake {
    Mistake::new(&token.place, "this number is too large")
}

fn not_a_number(token: &Token<'_>, word: &str) -> Mistake {
    let mistake = Mistake::new(&token.place, "this is not a whole number");
    match word.split_once('-') {
        Some((low, high)) => mistake.help(format!("a range is written {low}..{high}")),
        None => mistake,
    }
}

/// An address as a range of its own, or a network as that of its addresses; quotes do not matter.
pub fn network(token: &Token<'_>, attribute: Attribute) -> Result<RangeInclusive<IpAddr>, Mistake> {
    let text = match &token.kind {
        Kind::Word(word) => *word,
        Kind::Quoted(text) => text,
        Kind::Symbol(_) | Kind::End => return Err(no_address(token, attribute)),
    };
    let Some((address, length)) = text.split_once('/') else {
        let address = text.parse::<IpAddr>().map_err(|_| no_address(token, attribute))?.to_canonical();
        return Ok(address..=address);
    };
    let address = address.parse().map_err(|_| no_address(token, attribute))?;
    let longest = if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
    let length = length.parse().ok().filter(|length| *length <= longest);
    let Some(length) = length else {
        return Err(Mistake::new(&token.place, format!("the length of this network is not 0 to {longest}")));
    };
    let (first, last) = ends(address, length);
    if first != address.to_canonical() {
        let length = if address.is_ipv6() && first.is_ipv4() { length - 96 } else { length };
        let help = format!("write {first}/{length}, or {} alone", address.to_canonical());
        return Err(Mistake::new(&token.place, "this address has bits behind the length of its network").help(help));
    }
    Ok(first..=last)
}

/// The first and the last address of a network of at most the address' length. The one of all mapped IPv4 addresses and
/// more begins and ends as IPv6.
fn ends(address: IpAddr, length: u32) -> (IpAddr, IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let hosts = u32::MAX.checked_shr(length).unwrap_or(0);
            let bits = address.to_bits();
            (Ipv4Addr::from_bits(bits & !hosts).into(), Ipv4Addr::from_bits(bits | hosts).into())
        }
        IpAddr::V6(address) => {
            let hosts = u128::MAX.checked_shr(length).unwrap_or(0);
            let bits = address.to_bits();
            let ends = [bits & !hosts, bits | hosts].map(|bits| IpAddr::from(Ipv6Addr::from_bits(bits)));
            let ends = if length >= 96 { ends.map(|end| end.to_canonical()) } else { ends };
            (ends[0], ends[1])
        }
    }
}

fn no_address(token: &Token<'_>, attribute: Attribute) -> Mistake {
    no_value(token, &format!("{} is an address", attribute.name()))
        .help("write an address such as 192.0.2.1 or 2001:db8::1, or with in a network such as 10.0.0.0/8")
}

/// Text in quotes.
pub fn text<'a>(token: &'a Token<'_>, attribute: Attribute) -> Result<&'a str, Mistake> {
    match &token.kind {
        Kind::Quoted(text) => Ok(text),
        Kind::Word(word) if Attribute::from_name(word).is_none() => {
            let message = format!("{} is text, which stands in quotes", attribute.name());
            Err(Mistake::new(&token.place, message).help(format!("write \"{word}\"")))
        }
        _ => Err(no_value(token, &format!("{} is text", attribute.name()))),
    }
}

/// What stands where a value of another kind was expected.
fn no_value(token: &Token<'_>, is: &str) -> Mistake {
    match &token.kind {
        Kind::Word(word) if Attribute::from_name(word).is_some() => {
            Mistake::new(&token.place, format!("{is}, and this is an attribute"))
                .help("attributes are compared with values, not with each other")
        }
        _ => Mistake::new(&token.place, format!("{is}, and this is not")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(attribute: Attribute, word: &str) -> Option<i64> {
        integer(&Token { kind: Kind::Word(word), place: 0..word.len() }, attribute).ok()
    }

    #[test]
    fn numbers_have_the_units_of_their_attribute() {
        use Attribute::{FlowBytesTotal, FlowPacketsTotal, FlowTcpRttSmoothed};
        for (attribute, word, expected) in [
            (FlowPacketsTotal, "0", Some(0)),
            (FlowPacketsTotal, "0x7fffffffffffffff", Some(i64::MAX)),
            (FlowPacketsTotal, "0x8000000000000000", None),
            (FlowPacketsTotal, "0x-1", None),
            (FlowPacketsTotal, "1_000", None),
            (FlowPacketsTotal, "1B", None),
            (FlowTcpRttSmoothed, "2ns", Some(2)),
            (FlowTcpRttSmoothed, "2us", Some(2_000)),
            (FlowTcpRttSmoothed, "2ms", Some(2_000_000)),
            (FlowTcpRttSmoothed, "2s", Some(2_000_000_000)),
            (FlowTcpRttSmoothed, "2m", Some(120_000_000_000)),
            (FlowTcpRttSmoothed, "2h", Some(7_200_000_000_000)),
            (FlowTcpRttSmoothed, "2B", None),
            (FlowBytesTotal, "2B", Some(2)),
            (FlowBytesTotal, "2kB", Some(2_000)),
            (FlowBytesTotal, "2MB", Some(2_000_000)),
            (FlowBytesTotal, "2GB", Some(2_000_000_000)),
            (FlowBytesTotal, "2TB", Some(2_000_000_000_000)),
            (FlowBytesTotal, "2KiB", Some(2_048)),
            (FlowBytesTotal, "2MiB", Some(2_097_152)),
            (FlowBytesTotal, "2GiB", Some(2_147_483_648)),
            (FlowBytesTotal, "2TiB", Some(2_199_023_255_552)),
            (FlowBytesTotal, "9000000TiB", None),
        ] {
            assert_eq!(number(attribute, word), expected, "{} {word}", attribute.name());
        }
    }

    #[test]
    fn every_unit_of_the_registry_is_known_or_has_no_name() {
        for attribute in Attribute::ALL {
            let unit = attribute.definition().unit;
            let known = UNITS.iter().any(|(name, _)| *name == unit);
            assert!(known || unit.is_empty() || unit.starts_with('{'), "{}: {unit}", attribute.name());
        }
    }
}
