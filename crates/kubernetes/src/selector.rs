//! Selectors of labels, and blocks of addresses.

use std::net::IpAddr;
use std::sync::Arc;

use crate::object;
use flowtrace_flow::workload::Pairs;

/// Chooses by labels. One without requirements chooses all.
#[derive(Debug)]
pub(crate) struct Selector(Box<[Requirement]>);

#[derive(Debug)]
enum Requirement {
    In(Box<str>, Box<[String]>),
    NotIn(Box<str>, Box<[String]>),
    Exists(Box<str>),
    DoesNotExist(Box<str>),
    /// One with an operator that this program does not know: nothing fulfils it.
    Unknown,
}

impl Selector {
    /// From the API's form.
    pub fn new(from: &object::LabelSelector) -> Self {
        let labels = from.match_labels.iter();
        let labels = labels.map(|(key, value)| Requirement::In(key.as_str().into(), [value.clone()].into()));
        let expressions = from.match_expressions.iter().map(|wanted| {
            let key = wanted.key.as_str().into();
            match wanted.operator.as_str() {
                "In" => Requirement::In(key, wanted.values.as_slice().into()),
                "NotIn" => Requirement::NotIn(key, wanted.values.as_slice().into()),
                "Exists" => Requirement::Exists(key),
                "DoesNotExist" => Requirement::DoesNotExist(key),
                _ => Requirement::Unknown,
            }
        });
        Self(labels.chain(expressions).collect())
    }

    /// Whether it chooses what has these labels, sorted by key.
    pub fn has(&self, labels: &Pairs) -> bool {
        self.0.iter().all(|requirement| requirement.holds(labels))
    }
}

impl Requirement {
    fn holds(&self, labels: &Pairs) -> bool {
        match self {
            Self::In(key, values) => value(labels, key).is_some_and(|value| values.iter().any(|one| **one == **value)),
            Self::NotIn(key, values) => {
                value(labels, key).is_none_or(|value| values.iter().all(|one| **one != **value))
            }
            Self::Exists(key) => value(labels, key).is_some(),
            Self::DoesNotExist(key) => value(labels, key).is_none(),
            Self::Unknown => false,
        }
    }
}

fn value<'a>(labels: &'a Pairs, key: &str) -> Option<&'a Arc<str>> {
    labels.binary_search_by(|(known, _)| (**known).cmp(key)).ok().map(|at| &labels[at].1)
}

/// A block of addresses without some of them.
#[derive(Debug)]
pub(crate) struct Block {
    cidr: Option<Cidr>,
    except: Box<[Cidr]>,
}

impl Block {
    /// From the API's form. One that cannot be read has no addresses.
    pub fn new(from: &object::IpBlock) -> Self {
        let except: Option<_> = from.except.iter().map(|text| Cidr::parse(text)).collect();
        let cidr = Cidr::parse(&from.cidr).filter(|_| except.is_some());
        Self { cidr, except: except.unwrap_or_default() }
    }

    /// Whether an address is in it.
    pub fn has(&self, address: IpAddr) -> bool {
        self.cidr.is_some_and(|cidr| cidr.has(address)) && !self.except.iter().any(|except| except.has(address))
    }
}

#[derive(Clone, Copy, Debug)]
struct Cidr {
    address: IpAddr,
    bits: u32,
}

impl Cidr {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let (address, bits): (IpAddr, u32) = (address.parse().ok()?, bits.parse().ok()?);
        (bits <= if address.is_ipv4() { 32 } else { 128 }).then_some(Self { address, bits })
    }

    fn has(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_choose() {
        let labels: Pairs = [("app", "web"), ("tier", "front")].map(|(key, value)| (key.into(), value.into())).into();
        for (selector, expected) in [
            ("{}", true),
            (r#"{"matchLabels":{"app":"web"}}"#, true),
            (r#"{"matchLabels":{"app":"web","tier":"back"}}"#, false),
            (r#"{"matchLabels":{"none":""}}"#, false),
            (r#"{"matchExpressions":[{"key":"app","operator":"In","values":["db","web"]}]}"#, true),
            (r#"{"matchExpressions":[{"key":"app","operator":"NotIn","values":["db","web"]}]}"#, false),
            (r#"{"matchExpressions":[{"key":"none","operator":"NotIn","values":["db"]}]}"#, true),
            (r#"{"matchExpressions":[{"key":"none","operator":"In","values":["db"]}]}"#, false),
            (r#"{"matchExpressions":[{"key":"tier","operator":"Exists"}]}"#, true),
            (r#"{"matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]}"#, false),
            (r#"{"matchExpressions":[{"key":"none","operator":"DoesNotExist","values":null}]}"#, true),
            (r#"{"matchExpressions":[{"key":"tier","operator":"Gt","values":["1"]}]}"#, false),
        ] {
            let parsed = Selector::new(&serde_json::from_str(selector).unwrap());
            assert_eq!(parsed.has(&labels), expected, "{selector}");
        }
    }

    #[test]
    fn blocks_have_addresses() {
        for (cidr, except, address, expected) in [
            ("10.0.0.0/8", "", "10.255.255.255", true),
            ("10.0.0.0/8", "", "11.0.0.0", false),
            ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", false),
            ("10.0.0.0/8", "10.1.0.0/16", "10.2.2.3", true),
            ("0.0.0.0/0", "", "198.51.100.1", true),
            ("0.0.0.0/0", "", "2001:db8::1", false),
            ("::/0", "", "2001:db8::1", true),
            ("2001:db8::/127", "", "2001:db8::1", true),
            ("2001:db8::/128", "", "2001:db8::1", false),
            ("10.0.0.1/32", "", "10.0.0.1", true),
            ("10.0.0.1/33", "", "10.0.0.1", false),
            ("10.0.0.1", "", "10.0.0.1", false),
            ("10.0.0.0/8", "what", "10.0.0.1", false),
        ] {
            let except = Some(except.to_owned()).filter(|text| !text.is_empty()).into_iter().collect();
            let block = Block::new(&object::IpBlock { cidr: cidr.into(), except });
            assert_eq!(block.has(address.parse().unwrap()), expected, "{cidr} {address}");
        }
    }
}
