//! Tables that fit the terminal, by display width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::tint::{self, Tint};

/// How a column of a table is set.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Right-aligned.
    pub right: bool,
    /// Cut first where the terminal is narrow.
    pub shrink: bool,
    /// Minimum width that it keeps when it is cut.
    pub least: usize,
}

pub(super) const GAP: &str = "  ";

/// Lines of a table. `width` is the terminal's; `None` cuts nothing. `tint` is that of a row and column.
pub fn render(
    layout: &[Layout],
    rows: &[Vec<String>],
    width: Option<usize>,
    tint: impl Fn(usize, usize) -> Option<Tint>,
) -> Vec<String> {
    let widths = widths(layout, rows, width);
    let last = layout.len().saturating_sub(1);
    rows.iter()
        .enumerate()
        .map(|(line, row)| {
            let (mut text, mut plain) = (String::new(), 0);
            for (i, ((cell, layout), width)) in row.iter().zip(layout).zip(&widths).enumerate() {
                let cell = cut(cell, *width);
                let pad = " ".repeat(width.saturating_sub(cell.width()));
                plain += if i == last { cell.width() } else { *width + GAP.len() };
                let cell = tint(line, i).map_or_else(|| cell.clone(), |tint| tint.on(&cell));
                match (layout.right, i == last) {
                    (true, _) => text.extend([pad.as_str(), &cell]),
                    (false, true) => text.push_str(&cell),
                    (false, false) => text.extend([&cell, pad.as_str()]),
                }
                if i != last {
                    text.push_str(GAP);
                }
            }
            // A terminal narrower than the columns at their least is filled, not overrun.
            let text = text.trim_end();
            match width.filter(|width| *width < plain) {
                Some(width) => cut(&without_tint(text), width),
                None => text.to_owned(),
            }
        })
        .collect()
}

/// A line that is cut in the middle keeps no colour.
fn without_tint(text: &str) -> String {
    tint::painted(text, false)
}

/// The width of each column in a terminal of this width.
pub(super) fn widths(layout: &[Layout], rows: &[Vec<String>], terminal: Option<usize>) -> Vec<usize> {
    let mut widths: Vec<usize> = (0..layout.len())
        .map(|i| rows.iter().filter_map(|row| row.get(i)).map(|c| c.width()).max().unwrap_or(0))
        .collect();
    let Some(terminal) = terminal else { return widths };
    let gaps = GAP.len() * layout.len().saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(terminal);
    for only_marked in [true, false] {
        while excess > 0 {
            // The widest gives way, so that two long columns end up equally wide; of equals the last.
            let widest = widths
                .iter_mut()
                .zip(layout)
                .filter(|(width, layout)| (layout.shrink || !only_marked) && **width > layout.least)
                .max_by_key(|(width, _)| **width);
            let Some((width, _)) = widest else { break };
            *width -= 1;
            excess -= 1;
        }
    }
    widths
}

/// Cuts a text to a display width, the cut marked by `…`.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        used += wide;
        kept.push(c);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEFT: Layout = Layout { right: false, shrink: false, least: 8 };

    #[test]
    fn columns_align_by_display_width_and_the_marked_one_gives_way() {
        let layout = [Layout { right: true, ..LEFT }, LEFT, Layout { shrink: true, ..LEFT }];
        let rows = vec![
            vec!["7".into(), "漢字".into(), "a short subject".into()],
            vec!["412".into(), "x".into(), "a subject that is far too long for it".into()],
        ];
        let plain = |width| render(&layout, &rows, width, |_, _| None);
        let lines = plain(Some(30));
        assert_eq!(lines, ["  7  漢字  a short subject", "412  x     a subject that is …"]);
        assert_eq!(plain(None).last().map(String::len), Some(48));
        // Colour moves nothing, and is not cut in two.
        for width in [None, Some(30), Some(25), Some(20), Some(4)] {
            let tinted = render(&layout, &rows, width, |_, column| (column > 0).then_some(Tint::Late));
            let shown: Vec<String> = tinted.iter().map(|line| tint::painted(line, false)).collect();
            assert_eq!(shown, plain(width), "{width:?}");
        }
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            cells in prop::collection::vec(prop::collection::vec("[a-z漢字 ]{0,60}", 5), 1..6),
            width in 20_usize..200,
        ) {
            let layout = [LEFT, LEFT, Layout { shrink: true, ..LEFT }, Layout { right: true, ..LEFT }, LEFT];
            for line in render(&layout, &cells, Some(width), |_, _| None) {
                prop_assert!(line.width() <= width, "{line:?} is wider than {width}");
            }
        }
    }
}
