// Generated from registry/ by `cargo xtask codegen`; do not edit.

/// An attribute of a flow span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribute {
    /// `flow.community_id`
    FlowCommunityId,
    /// `flow.direction`
    FlowDirection,
    /// `flow.connection.state`
    FlowConnectionState,
    /// `flow.end_reason`
    FlowEndReason,
    /// `source.address`
    SourceAddress,
    /// `source.port`
    SourcePort,
    /// `destination.address`
    DestinationAddress,
    /// `destination.port`
    DestinationPort,
    /// `client.address`
    ClientAddress,
    /// `client.port`
    ClientPort,
    /// `server.address`
    ServerAddress,
    /// `server.port`
    ServerPort,
    /// `network.transport`
    NetworkTransport,
    /// `network.type`
    NetworkType,
    /// `network.interface.index`
    NetworkInterfaceIndex,
    /// `network.interface.name`
    NetworkInterfaceName,
    /// `network.interface.mac`
    NetworkInterfaceMac,
    /// `flow.ip.dscp.id`
    FlowIpDscpId,
    /// `flow.ip.dscp.name`
    FlowIpDscpName,
    /// `flow.ip.ecn.id`
    FlowIpEcnId,
    /// `flow.ip.ecn.name`
    FlowIpEcnName,
    /// `flow.ip.ttl`
    FlowIpTtl,
    /// `flow.ip.flow_label`
    FlowIpFlowLabel,
    /// `flow.reverse.ip.dscp.id`
    FlowReverseIpDscpId,
    /// `flow.reverse.ip.dscp.name`
    FlowReverseIpDscpName,
    /// `flow.reverse.ip.ecn.id`
    FlowReverseIpEcnId,
    /// `flow.reverse.ip.ecn.name`
    FlowReverseIpEcnName,
    /// `flow.reverse.ip.ttl`
    FlowReverseIpTtl,
    /// `flow.reverse.ip.flow_label`
    FlowReverseIpFlowLabel,
    /// `flow.icmp.type.id`
    FlowIcmpTypeId,
    /// `flow.icmp.type.name`
    FlowIcmpTypeName,
    /// `flow.icmp.code.id`
    FlowIcmpCodeId,
    /// `flow.icmp.code.name`
    FlowIcmpCodeName,
    /// `flow.reverse.icmp.type.id`
    FlowReverseIcmpTypeId,
    /// `flow.reverse.icmp.type.name`
    FlowReverseIcmpTypeName,
    /// `flow.reverse.icmp.code.id`
    FlowReverseIcmpCodeId,
    /// `flow.reverse.icmp.code.name`
    FlowReverseIcmpCodeName,
    /// `flow.tcp.flags.bits`
    FlowTcpFlagsBits,
    /// `flow.tcp.flags.tags`
    FlowTcpFlagsTags,
    /// `flow.reverse.tcp.flags.bits`
    FlowReverseTcpFlagsBits,
    /// `flow.reverse.tcp.flags.tags`
    FlowReverseTcpFlagsTags,
    /// `flow.bytes.delta`
    FlowBytesDelta,
    /// `flow.bytes.total`
    FlowBytesTotal,
    /// `flow.packets.delta`
    FlowPacketsDelta,
    /// `flow.packets.total`
    FlowPacketsTotal,
    /// `flow.reverse.bytes.delta`
    FlowReverseBytesDelta,
    /// `flow.reverse.bytes.total`
    FlowReverseBytesTotal,
    /// `flow.reverse.packets.delta`
    FlowReversePacketsDelta,
    /// `flow.reverse.packets.total`
    FlowReversePacketsTotal,
    /// `flow.tcp.handshake.latency`
    FlowTcpHandshakeLatency,
    /// `flow.tcp.svc.latency`
    FlowTcpSvcLatency,
    /// `flow.tcp.svc.jitter`
    FlowTcpSvcJitter,
    /// `flow.tcp.rndtrip.latency`
    FlowTcpRndtripLatency,
    /// `flow.tcp.rndtrip.jitter`
    FlowTcpRndtripJitter,
    /// `flow.ipsec.ah.spi`
    FlowIpsecAhSpi,
    /// `flow.ipsec.esp.spi`
    FlowIpsecEspSpi,
    /// `flow.ipsec.sender_index`
    FlowIpsecSenderIndex,
    /// `flow.ipsec.receiver_index`
    FlowIpsecReceiverIndex,
    /// `ipip.network.type`
    IpipNetworkType,
    /// `ipip.network.transport`
    IpipNetworkTransport,
    /// `ipip.source.address`
    IpipSourceAddress,
    /// `ipip.destination.address`
    IpipDestinationAddress,
    /// `ipip.bytes.delta`
    IpipBytesDelta,
    /// `ipip.bytes.total`
    IpipBytesTotal,
    /// `ipip.reverse.bytes.delta`
    IpipReverseBytesDelta,
    /// `ipip.reverse.bytes.total`
    IpipReverseBytesTotal,
    /// `tunnel.type`
    TunnelType,
    /// `tunnel.network.interface.mac`
    TunnelNetworkInterfaceMac,
    /// `tunnel.network.type`
    TunnelNetworkType,
    /// `tunnel.network.transport`
    TunnelNetworkTransport,
    /// `tunnel.source.address`
    TunnelSourceAddress,
    /// `tunnel.source.port`
    TunnelSourcePort,
    /// `tunnel.destination.address`
    TunnelDestinationAddress,
    /// `tunnel.destination.port`
    TunnelDestinationPort,
    /// `tunnel.id`
    TunnelId,
    /// `tunnel.ipsec.ah.spi`
    TunnelIpsecAhSpi,
    /// `tunnel.ipsec.esp.spi`
    TunnelIpsecEspSpi,
    /// `tunnel.bytes.delta`
    TunnelBytesDelta,
    /// `tunnel.bytes.total`
    TunnelBytesTotal,
    /// `tunnel.reverse.bytes.delta`
    TunnelReverseBytesDelta,
    /// `tunnel.reverse.bytes.total`
    TunnelReverseBytesTotal,
    /// `source.k8s.cluster.name`
    SourceK8sClusterName,
    /// `source.k8s.cluster.uid`
    SourceK8sClusterUid,
    /// `source.k8s.node.name`
    SourceK8sNodeName,
    /// `source.k8s.node.uid`
    SourceK8sNodeUid,
    /// `source.k8s.node.annotations`
    SourceK8sNodeAnnotations,
    /// `source.k8s.namespace.name`
    SourceK8sNamespaceName,
    /// `source.k8s.pod.name`
    SourceK8sPodName,
    /// `source.k8s.pod.uid`
    SourceK8sPodUid,
    /// `source.k8s.pod.annotations`
    SourceK8sPodAnnotations,
    /// `source.k8s.container.name`
    SourceK8sContainerName,
    /// `source.k8s.deployment.name`
    SourceK8sDeploymentName,
    /// `source.k8s.deployment.uid`
    SourceK8sDeploymentUid,
    /// `source.k8s.deployment.annotations`
    SourceK8sDeploymentAnnotations,
    /// `source.k8s.replicaset.name`
    SourceK8sReplicasetName,
    /// `source.k8s.replicaset.uid`
    SourceK8sReplicasetUid,
    /// `source.k8s.replicaset.annotations`
    SourceK8sReplicasetAnnotations,
    /// `source.k8s.statefulset.name`
    SourceK8sStatefulsetName,
    /// `source.k8s.statefulset.uid`
    SourceK8sStatefulsetUid,
    /// `source.k8s.statefulset.annotations`
    SourceK8sStatefulsetAnnotations,
    /// `source.k8s.daemonset.name`
    SourceK8sDaemonsetName,
    /// `source.k8s.daemonset.uid`
    SourceK8sDaemonsetUid,
    /// `source.k8s.daemonset.annotations`
    SourceK8sDaemonsetAnnotations,
    /// `source.k8s.job.name`
    SourceK8sJobName,
    /// `source.k8s.job.uid`
    SourceK8sJobUid,
    /// `source.k8s.job.annotations`
    SourceK8sJobAnnotations,
    /// `source.k8s.cronjob.name`
    SourceK8sCronjobName,
    /// `source.k8s.cronjob.uid`
    SourceK8sCronjobUid,
    /// `source.k8s.cronjob.annotations`
    SourceK8sCronjobAnnotations,
    /// `source.k8s.service.name`
    SourceK8sServiceName,
    /// `source.k8s.service.uid`
    SourceK8sServiceUid,
    /// `source.k8s.service.annotations`
    SourceK8sServiceAnnotations,
    /// `destination.k8s.cluster.name`
    DestinationK8sClusterName,
    /// `destination.k8s.cluster.uid`
    DestinationK8sClusterUid,
    /// `destination.k8s.node.name`
    DestinationK8sNodeName,
    /// `destination.k8s.node.uid`
    DestinationK8sNodeUid,
    /// `destination.k8s.node.annotations`
    DestinationK8sNodeAnnotations,
    /// `destination.k8s.namespace.name`
    DestinationK8sNamespaceName,
    /// `destination.k8s.pod.name`
    DestinationK8sPodName,
    /// `destination.k8s.pod.uid`
    DestinationK8sPodUid,
    /// `destination.k8s.pod.annotations`
    DestinationK8sPodAnnotations,
    /// `destination.k8s.container.name`
    DestinationK8sContainerName,
    /// `destination.k8s.deployment.name`
    DestinationK8sDeploymentName,
    /// `destination.k8s.deployment.uid`
    DestinationK8sDeploymentUid,
    /// `destination.k8s.deployment.annotations`
    DestinationK8sDeploymentAnnotations,
    /// `destination.k8s.replicaset.name`
    DestinationK8sReplicasetName,
    /// `destination.k8s.replicaset.uid`
    DestinationK8sReplicasetUid,
    /// `destination.k8s.replicaset.annotations`
    DestinationK8sReplicasetAnnotations,
    /// `destination.k8s.statefulset.name`
    DestinationK8sStatefulsetName,
    /// `destination.k8s.statefulset.uid`
    DestinationK8sStatefulsetUid,
    /// `destination.k8s.statefulset.annotations`
    DestinationK8sStatefulsetAnnotations,
    /// `destination.k8s.daemonset.name`
    DestinationK8sDaemonsetName,
    /// `destination.k8s.daemonset.uid`
    DestinationK8sDaemonsetUid,
    /// `destination.k8s.daemonset.annotations`
    DestinationK8sDaemonsetAnnotations,
    /// `destination.k8s.job.name`
    DestinationK8sJobName,
    /// `destination.k8s.job.uid`
    DestinationK8sJobUid,
    /// `destination.k8s.job.annotations`
    DestinationK8sJobAnnotations,
    /// `destination.k8s.cronjob.name`
    DestinationK8sCronjobName,
    /// `destination.k8s.cronjob.uid`
    DestinationK8sCronjobUid,
    /// `destination.k8s.cronjob.annotations`
    DestinationK8sCronjobAnnotations,
    /// `destination.k8s.service.name`
    DestinationK8sServiceName,
    /// `destination.k8s.service.uid`
    DestinationK8sServiceUid,
    /// `destination.k8s.service.annotations`
    DestinationK8sServiceAnnotations,
    /// `network.policy.ingress`
    NetworkPolicyIngress,
    /// `network.policy.egress`
    NetworkPolicyEgress,
    /// `process.executable.name`
    ProcessExecutableName,
    /// `process.pid`
    ProcessPid,
    /// `source.container.name`
    SourceContainerName,
    /// `source.container.image.name`
    SourceContainerImageName,
    /// `destination.container.name`
    DestinationContainerName,
    /// `destination.container.image.name`
    DestinationContainerImageName,
    /// `flow.initiator`
    FlowInitiator,
    /// `flow.tcp.handshake.snd.latency`
    FlowTcpHandshakeSndLatency,
    /// `flow.tcp.handshake.snd.jitter`
    FlowTcpHandshakeSndJitter,
    /// `flow.tcp.handshake.cnd.latency`
    FlowTcpHandshakeCndLatency,
    /// `flow.tcp.handshake.cnd.jitter`
    FlowTcpHandshakeCndJitter,
    /// `tunnel.key`
    TunnelKey,
    /// `tunnel.sender_index`
    TunnelSenderIndex,
    /// `tunnel.receiver_index`
    TunnelReceiverIndex,
    /// `tunnel.spi`
    TunnelSpi,
    /// `container.image.name`
    ContainerImageName,
    /// `container.name`
    ContainerName,
    /// `error.type`
    ErrorType,
    /// `flow.tcp.closed_by`
    FlowTcpClosedBy,
}

