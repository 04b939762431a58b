//! ICMP (RFC 792) and ICMPv6 (RFC 4443): which messages ask and which answer.

use crate::protocol;

/// How a message takes part in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It asks; the answer has the type in `reply`.
    Query {
        /// Type of the answer.
        reply: u8,
    },
    /// It answers; the question has the type in `request`.
    Reply {
        /// Type of the question.
        request: u8,
    },
    /// Neither: errors, redirects, one-way announcements.
    OneWay,
}

/// The part a message of this type plays, as the Community ID specification pairs them
/// (<https://github.com/corelight/community-id-spec>, "Flow tuple computation for ICMP").
#[inline(always)]
pub const fn role(protocol: u8, kind: u8) -> Role {
    if protocol == protocol::ICMP { role_v4(kind) } else { role_v6(kind) }
}

#[inline(always)]
const fn role_v4(kind: u8) -> Role {
    match kind {
        8 => Role::Query { reply: 0 },
        0 => Role::Reply { request: 8 },
        13 => Role::Query { reply: 14 },
        14 => Role::Reply { request: 13 },
        15 => Role::Query { reply: 16 },
        16 => Role::Reply { request: 15 },
        10 => Role::Query { reply: 9 },
        9 => Role::Reply { request: 10 },
        17 => Role::Query { reply: 18 },
        18 => Role::Reply { request: 17 },
        _ => Role::OneWay,
    }
}

#[inline(always)]
const fn role_v6(kind: u8) -> Role {
    match kind {
        128 => Role::Query { reply: 129 },
        129 => Role::Reply { request: 128 },
        133 => Role::Query { reply: 134 },
        134 => Role::Reply { request: 133 },
        135 => Role::Query { reply: 136 },
        136 => Role::Reply { request: 135 },
        130 => Role::Query { reply: 131 },
        131 => Role::Reply { request: 130 },
        139 => Role::Query { reply: 140 },
        140 => Role::Reply { request: 139 },
        144 => Role::Query { reply: 145 },
        145 => Role::Reply { request: 144 },
        _ => Role::OneWay,
    }
}

/// Whether messages of this type carry an identifier in bytes 4 and 5.
///
/// ICMP echo, timestamp, information and mask (RFC 792, RFC 950); ICMPv6 echo (RFC 4443 section 4) and home agent
/// address discovery (RFC 6275 section 6.5).
#[inline(always)]
pub const fn has_identifier(protocol: u8, kind: u8) -> bool {
    if protocol == protocol::ICMP { matches!(kind, 0 | 8 | 13..=18) } else { matches!(kind, 128 | 129 | 144 | 145) }
}
