//! Fragments of IP datagrams.

/// Which part of its datagram a packet is.
#[repr(u8)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fragment {
    /// All of it.
    #[default]
    Whole = 0,
    /// Its beginning, with the transport header.
    First = 1,
    /// Another part: no header follows.
    Later = 2,
}

impl Fragment {
    /// By whether it begins behind the start of the datagram, and whether more of it follows.
    #[inline(always)]
    pub const fn of(has_offset: bool, more_follow: bool) -> Self {
        if has_offset {
            Self::Later
        } else if more_follow {
            Self::First
        } else {
            Self::Whole
        }
    }
}
