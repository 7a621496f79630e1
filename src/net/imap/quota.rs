//! QUOTA (RFC 9208): how full a mailbox is.

use crate::net::Quota;

/// Adds what `* QUOTA "root" (STORAGE 10 512 MESSAGE 20 100)` says; of several roots the fullest counts.
pub(super) fn take(line: &[u8], quota: &mut Quota) {
    let line = String::from_utf8_lossy(line);
    let Some((head, list)) = line.trim_end().rsplit_once('(') else { return };
    let is_quota = head.get(..8).is_some_and(|head| head.eq_ignore_ascii_case("* QUOTA "));
    let Some(list) = list.strip_suffix(')').filter(|_| is_quota) else { return };
    let words: Vec<&str> = list.split_whitespace().collect();
    for resource in words.chunks(3) {
        let [name, used, limit] = resource else { return };
        let (Ok(used), Ok(limit)) = (used.parse::<u64>(), limit.parse::<u64>()) else { return };
        let (kept, unit) = match name.to_ascii_uppercase().as_str() {
            "STORAGE" => (&mut quota.bytes, 1024),
            "MESSAGE" => (&mut quota.messages, 1),
            _ => continue,
        };
        let new = (used.saturating_mul(unit), limit.saturating_mul(unit));
        let share = |(used, limit): (u64, u64)| u128::from(used) * 1_000_000 / u128::from(limit.max(1));
        if kept.is_none_or(|before| share(before) < share(new)) {
            *kept = Some(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quota_lines() {
        let of = |lines: &[&str]| {
            let mut quota = Quota::default();
            lines.iter().for_each(|line| take(line.as_bytes(), &mut quota));
            (quota.bytes, quota.messages, quota.percent())
        };
        assert_eq!(of(&["* QUOTA \"\" (STORAGE 10 512)\r\n"]), (Some((10_240, 524_288)), None, Some(1)));
        assert_eq!(
            of(&["* quota \"a (b)\" (storage 5 10 MESSAGE 20 20)"]),
            (Some((5120, 10_240)), Some((20, 20)), Some(100))
        );
        assert_eq!(
            of(&["* QUOTA a (STORAGE 1 10)", "* QUOTA b (STORAGE 9 10)"]),
            (Some((9216, 10_240)), None, Some(90))
        );
        for nothing in
            ["* QUOTA a ()", "* QUOTAROOT INBOX a", "* QUOTA a (STORAGE x 10)", "* SEARCH 1", "", "* QUOTA ("]
        {
            assert_eq!(of(&[nothing]), (None, None, None), "{nothing}");
        }
        // A server that says it has no room at all is full.
        assert_eq!(of(&["* QUOTA a (STORAGE 1 0)"]).2, Some(102_400));
    }
}
