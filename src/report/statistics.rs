//! The middle and the slow end of measured times.

/// The middle value; of an even number of values the mean of the two in the middle, rounded down. Sorts the values.
pub fn median(values: &mut [i64]) -> Option<i64> {
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get(values.len().checked_sub(1)? / 2)?;
    Some(lower + (upper - lower) / 2)
}

/// The 90th percentile: the smallest value that at least nine of ten values do not exceed. Sorts the values.
pub fn p90(values: &mut [i64]) -> Option<i64> {
    values.sort_unstable();
    let rank = (values.len() * 9).div_ceil(10);
    values.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_middle_and_nine_of_ten() {
        let to = |last: i64| (1..=last).rev().collect::<Vec<_>>();
        for (mut values, middle, slow) in [
            (vec![], None, None),
            (vec![7], Some(7), Some(7)),
            (vec![9, 1], Some(5), Some(9)),
            (vec![4, 1], Some(2), Some(4)),
            (vec![3, 1, 2], Some(2), Some(3)),
            (to(10), Some(5), Some(9)),
            (to(11), Some(6), Some(10)),
            (to(19), Some(10), Some(18)),
            (to(20), Some(10), Some(18)),
            (to(21), Some(11), Some(19)),
            (to(100), Some(50), Some(90)),
            (vec![5; 6], Some(5), Some(5)),
            (vec![i64::MAX, i64::MAX], Some(i64::MAX), Some(i64::MAX)),
        ] {
            assert_eq!((median(&mut values), p90(&mut values)), (middle, slow), "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn nine_of_ten_are_not_above(mut values in prop::collection::vec(0_i64..1_000, 1..60)) {
            let slow = p90(&mut values).unwrap_or_default();
            let within = |most: i64| values.iter().filter(|value| **value <= most).count() * 10 >= values.len() * 9;
            prop_assert!(within(slow) && !within(slow - 1), "{values:?} {slow}");
        }
    }
}
