//! Subjects: case numbers in brackets, and the reply and forward prefixes of the world's mail
//! programs. Works on decoded subjects of one line and in linear time.

use super::prefix::{Prefix, leading_prefix, leading_tag};

/// Most digits of a case number, so that it always fits.
const MAX_DIGITS: usize = 18;

/// Every case number `[#123]` in its order (B4.5); `[# 123 ]` counts too.
pub fn case_numbers(subject: &str) -> Vec<i64> {
    let upto = subject.match_indices(']').filter_map(|(at, _)| subject.get(..=at));
    upto.filter_map(|text| tag_at_end(text).map(|(_, number)| number)).collect()
}

/// The subject with `[#n]` once, in front; numbers of other cases stay where they are.
pub fn with_case_number(subject: &str, n: i64) -> String {
    format!("[#{n}] {}", without_tags(subject, |number| number == n)).trim_end().to_owned()
}

/// The subject of an answer: `Re: ` once, in place of the reply prefixes of any language in front.
/// Tags such as `[EXTERNAL]` before or between the prefixes are kept.
pub fn reply(subject: &str) -> String {
    let mut tags = String::new();
    let mut rest = subject.trim();
    loop {
        if let Some((Prefix::Reply, after)) = leading_prefix(rest) {
            rest = after;
        } else if let Some((tag, after)) = leading_tag(rest).filter(|(_, after)| reply_follows(after)) {
            tags.push_str(tag);
            tags.push(' ');
            rest = after;
        } else {
            return format!("Re: {tags}{rest}").trim_end().to_owned();
        }
    }
}

/// The subject without any reply or forward prefix, case number or leading tag (RFC 5256 2.1). A tag
/// that is all there is stays.
pub fn base(subject: &str) -> String {
    let subject = without_tags(subject, |_| true);
    let mut rest = unwrap_forward(subject.trim());
    loop {
        let after_prefix = leading_prefix(rest).map(|(_, after)| after);
        let after_tag = || leading_tag(rest).map(|(_, after)| after).filter(|after| !after.is_empty());
        match after_prefix.or_else(after_tag) {
            Some(after) => rest = unwrap_forward(after),
            None => return rest.to_owned(),
        }
    }
}

/// Whether the outermost prefix says that the mail was forwarded (B4.8); `Re: Fwd: x` is an answer.
pub fn is_forward(subject: &str) -> bool {
    let mut rest = subject.trim();
    if unwrap_forward(rest) != rest {
        return true;
    }
    loop {
        match (leading_prefix(rest), leading_tag(rest)) {
            (Some((prefix, _)), _) => return prefix == Prefix::Forward,
            (None, Some((_, after))) => rest = after,
            (None, None) => return false,
        }
    }
}

/// Whether a reply prefix comes, perhaps after more tags.
fn reply_follows(mut rest: &str) -> bool {
    // Mail has one to three tags; hundreds would make the caller's loop quadratic.
    for _ in 0..8 {
        match (leading_prefix(rest), leading_tag(rest)) {
            (Some((prefix, _)), _) => return prefix == Prefix::Reply,
            (None, Some((_, after))) => rest = after,
            (None, None) => return false,
        }
    }
    false
}

/// Takes off `[Fwd: …]` around the subject and `(fwd)` after it, as old mail programs wrote.
fn unwrap_forward(subject: &str) -> &str {
    let inside = subject.strip_prefix('[').and_then(|s| s.strip_suffix(']'));
    if let Some(inside) = inside
        && let Some((Prefix::Forward, rest)) = leading_prefix(inside)
    {
        return rest.trim();
    }
    let cut = subject.len().saturating_sub("(fwd)".len());
    match (subject.get(..cut), subject.get(cut..)) {
        (Some(rest), Some(end)) if end.eq_ignore_ascii_case("(fwd)") => rest.trim_end(),
        _ => subject,
    }
}

/// Drops the case numbers that `drop` names, in one pass: what is left cannot join to a new one,
/// because every closing bracket looks back over what was kept.
fn without_tags(subject: &str, drop: impl Fn(i64) -> bool) -> String {
    let mut kept = String::with_capacity(subject.len());
    let mut joined = false;
    for c in subject.chars() {
        if joined && c.is_whitespace() {
            continue;
        }
        joined = false;
        kept.push(c);
        if let Some((start, number)) = tag_at_end(&kept)
            && drop(number)
        {
            kept.truncate(start);
            kept.truncate(kept.trim_end().len());
            joined = true;
            if !kept.is_empty() {
                kept.push(' ');
            }
        }
    }
    kept.trim().to_owned()
}

