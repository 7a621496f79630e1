//! UID sets as IMAP writes them (`1:5,9`), in pieces that fit into a command line.

/// Longest set in one command; servers take lines of at least 8,000 bytes (RFC 7162 4).
const LONGEST: usize = 7900;

/// The sets that together name `uids`, ascending; none for no UIDs.
pub(super) fn sets(uids: &[u32]) -> Vec<String> {
    let mut sorted = uids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut sets: Vec<String> = Vec::new();
    for run in sorted.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
        let part = match run {
            [only] => only.to_string(),
            [first, .., last] => format!("{first}:{last}"),
            [] => continue,
        };
        match sets.last_mut() {
            Some(set) if set.len() + part.len() < LONGEST => {
                set.push(',');
                set.push_str(&part);
            }
            _ => sets.push(part),
        }
    }
    sets
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sets_are_short() {
        for (uids, set) in [
            (&[][..], &[][..]),
            (&[7], &["7"]),
            (&[1, 2, 3, 4, 5, 9], &["1:5,9"]),
            (&[9, 2, 1, 2, 4], &["1:2,4,9"]),
            (&[u32::MAX, u32::MAX - 1], &["4294967294:4294967295"]),
        ] {
            assert_eq!(sets(uids), set);
        }
    }

    #[test]
    fn a_long_set_is_cut_and_loses_nothing() {
        let uids: Vec<u32> = (1..5000).map(|n| n * 2).collect();
        let sets = sets(&uids);
        assert!(sets.len() > 1 && sets.iter().all(|set| set.len() <= LONGEST));
        let named: Vec<u32> = sets.iter().flat_map(|set| set.split(',')).map(|uid| uid.parse().unwrap()).collect();
        assert_eq!(named, uids);
    }
}
