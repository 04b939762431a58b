//! The value of each attribute: the one place where a record's facts get their names.

mod encapsulation;
mod header;
mod scratch;
#[cfg(test)]
mod tests;

use flowtrace_flow::{End, Endpoint, Interface, IpInIp, Record, Side, Tcp, Tunnel};

use crate::community_id::community_id;
use crate::generated::attributes::unwritten;
use crate::generated::iana;
use crate::{Attribute, Options, Value};
use header::Header;
use scratch::Scratch;

/// Calls `visit` for every attribute of the record that is known and selected, in the order of [`Attribute::ALL`].
pub fn attributes(record: &Record, options: &Options, visit: &mut impl FnMut(Attribute, Value<'_>)) {
    let mut scratch = Scratch::new();
    for attribute in options.selection.available(encapsulation::is_wrapped(record)) {
        if let Some(value) = value(attribute, record, options, &mut scratch) {
            visit(attribute, value);
        }
    }
}

/// What `visit` makes of the attribute's value, whether it is selected or not; `None` where it is not known.
pub fn value_of<T>(
    record: &Record,
    attribute: Attribute,
    options: &Options,
    visit: impl FnOnce(Value<'_>) -> T,
) -> Option<T> {
    value(attribute, record, options, &mut Scratch::new()).map(visit)
}

/// The attribute's value; `None` where it is not known. Every declared attribute has an arm, or it does not compile;
/// the registry lists those that have no source yet, or none at all.
fn value<'a>(
    attribute: Attribute,
    record: &'a Record,
    options: &Options,
    scratch: &'a mut Scratch,
) -> Option<Value<'a>> {
    use Attribute as A;
    let (forward, reverse, profile) = (&record.forward, &record.reverse, options.selection.profile());
    match attribute {
        A::FlowCommunityId => scratch.bytes(&community_id(record, options.community_id_seed)),
        A::FlowDirection => text(record.direction.name()),
        A::FlowEndReason => text(record.end_reason.name()),
        A::ErrorType => text(record.failure?.name()),
        A::FlowLayer => text(record.is_outer.then_some("outer")?),
        A::NetworkType => text(network_type(record)),
        A::NetworkTransport => transport(record.protocol, scratch),
        A::SourceAddress => scratch.display(record.source.address),
        A::SourcePort => integer(record.source.port?),
        A::DestinationAddress => scratch.display(record.destination.address),
        A::DestinationPort => integer(record.destination.port?),
        A::ClientAddress => scratch.display(client(record)?.address),
        A::ClientPort => integer(client(record)?.port?),
        A::ServerAddress => scratch.display(server(record)?.address),
        A::ServerPort => integer(server(record)?.port?),
        A::NetworkInterfaceIndex => integer(interface(record)?.index?),
        A::NetworkInterfaceName => text(interface(record)?.name.as_deref()?),
        A::NetworkInterfaceMac => scratch.mac(interface(record)?.mac?),
        A::NetworkVlanId => integer(record.vlan?),
        A::NetworkInnerVlanId => integer(record.inner_vlan?),
        A::FlowBytesDelta => count(forward.bytes),
        A::FlowBytesTotal => count(forward.bytes_total),
        A::FlowPacketsDelta => count(forward.packets),
        A::FlowPacketsTotal => count(forward.packets_total),
        A::FlowReverseBytesDelta => count(reverse.bytes),
        A::FlowReverseBytesTotal => count(reverse.bytes_total),
        A::FlowReversePacketsDelta => count(reverse.packets),
        A::FlowReversePacketsTotal => count(reverse.packets_total),
        A::FlowTcpFlagsBits => integer(forward.tcp_flags?),
        A::FlowTcpFlagsTags => scratch.tags(forward.tcp_flags?),
        A::FlowReverseTcpFlagsBits => integer(reverse.tcp_flags?),
        A::FlowReverseTcpFlagsTags => scratch.tags(reverse.tcp_flags?),
        A::FlowConnectionState => text(record.state?.name()),
        A::FlowInitiator => text(end_name(record.initiator?)),
        A::FlowInitiatorEvidence => text(record.evidence.name()),
        A::FlowTcpClosedBy => text(end_name(record.closed_by?)),
        A::FlowTcpHandshakeLatency | A::FlowTcpHandshakeSndLatency => count(tcp(record)?.handshake.answer?),
        A::FlowTcpHandshakeSndJitter => count(tcp(record)?.handshake.answer_jitter?),
        A::FlowTcpHandshakeCndLatency => count(tcp(record)?.handshake.confirmation?),
        A::FlowTcpHandshakeCndJitter => count(tcp(record)?.handshake.confirmation_jitter?),
        A::FlowTcpSvcLatency => count(tcp(record)?.service?.mean),
        A::FlowTcpSvcJitter => count(tcp(record)?.service?.jitter),
        A::FlowTcpRndtripLatency => count(tcp(record)?.round_trip?.mean),
        A::FlowTcpRndtripJitter => count(tcp(record)?.round_trip?.jitter),
        A::FlowTcpRetransmitsDelta => count(tcp(record)?.forward.retransmits.delta),
        A::FlowTcpRetransmitsTotal => count(tcp(record)?.forward.retransmits.total),
        A::FlowTcpOutOfOrderDelta => count(tcp(record)?.forward.out_of_order.delta),
        A::FlowTcpOutOfOrderTotal => count(tcp(record)?.forward.out_of_order.total),
        A::FlowTcpZeroWindowDelta => count(tcp(record)?.forward.zero_window.delta),
        A::FlowTcpZeroWindowTotal => count(tcp(record)?.forward.zero_window.total),
        A::FlowTcpRttSmoothed => count(tcp(record)?.forward.round_trip?),
        A::FlowReverseTcpRetransmitsDelta => count(tcp(record)?.reverse.retransmits.delta),
        A::FlowReverseTcpRetransmitsTotal => count(tcp(record)?.reverse.retransmits.total),
        A::FlowReverseTcpOutOfOrderDelta => count(tcp(record)?.reverse.out_of_order.delta),
        A::FlowReverseTcpOutOfOrderTotal => count(tcp(record)?.reverse.out_of_order.total),
        A::FlowReverseTcpZeroWindowDelta => count(tcp(record)?.reverse.zero_window.delta),
        A::FlowReverseTcpZeroWindowTotal => count(tcp(record)?.reverse.zero_window.total),
        A::FlowReverseTcpRttSmoothed => count(tcp(record)?.reverse.round_trip?),
        A::FlowIpDscpId => integer(header(record, forward)?.dscp()),
        A::FlowIpDscpName => text(iana::dscp_name(header(record, forward)?.dscp())?),
        A::FlowIpEcnId => integer(header(record, forward)?.ecn()),
        A::FlowIpEcnName => text(iana::ecn_name(header(record, forward)?.ecn())?),
        A::FlowIpTtl => integer(header(record, forward)?.hop_limit()),
        A::FlowIpFlowLabel => integer(header(record, forward)?.flow_label()?),
        A::FlowReverseIpDscpId => integer(header(record, reverse)?.dscp()),
        A::FlowReverseIpDscpName => text(iana::dscp_name(header(record, reverse)?.dscp())?),
        A::FlowReverseIpEcnId => integer(header(record, reverse)?.ecn()),
        A::FlowReverseIpEcnName => text(iana::ecn_name(header(record, reverse)?.ecn())?),
        A::FlowReverseIpTtl => integer(header(record, reverse)?.hop_limit()),
        A::FlowReverseIpFlowLabel => integer(header(record, reverse)?.flow_label()?),
        A::FlowIcmpTypeId => integer(header(record, forward)?.icmp_type()?),
        A::FlowIcmpTypeName => text(header(record, forward)?.icmp_type_name()?),
        A::FlowIcmpCodeId => integer(header(record, forward)?.icmp_code()?),
        A::FlowIcmpCodeName => text(header(record, forward)?.icmp_code_name()?),
        A::FlowReverseIcmpTypeId => integer(header(record, reverse)?.icmp_type()?),
        A::FlowReverseIcmpTypeName => text(header(record, reverse)?.icmp_type_name()?),
        A::FlowReverseIcmpCodeId => integer(header(record, reverse)?.icmp_code()?),
        A::FlowReverseIcmpCodeName => text(header(record, reverse)?.icmp_code_name()?),
        A::TunnelType => text(encapsulation::kind(record, profile)?),
        A::TunnelNetworkInterfaceMac => scratch.mac(tunnel(record)?.mac?),
        A::TunnelNetworkType => text(ip_name(encapsulation::version(record, profile)?)),
        A::TunnelNetworkTransport => transport(tunnel(record)?.protocol, scratch),
        A::TunnelSourceAddress => scratch.display(encapsulation::source(record, profile)?),
        A::TunnelSourcePort => integer(tunnel(record)?.source.port?),
        A::TunnelDestinationAddress => scratch.display(encapsulation::destination(record, profile)?),
        A::TunnelDestinationPort => integer(tunnel(record)?.destination.port?),
        A::TunnelId => scratch.display(tunnel(record)?.id?),
        A::TunnelIpsecAhSpi => integer(tunnel(record)?.ah?),
        A::TunnelBytesDelta => count(record.had_tunnel.then_some(forward.tunnel_bytes.delta)?),
        A::TunnelBytesTotal => count(record.had_tunnel.then_some(forward.tunnel_bytes.total)?),
        A::TunnelReverseBytesDelta => count(record.had_tunnel.then_some(reverse.tunnel_bytes.delta)?),
        A::TunnelReverseBytesTotal => count(record.had_tunnel.then_some(reverse.tunnel_bytes.total)?),
        A::TunnelKey => scratch.display(encapsulation::key(tunnel(record)?)?),
        A::TunnelSenderIndex | A::FlowIpsecSenderIndex => integer(forward.ipsec.sender?),
        A::TunnelReceiverIndex | A::FlowIpsecReceiverIndex => integer(forward.ipsec.receiver?),
        A::TunnelSpi => scratch.display(encapsulation::spi(record)?),
        A::IpipNetworkType => text(ip_name(ipip(record)?.ip_version)),
        A::IpipNetworkTransport => transport(ipip(record)?.protocol, scratch),
        A::IpipSourceAddress => scratch.display(ipip(record)?.source),
        A::IpipDestinationAddress => scratch.display(ipip(record)?.destination),
        A::IpipBytesDelta => count(record.had_ipip.then_some(forward.ipip_bytes.delta)?),
        A::IpipBytesTotal => count(record.had_ipip.then_some(forward.ipip_bytes.total)?),
        A::IpipReverseBytesDelta => count(record.had_ipip.then_some(reverse.ipip_bytes.delta)?),
        A::IpipReverseBytesTotal => count(record.had_ipip.then_some(reverse.ipip_bytes.total)?),
        A::FlowIpsecAhSpi => integer(forward.ipsec.ah?),
        A::FlowIpsecEspSpi => integer(forward.ipsec.esp?),
        A::FlowReverseIpsecAhSpi => integer(reverse.ipsec.ah?),
        A::FlowReverseIpsecEspSpi => integer(reverse.ipsec.esp?),
        A::FlowReverseIpsecSenderIndex => integer(reverse.ipsec.sender?),
        A::FlowReverseIpsecReceiverIndex => integer(reverse.ipsec.receiver?),
        unwritten!() => None,
    }
}

