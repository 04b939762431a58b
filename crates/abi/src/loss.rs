//! Packets that were seen and not counted, by reason.

use flowtrace_wire::Reason;

/// Index into the kernel's per-CPU array of tallies (packets, bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// The dissector stopped. Bytes are those of the frame.
    Unparsed(Reason),
    /// No room for another flow. Bytes are IP bytes, packets those of the wire.
    MapFull,
    /// 255 flows of the same ends ended before the first of them was deleted; counted into the latest. No packet is lost.
    GenerationsExhausted,
    /// Seen again at another interface of this host; counted where it was seen first. No packet is lost.
    Elsewhere,
    /// No room for what lies around a flow's packets. The packets are counted, tunnel and VLAN are not told. Bytes are
    /// those of the tunnels.
    EnvelopesFull,
    /// No room for a payload that names may be learned from. The packets are counted. Bytes are those that were not copied.
    PayloadsFull,
}

const REASONS: usize = Reason::ALL.len();

impl Loss {
    /// How many there are.
    pub const COUNT: usize = REASONS + 5;

    /// Place in the array.
    #[inline(always)]
    pub const fn index(self) -> u32 {
        match self {
            Self::Unparsed(reason) => reason as u32,
            Self::MapFull => REASONS as u32,
            Self::GenerationsExhausted => REASONS as u32 + 1,
            Self::Elsewhere => REASONS as u32 + 2,
            Self::EnvelopesFull => REASONS as u32 + 3,
            Self::PayloadsFull => REASONS as u32 + 4,
        }
    }

    /// What stands at a place in the array.
    pub const fn at(index: usize) -> Option<Self> {
        if index < REASONS {
            return Some(Self::Unparsed(Reason::ALL[index]));
        }
        match index - REASONS {
            0 => Some(Self::MapFull),
            1 => Some(Self::GenerationsExhausted),
            2 => Some(Self::Elsewhere),
            3 => Some(Self::EnvelopesFull),
            4 => Some(Self::PayloadsFull),
            _ => None,
        }
    }

    /// The name by which it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unparsed(reason) => reason.name(),
            Self::MapFull => "map_full",
            Self::GenerationsExhausted => "generations_exhausted",
            Self::Elsewhere => "seen_elsewhere",
            Self::EnvelopesFull => "envelopes_full",
            Self::PayloadsFull => "payloads_full",
        }
    }

    /// Whether the packets are missing from the flows. The others are told for information.
    pub const fn is_loss(self) -> bool {
        matches!(self, Self::Unparsed(_) | Self::MapFull)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_its_loss() {
        for index in 0..Loss::COUNT {
            assert_eq!(Loss::at(index).expect("a loss at every place").index() as usize, index);
        }
        assert_eq!(Loss::at(Loss::COUNT), None);
    }
}
