//! What elements do to the lines around them.

use html5gum::StartTag;

/// A list that is open.
pub(super) struct List {
    /// The number of the next item, where items have numbers.
    next: Option<i64>,
}

impl List {
    pub fn open(tag: &StartTag<()>) -> List {
        let start =
            tag.attributes.get(b"start".as_slice()).and_then(|start| std::str::from_utf8(start).ok()?.parse().ok());
        List { next: (tag.name.as_slice() == b"ol").then(|| start.unwrap_or(1)) }
    }

    /// The mark of the next item.
    pub fn mark(&mut self) -> String {
        match &mut self.next {
            None => "-".to_owned(),
            Some(number) => {
                let mark = format!("{number}.");
                *number = number.saturating_add(1);
                mark
            }
        }
    }
}

/// Bytes and lines of a cell that is written as one line.
const SHORT_CELL: (usize, usize) = (300, 6);

/// The row of a table that is open.
#[derive(Default)]
pub(super) struct Row {
    /// Cells with a word in them.
    cells: usize,
    /// Nothing was written in the cell that is open.
    pub is_fresh: bool,
    /// The cell that was written last has several lines.
    pub is_broken: bool,
    /// A cell is too long for a row that is a line.
    pub has_lines: bool,
    /// Where the words of the last cell begin, and the sign before them that joins it to the one before.
    start: usize,
    joint: Option<usize>,
}

impl Row {
    /// Whether the next word follows another cell on one line.
    pub fn joins(&self) -> bool {
        self.is_fresh && self.cells > 0 && !self.has_lines
    }

    pub fn is_line(&self) -> bool {
        self.cells > 1 && !self.has_lines
    }

    /// A word is written at the end of the text, after `joint` if that joins it to another cell.
    pub fn has_word(&mut self, end: usize, joint: Option<usize>) {
        if std::mem::take(&mut self.is_fresh) {
            self.cells += 1;
            (self.start, self.joint) = (end, joint);
        }
    }

    /// The last cell is over, and is not alone in its row: its lines become one if they are few, else it stands by itself.
    pub fn settle(&mut self, out: &mut String, mark: &str) {
        if !std::mem::take(&mut self.is_broken) {
            return;
        }
        let (bytes, lines) = SHORT_CELL;
        let cell = out.get(self.start..).unwrap_or_default();
        if cell.len() <= bytes && cell.lines().count() <= lines {
            let bare = |line: &str| line.trim_start_matches(['>', ' ']).trim_end().to_owned();
            let lines: Vec<String> = cell.lines().map(bare).filter(|line| !line.is_empty()).collect();
            out.truncate(self.start);
            out.push_str(&lines.join(" / "));
            return;
        }
        self.has_lines = true;
        if let Some(joint) = self.joint.filter(|joint| out.is_char_boundary(*joint) && out.is_char_boundary(self.start))
        {
            out.replace_range(joint..self.start, &format!("\n{mark}"));
        }
    }

    /// Another row was settled, which left the text this long.
    pub fn is_within(&mut self, end: usize) {
        self.start = self.start.min(end);
        self.joint = self.joint.filter(|joint| *joint <= self.start);
    }
}

/// Line ends around a block.
pub(super) fn margin(name: &[u8]) -> usize {
    match name {
        b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"dl" => 2,
        b"div" | b"dt" | b"dd" | b"section" | b"article" | b"header" | b"footer" | b"address" | b"center" | b"form"
        | b"fieldset" | b"caption" | b"figure" | b"body" => 1,
        _ => 0,
    }
}

pub(super) fn is_hidden(tag: &StartTag<()>) -> bool {
    const LEFT_OUT: [&[u8]; 14] = [
        b"script",
        b"style",
        b"title",
        b"template",
        b"noscript",
        b"object",
        b"svg",
        b"iframe",
        b"noframes",
        b"noembed",
        b"audio",
        b"video",
        b"canvas",
        b"datalist",
    ];
    if LEFT_OUT.contains(&tag.name.as_slice()) || tag.attributes.contains_key(b"hidden".as_slice()) {
        return true;
    }
    let Some(style) = tag.attributes.get(b"style".as_slice()) else { return false };
    let style = String::from_utf8_lossy(style).to_ascii_lowercase();
    let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
    style.contains("display:none") || style.contains("visibility:hidden")
}

/// Elements whose end tag may be missing end where the next of their kind begins.
pub(super) fn ends_hidden(hidden: &[u8], next: &[u8]) -> bool {
    match hidden {
        b"p" => margin(next) > 0 || matches!(next, b"ul" | b"ol" | b"table" | b"blockquote" | b"pre" | b"hr"),
        b"li" => next == b"li",
        b"td" | b"th" => matches!(next, b"td" | b"th" | b"tr"),
        b"tr" => next == b"tr",
        _ => false,
    }
}

/// Elements that have no end tag.
pub(super) fn is_void(name: &[u8]) -> bool {
    let void: [&[u8]; 8] = [b"br", b"hr", b"img", b"input", b"link", b"meta", b"col", b"area"];
    void.contains(&name)
}
