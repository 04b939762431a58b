//! The server name in a TLS ClientHello.

use std::sync::Arc;

use crate::name;

/// Content type of a record (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;
/// Type of a handshake message (RFC 8446 section 4).
const CLIENT_HELLO: u8 = 1;
/// Of an extension (RFC 6066 section 3).
const SERVER_NAME: u16 = 0;
/// Of a name in it.
const HOST_NAME: u8 = 0;
/// First byte of the versions from SSL 3.0 to TLS 1.3.
const VERSION: u8 = 3;
/// Version and random of a ClientHello (RFC 8446 section 4.1.2).
const VERSION_AND_RANDOM: usize = 2 + 32;

/// The server name of the ClientHello that begins with these bytes (RFC 6066 section 3), also where they end behind it: a
/// ClientHello with post-quantum keys takes two segments. None where it has none, where that is no name of a host, or where
/// it is not whole in the first record. Who encrypts the ClientHello shows the name of who decrypts it.
pub fn server_name(bytes: &[u8]) -> Option<Arc<str>> {
    let mut bytes = Bytes(bytes);
    let [HANDSHAKE, VERSION, _, high, low] = bytes.array()? else { return None };
    let mut record = bytes.at_most(usize::from(u16::from_be_bytes([high, low])));
    let [CLIENT_HELLO, a, b, c] = record.array()? else { return None };
    let length = u32::from_be_bytes([0, a, b, c]);
    let mut hello = record.at_most(usize::try_from(length).ok()?);
    let Bytes([VERSION, ..]) = hello.take(VERSION_AND_RANDOM)? else { return None };
    hello.vector8()?;
    hello.vector16()?;
    hello.vector8()?;
    let [high, low] = hello.array()?;
    let mut extensions = hello.at_most(usize::from(u16::from_be_bytes([high, low])));
    loop {
        let [high, low] = extensions.array()?;
        let extension = extensions.vector16()?;
        if u16::from_be_bytes([high, low]) == SERVER_NAME {
            return only_name(extension);
        }
    }
}

/// The name in the extension, which has one.
fn only_name(mut extension: Bytes<'_>) -> Option<Arc<str>> {
    let mut list = extension.vector16()?;
    let [HOST_NAME] = list.array()? else { return None };
    let Bytes(text) = list.vector16()?;
    let is_only = list.0.is_empty() && extension.0.is_empty();
    if is_only { name::of_text(text) } else { None }
}

/// Bytes that are read from their beginning on.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn take(&mut self, length: usize) -> Option<Self> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Self(taken))
    }

    /// So many bytes, or as many as there are.
    fn at_most(&self, length: usize) -> Self {
        Self(self.0.get(..length).unwrap_or(self.0))
    }

    /// What is behind a length of one byte.
    fn vector8(&mut self) -> Option<Self> {
        let [length] = self.array()?;
        self.take(usize::from(length))
    }

    /// What is behind a length of two bytes.
    fn vector16(&mut self) -> Option<Self> {
        let length = self.array()?;
        self.take(usize::from(u16::from_be_bytes(length)))
    }
}
