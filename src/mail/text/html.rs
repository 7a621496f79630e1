//! HTML to text in one pass over its tags, so that no nesting costs more than its length. Nothing is loaded, no style
//! is computed; what is marked as hidden is left out.

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{StartTag, Token, Tokenizer};

/// Bytes of HTML that are read.
const MAX_HTML: usize = 512 << 10;
/// Depth of quotation that is shown.
const MAX_QUOTES: usize = 20;

/// The readable text of an HTML document: paragraphs apart, list items marked, quotations with `> `, tables row by row.
pub fn from_html(html: &str) -> String {
    let html = html.get(..html.floor_char_boundary(MAX_HTML)).unwrap_or(html);
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
    writer.out.trim_matches('\n').trim_end().to_owned()
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Line ends owed before the next word.
    breaks: usize,
    /// A blank owed before the next word of the same line.
    blank: bool,
    quotes: usize,
    preformatted: usize,
    /// The element that is left out with everything in it, and how often it is open.
    hidden: Option<(Vec<u8>, usize)>,
}

impl Writer {
    fn open(&mut self, tag: &StartTag<()>) {
        let name = tag.name.as_slice();
        if let Some((hidden, depth)) = &mut self.hidden {
            *depth += usize::from(hidden == name && !tag.self_closing);
            return;
        }
        if is_hidden(tag) {
            self.hidden = (!is_void(name)).then(|| (name.to_vec(), 1));
            return;
        }
        match name {
            b"br" => self.line_end(),
            b"li" => {
                self.line(1);
                self.word("-");
                self.blank = true;
            }
            b"hr" => {
                self.line(1);
                self.word("----");
                self.line(1);
            }
            b"td" | b"th" => self.blank = true,
            b"img" => self.alternative(tag),
            b"blockquote" => {
                self.line(2);
                self.quotes += 1;
            }
            b"pre" => {
                self.line(2);
                self.preformatted += 1;
            }
            name => self.line(margin(name)),
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
            name => self.line(margin(name)),
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden.is_some() {
            return;
        }
        if self.preformatted > 0 {
            for (index, line) in text.split('\n').enumerate() {
                if index > 0 {
                    self.line_end();
                }
                if !line.is_empty() {
                    self.word(line);
                }
            }
            return;
        }
        let is_blank =
            |c: char| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}');
        self.blank |= text.starts_with(is_blank);
        for word in text.split(is_blank).filter(|word| !word.is_empty()) {
            self.word(word);
            self.blank = true;
        }
        self.blank = text.ends_with(is_blank);
    }

    fn alternative(&mut self, tag: &StartTag<()>) {
        let alt = tag.attributes.get(b"alt".as_slice()).map(|alt| String::from_utf8_lossy(alt).trim().to_owned());
        if let Some(alt) = alt.filter(|alt| !alt.is_empty()) {
            self.blank = true;
            self.text(&format!("[{alt}]"));
            self.blank = true;
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
        let quotes = self.quotes.min(MAX_QUOTES);
        if self.out.is_empty() {
            self.out.push_str(&"> ".repeat(quotes));
        } else if self.breaks > 0 {
            let mark = "> ".repeat(quotes);
            for left in (0..self.breaks).rev() {
                self.out.push('\n');
                self.out.push_str(if left == 0 { &mark } else { mark.trim_end() });
            }
        } else if self.blank {
            self.out.push(' ');
        }
        (self.breaks, self.blank) = (0, false);
        self.out.push_str(word);
    }
}

/// Line ends around a block.
fn margin(name: &[u8]) -> usize {
    match name {
        b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"ul" | b"ol" | b"dl" | b"table" => 2,
        b"div" | b"tr" | b"dt" | b"dd" | b"section" | b"article" | b"header" | b"footer" | b"address" | b"center"
        | b"form" | b"fieldset" | b"caption" | b"figure" | b"body" | b"title" => 1,
        _ => 0,
    }
}

fn is_hidden(tag: &StartTag<()>) -> bool {
    let left_out: [&[u8]; 8] = [b"head", b"script", b"style", b"title", b"template", b"noscript", b"object", b"svg"];
    let style =
        tag.attributes.get(b"style".as_slice()).map(|style| String::from_utf8_lossy(style).to_ascii_lowercase());
    let style: String = style.unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
    left_out.contains(&tag.name.as_slice())
        || tag.attributes.contains_key(b"hidden".as_slice())
        || style.contains("display:none")
        || style.contains("visibility:hidden")
}

/// Elements that have no end tag.
fn is_void(name: &[u8]) -> bool {
    let void: [&[u8]; 8] = [b"br", b"hr", b"img", b"input", b"link", b"meta", b"col", b"area"];
    void.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_as_mailers_write_it() {
        for (html, want) in [
            ("<p>Hello <b>you</b>,</p><p>bye</p>", "Hello you,\n\nbye"),
            ("one<br>two<br/><br>three", "one\ntwo\n\nthree"),
            ("<div>a</div><div>b</div><div><br></div><div>c</div>", "a\nb\n\nc"),
            ("  much \n\t space&nbsp;&amp;&#32;more  ", "much space & more"),
            ("<ul><li>one<li>two</ul>after", "- one\n- two\n\nafter"),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
            ("<blockquote>q<p>r</p></blockquote>mine", "> q\n>\n> r\n\nmine"),
            ("<pre>a  b\n  c\n\nd</pre>", "a  b\n  c\n\nd"),
            ("<style>p { x > y }</style><script>if (a<b) '</p>'</script>text", "text"),
            ("<head><title>no</title></head><body>yes</body>", "yes"),
            ("<div style='display: none'>no<div>no</div>no</div>yes", "yes"),
            ("<span hidden>no</span>yes<img style=\"display:none\"> and more", "yes and more"),
            ("see <img src=cid:1 alt='the picture'> here", "see [the picture] here"),
            ("&#x1b;[31m &lt;b&gt;", "\u{1b}[31m <b>"),
            ("a < b and <", "a < b and <"),
            ("<p>open <b>never closed", "open never closed"),
            ("", ""),
        ] {
            assert_eq!(from_html(html), want, "{html}");
        }
    }

    #[test]
    fn nesting_costs_no_more_than_its_length() {
        let deep = "<blockquote>".repeat(40_000) + "x";
        let text = from_html(&deep);
        assert!(text.ends_with('x') && text.len() < 1_000, "{} bytes", text.len());
        assert!(from_html(&"<div>".repeat(100_000)).is_empty());
    }
}
