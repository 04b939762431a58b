//! Where flowtrace says something else of TCP than tshark does, and why: all of it, in the whole corpus.

/// Segments of one file that differ for one reason.
#[derive(Debug)]
pub struct Difference {
    /// Folder and name.
    pub file: &'static str,
    /// Numbers of the packets in the file.
    pub frames: &'static [u64],
    /// What tshark says of them.
    pub tshark: &'static str,
    /// What flowtrace says.
    pub flowtrace: &'static str,
    /// Why flowtrace's answer stands.
    pub reason: &'static str,
}

/// Connections of one file that differ for one reason.
#[derive(Debug)]
pub struct Differing {
    /// Folder and name.
    pub file: &'static str,
    /// Their numbers in the file (`tcp.stream`).
    pub streams: &'static [u32],
    /// Why flowtrace's answer stands.
    pub reason: &'static str,
}

const NOTHING: &str = "nothing";
const RETRANSMISSION: &str = "retransmission";
const OUT_OF_ORDER: &str = "out of order";

const ACKNOWLEDGED_EARLIER: &str = "the acknowledgement is in the file before the data, which are there once and in \
    order: the capture mixed up the two directions, nobody sent twice (tshark: spurious retransmission)";
const SEEN_BEFORE: &str = "these bytes were in the file already: tshark calls out of order what comes less than a round \
    trip after the newest segment, flowtrace only what fills a hole";
const SYN_AGAIN_LATER: &str = "the SYN was in the file already, and was answered";
const LONGER: &str = "it begins with bytes that were sent before, and goes on with new ones";
const BARE_ACKNOWLEDGEMENT: &str = "a bare acknowledgement overtook the FIN: tshark takes its number for sent data; \
    flowtrace looks at segments that hold some, so that most packets cost nothing";
const NO_FLAGS: &str = "segments without a single flag are in no place of a connection (RFC 9293 section 3.5.2: all but \
    the first SYN and some RSTs have ACK)";
const PADDING: &str = "the IP header counts Ethernet padding as its own: tshark believes PPPoE's length, flowtrace that of \
    the IP header (semantics: bytes are IP bytes)";

/// Segments.
pub const SEGMENTS: [Difference; 10] = [
    Difference {
        file: "ipv6/zeek__ipv6-http-atomic-frag.pcap",
        frames: &[8],
        tshark: RETRANSMISSION,
        flowtrace: NOTHING,
        reason: ACKNOWLEDGED_EARLIER,
    },
    Difference {
        file: "tcp/arkime__tests_pcap_wireshark-retrans.pcap",
        frames: &[10],
        tshark: OUT_OF_ORDER,
        flowtrace: RETRANSMISSION,
        reason: SYN_AGAIN_LATER,
    },
    Difference {
        file: "tcp/ipfixprobe__tests_functional_inputs_ovpn.pcap",
        frames: &[31],
        tshark: OUT_OF_ORDER,
        flowtrace: RETRANSMISSION,
        reason: LONGER,
    },
    Difference {
        file: "tcp/pcap-parser__assets_err-buffertoosmall.pcapng",
        frames: &[26],
        tshark: RETRANSMISSION,
        flowtrace: NOTHING,
        reason: BARE_ACKNOWLEDGEMENT,
    },
    Difference {
        file: "tcp/suricata-verify__tests_bug-5392_TPWhite-carved-out-7787-s1.pcap",
        frames: &[6],
        tshark: RETRANSMISSION,
        flowtrace: NOTHING,
        reason: ACKNOWLEDGED_EARLIER,
    },
    Difference {
        file: "tcp/zeek__http_206_example_c.pcap",
        frames: &[815],
        tshark: OUT_OF_ORDER,
        flowtrace: RETRANSMISSION,
        reason: SEEN_BEFORE,
    },
    Difference {
        file: "tunnels/zeek__pppoe-over-qinq.pcap",
        frames: &[20, 35, 47, 48, 65, 82],
        tshark: NOTHING,
        flowtrace: RETRANSMISSION,
        reason: PADDING,
    },
    Difference {
        file: "tunnels/zeek__pppoe-over-qinq.pcap",
        frames: &[57, 58],
        tshark: OUT_OF_ORDER,
        flowtrace: RETRANSMISSION,
        reason: SEEN_BEFORE,
    },
    Difference {
        file: "vlan/suricata-verify__tests_bug-4376_syn_retransmit_with_ts.pcap",
        frames: &[51],
        tshark: OUT_OF_ORDER,
        flowtrace: RETRANSMISSION,
        reason: SEEN_BEFORE,
    },
    Difference {
        file: "vlan/trex-core__scripts_exp_hlt_4vlans.pcap",
        frames: &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
        tshark: RETRANSMISSION,
        flowtrace: NOTHING,
        reason: NO_FLAGS,
    },
];