/// `network.type`.
pub(crate) const fn network_type(record: &Record) -> &'static str {
    ip_name(record.ip_version)
}

/// A version of IP as `network.type` and its like have it.
const fn ip_name(version: u8) -> &'static str {
    if version == 6 { "ipv6" } else { "ipv4" }
}

/// A protocol as `network.transport` and its like have it.
fn transport(protocol: u8, scratch: &mut Scratch) -> Option<Value<'_>> {
    match iana::protocol_keyword(protocol) {
        Some(keyword) => text(keyword),
        None => scratch.display(protocol),
    }
}

fn client(record: &Record) -> Option<&Endpoint> {
    Some(match record.initiator? {
        End::Source => &record.source,
        End::Destination => &record.destination,
    })
}

fn server(record: &Record) -> Option<&Endpoint> {
    Some(match record.initiator? {
        End::Source => &record.destination,
        End::Destination => &record.source,
    })
}

const fn end_name(end: End) -> &'static str {
    match end {
        End::Source => "source",
        End::Destination => "destination",
    }
}

const fn interface(record: &Record) -> Option<&Interface> {
    record.interface.as_ref()
}

fn tcp(record: &Record) -> Option<&Tcp> {
    record.tcp.as_deref()
}

const fn tunnel(record: &Record) -> Option<&Tunnel> {
    record.tunnel.as_ref()
}

const fn ipip(record: &Record) -> Option<&IpInIp> {
    record.ipip.as_ref()
}

fn header<'a>(record: &'a Record, side: &'a Side) -> Option<Header<'a>> {
    Some(Header { values: side.header.as_ref()?, record })
}

const fn text(text: &str) -> Option<Value<'_>> {
    Some(Value::Text(text))
}

fn integer(number: impl Into<i64>) -> Option<Value<'static>> {
    Some(Value::Integer(number.into()))
}

/// A counter; what OTLP's integers cannot hold stops at their end.
fn count(number: u64) -> Option<Value<'static>> {
    Some(Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)))
}