impl Attribute {
    /// All attributes, in the order of output.
    pub const ALL: [Self; 164] = [
        Self::FlowCommunityId,
        Self::FlowDirection,
        Self::FlowConnectionState,
        Self::FlowEndReason,
        Self::SourceAddress,
        Self::SourcePort,
        Self::DestinationAddress,
        Self::DestinationPort,
        Self::ClientAddress,
        Self::ClientPort,
        Self::ServerAddress,
        Self::ServerPort,
        Self::NetworkTransport,
        Self::NetworkType,
        Self::NetworkInterfaceIndex,
        Self::NetworkInterfaceName,
        Self::NetworkInterfaceMac,
        Self::FlowIpDscpId,
        Self::FlowIpDscpName,
        Self::FlowIpEcnId,
        Self::FlowIpEcnName,
        Self::FlowIpTtl,
        Self::FlowIpFlowLabel,
        Self::FlowReverseIpDscpId,
        Self::FlowReverseIpDscpName,
        Self::FlowReverseIpEcnId,
        Self::FlowReverseIpEcnName,
        Self::FlowReverseIpTtl,
        Self::FlowReverseIpFlowLabel,
        Self::FlowIcmpTypeId,
        Self::FlowIcmpTypeName,
        Self::FlowIcmpCodeId,
        Self::FlowIcmpCodeName,
        Self::FlowReverseIcmpTypeId,
        Self::FlowReverseIcmpTypeName,
        Self::FlowReverseIcmpCodeId,
        Self::FlowReverseIcmpCodeName,
        Self::FlowTcpFlagsBits,
        Self::FlowTcpFlagsTags,
        Self::FlowReverseTcpFlagsBits,
        Self::FlowReverseTcpFlagsTags,
        Self::FlowBytesDelta,
        Self::FlowBytesTotal,
        Self::FlowPacketsDelta,
        Self::FlowPacketsTotal,
        Self::FlowReverseBytesDelta,
        Self::FlowReverseBytesTotal,
        Self::FlowReversePacketsDelta,
        Self::FlowReversePacketsTotal,
        Self::FlowTcpHandshakeLatency,
        Self::FlowTcpSvcLatency,
        Self::FlowTcpSvcJitter,
        Self::FlowTcpRndtripLatency,
        Self::FlowTcpRndtripJitter,
        Self::FlowIpsecAhSpi,
        Self::FlowIpsecEspSpi,
        Self::FlowIpsecSenderIndex,
        Self::FlowIpsecReceiverIndex,
        Self::IpipNetworkType,
        Self::IpipNetworkTransport,
        Self::IpipSourceAddress,
        Self::IpipDestinationAddress,
        Self::IpipBytesDelta,
        Self::IpipBytesTotal,
        Self::IpipReverseBytesDelta,
        Self::IpipReverseBytesTotal,
        Self::TunnelType,
        Self::TunnelNetworkInterfaceMac,
        Self::TunnelNetworkType,
        Self::TunnelNetworkTransport,
        Self::TunnelSourceAddress,
        Self::TunnelSourcePort,
        Self::TunnelDestinationAddress,
        Self::TunnelDestinationPort,
        Self::TunnelId,
        Self::TunnelIpsecAhSpi,
        Self::TunnelIpsecEspSpi,
        Self::TunnelBytesDelta,
        Self::TunnelBytesTotal,
        Self::TunnelReverseBytesDelta,
        Self::TunnelReverseBytesTotal,
        Self::SourceK8sClusterName,
        Self::SourceK8sClusterUid,
        Self::SourceK8sNodeName,
        Self::SourceK8sNodeUid,
        Self::SourceK8sNodeAnnotations,
        Self::SourceK8sNamespaceName,
        Self::SourceK8sPodName,
        Self::SourceK8sPodUid,
        Self::SourceK8sPodAnnotations,
        Self::SourceK8sContainerName,
        Self::SourceK8sDeploymentName,
        Self::SourceK8sDeploymentUid,
        Self::SourceK8sDeploymentAnnotations,
        Self::SourceK8sReplicasetName,
        Self::SourceK8sReplicasetUid,
        Self::SourceK8sReplicasetAnnotations,
        Self::SourceK8sStatefulsetName,
        Self::SourceK8sStatefulsetUid,
        Self::SourceK8sStatefulsetAnnotations,
        Self::SourceK8sDaemonsetName,
        Self::SourceK8sDaemonsetUid,
        Self::SourceK8sDaemonsetAnnotations,
        Self::SourceK8sJobName,
        Self::SourceK8sJobUid,
        Self::SourceK8sJobAnnotations,
        Self::SourceK8sCronjobName,
        Self::SourceK8sCronjobUid,
        Self::SourceK8sCronjobAnnotations,
        Self::SourceK8sServiceName,
        Self::SourceK8sServiceUid,
        Self::SourceK8sServiceAnnotations,
        Self::DestinationK8sClusterName,
        Self::DestinationK8sClusterUid,
        Self::DestinationK8sNodeName,
        Self::DestinationK8sNodeUid,
        Self::DestinationK8sNodeAnnotations,
        Self::DestinationK8sNamespaceName,
        Self::DestinationK8sPodName,
        Self::DestinationK8sPodUid,
        Self::DestinationK8sPodAnnotations,
        Self::DestinationK8sContainerName,
        Self::DestinationK8sDeploymentName,
        Self::DestinationK8sDeploymentUid,
        Self::DestinationK8sDeploymentAnnotations,
        Self::DestinationK8sReplicasetName,
        Self::DestinationK8sReplicasetUid,
        Self::DestinationK8sReplicasetAnnotations,
        Self::DestinationK8sStatefulsetName,
        Self::DestinationK8sStatefulsetUid,
        Self::DestinationK8sStatefulsetAnnotations,
        Self::DestinationK8sDaemonsetName,
        Self::DestinationK8sDaemonsetUid,
        Self::DestinationK8sDaemonsetAnnotations,
        Self::DestinationK8sJobName,
        Self::DestinationK8sJobUid,
        Self::DestinationK8sJobAnnotations,
        Self::DestinationK8sCronjobName,
        Self::DestinationK8sCronjobUid,
        Self::DestinationK8sCronjobAnnotations,
        Self::DestinationK8sServiceName,
        Self::DestinationK8sServiceUid,
        Self::DestinationK8sServiceAnnotations,
        Self::NetworkPolicyIngress,
        Self::NetworkPolicyEgress,
        Self::ProcessExecutableName,
        Self::ProcessPid,
        Self::SourceContainerName,
        Self::SourceContainerImageName,
        Self::DestinationContainerName,
        Self::DestinationContainerImageName,
        Self::FlowInitiator,
        Self::FlowTcpHandshakeSndLatency,
        Self::FlowTcpHandshakeSndJitter,
        Self::FlowTcpHandshakeCndLatency,
        Self::FlowTcpHandshakeCndJitter,
        Self::TunnelKey,
        Self::TunnelSenderIndex,
        Self::TunnelReceiverIndex,
        Self::TunnelSpi,
        Self::ContainerImageName,
        Self::ContainerName,
        Self::ErrorType,
        Self::FlowTcpClosedBy,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FlowCommunityId => "flow.community_id",
            Self::FlowDirection => "flow.direction",
            Self::FlowConnectionState => "flow.connection.state",
            Self::FlowEndReason => "flow.end_reason",
            Self::SourceAddress => "source.address",
            Self::SourcePort => "source.port",
            Self::DestinationAddress => "destination.address",
            Self::DestinationPort => "destination.port",
            Self::ClientAddress => "client.address",
            Self::ClientPort => "client.port",
            Self::ServerAddress => "server.address",
            Self::ServerPort => "server.port",
            Self::NetworkTransport => "network.transport",
            Self::NetworkType => "network.type",
            Self::NetworkInterfaceIndex => "network.interface.index",
            Self::NetworkInterfaceName => "network.interface.name",
            Self::NetworkInterfaceMac => "network.interface.mac",
            Self::FlowIpDscpId => "flow.ip.dscp.id",
            Self::FlowIpDscpName => "flow.ip.dscp.name",
            Self::FlowIpEcnId => "flow.ip.ecn.id",
            Self::FlowIpEcnName => "flow.ip.ecn.name",
            Self::FlowIpTtl => "flow.ip.ttl",
            Self::FlowIpFlowLabel => "flow.ip.flow_label",
            Self::FlowReverseIpDscpId => "flow.reverse.ip.dscp.id",
            Self::FlowReverseIpDscpName => "flow.reverse.ip.dscp.name",
            Self::FlowReverseIpEcnId => "flow.reverse.ip.ecn.id",
            Self::FlowReverseIpEcnName => "flow.reverse.ip.ecn.name",
            Self::FlowReverseIpTtl => "flow.reverse.ip.ttl",
            Self::FlowReverseIpFlowLabel => "flow.reverse.ip.flow_label",
            Self::FlowIcmpTypeId => "flow.icmp.type.id",
            Self::FlowIcmpTypeName => "flow.icmp.type.name",
            Self::FlowIcmpCodeId => "flow.icmp.code.id",
            Self::FlowIcmpCodeName => "flow.icmp.code.name",
            Self::FlowReverseIcmpTypeId => "flow.reverse.icmp.type.id",
            Self::FlowReverseIcmpTypeName => "flow.reverse.icmp.type.name",
            Self::FlowReverseIcmpCodeId => "flow.reverse.icmp.code.id",
            Self::FlowReverseIcmpCodeName => "flow.reverse.icmp.code.name",
            Self::FlowTcpFlagsBits => "flow.tcp.flags.bits",
            Self::FlowTcpFlagsTags => "flow.tcp.flags.tags",
            Self::FlowReverseTcpFlagsBits => "flow.reverse.tcp.flags.bits",
            Self::FlowReverseTcpFlagsTags => "flow.reverse.tcp.flags.tags",
            Self::FlowBytesDelta => "flow.bytes.delta",
            Self::FlowBytesTotal => "flow.bytes.total",
            Self::FlowPacketsDelta => "flow.packets.delta",
            Self::FlowPacketsTotal => "flow.packets.total",
            Self::FlowReverseBytesDelta => "flow.reverse.bytes.delta",
            Self::FlowReverseBytesTotal => "flow.reverse.bytes.total",
            Self::FlowReversePacketsDelta => "flow.reverse.packets.delta",
            Self::FlowReversePacketsTotal => "flow.reverse.packets.total",
            Self::FlowTcpHandshakeLatency => "flow.tcp.handshake.latency",
            Self::FlowTcpSvcLatency => "flow.tcp.svc.latency",
            Self::FlowTcpSvcJitter => "flow.tcp.svc.jitter",
            Self::FlowTcpRndtripLatency => "flow.tcp.rndtrip.latency",
            Self::FlowTcpRndtripJitter => "flow.tcp.rndtrip.jitter",
            Self::FlowIpsecAhSpi => "flow.ipsec.ah.spi",
            Self::FlowIpsecEspSpi => "flow.ipsec.esp.spi",
            Self::FlowIpsecSenderIndex => "flow.ipsec.sender_index",
            Self::FlowIpsecReceiverIndex => "flow.ipsec.receiver_index",
            Self::IpipNetworkType => "ipip.network.type",
            Self::IpipNetworkTransport => "ipip.network.transport",
            Self::IpipSourceAddress => "ipip.source.address",
            Self::IpipDestinationAddress => "ipip.destination.address",
            Self::IpipBytesDelta => "ipip.bytes.delta",
            Self::IpipBytesTotal => "ipip.bytes.total",
            Self::IpipReverseBytesDelta => "ipip.reverse.bytes.delta",
            Self::IpipReverseBytesTotal => "ipip.reverse.bytes.total",
            Self::TunnelType => "tunnel.type",
            Self::TunnelNetworkInterfaceMac => "tunnel.network.interface.mac",
            Self::TunnelNetworkType => "tunnel.network.type",
            Self::TunnelNetworkTransport => "tunnel.network.transport",
            Self::TunnelSourceAddress => "tunnel.source.address",
            Self::TunnelSourcePort => "tunnel.source.port",
            Self::TunnelDestinationAddress => "tunnel.destination.address",
            Self::TunnelDestinationPort => "tunnel.destination.port",
            Self::TunnelId => "tunnel.id",
            Self::TunnelIpsecAhSpi => "tunnel.ipsec.ah.spi",
            Self::TunnelIpsecEspSpi => "tunnel.ipsec.esp.spi",
            Self::TunnelBytesDelta => "tunnel.bytes.delta",
            Self::TunnelBytesTotal => "tunnel.bytes.total",
            Self::TunnelReverseBytesDelta => "tunnel.reverse.bytes.delta",
            Self::TunnelReverseBytesTotal => "tunnel.reverse.bytes.total",
            Self::SourceK8sClusterName => "source.k8s.cluster.name",
            Self::SourceK8sClusterUid => "source.k8s.cluster.uid",
            Self::SourceK8sNodeName => "source.k8s.node.name",
            Self::SourceK8sNodeUid => "source.k8s.node.uid",
            Self::SourceK8sNodeAnnotations => "source.k8s.node.annotations",
            Self::SourceK8sNamespaceName => "source.k8s.namespace.name",
            Self::SourceK8sPodName => "source.k8s.pod.name",
            Self::SourceK8sPodUid => "source.k8s.pod.uid",
            Self::SourceK8sPodAnnotations => "source.k8s.pod.annotations",
            Self::SourceK8sContainerName => "source.k8s.container.name",
            Self::SourceK8sDeploymentName => "source.k8s.deployment.name",
            Self::SourceK8sDeploymentUid => "source.k8s.deployment.uid",
            Self::SourceK8sDeploymentAnnotations => "source.k8s.deployment.annotations",
            Self::SourceK8sReplicasetName => "source.k8s.replicaset.name",
            Self::SourceK8sReplicasetUid => "source.k8s.replicaset.uid",
            Self::SourceK8sReplicasetAnnotations => "source.k8s.replicaset.annotations",
            Self::SourceK8sStatefulsetName => "source.k8s.statefulset.name",
            Self::SourceK8sStatefulsetUid => "source.k8s.statefulset.uid",
            Self::SourceK8sStatefulsetAnnotations => "source.k8s.statefulset.annotations",
            Self::SourceK8sDaemonsetName => "source.k8s.daemonset.name",
            Self::SourceK8sDaemonsetUid => "source.k8s.daemonset.uid",
            Self::SourceK8sDaemonsetAnnotations => "source.k8s.daemonset.annotations",
            Self::SourceK8sJobName => "source.k8s.job.name",
            Self::SourceK8sJobUid => "source.k8s.job.uid",
            Self::SourceK8sJobAnnotations => "source.k8s.job.annotations",
            Self::SourceK8sCronjobName => "source.k8s.cronjob.name",
            Self::SourceK8sCronjobUid => "source.k8s.cronjob.uid",
            Self::SourceK8sCronjobAnnotations => "source.k8s.cronjob.annotations",
            Self::SourceK8sServiceName => "source.k8s.service.name",
            Self::SourceK8sServiceUid => "source.k8s.service.uid",
            Self::SourceK8sServiceAnnotations => "source.k8s.service.annotations",
            Self::DestinationK8sClusterName => "destination.k8s.cluster.name",
            Self::DestinationK8sClusterUid => "destination.k8s.cluster.uid",
            Self::DestinationK8sNodeName => "destination.k8s.node.name",
            Self::DestinationK8sNodeUid => "destination.k8s.node.uid",
            Self::DestinationK8sNodeAnnotations => "destination.k8s.node.annotations",
            Self::DestinationK8sNamespaceName => "destination.k8s.namespace.name",
            Self::DestinationK8sPodName => "destination.k8s.pod.name",
            Self::DestinationK8sPodUid => "destination.k8s.pod.uid",
            Self::DestinationK8sPodAnnotations => "destination.k8s.pod.annotations",
            Self::DestinationK8sContainerName => "destination.k8s.container.name",
            Self::DestinationK8sDeploymentName => "destination.k8s.deployment.name",
            Self::DestinationK8sDeploymentUid => "destination.k8s.deployment.uid",
            Self::DestinationK8sDeploymentAnnotations => "destination.k8s.deployment.annotations",
            Self::DestinationK8sReplicasetName => "destination.k8s.replicaset.name",
            Self::DestinationK8sReplicasetUid => "destination.k8s.replicaset.uid",
            Self::DestinationK8sReplicasetAnnotations => "destination.k8s.replicaset.annotations",
            Self::DestinationK8sStatefulsetName => "destination.k8s.statefulset.name",
            Self::DestinationK8sStatefulsetUid => "destination.k8s.statefulset.uid",
            Self::DestinationK8sStatefulsetAnnotations => "destination.k8s.statefulset.annotations",
            Self::DestinationK8sDaemonsetName => "destination.k8s.daemonset.name",
            Self::DestinationK8sDaemonsetUid => "destination.k8s.daemonset.uid",
            Self::DestinationK8sDaemonsetAnnotations => "destination.k8s.daemonset.annotations",
            Self::DestinationK8sJobName => "destination.k8s.job.name",
            Self::DestinationK8sJobUid => "destination.k8s.job.uid",
            Self::DestinationK8sJobAnnotations => "destination.k8s.job.annotations",
            Self::DestinationK8sCronjobName => "destination.k8s.cronjob.name",
            Self::DestinationK8sCronjobUid => "destination.k8s.cronjob.uid",
            Self::DestinationK8sCronjobAnnotations => "destination.k8s.cronjob.annotations",
            Self::DestinationK8sServiceName => "destination.k8s.service.name",
            Self::DestinationK8sServiceUid => "destination.k8s.service.uid",
            Self::DestinationK8sServiceAnnotations => "destination.k8s.service.annotations",
            Self::NetworkPolicyIngress => "network.policy.ingress",
            Self::NetworkPolicyEgress => "network.policy.egress",
            Self::ProcessExecutableName => "process.executable.name",
            Self::ProcessPid => "process.pid",
            Self::SourceContainerName => "source.container.name",
            Self::SourceContainerImageName => "source.container.image.name",
            Self::DestinationContainerName => "destination.container.name",
            Self::DestinationContainerImageName => "destination.container.image.name",
            Self::FlowInitiator => "flow.initiator",
            Self::FlowTcpHandshakeSndLatency => "flow.tcp.handshake.snd.latency",
            Self::FlowTcpHandshakeSndJitter => "flow.tcp.handshake.snd.jitter",
            Self::FlowTcpHandshakeCndLatency => "flow.tcp.handshake.cnd.latency",
            Self::FlowTcpHandshakeCndJitter => "flow.tcp.handshake.cnd.jitter",
            Self::TunnelKey => "tunnel.key",
            Self::TunnelSenderIndex => "tunnel.sender_index",
            Self::TunnelReceiverIndex => "tunnel.receiver_index",
            Self::TunnelSpi => "tunnel.spi",
            Self::ContainerImageName => "container.image.name",
            Self::ContainerName => "container.name",
            Self::ErrorType => "error.type",
            Self::FlowTcpClosedBy => "flow.tcp.closed_by",
        }
    }
}
