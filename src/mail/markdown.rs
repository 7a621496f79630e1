//! Markdown that our users write, as HTML for the mail programs of customers.
//!
//! The Markdown itself is the text part of the mail. Raw HTML in it is shown as text, and a link leads to the web or to
//! an address or nowhere. A quotation is a stranger's text: it is never read as Markdown, and what nobody writes by hand
//! is not either, so that no text costs more than its length. A signature is not Markdown: its line of dashes would make a heading of what stands above.

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

use super::compose::SIGNATURE_LINE;

/// Bytes of Markdown; of a longer text, which nobody writes by hand, only the lines are kept.
const MAX_MARKDOWN: usize = 64 << 10;
/// Lists and quotations inside each other, by the marks that one line begins with.
const MAX_NESTING: usize = 10;
/// Columns of a table: every row gets all of them, even if it names none.
const MAX_COLUMNS: usize = 30;
/// Quotations inside each other; what is deeper stands with this depth.
const MAX_QUOTES: usize = 20;

/// The text as HTML, without the frame of a document.
pub fn to_html(markdown: &str) -> String {
    let mut out = String::new();
    let mut own = Vec::new();
    let mut fence = None;
    let mut lines = markdown.lines().peekable();
    while let Some(line) = lines.next() {
        if line == SIGNATURE_LINE {
            render(&mut own, &mut out);
            fence = None;
            let mut signature = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.trim().is_empty()) {
                signature.push(line);
            }
            sign(&signature, &mut out);
        } else if fence.is_none() && line.starts_with('>') {
            render(&mut own, &mut out);
            let mut quotation = vec![line];
            while let Some(line) = lines.next_if(|line| line.starts_with('>')) {
                quotation.push(line);
            }
            quote(&quotation, &mut out);
        } else {
            fence = fenced(line, fence);
            own.push(line);
        }
    }
    render(&mut own, &mut out);
    out
}

