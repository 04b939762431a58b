//! An expression that was checked, and whether it is true of a record.

use std::net::IpAddr;

use flowtrace_flow::{End, Endpoint, Record};
use flowtrace_span::{Attribute, Options, Value, value_of};

use crate::{Ranges, TextTest};

/// An expression. Comparisons are sets: `== 80` is the range 80 to 80, `< 1024` all numbers below, a network the range
/// of its addresses; `!=` is [`Expression::Not`] of `==`. Where its attribute is absent, a leaf is false.
///
/// A part of a filter that another place can decide may be asked there: where it is a term of the outermost
/// [`Expression::All`] and false, so is the filter.
#[derive(Clone, Debug)]
pub enum Expression {
    /// All are true.
    All(Vec<Self>),
    /// At least one is true.
    Any(Vec<Self>),
    /// It is false.
    Not(Box<Self>),
    /// The attribute has a value.
    Known(Attribute),
    /// The attribute, an integer, is in the set.
    Integer(Attribute, Ranges<i64>),
    /// The attribute, an address, is in the set. IPv4 addresses are before those of IPv6; an IPv4 address that is mapped
    /// into IPv6 is the IPv4 address.
    Address(Attribute, Ranges<IpAddr>),
    /// The attribute's text, or one of its texts, is so.
    Text(Attribute, TextTest),
    /// The map has the key.
    KnownKey(Attribute, Box<str>),
    /// The map has the key, and its text is so.
    KeyText(Attribute, Box<str>, TextTest),
}

impl Expression {
    /// All of the terms, of which there is at least one.
    pub(crate) fn all(terms: Vec<Self>) -> Self {
        Self::only(terms).unwrap_or_else(Self::All)
    }

    /// At least one of the terms, of which there is at least one.
    pub(crate) fn any(terms: Vec<Self>) -> Self {
        Self::only(terms).unwrap_or_else(Self::Any)
    }

    /// The opposite.
    pub(crate) fn not(self) -> Self {
        Self::Not(Box::new(self))
    }

    fn only(mut terms: Vec<Self>) -> Result<Self, Vec<Self>> {
        if terms.len() == 1 { terms.pop().ok_or(terms) } else { Err(terms) }
    }

    /// Calls `visit` for it and every expression in it, from left to right.
    pub fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match self {
            Self::All(terms) | Self::Any(terms) => terms.iter().for_each(|term| term.visit(visit)),
            Self::Not(term) => term.visit(visit),
            Self::Known(_) | Self::Integer(..) | Self::Address(..) | Self::Text(..) => {}
            Self::KnownKey(..) | Self::KeyText(..) => {}
        }
    }

    /// The attribute of a leaf.
    pub const fn attribute(&self) -> Option<Attribute> {
        match self {
            Self::All(_) | Self::Any(_) | Self::Not(_) => None,
            Self::Known(attribute)
            | Self::Integer(attribute, _)
            | Self::Address(attribute, _)
            | Self::Text(attribute, _)
            | Self::KnownKey(attribute, _)
            | Self::KeyText(attribute, ..) => Some(*attribute),
        }
    }

    /// The key of a leaf that asks for one of a map.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::KnownKey(_, key) | Self::KeyText(_, key, _) => Some(key),
            _ => None,
        }
    }

    /// Whether it is true of the record.
    pub(crate) fn holds(&self, record: &Record, options: &Options) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.holds(record, options)),
            Self::Any(terms) => terms.iter().any(|term| term.holds(record, options)),
            Self::Not(term) => !term.holds(record, options),
            Self::Known(attribute) => value_of(record, *attribute, options, |_| ()).is_some(),
            Self::Integer(attribute, set) => {
                integer(record, *attribute, options).is_some_and(|value| set.contain(value))
            }
            Self::Address(attribute, set) => {
                address(record, *attribute, options).is_some_and(|value| set.contain(value))
            }
            Self::Text(attribute, test) => value_of(record, *attribute, options, |value| match value {
                Value::Text(text) => test.accepts(text),
                Value::Texts(texts) => texts.iter().any(|text| test.accepts(text)),
                Value::Names(names) => names.iter().any(|name| test.accepts(name)),
                Value::Integer(_) | Value::Pairs(_) => false,
            })
            .unwrap_or(false),
            Self::KnownKey(map, key) => of_key(record, *map, key, options, |_| ()).is_some(),
            Self::KeyText(map, key, test) => {
                of_key(record, *map, key, options, |text| test.accepts(text)).unwrap_or(false)
            }
        }
    }
}

/// The attribute's number; ports straight from the record.
fn integer(record: &Record, attribute: Attribute, options: &Options) -> Option<i64> {
    match attribute {
        Attribute::SourcePort => record.source.port.map(i64::from),
        Attribute::DestinationPort => record.destination.port.map(i64::from),
        _ => value_of(record, attribute, options, |value| match value {
            Value::Integer(number) => Some(number),
            Value::Text(_) | Value::Texts(_) | Value::Names(_) | Value::Pairs(_) => None,
        })?,
    }
}

/// What `ask` makes of the text that the map has under the key; `None` where it has none.
fn of_key<T>(record: &Record, map: Attribute, key: &str, options: &Options, ask: impl FnOnce(&str) -> T) -> Option<T> {
    value_of(record, map, options, |value| {
        let Value::Pairs(pairs) = value else { return None };
        let place = pairs.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        Some(ask(&pairs[place].1))
    })?
}

/// The attribute's address; those of the two ends straight from the record.
fn address(record: &Record, attribute: Attribute, options: &Options) -> Option<IpAddr> {
    let address = match attribute {
        Attribute::SourceAddress => record.source.address,
        Attribute::DestinationAddress => record.destination.address,
        Attribute::ClientAddress => ends(record)?.0.address,
        Attribute::ServerAddress => ends(record)?.1.address,
        _ => value_of(record, attribute, options, |value| match value {
            Value::Text(text) => text.parse().ok(),
            Value::Integer(_) | Value::Texts(_) | Value::Names(_) | Value::Pairs(_) => None,
        })??,
    };
    Some(address.to_canonical())
}

/// The initiator and the responder.
fn ends(record: &Record) -> Option<(&Endpoint, &Endpoint)> {
    Some(match record.initiator? {
        End::Source => (&record.source, &record.destination),
        End::Destination => (&record.destination, &record.source),
    })
}
