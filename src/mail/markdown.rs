//! Markdown that our users write, as HTML for the mail programs of customers.
//!
//! The Markdown itself is the text part of the mail. Raw HTML in it is shown as text, and a link leads to the web or to
//! an address or nowhere. A signature is no Markdown: its line of dashes would make a heading of what stands above.

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

use super::compose::SIGNATURE_LINE;

/// The text as HTML, without the frame of a document.
pub fn to_html(markdown: &str) -> String {
    let mut out = String::new();
    let mut own = Vec::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        if line == SIGNATURE_LINE {
            render(&std::mem::take(&mut own).join("\n"), &mut out);
            let signature: Vec<&str> = lines.by_ref().take_while(|line| !line.trim().is_empty()).collect();
            sign(&signature, &mut out);
        } else {
            own.push(line);
        }
    }
    render(&own.join("\n"), &mut out);
    out
}

fn render(markdown: &str, out: &mut String) {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut links = Vec::new();
    let events = Parser::new_ext(markdown, options).filter_map(|event| harmless(event, &mut links));
    html::push_html(out, events);
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
    use proptest::prelude::*;

    use super::*;
    use crate::mail::{costs_no_more_than_its_length, fixed_seed};

    #[test]
    fn markdown_becomes_html_and_nothing_else_gets_through() {
        for (markdown, expected) in [
            ("", ""),
            ("Hello *Eva*,\nit **works**.", "<p>Hello <em>Eva</em>,<br />\nit <strong>works</strong>.</p>\n"),
            ("a & b < c", "<p>a &amp; b &lt; c</p>\n"),
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
        for unit in ["*a ", "[", "![[a](b)", "> ", "<a ", "`", "- a\n", "-- \n", "a|b\n-|-\n", "<!--", "&amp;"] {
            costs_no_more_than_its_length(unit, 40_000, &|text| drop(to_html(text)));
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
