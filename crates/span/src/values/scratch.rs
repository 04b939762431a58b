//! Room on the stack for the value of one attribute.

use std::fmt::{Display, Write as _};
use std::net::IpAddr;

use flowtrace_wire::tcp::FLAG_NAMES;

use crate::stack_text::StackText;
use crate::{Value, hex};

/// Enough for an IPv6 address (45), a Community ID (30), a MAC address (17).
const ROOM: usize = 48;

/// Room for one value; each call writes over the one before.
pub struct Scratch {
    text: StackText<ROOM>,
    tags: [&'static str; FLAG_NAMES.len()],
}

impl Scratch {
    pub const fn new() -> Self {
        Self { text: StackText::new(), tags: [""; FLAG_NAMES.len()] }
    }

    /// The value as its `Display` writes it; for IPv6 addresses that is RFC 5952.
    pub fn display(&mut self, value: impl Display) -> Option<Value<'_>> {
        self.text.clear();
        write!(self.text, "{value}").ok()?;
        Some(Value::Text(self.text.as_str()))
    }

    /// ASCII text that has room.
    pub fn bytes(&mut self, ascii: &[u8]) -> Option<Value<'_>> {
        self.text.set(ascii);
        Some(Value::Text(self.text.as_str()))
    }

    /// Dotted or, for IPv6, RFC 5952.
    pub fn address(&mut self, address: IpAddr) -> Option<Value<'_>> {
        match address {
            IpAddr::V4(address) => {
                self.text.set_dotted(address);
                Some(Value::Text(self.text.as_str()))
            }
            IpAddr::V6(address) => self.display(address),
        }
    }

    /// Lower case with colons.
    pub fn mac(&mut self, address: [u8; 6]) -> Option<Value<'_>> {
        let mut text = *b"00:00:00:00:00:00";
        for (digits, byte) in text.chunks_mut(3).zip(address) {
            digits[..2].copy_from_slice(&hex::digits(byte));
        }
        self.bytes(&text)
    }

    /// The names of the TCP flags that are set, in the order of the bits.
    pub fn tags(&mut self, flags: u8) -> Option<Value<'_>> {
        let mut count = 0;
        for (bit, name) in FLAG_NAMES.into_iter().enumerate() {
            if flags & 1 << bit != 0 {
                self.tags[count] = name;
                count += 1;
            }
        }
        Some(Value::Texts(&self.tags[..count]))
    }
}
