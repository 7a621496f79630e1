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

/// The row of a table that is open.
#[derive(Default)]
pub(super) struct Row {
    /// Cells with a word in them.
    cells: usize,
    /// Nothing was written in the cell that is open.
    pub is_fresh: bool,
    /// A cell has several lines.
    pub has_lines: bool,
}

impl Row {
    /// Whether the next word follows another cell on one line.
    pub fn joins(&self) -> bool {
        self.is_fresh && self.cells > 0 && !self.has_lines
    }

    pub fn is_line(&self) -> bool {
        self.cells > 1 && !self.has_lines
    }

    pub fn has_word(&mut self) {
        self.cells += usize::from(std::mem::take(&mut self.is_fresh));
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
