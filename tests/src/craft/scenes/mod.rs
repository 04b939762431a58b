//! The captures, by group.

mod extensions;
mod fragments;
mod ipsec;
mod links;
mod nested;
mod network;
mod serial;
mod transport;
mod tunnels_gre;
mod tunnels_ip;
mod tunnels_udp;
mod wlan;

use super::capture::Capture;

/// All of them.
pub fn all() -> Vec<Capture> {
    let groups = [
        links::captures,
        serial::captures,
        wlan::captures,
        network::captures,
        extensions::captures,
        fragments::captures,
        transport::captures,
        tunnels_udp::captures,
        tunnels_gre::captures,
        tunnels_ip::captures,
        ipsec::captures,
        nested::captures,
    ];
    groups.into_iter().flat_map(|group| group()).collect()
}
