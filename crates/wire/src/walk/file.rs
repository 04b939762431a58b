//! Links that only capture files have.

use crate::link::{self, FileLink};
use crate::walk::{Next, Walk};
use crate::{Bytes, Reason, ethernet};

impl Walk {
    /// Begins behind the header of such a link.
    pub(crate) fn begin_file<B: Bytes + ?Sized>(
        &mut self,
        bytes: &B,
        link: FileLink,
        wire_length: u32,
    ) -> Result<(), Reason> {
        let start = link::start(bytes, link)?;
        let (next, number) = match start.next {
            link::Next::Ethernet => (Next::Ethernet, 0),
            link::Next::EtherType(ethertype) => (Next::EtherType, ethertype),
            link::Next::Ipv4 => (Next::EtherType, ethernet::IPV4),
            link::Next::Ipv6 => (Next::EtherType, ethernet::IPV6),
            link::Next::Llc => (Next::Llc, 0),
            link::Next::Ppp => (Next::Ppp, 0),
            link::Next::Ip => (Next::Ip, 0),
            link::Next::Other(number) => {
                self.number = number;
                return Err(Reason::NotIp);
            }
        };
        self.begin(next, start.offset as u32, wire_length);
        self.number = number;
        self.mac = start.source_mac.unwrap_or_default();
        if let Some(vlan) = start.vlan {
            self.tag(vlan);
        }
        Ok(())
    }
}