/// The mark of the block of code that is open after a line.
fn fenced(line: &str, open: Option<&'static str>) -> Option<&'static str> {
    let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
    match (open, mark) {
        (None, mark) => mark,
        (Some(open), Some(mark)) if mark == open => None,
        (open, _) => open,
    }
}

/// What was quoted is somebody else's and no Markdown: its lines as they stand, each depth in a block of its own.
fn quote(lines: &[&str], out: &mut String) {
    let mut depth = 0;
    let mut paragraph = Vec::new();
    for line in lines {
        let (marks, text) = quoted(line);
        if marks != depth || text.is_empty() {
            plain(&mut paragraph, out);
        }
        for _ in depth..marks {
            out.push_str("<blockquote>\n");
        }
        for _ in marks..depth {
            out.push_str("</blockquote>\n");
        }
        depth = marks;
        if !text.is_empty() {
            paragraph.push(text);
        }
    }
    plain(&mut paragraph, out);
    for _ in 0..depth {
        out.push_str("</blockquote>\n");
    }
}

/// How often a line is quoted, and what stands there.
fn quoted(line: &str) -> (usize, &str) {
    let (mut depth, mut rest) = (0, line);
    while let Some(after) = rest.strip_prefix('>') {
        depth += 1;
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    (depth.min(MAX_QUOTES), rest.trim_end())
}

/// Lines as a paragraph, without Markdown.
fn plain(lines: &mut Vec<&str>, out: &mut String) {
    if lines.is_empty() {
        return;
    }
    out.push_str("<p>");
    for (n, line) in lines.drain(..).enumerate() {
        if n > 0 {
            out.push_str("<br />\n");
        }
        out.push_str(&escaped(line));
    }
    out.push_str("</p>\n");
}

/// Own lines as the Markdown that they are. What no person writes, and what would cost more than its length, stays text.
fn render(lines: &mut Vec<&str>, out: &mut String) {
    let bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
    let is_deep = |line: &&str| nesting(line) > MAX_NESTING;
    if bytes > MAX_MARKDOWN || lines.iter().any(is_deep) {
        for paragraph in lines.split(|line| line.trim().is_empty()) {
            plain(&mut paragraph.to_vec(), out);
        }
        lines.clear();
        return;
    }
    let markdown = lines.join("\n");
    let is_wide = lines.iter().any(|line| line.matches('|').count() > MAX_COLUMNS);
    lines.clear();
    let tables = if is_wide { Options::empty() } else { Options::ENABLE_TABLES };
    let mut links = Vec::new();
    let parser = Parser::new_ext(&markdown, tables | Options::ENABLE_STRIKETHROUGH);
    html::push_html(out, parser.filter_map(|event| harmless(event, &mut links)));
}

/// The marks of lists and quotations that a line begins with, or the depth that its indentation stands for.
fn nesting(line: &str) -> usize {
    let rest = line.trim_start();
    let indented = line.len() - rest.len();
    let is_mark = |word: &&str| {
        matches!(*word, "-" | "*" | "+")
            || word.starts_with('>')
            || word.len() <= 10 && word.trim_end_matches(['.', ')']).bytes().all(|b| b.is_ascii_digit())
    };
    let marks = rest.split_whitespace().take(MAX_NESTING + 1).take_while(is_mark).count();
    let doubled = rest.chars().take_while(|c| *c == '>').count();
    if marks > 0 { (indented / 2 + marks).max(doubled) } else { 0 }
}

fn sign(lines: &[&str], out: &mut String) {
    out.push_str("<p>-- ");
    for line in lines {
        out.push_str("<br>\n");
        out.push_str(&escaped(line));
    }
    out.push_str("</p>\n");
}

/// What may be written of an event. `links` remembers which of the links that are open are written.
fn harmless<'a>(event: Event<'a>, links: &mut Vec<bool>) -> Option<Event<'a>> {
    Some(match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let safe = link_type == LinkType::Email || is_safe(&dest_url);
            links.push(safe);
            return safe.then_some(Event::Start(Tag::Link { link_type, dest_url, title, id }));
        }
        Event::End(TagEnd::Link) => return links.pop().unwrap_or_default().then_some(Event::End(TagEnd::Link)),
        // A picture from elsewhere tells its server who reads the mail: only its description stays.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => return None,
        // A line that was ended ends in HTML too, as in the text.
        Event::SoftBreak => Event::HardBreak,
        Event::InlineMath(text) | Event::DisplayMath(text) => Event::Text(text),
        other => other,
    })
}

