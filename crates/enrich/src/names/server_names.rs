//! Names under which clients knew their servers: by TLS, for one connection each.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::names::host_name;
use crate::recent::Recent;

/// Connections that are remembered.
const CAPACITY: usize = 65_536;

/// The names of the servers of connections.
#[derive(Debug)]
pub struct ServerNames(Recent<[SocketAddr; 2], (Arc<str>, u64)>);

impl Default for ServerNames {
    /// None yet; at most 65,536, of which those last used stay.
    fn default() -> Self {
        Self(Recent::new(CAPACITY))
    }
}

impl ServerNames {
    /// The client called the server so at `at`, in nanoseconds. What is no name of a host is passed over.
    pub fn learn(&mut self, server: SocketAddr, client: SocketAddr, name: &str, at: u64) {
        if let Some(name) = host_name(name) {
            self.0.put([server, client], (name.into(), at));
        }
    }

    /// What the client called the server, in the connection of which there was a packet at `at`.
    pub fn name(&mut self, server: SocketAddr, client: SocketAddr, at: u64) -> Option<Arc<str>> {
        self.0.get(&[server, client]).filter(|(_, since)| *since <= at).map(|(name, _)| Arc::clone(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_its_connection_from_then_on() {
        let [server, client, other] =
            ["192.0.2.1:443", "192.0.2.2:5000", "192.0.2.2:5001"].map(|end| end.parse().expect("an end"));
        let mut names = ServerNames::default();
        names.learn(server, client, "Web.example.org", 5);
        names.learn(server, other, "no name!", 5);
        assert_eq!(names.name(server, client, 5).as_deref(), Some("web.example.org"));
        for (one, two, at) in [(server, client, 4), (client, server, 5), (server, other, 5)] {
            assert_eq!(names.name(one, two, at), None);
        }
        names.learn(server, client, "new.example.org", 9);
        assert_eq!(names.name(server, client, 9).as_deref(), Some("new.example.org"));
    }
}
