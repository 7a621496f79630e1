//! How many rows a list shows, and what it says of the others.

use anyhow::Result;
use clap::Args;

use super::context::Context;

/// A list counts no further.
const MOST: i64 = 10_000;

/// `--limit`
#[derive(Debug, Clone, Copy, Args)]
pub struct Page {
    /// Maximum number of rows; 0 = all
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
}

impl Page {
    /// Maximum number of rows; `None` = all.
    pub fn limit(self) -> Option<i64> {
        Some(self.limit.into()).filter(|limit| *limit > 0)
    }

    /// Maximum number of rows to read where rows are counted by reading them; the largest number = all.
    pub fn to_read(self) -> i64 {
        self.limit().map_or(i64::MAX, |limit| limit.max(MOST) + 1)
    }

    /// Of rows that were all found: those that are shown, and how many there are if some are left out.
    pub fn first<T>(self, mut rows: Vec<T>) -> (Vec<T>, Option<i64>) {
        let all = rows.len();
        rows.truncate(self.limit().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
        let total = (rows.len() < all).then(|| i64::try_from(all).unwrap_or(i64::MAX));
        (rows, total)
    }

    /// How many rows there are, if the limit may have left some out. `count` stops at the number it is given.
    pub fn total(self, shown: usize, count: impl FnOnce(i64) -> Result<i64>) -> Result<Option<i64>> {
        let shown = i64::try_from(shown)?;
        match self.limit() {
            Some(limit) if shown >= limit => Ok(Some(count(MOST + 1)?).filter(|total| *total > shown)),
            _ => Ok(None),
        }
    }
}

/// Says on standard error how many rows a list left out, also with `-q`: a script must not take a part for the whole.
pub fn tell(ctx: &Context, shown: usize, total: Option<i64>) {
    if let Some(total) = total {
        ctx.ui.caution(&sentence(shown, total));
    }
}

/// `50 of 7,255; more: --limit N (0 = all)`
fn sentence(shown: usize, total: i64) -> String {
    let plus = if total > MOST { "+" } else { "" };
    let total = total.min(MOST);
    let total = if total < 1_000 { total.to_string() } else { format!("{},{:03}", total / 1_000, total % 1_000) };
    format!("{shown} of {total}{plus}; more: --limit N (0 = all)")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_list_says_what_it_leaves_out() {
        for (shown, total, said) in [
            (2, 3, "2 of 3"),
            (50, 999, "50 of 999"),
            (50, 1_000, "50 of 1,000"),
            (50, 7_055, "50 of 7,055"),
            (50, 10_000, "50 of 10,000"),
            (50, 10_001, "50 of 10,000+"),
            (50, 9_999_999, "50 of 10,000+"),
        ] {
            assert_eq!(sentence(shown, total), format!("{said}; more: --limit N (0 = all)"));
        }
    }

    #[test]
    fn rows_are_counted_only_if_some_may_be_left_out() {
        for (limit, shown, there, total) in
            [(0, 7, None, None), (5, 4, None, None), (5, 5, Some(5), None), (5, 5, Some(6), Some(6))]
        {
            let count = |most| {
                assert_eq!(most, MOST + 1);
                Ok(there.unwrap())
            };
            assert_eq!(Page { limit }.total(shown, count).unwrap(), total, "{limit} {shown}");
        }
        assert_eq!(Page { limit: 2 }.first(vec![1, 2, 3]), (vec![1, 2], Some(3)));
        assert_eq!(Page { limit: 3 }.first(vec![1, 2, 3]), (vec![1, 2, 3], None));
        assert_eq!(Page { limit: 0 }.first(vec![1, 2, 3]), (vec![1, 2, 3], None));
    }
}
