//! IEEE 802.11.

use crate::craft::capture::{Capture, capture};
use crate::craft::ends::Way::{Back, There};
use crate::craft::ends::{AB4, AB6};
use crate::craft::expect::Flow;
use crate::craft::link::{Mac, OUTER, linktype};
use crate::craft::pdu::Pdu;
use crate::craft::sum;
use crate::craft::talk::{tcp, udp};

const ACCESS_POINT: Mac = [2, 0, 0, 0, 0, 0x21];
const OTHER_POINT: Mac = [2, 0, 0, 0, 0, 0x22];
/// Frame control: a data frame; with quality of service.
const DATA: u8 = 0x08;
const QOS_DATA: u8 = 0x88;
/// To the distribution system, from it, encrypted.
const TO: u8 = 1;
const FROM: u8 = 2;
const PROTECTED: u8 = 0x40;

pub fn captures() -> Vec<Capture> {
    let wlan = |name| capture("links", name).link(linktype::IEEE802_11);
    vec![
        wlan("ieee80211").talk(tcp(), |pdu| station(pdu.ip(AB4).snap(), DATA, &[])).flow(Flow::tcp(AB4)),
        wlan("ieee80211_qos").talk(udp(), |pdu| station(pdu.ip(AB6).snap(), QOS_DATA, &[0, 0])).flow(Flow::udp(AB6)),
        wlan("ieee80211_ad_hoc")
            .talk(udp(), |pdu| {
                let [from, to] = pdu.way.order(OUTER);
                pdu.ip(AB4).snap().dot11([DATA, 0], &[to, from, ACCESS_POINT], &[])
            })
            .flow(Flow::udp(AB4)),
        wlan("ieee80211_four_addresses")
            .talk(udp(), |pdu| {
                let [from, to] = pdu.way.order(OUTER);
                let [sender, receiver] = pdu.way.order([ACCESS_POINT, OTHER_POINT]);
                pdu.ip(AB4).snap().dot11([QOS_DATA, TO | FROM], &[receiver, sender, to, from], &[0, 0])
            })
            .flow(Flow::udp(AB4)),
        // The bytes would be an IP packet, and are said to be encrypted: they must not be read.
        wlan("ieee80211_protected").talk(udp(), |pdu| {
            let [from, _] = pdu.way.order(OUTER);
            let control = [DATA, PROTECTED | TO];
            pdu.ip(AB4).snap().dot11(control, &[ACCESS_POINT, from, OTHER_POINT], &[0, 0, 0, 0x20, 0, 0, 0, 0])
        }),
        // A beacon: no data.
        wlan("ieee80211_beacon").talk(vec![beacon()], |pdu| pdu),
        capture("links", "radiotap")
            .link(linktype::IEEE802_11_RADIOTAP)
            .talk(tcp(), |pdu| station(pdu.ip(AB4).snap(), QOS_DATA, &[0, 0]).behind([0, 0, 8, 0, 0, 0, 0, 0]))
            // With flags: a frame check sequence follows.
            .talk(udp(), |pdu| {
                let frame = station(pdu.ip(AB6).snap(), DATA, &[]);
                let check = sum::crc32(&frame.bytes).to_le_bytes();
                frame.padded(&check).behind([0, 0, 9, 0, 2, 0, 0, 0, 0x10])
            })
            .flows([Flow::tcp(AB4), Flow::udp(AB6)]),
    ]
}

/// A frame between a station and its access point.
fn station(pdu: Pdu, kind: u8, rest: &[u8]) -> Pdu {
    let [from, to] = pdu.way.order(OUTER);
    match pdu.way {
        There => pdu.dot11([kind, TO], &[ACCESS_POINT, from, to], rest),
        Back => pdu.dot11([kind, FROM], &[to, ACCESS_POINT, from], rest),
    }
}

/// Time stamp, interval, capabilities, an SSID.
fn beacon() -> Pdu {
    let body = [&[0; 8][..], &[100, 0, 1, 0, 0, 4], b"test"].concat();
    Pdu::of_type(There, 0, body).dot11([0x80, 0], &[[0xff; 6], ACCESS_POINT, ACCESS_POINT], &[])
}
