//! HTML to text in one pass over its tags, so that no nesting costs more than its length. Nothing is loaded, no style
//! is computed; what is marked as hidden is left out.

mod blocks;
mod links;

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{StartTag, Token, Tokenizer};

use super::{is_invisible, visible};
use blocks::{List, Row, ends_hidden, is_hidden, is_void, margin};
use links::Links;

/// Bytes of HTML that are read.
const MAX_HTML: usize = 512 << 10;
/// Depth of quotation that is shown.
const MAX_QUOTES: usize = 20;
/// Depth of lists that is shown.
const MAX_LISTS: usize = 10;
/// Tables around a word that it tells of it.
const MAX_TABLES: usize = 8;

/// The readable text of an HTML document: paragraphs apart, list items marked and set in, quotations with `> `, the cells
/// of a row joined by `|`, and where a link leads at the end, wherever its words do not say it.
pub fn from_html(html: &str) -> String {
    let html = html.get(..html.floor_char_boundary(MAX_HTML)).unwrap_or(html);
    let text = converted(html);
    if !text.is_empty() {
        return text;
    }
    // What hides all the rest and never ends, such as a title, cannot be meant.
    let body = ["<body", "<p", "<div", "<table", "<span"];
    let lower = html.to_ascii_lowercase();
    let start = body.iter().find_map(|tag| lower.find(tag)).unwrap_or_default();
    if start == 0 { text } else { converted(html.get(start..).unwrap_or_default()) }
}

