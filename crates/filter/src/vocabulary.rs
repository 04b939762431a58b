//! Attributes with a closed set of values: what is not among them is a mistake, where it would otherwise never be true.

use flowtrace_flow::{ConnectionState, Direction, EndReason, Evidence, Failure};
use flowtrace_span::{Attribute, iana};
use flowtrace_wire::tcp::FLAG_NAMES;

use crate::error::Mistake;
use crate::nearest::nearest;

/// Values that are listed where none of them is like what was written.
const LISTED: usize = 12;

/// Says that the attribute never has this value, if that is so.
pub fn check(attribute: Attribute, text: &str, place: &std::ops::Range<usize>) -> Result<(), Mistake> {
    if attribute.name().ends_with(".mac") && !is_mac(text) {
        let mistake = Mistake::new(place, "this is no MAC address as they are written here");
        return Err(mistake.help("lower case with colons, such as 02:00:5e:10:00:01"));
    }
    let Some(values) = values(attribute) else { return Ok(()) };
    if values.iter().any(|value| value == text) {
        return Ok(());
    }
    let mistake = Mistake::new(place, format!("{} is never this", attribute.name()));
    let listed: Vec<_> = values.iter().map(|value| format!("{value:?}")).collect();
    Err(match nearest(text, values.iter().map(String::as_str)) {
        None if values.len() <= LISTED => mistake.help(format!("it can be {}", listed.join(", "))),
        near => mistake.suggest(near.map(|value| format!("{value:?}"))),
    })
}

fn is_mac(text: &str) -> bool {
    let is_byte = |pair: &str| pair.len() == 2 && pair.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    text.split(':').count() == 6 && text.split(':').all(is_byte)
}

/// All values that the attribute can have; `None` where they are not a closed set.
pub fn values(attribute: Attribute) -> Option<Vec<String>> {
    use Attribute as A;
    Some(match attribute {
        A::NetworkTransport | A::TunnelNetworkTransport | A::IpipNetworkTransport => transports(),
        A::NetworkType | A::TunnelNetworkType | A::IpipNetworkType => owned(["ipv4", "ipv6"]),
        A::FlowTcpFlagsTags | A::FlowReverseTcpFlagsTags => owned(FLAG_NAMES),
        A::FlowEndReason => owned(EndReason::ALL.map(EndReason::name)),
        A::FlowDirection => owned([Direction::Forward, Direction::Reverse, Direction::Unknown].map(Direction::name)),
        A::ErrorType => owned([Failure::Refused, Failure::Reset].map(Failure::name)),
        A::FlowTcpClosedBy => owned(["source", "destination"]),
        A::FlowInitiatorEvidence => evidence(),
        A::FlowConnectionState => states(),
        _ => return None,
    })
}

fn owned<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).into()
}

/// IANA's keywords, and the numbers that have none.
fn transports() -> Vec<String> {
    let name = |number| iana::protocol_keyword(number).map_or_else(|| number.to_string(), str::to_owned);
    (0..=u8::MAX).map(name).collect()
}

fn evidence() -> Vec<String> {
    use Evidence::{Handshake, IcmpQuery, ListeningSocket, Nothing, Ports, Translation};
    owned([Nothing, Handshake, ListeningSocket, IcmpQuery, Ports, Translation].map(Evidence::name))
}

fn states() -> Vec<String> {
    use ConnectionState as S;
    let states = [
        S::Closed,
        S::CloseWait,
        S::Closing,
        S::Established,
        S::FinWait1,
        S::FinWait2,
        S::LastAck,
        S::Listen,
        S::SynReceived,
        S::SynSent,
        S::TimeWait,
    ];
    owned(states.map(S::name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The JSON Schema of a span, which comes from the registry.
    const SCHEMA: &str = include_str!("../../../docs/reference/flow-span.schema.json");

    #[test]
    fn values_are_those_of_the_registry() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let mut checked = 0;
        for attribute in Attribute::ALL {
            let declared = &schema["properties"]["attributes"]["properties"][attribute.name()]["enum"];
            if let (Some(declared), Some(values)) = (declared.as_array(), values(attribute)) {
                let declared: Vec<_> = declared.iter().map(|value| value.as_str().unwrap()).collect();
                assert_eq!(values, declared, "{}", attribute.name());
                checked += 1;
            }
        }
        assert!(checked >= 6, "{checked}");
    }

    #[test]
    fn transports_are_keywords_and_numbers() {
        let transports = transports();
        assert_eq!(
            [6, 17, 58, 253].map(|number: usize| transports[number].as_str()),
            ["tcp", "udp", "ipv6-icmp", "253"]
        );
    }

    #[test]
    fn mac_addresses_have_one_form() {
        for (text, expected) in [
            ("02:00:5e:10:00:01", true),
            ("02:00:5E:10:00:01", false),
            ("02:00:5e:10:00", false),
            ("02:00:5e:10:00:01:02", false),
            ("2:0:5e:10:0:1", false),
            ("", false),
        ] {
            assert_eq!(is_mac(text), expected, "{text}");
        }
    }
}
