//! An entry of the kernel as it would be if its two ends were in the other order.

use flowtrace_abi::{FlowEntry, Way, state};

/// Bits of the state that name an end, as a pair of its two values.
const ENDS: [u32; 3] = [state::OPENED_DOWN, state::INITIATOR_HIGH, state::CLOSED_DOWN];
/// To which other bit each of them belongs: without that it says nothing. The first always says something.
const ABOUT: [u32; 3] = [0, state::INITIATOR_KNOWN, state::CLOSED];

/// The same entry with up and down exchanged.
pub fn turned(entry: &FlowEntry) -> FlowEntry {
    let mut turned = *entry;
    turned.ways.reverse();
    turned.epochs.reverse();
    turned.points.reverse();
    turned.headers.reverse();
    turned.fins.reverse();
    turned.macs.reverse();
    turned.segments.reverse();
    turned.rivals.reverse();
    turned.state = turned_state(entry.state);
    turned
}

fn turned_state(before: u32) -> u32 {
    let pairs = [Way::Up, Way::Down].map(|way| state::flags(way, 0xff) | state::fin_acknowledged(way));
    let mut after = before & !(pairs[0] | pairs[1]);
    for way in [Way::Up, Way::Down] {
        after |= state::flags(way.back(), state::flags_of(before, way));
        if before & state::fin_acknowledged(way) != 0 {
            after |= state::fin_acknowledged(way.back());
        }
    }
    for (bit, about) in ENDS.into_iter().zip(ABOUT) {
        if before & about == about {
            after ^= bit;
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_an_end_changes_and_nothing_else() {
        let rows = [
            (state::flags(Way::Up, 0x12), state::flags(Way::Down, 0x12) | state::OPENED_DOWN),
            (state::OPENED_DOWN, 0),
            (state::INITIATOR_KNOWN, state::INITIATOR_KNOWN | state::INITIATOR_HIGH | state::OPENED_DOWN),
            (
                state::CLOSED | state::CLOSED_DOWN | state::RESET | state::REFUSED | state::ENDED,
                state::CLOSED | state::RESET | state::REFUSED | state::ENDED | state::OPENED_DOWN,
            ),
            (
                state::fin_acknowledged(Way::Down) | state::SEQUENCE_KNOWN,
                state::fin_acknowledged(Way::Up) | state::SEQUENCE_KNOWN | state::OPENED_DOWN,
            ),
        ];
        for (before, after) in rows {
            assert_eq!((turned_state(before), turned_state(after)), (after, before), "{before:x}");
        }
        let entry = FlowEntry { points: [1, 2], fins: [3, 4], headers: [5, 6], ..FlowEntry::default() };
        let other = turned(&entry);
        assert_eq!((other.points, other.fins, other.headers), ([2, 1], [4, 3], [6, 5]));
        assert_eq!(turned(&other), entry);
    }
}