fn converted(html: &str) -> String {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut writer = Writer::default();
    for token in Tokenizer::new_with_emitter(html, emitter) {
        // Reading a str cannot fail, and errors in the document are as good as none.
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => writer.open(&tag),
            Token::EndTag(tag) => writer.close(&tag.name),
            Token::String(text) => writer.text(&String::from_utf8_lossy(&text)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    writer.link_end();
    let text = writer.out.trim_matches('\n').trim_end();
    let targets = writer.links.footnotes();
    if targets.is_empty() { text.to_owned() } else { format!("{text}\n\n{targets}") }
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Line ends owed before the next word.
    breaks: usize,
    /// A blank owed before the next word of the same line.
    blank: bool,
    quotes: usize,
    /// Quotations around the line that was written last.
    quoted_before: usize,
    preformatted: usize,
    lists: Vec<List>,
    /// The mark of a list item, owed before its first word.
    marker: Option<String>,
    /// The rows of the open tables.
    rows: Vec<Row>,
    links: Links,
    /// The element that is left out with everything in it, and how often it is open.
    hidden: Option<(Vec<u8>, usize)>,
}

impl Writer {
    fn open(&mut self, tag: &StartTag<()>) {
        let name = tag.name.as_slice();
        if let Some((hidden, depth)) = &mut self.hidden {
            if !ends_hidden(hidden, name) {
                *depth += usize::from(hidden == name && !tag.self_closing);
                return;
            }
            self.hidden = None;
        }
        if is_hidden(tag) {
            self.hidden = (!is_void(name)).then(|| (name.to_vec(), 1));
            return;
        }
        match name {
            b"br" => self.line_end(),
            b"li" => self.item(),
            b"hr" => {
                self.line(1);
                self.word("----");
                self.line(1);
            }
            b"ul" | b"ol" => {
                self.block(if self.lists.is_empty() { 2 } else { 1 });
                self.lists.push(List::open(tag));
            }
            b"table" => {
                self.block(2);
                self.rows.push(Row::default());
            }
            b"tr" => self.row(),
            b"td" | b"th" => self.cell(),
            b"img" => self.alternative(tag),
            b"a" => {
                self.link_end();
                self.links.open(tag, self.out.len());
            }
            b"blockquote" => {
                self.block(2);
                self.quotes += 1;
            }
            b"pre" => {
                self.block(2);
                self.preformatted += 1;
            }
            name => self.block(margin(name)),
        }
    }

    fn close(&mut self, name: &[u8]) {
        if let Some((hidden, depth)) = &mut self.hidden {
            *depth -= usize::from(hidden == name);
            if *depth == 0 {
                self.hidden = None;
            }
            return;
        }
        match name {
            b"blockquote" => {
                self.line(2);
                self.quotes = self.quotes.saturating_sub(1);
            }
            b"pre" => {
                self.line(2);
                self.preformatted = self.preformatted.saturating_sub(1);
            }
            b"ul" | b"ol" => {
                self.lists.pop();
                self.marker = None;
                self.line(if self.lists.is_empty() { 2 } else { 1 });
            }
            b"li" => self.line(1),
            b"tr" => self.row_end(),
            b"table" => {
                self.row_end();
                self.rows.pop();
                self.line(2);
            }
            b"a" => self.link_end(),
            name => self.line(margin(name)),
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden.is_some() {
            return;
        }
        if self.preformatted > 0 {
            for (index, line) in visible(text).split('\n').enumerate() {
                if index > 0 {
                    self.line_end();
                }
                if !line.is_empty() {
                    self.word(line);
                }
            }
            return;
        }
        let is_blank = char::is_whitespace;
        let edges = text.trim_matches(is_invisible);
        let words = || text.split(is_blank).filter(|word| !word.chars().all(is_invisible));
        self.blank |= edges.starts_with(is_blank) || text.contains(is_blank) && words().next().is_none();
        for word in words() {
            self.word(&visible(word));
            self.blank = true;
        }
        self.blank &= edges.ends_with(is_blank) || words().next().is_none();
    }

    fn alternative(&mut self, tag: &StartTag<()>) {
        let alt = tag.attributes.get(b"alt".as_slice()).map(|alt| String::from_utf8_lossy(alt).trim().to_owned());
        if let Some(alt) = alt.filter(|alt| !alt.is_empty()) {
            self.blank = true;
            self.text(&format!("[{alt}]"));
            self.blank = true;
        }
    }

    /// The words of a link end here; where it leads is told if they do not say it.
    fn link_end(&mut self) {
        if let Some(number) = self.links.close(&self.out) {
            let blank = std::mem::replace(&mut self.blank, true);
            let breaks = std::mem::take(&mut self.breaks);
            self.word(&format!("[{number}]"));
            (self.blank, self.breaks) = (blank, breaks);
        }
    }

    fn item(&mut self) {
        self.line(1);
        self.marker = Some(self.lists.last_mut().map_or_else(|| "-".to_owned(), List::mark));
    }

    /// Rows are lines as long as their cells are.
    fn row(&mut self) {
        self.row_end();
        if let Some(row) = self.rows.last_mut() {
            *row = Row::default();
        }
    }

    fn row_end(&mut self) {
        let last = self.rows.len().saturating_sub(1);
        if self.rows.last().is_some_and(Row::is_line) {
            self.settle(last);
        }
        if self.rows.last().is_some_and(Row::is_line) {
            self.breaks = 1;
        }
        self.line(1);
    }

    /// The last cell of a row is over.
    fn settle(&mut self, at: usize) {
        let mark = self.mark();
        if let Some(row) = self.rows.get_mut(at) {
            row.settle(&mut self.out, &mark);
        }
        let end = self.out.len();
        self.rows.iter_mut().for_each(|row| row.is_within(end));
    }

    /// The quote marks of a line.
    fn mark(&self) -> String {
        "> ".repeat(self.quotes.min(MAX_QUOTES))
    }

    fn cell(&mut self) {
        self.blank = true;
        if let Some(row) = self.rows.last_mut() {
            row.is_fresh = true;
            if row.has_lines {
                self.line(1);
            }
        }
    }

    /// A block begins. The first one of a cell or of an item begins where that does.
    fn block(&mut self, count: usize) {
        if self.marker.is_none() && !self.rows.last().is_some_and(|row| row.is_fresh) {
            self.line(count);
        }
    }

    /// The next word begins a line, with `count - 1` empty lines before it at least.
    fn line(&mut self, count: usize) {
        self.breaks = self.breaks.max(count);
        self.blank &= count == 0;
    }

    /// A line ends here, even an empty one.
    fn line_end(&mut self) {
        self.breaks = (self.breaks + 1).min(3);
        self.blank = false;
    }

    fn word(&mut self, word: &str) {
        let around = self.rows.len().saturating_sub(MAX_TABLES)..self.rows.len();
        for at in around.clone() {
            if self.rows.get(at).is_some_and(Row::joins) {
                self.settle(at);
                self.breaks = self.breaks.max(usize::from(!self.rows.get(at).is_some_and(Row::joins)));
            }
        }
        let end = self.out.len();
        let joins = self.rows.get(around.clone()).unwrap_or_default().iter().any(Row::joins);
        if joins {
            // `From:` in a cell of its own.
            self.out.push_str(if self.out.ends_with(':') { " " } else { " | " });
        } else if self.breaks > 0 || self.out.is_empty() {
            self.begin_line();
        } else if self.blank {
            self.out.push(' ');
        }
        let start = self.out.len();
        for row in self.rows.get_mut(around).unwrap_or_default() {
            row.has_word(start, joins.then_some(end));
        }
        if let Some(marker) = self.marker.take() {
            self.out.push_str(&marker);
            self.out.push(' ');
        }
        (self.breaks, self.blank) = (0, false);
        self.out.push_str(word);
    }

    fn begin_line(&mut self) {
        let mark = self.mark();
        let depth = self.lists.len().saturating_sub(usize::from(self.marker.is_some())).min(MAX_LISTS);
        if !self.out.is_empty() {
            // An empty line belongs to a quotation that goes on.
            let between = "> ".repeat(self.quotes.min(self.quoted_before).min(MAX_QUOTES));
            for left in (0..self.breaks).rev() {
                self.out.push('\n');
                self.out.push_str(if left == 0 { "" } else { between.trim_end() });
            }
            let rows = self.rows.len().saturating_sub(MAX_TABLES);
            for row in self.rows.iter_mut().skip(rows) {
                row.is_broken |= !row.is_fresh;
            }
        }
        self.quoted_before = self.quotes;
        self.out.push_str(&mark);
        self.out.push_str(&"  ".repeat(depth));
    }
}

#[cfg(test)]
mod tests;
