//! Addresses that are hidden: the same address has the same pseudonym, and nobody without the key finds the address.

use std::hash::Hasher;
use std::net::{IpAddr, Ipv6Addr};

use siphasher::sip128::{Hasher128, SipHasher24};

/// The first four bytes of 2001:db8::/32.
const DOCUMENTATION: [u8; 4] = [0x20, 0x01, 0x0d, 0xb8];

/// Hides addresses with a key.
///
/// A pseudonym is an address of the documentation's block 2001:db8::/32 (RFC 3849), which nobody has: 2001:db8:4::/48
/// where an IPv4 address was, 2001:db8:6::/48 where an IPv6 address was, and the
/// first ten bytes of SipHash-2-4-128 of the address's bytes.
/// Two of a million addresses have the same pseudonym with a probability of 4·10⁻¹³. Of networks nothing is left:
/// neighbours have pseudonyms that are no neighbours.
#[derive(Clone)]
pub struct Hidden {
    key: [u8; 16],
}

impl Hidden {
    /// Hides with a key, which is to be kept secret: whoever has it finds an IPv4 address by trying all of them.
    pub const fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// The pseudonym of an address. An IPv4 address in an IPv6 one is the IPv4 address.
    pub fn address(&self, address: IpAddr) -> Ipv6Addr {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        let family: u16 = match address.to_canonical() {
            IpAddr::V4(address) => {
                hasher.write(&address.octets());
                4
            }
            IpAddr::V6(address) => {
                hasher.write(&address.octets());
                6
            }
        };
        let mut octets = [0; 16];
        octets[..4].copy_from_slice(&DOCUMENTATION);
        octets[4..6].copy_from_slice(&family.to_be_bytes());
        octets[6..].copy_from_slice(&hasher.finish128().as_bytes()[..10]);
        Ipv6Addr::from(octets)
    }
}

impl std::fmt::Debug for Hidden {
    /// Without the key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Hidden").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::Ipv4Addr;

    use super::*;

    const KEY: [u8; 16] = *b"0123456789abcdef";

    fn hide(key: [u8; 16], address: &str) -> String {
        Hidden::new(key).address(address.parse().unwrap()).to_string()
    }

    /// Computed with an implementation of its own, which has the vectors of the SipHash reference.
    #[test]
    fn vectors() {
        let rows = [
            ("192.0.2.1", "2001:db8:4:4797:d415:58d8:bb0:8b35"),
            ("192.0.2.2", "2001:db8:4:2e53:304b:b10b:da0c:2384"),
            ("::ffff:192.0.2.1", "2001:db8:4:4797:d415:58d8:bb0:8b35"),
            ("2001:db8::1", "2001:db8:6:d61e:3757:42f9:1bda:f3ba"),
        ];
        for (address, expected) in rows {
            assert_eq!(hide(KEY, address), expected, "{address}");
        }
    }

    #[test]
    fn it_depends_on_the_key_and_on_every_bit() {
        assert_ne!(hide(KEY, "192.0.2.1"), hide([0; 16], "192.0.2.1"));
        let hidden = Hidden::new(KEY);
        let addresses = (0..100_000_u32).map(|number| hidden.address(Ipv4Addr::from(number << 4).into()));
        assert_eq!(addresses.collect::<HashSet<_>>().len(), 100_000);
        assert!(!format!("{hidden:?}").contains("48"), "the key is not shown");
    }
}
