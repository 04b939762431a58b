//! The value of each attribute: the one place where a record's facts get their names.

mod encapsulation;
mod header;
mod kubernetes;
mod scratch;
#[cfg(test)]
mod tests;

use flowtrace_flow::{Container, End, Endpoint, Interface, IpInIp, Party, Process, Record, Side, Tcp, Tunnel, Who};

use crate::community_id::community_id;
use crate::generated::iana;
use crate::{Attribute, Options, Value};
use header::Header;
use scratch::Scratch;

/// Who is shown attributes.
pub(crate) trait Visit {
    /// One attribute.
    fn visit(&mut self, attribute: Attribute, value: Value<'_>);
}

impl<F: FnMut(Attribute, Value<'_>)> Visit for F {
    #[inline(always)]
    fn visit(&mut self, attribute: Attribute, value: Value<'_>) {
        self(attribute, value);
    }
}

/// Calls `show` for every attribute of the record that is known and selected, in the order of [`Attribute::ALL`].
#[inline]
pub fn attributes(record: &Record, options: &Options, show: &mut impl FnMut(Attribute, Value<'_>)) {
    visit(record, options, show);
}

/// Makes [`visit`] of a line for each attribute, in the order of [`Attribute::ALL`], and checks that none is
/// forgotten: the registry names those that nothing can write. The last ones, Kubernetes', have lines of their own.
///
/// One step follows the other; a loop over the selected attributes would jump to one of a hundred places each time, which
/// processors foresee badly (docs/decisions/0040).
macro_rules! attributes {
    ($record:ident, $options:ident, $scratch:ident; $($attribute:ident => $value:expr;)+) => {
        /// Shows every attribute of the record that is known and selected, in the order of [`Attribute::ALL`].
        #[allow(unused_variables, reason = "few values need the scratch")]
        #[inline]
        pub(crate) fn visit($record: &Record, $options: &Options, visit: &mut impl Visit) {
            let available = $options.selection.available(encapsulation::is_wrapped($record));
            let mut scratch = Scratch::new();
            $(
                if available.has(Attribute::$attribute)
                    && let Some(value) = of($record, &mut scratch, |$record, $scratch| $value)
                {
                    visit.visit(Attribute::$attribute, value);
                }
            )+
            if let Some(who) = &$record.who {
                kubernetes::visit(who, &available, visit);
            }
        }

        const _: () = are_lines_of_the_registry(&[$(Attribute::$attribute),+]);

        /// What `visit` makes of the attribute's value, whether it is selected or not; `None` where it is not known.
        #[allow(unused_variables, reason = "few values need the scratch")]
        pub fn value_of<T>(
            $record: &Record,
            attribute: Attribute,
            $options: &Options,
            visit: impl FnOnce(Value<'_>) -> T,
        ) -> Option<T> {
            let mut scratch = Scratch::new();
            match attribute {
                $(Attribute::$attribute => of($record, &mut scratch, |$record, $scratch| $value).map(visit),)+
                _ => kubernetes::value_of($record, attribute).map(visit),
            }
        }
    };
}

attributes! { record, options, scratch;
    FlowCommunityId => scratch.bytes(&community_id(record, options.community_id_seed));
    FlowDirection => text(record.direction.name());
    FlowEndReason => text(record.end_reason.name());
    FlowInitiator => text(end_name(record.initiator?));
    FlowInitiatorEvidence => text(record.evidence.name());
    FlowConnectionState => text(record.state?.name());
    ErrorType => text(record.failure?.name());
    FlowLayer => text(record.is_outer.then_some("outer")?);
    FlowNatSourceAddress => scratch.address(record.nat?.source.address);
    FlowNatSourcePort => integer(record.nat?.source.port?);
    FlowNatDestinationAddress => scratch.address(record.nat?.destination.address);
    FlowNatDestinationPort => integer(record.nat?.destination.port?);
    NetworkType => text(network_type(record));
    NetworkTransport => transport(record.protocol, scratch);
    SourceAddress => scratch.address(record.source.address);
    SourcePort => integer(record.source.port?);
    DestinationAddress => scratch.address(record.destination.address);
    DestinationPort => integer(record.destination.port?);
    ClientAddress => name_or_address(record, record.initiator?, scratch);
    ClientPort => integer(client(record)?.port?);
    ServerAddress => name_or_address(record, record.initiator?.other(), scratch);
    ServerPort => integer(server(record)?.port?);
    NetworkInterfaceIndex => integer(interface(record)?.index?);
    NetworkInterfaceName => text(interface(record)?.name.as_deref()?);
    NetworkInterfaceMac => scratch.mac(interface(record)?.mac?);
    NetworkVlanId => integer(record.vlan?);
    NetworkInnerVlanId => integer(record.inner_vlan?);
    FlowBytesDelta => count(record.forward.bytes);
    FlowBytesTotal => count(record.forward.bytes_total);
    FlowPacketsDelta => count(record.forward.packets);
    FlowPacketsTotal => count(record.forward.packets_total);
    FlowReverseBytesDelta => count(record.reverse.bytes);
    FlowReverseBytesTotal => count(record.reverse.bytes_total);
    FlowReversePacketsDelta => count(record.reverse.packets);
    FlowReversePacketsTotal => count(record.reverse.packets_total);
    FlowTcpFlagsBits => integer(record.forward.tcp_flags?);
    FlowTcpFlagsTags => scratch.tags(record.forward.tcp_flags?);
    FlowReverseTcpFlagsBits => integer(record.reverse.tcp_flags?);
    FlowReverseTcpFlagsTags => scratch.tags(record.reverse.tcp_flags?);
    FlowTcpClosedBy => text(end_name(record.closed_by?));
    FlowTcpHandshakeLatency => count(tcp(record)?.handshake.answer?);
    FlowTcpHandshakeSndLatency => count(tcp(record)?.handshake.answer?);
    FlowTcpHandshakeSndJitter => count(tcp(record)?.handshake.answer_jitter?);
    FlowTcpHandshakeCndLatency => count(tcp(record)?.handshake.confirmation?);
    FlowTcpHandshakeCndJitter => count(tcp(record)?.handshake.confirmation_jitter?);
    FlowTcpSvcLatency => count(tcp(record)?.service?.mean);
    FlowTcpSvcJitter => count(tcp(record)?.service?.jitter);
    FlowTcpRndtripLatency => count(tcp(record)?.round_trip?.mean);
    FlowTcpRndtripJitter => count(tcp(record)?.round_trip?.jitter);
    FlowTcpRetransmitsDelta => count(tcp(record)?.forward.retransmits.delta);
    FlowTcpRetransmitsTotal => count(tcp(record)?.forward.retransmits.total);
    FlowTcpOutOfOrderDelta => count(tcp(record)?.forward.out_of_order.delta);
    FlowTcpOutOfOrderTotal => count(tcp(record)?.forward.out_of_order.total);
    FlowTcpZeroWindowDelta => count(tcp(record)?.forward.zero_window.delta);
    FlowTcpZeroWindowTotal => count(tcp(record)?.forward.zero_window.total);
    FlowTcpRttSmoothed => count(tcp(record)?.forward.round_trip?);
    FlowReverseTcpRetransmitsDelta => count(tcp(record)?.reverse.retransmits.delta);
    FlowReverseTcpRetransmitsTotal => count(tcp(record)?.reverse.retransmits.total);
    FlowReverseTcpOutOfOrderDelta => count(tcp(record)?.reverse.out_of_order.delta);
    FlowReverseTcpOutOfOrderTotal => count(tcp(record)?.reverse.out_of_order.total);
    FlowReverseTcpZeroWindowDelta => count(tcp(record)?.reverse.zero_window.delta);
    FlowReverseTcpZeroWindowTotal => count(tcp(record)?.reverse.zero_window.total);
    FlowReverseTcpRttSmoothed => count(tcp(record)?.reverse.round_trip?);
    FlowIpDscpId => integer(header(record, &record.forward)?.dscp());
    FlowIpDscpName => text(iana::dscp_name(header(record, &record.forward)?.dscp())?);
    FlowIpEcnId => integer(header(record, &record.forward)?.ecn());
    FlowIpEcnName => text(iana::ecn_name(header(record, &record.forward)?.ecn())?);
    FlowIpTtl => integer(header(record, &record.forward)?.hop_limit());
    FlowIpFlowLabel => integer(header(record, &record.forward)?.flow_label()?);
    FlowReverseIpDscpId => integer(header(record, &record.reverse)?.dscp());
    FlowReverseIpDscpName => text(iana::dscp_name(header(record, &record.reverse)?.dscp())?);
    FlowReverseIpEcnId => integer(header(record, &record.reverse)?.ecn());
    FlowReverseIpEcnName => text(iana::ecn_name(header(record, &record.reverse)?.ecn())?);
    FlowReverseIpTtl => integer(header(record, &record.reverse)?.hop_limit());
    FlowReverseIpFlowLabel => integer(header(record, &record.reverse)?.flow_label()?);
    FlowIcmpTypeId => integer(header(record, &record.forward)?.icmp_type()?);
    FlowIcmpTypeName => text(header(record, &record.forward)?.icmp_type_name()?);
    FlowIcmpCodeId => integer(header(record, &record.forward)?.icmp_code()?);
    FlowIcmpCodeName => text(header(record, &record.forward)?.icmp_code_name()?);
    FlowReverseIcmpTypeId => integer(header(record, &record.reverse)?.icmp_type()?);
    FlowReverseIcmpTypeName => text(header(record, &record.reverse)?.icmp_type_name()?);
    FlowReverseIcmpCodeId => integer(header(record, &record.reverse)?.icmp_code()?);
    FlowReverseIcmpCodeName => text(header(record, &record.reverse)?.icmp_code_name()?);
    TunnelType => text(encapsulation::kind(record, options.selection.profile())?);
    TunnelNetworkInterfaceMac => scratch.mac(tunnel(record)?.mac?);
    TunnelNetworkType => text(ip_name(encapsulation::version(record, options.selection.profile())?));
    TunnelNetworkTransport => transport(tunnel(record)?.protocol, scratch);
    TunnelSourceAddress => scratch.address(encapsulation::source(record, options.selection.profile())?);
    TunnelSourcePort => integer(tunnel(record)?.source.port?);
    TunnelDestinationAddress => scratch.address(encapsulation::destination(record, options.selection.profile())?);
    TunnelDestinationPort => integer(tunnel(record)?.destination.port?);
    TunnelId => scratch.display(tunnel(record)?.id?);
    TunnelIpsecAhSpi => integer(tunnel(record)?.ah?);
    TunnelBytesDelta => count(record.had_tunnel.then_some(record.forward.tunnel_bytes.delta)?);
    TunnelBytesTotal => count(record.had_tunnel.then_some(record.forward.tunnel_bytes.total)?);
    TunnelReverseBytesDelta => count(record.had_tunnel.then_some(record.reverse.tunnel_bytes.delta)?);
    TunnelReverseBytesTotal => count(record.had_tunnel.then_some(record.reverse.tunnel_bytes.total)?);
    TunnelKey => scratch.display(encapsulation::key(tunnel(record)?)?);
    TunnelSenderIndex => integer(record.forward.ipsec.sender?);
    TunnelReceiverIndex => integer(record.forward.ipsec.receiver?);
    TunnelSpi => scratch.display(encapsulation::spi(record)?);
    IpipNetworkType => text(ip_name(ipip(record)?.ip_version));
    IpipNetworkTransport => transport(ipip(record)?.protocol, scratch);
    IpipSourceAddress => scratch.address(ipip(record)?.source);
    IpipDestinationAddress => scratch.address(ipip(record)?.destination);
    IpipBytesDelta => count(record.had_ipip.then_some(record.forward.ipip_bytes.delta)?);
    IpipBytesTotal => count(record.had_ipip.then_some(record.forward.ipip_bytes.total)?);
    IpipReverseBytesDelta => count(record.had_ipip.then_some(record.reverse.ipip_bytes.delta)?);
    IpipReverseBytesTotal => count(record.had_ipip.then_some(record.reverse.ipip_bytes.total)?);
    FlowIpsecAhSpi => integer(record.forward.ipsec.ah?);
    FlowIpsecEspSpi => integer(record.forward.ipsec.esp?);
    FlowIpsecSenderIndex => integer(record.forward.ipsec.sender?);
    FlowIpsecReceiverIndex => integer(record.forward.ipsec.receiver?);
    FlowReverseIpsecAhSpi => integer(record.reverse.ipsec.ah?);
    FlowReverseIpsecEspSpi => integer(record.reverse.ipsec.esp?);
    FlowReverseIpsecSenderIndex => integer(record.reverse.ipsec.sender?);
    FlowReverseIpsecReceiverIndex => integer(record.reverse.ipsec.receiver?);
    NetworkPolicyIngress => Some(Value::Names(who(record)?.ingress.as_deref()?));
    NetworkPolicyEgress => Some(Value::Names(who(record)?.egress.as_deref()?));
    ProcessExecutableName => text(local(record)?.executable_name.as_deref()?);
    ProcessPid => integer(local(record)?.pid);
    ProcessExecutablePath => text(local(record)?.executable_path.as_deref()?);
    ProcessOwner => text(local(record)?.owner.as_deref()?);
    ProcessCommandLine => text(local(record)?.command_line.as_deref()?);
    SourceProcessPid => integer(source_process(record)?.pid);
    SourceProcessExecutableName => text(source_process(record)?.executable_name.as_deref()?);
    SourceProcessExecutablePath => text(source_process(record)?.executable_path.as_deref()?);
    SourceProcessOwner => text(source_process(record)?.owner.as_deref()?);
    SourceProcessCommandLine => text(source_process(record)?.command_line.as_deref()?);
    SourceContainerId => text(&container(source_process(record))?.id);
    SourceContainerRuntimeName => text(container(source_process(record))?.runtime.as_deref()?);
    DestinationProcessPid => integer(destination_process(record)?.pid);
    DestinationProcessExecutableName => text(destination_process(record)?.executable_name.as_deref()?);
    DestinationProcessExecutablePath => text(destination_process(record)?.executable_path.as_deref()?);
    DestinationProcessOwner => text(destination_process(record)?.owner.as_deref()?);
    DestinationProcessCommandLine => text(destination_process(record)?.command_line.as_deref()?);
    DestinationContainerId => text(&container(destination_process(record))?.id);
    DestinationContainerRuntimeName => text(container(destination_process(record))?.runtime.as_deref()?);
    SourceContainerName => text(container(source_process(record))?.name.as_deref()?);
    SourceContainerImageName => text(image(&who(record)?.source)?);
    DestinationContainerName => text(container(destination_process(record))?.name.as_deref()?);
    DestinationContainerImageName => text(image(&who(record)?.destination)?);
    ContainerImageName => text(image(local_party(record)?)?);
    ContainerName => text(container(local(record))?.name.as_deref()?);
}

/// The value that a line of [`visit`] gives.
#[inline(always)]
fn of<'a>(
    record: &'a Record,
    scratch: &'a mut Scratch,
    value: impl FnOnce(&'a Record, &'a mut Scratch) -> Option<Value<'a>>,
) -> Option<Value<'a>> {
    value(record, scratch)
}

/// Refuses to compile unless these are all attributes that are written, in the order of [`Attribute::ALL`], up to those of
/// Kubernetes.
const fn are_lines_of_the_registry(attributes: &[Attribute]) {
    let (mut at, mut line) = (0, 0);
    while at < Attribute::COUNT && !kubernetes::has(Attribute::ALL[at]) {
        if Attribute::ALL[at].definition().written {
            assert!(
                line < attributes.len() && attributes[line] as usize == at,
                "an attribute has no line in its place"
            );
            line += 1;
        }
        at += 1;
    }
    assert!(line == attributes.len(), "the registry says that nothing writes it");
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

fn who(record: &Record) -> Option<&Who> {
    record.who.as_deref()
}

/// The process of `process.pid`: the one at the source where both are on this host.
fn local(record: &Record) -> Option<&Process> {
    source_process(record).or_else(|| destination_process(record))
}

/// The end at which it is.
fn local_party(record: &Record) -> Option<&Party> {
    let who = who(record)?;
    [&who.source, &who.destination].into_iter().find(|party| party.process.is_some())
}

fn source_process(record: &Record) -> Option<&Process> {
    who(record)?.source.process.as_deref()
}

fn destination_process(record: &Record) -> Option<&Process> {
    who(record)?.destination.process.as_deref()
}

/// The image of the process's container, else that of the pod's container.
fn image(party: &Party) -> Option<&str> {
    let of_process = || container(party.process.as_deref())?.image.as_deref();
    of_process().or_else(|| Some(&*party.workload.as_ref()?.container.as_ref()?.image))
}

fn container(process: Option<&Process>) -> Option<&Container> {
    process?.container.as_deref()
}

/// The name of the end's address, else the address.
fn name_or_address<'a>(record: &'a Record, end: End, scratch: &'a mut Scratch) -> Option<Value<'a>> {
    let who = record.who.as_ref();
    let (endpoint, party) = match end {
        End::Source => (&record.source, who.map(|who| &who.source)),
        End::Destination => (&record.destination, who.map(|who| &who.destination)),
    };
    match party.and_then(|party| party.name.as_deref()) {
        Some(name) => text(name),
        None => scratch.address(endpoint.address),
    }
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