/// The tag `[#123]` that ends the text: where it begins, and the number. Looks back no further than
/// blanks and digits reach, which never cross another bracket.
fn tag_at_end(text: &str) -> Option<(usize, i64)> {
    let inner = text.strip_suffix(']')?.trim_end_matches(' ');
    let before = inner.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = inner.get(before.len()..).filter(|digits| digits.len() <= MAX_DIGITS)?;
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    let start = before.trim_end_matches(' ').strip_suffix("[#")?.len();
    Some((start, number))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]
    use proptest::prelude::*;

    use super::*;
    use crate::mail::costs_no_more_than_its_length;
    use crate::mail::fixed_seed;

    #[test]
    fn case_numbers_of_every_shape() {
        for (subject, numbers) in [
            ("", vec![]),
            ("[#1]", vec![1]),
            ("Re: [#12] Hi [#7]", vec![12, 7]),
            ("[# 12 ] [#  3]", vec![12, 3]),
            ("[[#5]]", vec![5]),
            ("[#007]", vec![7]),
            ("[#0] [#-1] [#] [# ] [#1 2] [1] #1 [#x] (#1) [#1", vec![]),
            ("[#123456789012345678]", vec![123_456_789_012_345_678]),
            ("[#1234567890123456789]", vec![]),
            ("[#١]", vec![]),
        ] {
            assert_eq!(case_numbers(subject), numbers, "{subject}");
        }
    }

    #[test]
    fn the_case_number_stands_once_in_front() {
        for (subject, expected) in [
            ("", "[#5]"),
            ("Hi", "[#5] Hi"),
            ("[#5] Hi", "[#5] Hi"),
            ("Re: [#5] Hi", "[#5] Re: Hi"),
            ("Re: [# 5 ] Hi  there [#05]", "[#5] Re: Hi  there"),
            ("[#6] Hi", "[#5] [#6] Hi"),
            ("a[#5]b", "[#5] a b"),
            ("[#[#5]5] Hi", "[#5] Hi"),
            ("[[#5]#5] Hi", "[#5] [ #5] Hi"),
        ] {
            assert_eq!(with_case_number(subject, 5), expected, "{subject}");
        }
    }

    #[test]
    fn answers_have_one_prefix() {
        for (subject, expected) in [
            ("", "Re:"),
            ("Hi", "Re: Hi"),
            ("Re: Hi", "Re: Hi"),
            ("RE: AW: Sv: Antw: ODP: Vá: RES: R: YNT: RIF: BLS: Hi", "Re: Hi"),
            ("Re[2]: Re (3): RE^4 : Hi", "Re: Hi"),
            ("回复：Hi", "Re: Hi"),
            ("Fwd: Re: Hi", "Re: Fwd: Re: Hi"),
            ("Re: Fwd: Hi", "Re: Fwd: Hi"),
            ("[#5] Re: Hi", "Re: [#5] Hi"),
            ("[EXTERNAL] [list] AW: [#5] Re: Hi", "Re: [EXTERNAL] [list] [#5] Hi"),
            ("[EXTERNAL] Hi", "Re: [EXTERNAL] Hi"),
            ("Regarding: Hi", "Re: Regarding: Hi"),
            ("Re Hi", "Re: Re Hi"),
        ] {
            assert_eq!(reply(subject), expected, "{subject}");
        }
    }

    #[test]
    fn the_base_has_no_prefix_and_no_tag() {
        for (subject, expected) in [
            ("", ""),
            ("Hi", "Hi"),
            ("Re: Fwd: WG: Hi", "Hi"),
            ("[#5] Re: [EXTERNAL] Fw: Hi [#6]", "Hi"),
            ("[Fwd: Re: Hi]", "Hi"),
            ("Hi (fwd)", "Hi"),
            ("[EXTERNAL]", "[EXTERNAL]"),
            ("Re: [EXTERNAL]", "[EXTERNAL]"),
            ("[#5]", ""),
            ("Ä: Hi", "Ä: Hi"),
        ] {
            assert_eq!(base(subject), expected, "{subject}");
        }
    }

    #[test]
    fn forwards() {
        for prefix in ["Fwd", "FW", "wg", "TR", "RV", "I", "Enc", "VS", "转发"] {
            assert!(is_forward(&format!("{prefix}: Hi")), "{prefix}");
        }
        for subject in ["[#5] Fwd: Hi", "Fwd: Re: Hi", "[Fwd: Hi]", "Hi (fwd)", "[EXTERNAL][x] Fw : Hi"] {
            assert!(is_forward(subject), "{subject}");
        }
        for subject in ["", "Hi", "Re: Fwd: Hi", "Forward: Hi", "In: Hi", "Fwd Hi", "[Fwd] Hi", "AW: Hi"] {
            assert!(!is_forward(subject), "{subject}");
        }
    }

    #[test]
    fn long_subjects_take_linear_time() {
        for unit in
            ["[#", "Re: ", "[a] ", "[#1]", "[#1", "] ", "[", "[a] Re: ", "[a] Fwd: ", "[#[#1]1]", "Re[", "Re(((("]
        {
            costs_no_more_than_its_length(unit, 65_536, &|subject| {
                let work = (case_numbers(subject), with_case_number(subject, 1), reply(subject), base(subject));
                assert!(!work.1.is_empty() && is_forward(subject) == subject.contains("Fwd"), "{unit}");
            });
        }
    }

    proptest! {
        #![proptest_config(fixed_seed(4))]

        #[test]
        fn nothing_panics_and_the_number_stands_once(subject in "[\\[\\]# 015a-c:éRe]*|\\PC*", n in 1..200i64) {
            let numbered = with_case_number(&subject, n);
            prop_assert_eq!(case_numbers(&numbered).into_iter().filter(|m| *m == n).count(), 1);
            let others = |s: &str| case_numbers(s).into_iter().filter(|m| *m != n).collect::<Vec<_>>();
            prop_assert!(others(&subject).iter().all(|m| others(&numbered).contains(m)));
            prop_assert_eq!(with_case_number(&numbered, n), numbered);
            let answer = reply(&subject);
            prop_assert_eq!(reply(&answer), answer);
            base(&subject);
            is_forward(&subject);
        }
    }
}