const FIRST_SYN: &str = "the SYN was sent again: tshark counts from the latest, flowtrace from the first (semantics: a \
    retransmitted SYN does not reset it)";
const NO_ANSWER: &str =
    "there is no SYN-ACK in the file, so no handshake: tshark takes the first acknowledgement for one";
const REFUSED: &str =
    "the SYN was answered by an RST, so there was no handshake: tshark takes its acknowledgement for one";
const NO_TIME: &str = "the handshake took no time by the file's clock: tshark has no sign for that, and goes on to the next \
    acknowledgement";
const BACKWARDS: &str = "time runs backwards in the file: flowtrace takes the latest time that was seen";
const ANSWERED_EARLIER: &str = "the SYN is in the file behind its answer, where it is taken for one that was sent again: the first \
    was not seen";
const COMPRESSED: &str = "the acknowledgement is compressed (IPComp), which tshark opens and flowtrace does not";

/// Round trips of handshakes.
pub const HANDSHAKES: [Differing; 19] = [
    Differing { file: "formats/tcpdump__tests_ipoib.pcap", streams: &[0], reason: NO_ANSWER },
    Differing { file: "ipv6/zeek__ipv6-http-atomic-frag.pcap", streams: &[0], reason: ANSWERED_EARLIER },
    Differing { file: "linktypes/zeek__nflog-http.pcap", streams: &[0], reason: NO_TIME },
    Differing { file: "linktypes/zeek__redis_almost-resp.pcap", streams: &[0], reason: REFUSED },
    Differing { file: "linktypes/zeek__zip_zip64.pcap", streams: &[0], reason: REFUSED },
    Differing {
        file: "malformed/suricata-verify__tests_firewall_tcp-session-ipv6-decode-malformed_input.pcap",
        streams: &[0],
        reason: NO_TIME,
    },
    Differing { file: "tcp/arkime__tests_pcap_wireshark-retrans.pcap", streams: &[0], reason: FIRST_SYN },
    Differing { file: "tcp/gopacket__pcapgo_tests_le_test300.pcapng", streams: &[0], reason: NO_TIME },
    Differing { file: "tcp/mercury__unit_tests_pcaps_imap2.pcap", streams: &[0], reason: BACKWARDS },
    Differing { file: "tcp/mercury__unit_tests_pcaps_ssh_direction_asym.pcap", streams: &[1], reason: NO_ANSWER },
    Differing { file: "tcp/tcpdump__tests_of10_7050sx_bsn.pcap", streams: &[0], reason: REFUSED },
    Differing { file: "tcp/tcpdump__tests_of13_ericsson.pcapng", streams: &[3], reason: REFUSED },
    Differing { file: "tcp/zeek__http_m57-long-49600-80.pcap", streams: &[0], reason: FIRST_SYN },
    Differing {
        file: "tunnels/arkime__tests_pcap_arkime_synthetic.pcap",
        streams: &[67, 68, 69, 70, 71, 72, 73],
        reason: NO_TIME,
    },
    Differing { file: "tunnels/libpcap__tests_filter_AH-IPcomp-IPv4.pcap", streams: &[0], reason: COMPRESSED },
    Differing { file: "tunnels/suricata-verify__tests_bug-5437-02_input.pcap", streams: &[7], reason: NO_ANSWER },
    Differing { file: "tunnels/zeek__mixed-vlan-mpls.pcap", streams: &[0], reason: NO_ANSWER },
    Differing {
        file: "vlan/suricata-verify__tests_bug-4376_syn_retransmit_with_ts.pcap",
        streams: &[0],
        reason: FIRST_SYN,
    },
    Differing { file: "vlan/tcpdump__tests_ldp-common-session.pcap", streams: &[1], reason: NO_ANSWER },
];

/// Questions and answers.
pub const EXCHANGES: [Differing; 1] =
    [Differing { file: "tunnels/zeek__pppoe-over-qinq.pcap", streams: &[0], reason: PADDING }];