fn is_safe(url: &CowStr<'_>) -> bool {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|scheme| matches!(scheme.as_str(), "http" | "https" | "mailto"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::string_slice, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;
    use crate::mail::{costs_no_more_than_its_length, fixed_seed};

    #[test]
    fn markdown_becomes_html_and_nothing_else_gets_through() {
        for (markdown, expected) in [
            ("", ""),
            ("Hello *Eva*,\nit **works**.", "<p>Hello <em>Eva</em>,<br />\nit <strong>works</strong>.</p>\n"),
            ("a & b < c", "<p>a &amp; b &lt; c</p>\n"),
            (
                "> quoted\n> more\n>\n>> *deep*\nown",
                "<blockquote>\n<p>quoted<br />\nmore</p>\n<blockquote>\n<p>*deep*</p>\n</blockquote>\n</blockquote>\n<p>own</p>\n",
            ),
            ("> <b>&", "<blockquote>\n<p>&lt;b&gt;&amp;</p>\n</blockquote>\n"),
            ("```\n> x\n```", "<pre><code>&gt; x\n</code></pre>\n"),
            ("- - - - - - - - - - - - a", "<p>- - - - - - - - - - - - a</p>\n"),
            ("- one\n- two", "<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n"),
            ("> quoted", "<blockquote>\n<p>quoted</p>\n</blockquote>\n"),
            ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>\n"),
            ("a <b onclick=x>b</b>", "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n"),
            ("[a](https://x.example/?a&b)", "<p><a href=\"https://x.example/?a&amp;b\">a</a></p>\n"),
            ("<kim@x.example>", "<p><a href=\"mailto:kim@x.example\">kim@x.example</a></p>\n"),
            ("[a](MailTo:kim@x.example)", "<p><a href=\"MailTo:kim@x.example\">a</a></p>\n"),
            ("[a](javascript:alert(1))", "<p>a</p>\n"),
            ("[a](data:text/html,x) [b](/x) [c](//x)", "<p>a b c</p>\n"),
            ("<javascript:x>", "<p>javascript:x</p>\n"),
            ("![alt](https://x.example/p.gif)", "<p>alt</p>\n"),
            ("[![alt](https://x/p.gif)](https://x)", "<p><a href=\"https://x\">alt</a></p>\n"),
            (
                "Hi\n-- \nAna & Co\nDesk\n\nmore *x*",
                "<p>Hi</p>\n<p>-- <br>\nAna &amp; Co<br>\nDesk</p>\n<p>more <em>x</em></p>\n",
            ),
        ] {
            assert_eq!(to_html(markdown), expected, "{markdown:?}");
        }
    }

    #[test]
    fn long_texts_are_read_in_their_length() {
        for unit in [
            "*a ",
            "[",
            "![[a](b)",
            "> ",
            "<a ",
            "`",
            "- a\n",
            "-- \n",
            "a|b\n-|-\n",
            "<!--",
            "&amp;",
            "- ",
            "1. ",
            "* + ",
            "|",
            "|\n",
            "|-",
            "> > > \n",
            "> a\n>> b\n",
            "**_a",
            "~~a~",
            "[a]: b\n",
            "[a][",
            "](",
            "<b>\n",
            "```\n",
            "``` ",
            "\\*",
            "- > ",
            ">- ",
            "_a*",
            "a\n===\n",
            "# ",
            "    ",
            "\t- ",
            "<http:",
        ] {
            for bytes in [30_000, 240_000] {
                costs_no_more_than_its_length(unit, bytes, &|text| drop(to_html(text)));
            }
        }
        // Every row of a table gets all its columns, and every line of a list is looked for in each list that is open.
        for text in [
            |n: usize| format!("{}\n{}\n{}", "|".repeat(n), "|-".repeat(n), "|\n".repeat(n)),
            |n: usize| (0..n).map(|depth| format!("{}- a\n", "  ".repeat(depth % 100))).collect(),
            |n: usize| (0..n).fold(String::new(), |all, depth| all + &"> ".repeat(depth % 200) + "a\n"),
            |n: usize| format!("{}{}", "[a".repeat(n), "](b)".repeat(n)),
            |n: usize| format!("{}{}", "*".repeat(n), "a*".repeat(n)),
        ] {
            let [short, long]: [String; 2] = [text(1_000), text(4_000)];
            let (small, large) = (to_html(&short).len(), to_html(&long).len());
            assert!(large * short.len() <= small * long.len() * 2, "{small} became {large}: {}", &short[..20]);
        }
    }

    proptest! {
        #![proptest_config(fixed_seed(7))]

        #[test]
        fn no_tag_or_address_comes_out_that_markdown_has_not(
            text in "([a-z<>()!:/\"'&;#*_`~|\\[\\]\n -]|javascript:|<script|onload=|data:){0,80}",
        ) {
            let html = to_html(&text);
            let tags = html.split('<').skip(1).filter_map(|rest| rest.split(['>', ' ']).next()).collect::<Vec<_>>();
            let known = [
                "p", "em", "strong", "del", "a", "ul", "ol", "li", "blockquote", "code", "pre", "br", "hr", "table",
                "thead", "tbody", "tr", "th", "td", "h1", "h2", "h3", "h4", "h5", "h6",
            ];
            for tag in tags {
                prop_assert!(known.contains(&tag.trim_matches('/')), "{tag} in {html}");
            }
            for link in html.split("href=\"").skip(1) {
                let safe = ["http:", "https:", "mailto:"].iter().any(|scheme| link.to_lowercase().starts_with(scheme));
                prop_assert!(safe, "{link}");
            }
        }
    }
}
