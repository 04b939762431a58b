//! Files of the corpus in which flowtrace sees other flows than tshark does, and why.

/// One of them.
#[derive(Debug)]
pub struct Difference {
    /// Folder and name.
    pub file: &'static str,
    /// Numbers of the packets in the file.
    pub packets: &'static str,
    /// What tshark says of them.
    pub tshark: &'static str,
    /// What flowtrace says.
    pub flowtrace: &'static str,
    /// The sentence that decides.
    pub decides: &'static str,
}

const PROTOCOL_0: &str = "RFC 8200 section 4.3: the Hop-by-Hop Options header is identified by a Next Header value of 0 \
    in the IPv6 header; in an IPv4 header 0 is the number of a protocol (RFC 791 section 3.1)";
const REST: &str = "RFC 8200 section 3 and RFC 2675 section 3: length 0 is set where the packet is too long for the \
    field; flowtrace counts the rest of the frame then, as it does for what offloading leaves without a length";
const BOUNDED: &str = "RFC 8200 section 4.1: each extension header should occur at most once, Destination Options at most \
    twice; flowtrace stops after 14, and counts the packet under the number of the next one";

/// Outside `malformed/`, of files whose truth has a defined answer.
pub const DIFFERENCES: [Difference; 8] = [
    Difference {
        file: "ipv6/libpcap__tests_filter_ipv6_ext_headers.pcap",
        packets: "1",
        tshark: "UDP behind some hundred extension headers",
        flowtrace: "a flow of the extension header at which it stopped",
        decides: BOUNDED,
    },
    Difference {
        file: "ipv6/tcpdump__tests_bigtcp-ipv6-hbh.pcap",
        packets: "1",
        tshark: "40 bytes",
        flowtrace: "80080 bytes, which is what the Jumbo Payload option says, and 40",
        decides: REST,
    },
    Difference {
        file: "ipv6/tcpdump__tests_ipv6_frag6_negative_len.pcap",
        packets: "1",
        tshark: "40 bytes, protocol of the fragment header",
        flowtrace: "all 32882 bytes, protocol that the fragment header names",
        decides: REST,
    },
    Difference {
        file: "ipv6/tcpdump__tests_ipv6_missing_jumbo_payload_option.pcap",
        packets: "1",
        tshark: "40 bytes, protocol 0",
        flowtrace: "all 262130 bytes, the protocol behind the hop-by-hop options",
        decides: REST,
    },
    Difference {
        file: "ipv6/trex-core__scripts_exp_hlt_ip_ranges.pcap",
        packets: "1-20",
        tshark: "an IPv6 hop-by-hop header in IPv4, and protocols behind it",
        flowtrace: "IPv4 with protocol 0",
        decides: PROTOCOL_0,
    },
    Difference {
        file: "tunnels/trex-core__scripts_exp_udp_1pkt_vxlan.pcap",
        packets: "1-17",
        tshark: "an IPv6 hop-by-hop header in the inner IPv4, and a protocol behind it",
        flowtrace: "inner IPv4 with protocol 0",
        decides: PROTOCOL_0,
    },
    Difference {
        file: "vlan/trex-core__scripts_exp_hlt_david3.pcap",
        packets: "1-20",
        tshark: "an IPv6 hop-by-hop header in IPv4, and DCCP behind it",
        flowtrace: "IPv4 with protocol 0",
        decides: PROTOCOL_0,
    },
    Difference {
        file: "vlan/trex-core__scripts_exp_hlt_david4.pcap",
        packets: "1-20",
        tshark: "an IPv6 hop-by-hop header in IPv4, and protocols behind it",
        flowtrace: "IPv4 with protocol 0",
        decides: PROTOCOL_0,
    },
];

const GTP: &str = "tshark's truth stops at GTP-U, flowtrace opens it (3GPP TS 29.281 section 5.1)";
const TEREDO: &str = "tshark's truth stops at Teredo, flowtrace opens it (RFC 4380 section 5.1.1)";

/// Damaged files, and those whose truth has no defined answer; with the reason.
pub const WITHOUT_TRUTH: [(&str, &str); 22] = [
    ("malformed/pcapsql__fuzz_corpus_fuzz_pcap_reader_gtp_user.pcap", GTP),
    ("malformed/suricata-verify__tests_ipv6-evasion_ipv6-malformed-fragments-12_frag-12.pcap", BOUNDED),
    (
        "malformed/tcpdump__tests_hoobr_rt6_print.pcap",
        "the capture ends in the routing header: flowtrace counts that, tshark what its first byte names",
    ),
    ("malformed/tcpdump__tests_icmp-icmp_print-oobr-2.pcap", "ICMP without a type: the truth has no community id"),
    ("malformed/tcpdump__tests_quic_32_bit_pointer_overflow.pcap", REST),
    (
        "malformed/zeek__trunc_mpls-6in6-broken.pcap",
        "more than 14 labels before what tshark takes for IPv4: counted as too_many_headers",
    ),
    ("tunnels/arkime__tests_pcap_arkime_synthetic.pcap", "tshark's truth stops at GTP-U and at IP in Geneve"),
    ("tunnels/arkime__tests_pcap_gtp-u.pcap", GTP),
    ("tunnels/arkime__tests_pcap_ipv6-gtp6.pcap", GTP),
    ("tunnels/suricata-verify__tests_output-eve-ftp-data_input.pcap", TEREDO),
    ("tunnels/tcpdump__tests_nsh-over-vxlan-gpe.pcap", "tshark's truth stops at NSH, flowtrace reads it (RFC 8300)"),
    ("tunnels/trex-core__scripts_exp_tcp2_http_vlan_gtpu_c.pcap", GTP),
    ("tunnels/trex-core__scripts_exp_tcp2_http_vlan_gtpu_s.pcap", GTP),
    ("tunnels/trex-core__scripts_exp_tunnel_prepend.pcap", GTP),
    ("tunnels/trex-core__scripts_exp_tunnel_prepend_ipv4_with_vlan_ipv6.pcap", GTP),
    ("tunnels/trex-core__scripts_exp_tunnel_prepend_ipv6.pcap", GTP),
    ("tunnels/trex-core__scripts_exp_tunnel_prepend_ipv6_with_vlan.pcap", GTP),
    ("tunnels/trex-core__scripts_exp_tunnel_prepend_ipv6_with_vlan_ipv4.pcap", GTP),
    ("tunnels/zeek__tunnels_Teredo.pcap", TEREDO),
    ("tunnels/zeek__tunnels_gtp_gtp2_different_udp_port.pcap", GTP),
    ("tunnels/zeek__tunnels_gtp_gtp4_udp_2152_inside.pcap", GTP),
    ("tunnels/zeek__tunnels_teredo_bubble_with_payload.pcap", TEREDO),
];
