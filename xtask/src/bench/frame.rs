//! The frames that the driver turns into many: Ethernet, IP, TCP or UDP, made of documentation addresses' kin.

/// IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ip {
    V4,
    V6,
}

/// What is in the IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// TCP with ten bytes of payload: 64 bytes of Ethernet frame over IPv4.
    TcpData,
    /// TCP without payload, with timestamps: 66 bytes over IPv4.
    TcpAck,
    /// The first packet of a connection, padded to 60 bytes over IPv4.
    TcpSyn,
    /// UDP with 22 bytes of payload: 64 bytes over IPv4.
    Udp,
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const SOURCE_PORT: [u8; 2] = 32_768u16.to_be_bytes();
const DESTINATION_PORT: [u8; 2] = 8_080u16.to_be_bytes();

/// A frame, without checksums of the transport (nobody looks).
pub fn frame(ip: Ip, content: Content) -> Vec<u8> {
    let transport = transport(content);
    let protocol = if content == Content::Udp { UDP } else { TCP };
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    let length = transport.len() as u16;
    match ip {
        Ip::V4 => {
            frame.extend([0x08, 0x00, 0x45, 0]);
            frame.extend((20 + length).to_be_bytes());
            frame.extend([0x12, 0x34, 0x40, 0, 64, protocol, 0, 0, 10, 1, 0, 0, 10, 2, 2, 10]);
        }
        Ip::V6 => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(length.to_be_bytes());
            frame.extend([protocol, 64]);
            frame.extend([0xfd, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
            frame.extend([0xfd, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 10]);
        }
    }
    frame.extend(transport);
    frame.resize(frame.len().max(60), 0);
    frame
}

fn transport(content: Content) -> Vec<u8> {
    const PUSH_ACK: u8 = 0x18;
    const ACK: u8 = 0x10;
    const SYN: u8 = 0x02;
    const TIMESTAMPS: [u8; 12] = [1, 1, 8, 10, 0, 1, 2, 3, 0, 4, 5, 6];
    match content {
        Content::TcpData => tcp(PUSH_ACK, &[], 10),
        Content::TcpAck => tcp(ACK, &TIMESTAMPS, 0),
        Content::TcpSyn => tcp(SYN, &[], 0),
        Content::Udp => {
            let mut bytes = [SOURCE_PORT, DESTINATION_PORT, 30u16.to_be_bytes(), [0, 0]].concat();
            bytes.resize(30, b'x');
            bytes
        }
    }
}

/// The driver writes both numbers.
fn tcp(flags: u8, options: &[u8], payload: usize) -> Vec<u8> {
    let mut bytes = [SOURCE_PORT, DESTINATION_PORT].concat();
    bytes.extend([0; 8]);
    bytes.extend([((20 + options.len()) * 4) as u8, flags, 0xfd, 0xe8, 0, 0, 0, 0]);
    bytes.extend(options);
    bytes.resize(bytes.len() + payload, b'x');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_length_they_are_named_after() {
        let cases = [
            (Ip::V4, Content::TcpData, 64),
            (Ip::V4, Content::TcpAck, 66),
            (Ip::V4, Content::TcpSyn, 60),
            (Ip::V4, Content::Udp, 64),
            (Ip::V6, Content::TcpData, 84),
            (Ip::V6, Content::TcpAck, 86),
            (Ip::V6, Content::Udp, 84),
        ];
        for (ip, content, length) in cases {
            assert_eq!(frame(ip, content).len(), length, "{ip:?} {content:?}");
        }
    }
}
