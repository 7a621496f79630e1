//! Tables that fit the terminal, by display width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

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

/// Lines of a table. `width` is the terminal's; `None` cuts nothing.
pub fn render(layout: &[Layout], rows: &[Vec<String>], width: Option<usize>) -> Vec<String> {
    let widths = widths(layout, rows, width);
    let last = layout.len().saturating_sub(1);
    rows.iter()
        .map(|row| {
            let mut text = String::new();
            for (i, ((cell, layout), width)) in row.iter().zip(layout).zip(&widths).enumerate() {
                let cell = cut(cell, *width);
                let pad = " ".repeat(width.saturating_sub(cell.width()));
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
            width.map_or_else(|| text.to_owned(), |width| cut(text, width))
        })
        .collect()
}

fn widths(layout: &[Layout], rows: &[Vec<String>], terminal: Option<usize>) -> Vec<usize> {
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
        let lines = render(&layout, &rows, Some(30));
        assert_eq!(lines, ["  7  漢字  a short subject", "412  x     a subject that is …"]);
        assert_eq!(render(&layout, &rows, None).last().map(String::len), Some(48));
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            cells in prop::collection::vec(prop::collection::vec("[a-z漢字 ]{0,60}", 5), 1..6),
            width in 20_usize..200,
        ) {
            let layout = [LEFT, LEFT, Layout { shrink: true, ..LEFT }, Layout { right: true, ..LEFT }, LEFT];
            for line in render(&layout, &cells, Some(width)) {
                prop_assert!(line.width() <= width, "{line:?} is wider than {width}");
            }
        }
    }
}
