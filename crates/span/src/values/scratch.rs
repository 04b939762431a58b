//! Room on the stack for the value of one attribute.

use std::fmt::{Display, Write as _};

use flowtrace_wire::tcp::FLAG_NAMES;

use crate::Value;
use crate::stack_text::StackText;

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
        self.text = StackText::new();
        write!(self.text, "{value}").ok()?;
        Some(Value::Text(self.text.as_str()))
    }

    /// ASCII text.
    pub fn bytes(&mut self, ascii: &[u8]) -> Option<Value<'_>> {
        self.display(std::str::from_utf8(ascii).ok()?)
    }

    /// Lower case with colons.
    pub fn mac(&mut self, address: [u8; 6]) -> Option<Value<'_>> {
        let [a, b, c, d, e, f] = address;
        self.display(format_args!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"))
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
