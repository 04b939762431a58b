//! Sets of values as ranges.

use std::ops::RangeInclusive;

/// A set of values: ranges with both ends in them, in order, none of which overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges<T>(Box<[(T, T)]>);

impl<T: Copy + Ord> Ranges<T> {
    /// The values that are in any of the ranges.
    pub fn new(ranges: impl IntoIterator<Item = RangeInclusive<T>>) -> Self {
        let mut ranges: Vec<_> =
            ranges.into_iter().filter(|range| !range.is_empty()).map(RangeInclusive::into_inner).collect();
        ranges.sort_unstable();
        ranges.dedup_by(|(start, end), (_, before)| {
            let overlaps = *start <= *before;
            if overlaps {
                *before = (*before).max(*end);
            }
            overlaps
        });
        Self(ranges.into())
    }

    /// Whether the value is in the set.
    pub fn contain(&self, value: T) -> bool {
        let after = self.0.partition_point(|&(_, end)| end < value);
        self.0.get(after).is_some_and(|&(start, _)| start <= value)
    }

    /// The ranges, in order.
    pub fn iter(&self) -> impl Iterator<Item = RangeInclusive<T>> {
        self.0.iter().map(|&(start, end)| start..=end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "an empty range has nothing in it")]
    fn overlapping_ranges_are_one() {
        for (ranges, expected) in [
            (vec![], vec![]),
            (vec![5..=4], vec![]),
            (vec![5..=5, 1..=2], vec![1..=2, 5..=5]),
            (vec![1..=9, 2..=3, 9..=12, 14..=14], vec![1..=12, 14..=14]),
            (vec![0..=i64::MAX, i64::MIN..=0], vec![i64::MIN..=i64::MAX]),
        ] {
            assert_eq!(Ranges::new(ranges).iter().collect::<Vec<_>>(), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_in_any_range_is_in_the_set(
            ranges in prop::collection::vec((0..40_i64, 0..10_i64), 0..8),
            value in -1..52_i64,
        ) {
            let ranges: Vec<_> = ranges.into_iter().map(|(start, length)| start..=start + length).collect();
            let expected = ranges.iter().any(|range| range.contains(&value));
            prop_assert_eq!(Ranges::new(ranges).contain(value), expected);
        }
    }
}
