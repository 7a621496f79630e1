use super::*;
use crate::mail::costs_no_more_than_its_length;

#[test]
fn html_as_mailers_write_it() {
    for (html, want) in [
        ("<p>Hello <b>you</b>,</p><p>bye</p>", "Hello you,\n\nbye"),
        ("one<br>two<br/><br>three", "one\ntwo\n\nthree"),
        ("<div>a</div><div>b</div><div><br></div><div>c</div>", "a\nb\n\nc"),
        ("  much \n\t space&nbsp;&amp;&#32;more  ", "much space & more"),
        ("<blockquote>q<p>r</p></blockquote>mine", "> q\n>\n> r\n\nmine"),
        ("mine<blockquote><p>q</p></blockquote><blockquote>r</blockquote>", "mine\n\n> q\n>\n> r"),
        ("<pre>a  b\n  c\n\nd</pre>", "a  b\n  c\n\nd"),
        ("<style>p { x > y }</style><script>if (a<b) '</p>'</script>text", "text"),
        ("<div style='display: none'>no<div>no</div>no</div>yes", "yes"),
        ("<span hidden>no</span>yes<img style=\"display:none\"> and more", "yes and more"),
        ("<p hidden>no<p>yes<table><tr><td style='display:none'>no<td>too", "yes\n\ntoo"),
        ("see <img src=cid:1 alt='the picture'> here", "see [the picture] here"),
        ("&#x1b;[31m &lt;b&gt;", "\u{1b}[31m <b>"),
        ("a < b and <", "a < b and <"),
        ("<p>open <b>never closed", "open never closed"),
        ("Kranken&shy;haus, Auf&zwnj;lage, wo\u{2060}rd, zero\u{200b}width", "Krankenhaus, Auflage, word, zerowidth"),
        ("pre&nbsp;&zwnj;&nbsp;&shy; &#8203;text", "pre text"),
        (
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
        ),
        ("", ""),
    ] {
        assert_eq!(from_html(html), want, "{html}");
    }
}

#[test]
fn what_is_never_closed_hides_nothing() {
    for (html, want) in [
        ("<head><title>no</title></head><body>yes</body>", "yes"),
        ("<html><head><title>no</title><body><p>yes</p></body>", "yes"),
        ("<head><meta charset=x><style>no</style><p>yes", "yes"),
        ("<head><title>no</title>yes", "yes"),
        ("<html><head><title>no<body><p>yes</p>", "yes"),
        ("<noscript><body>yes", "yes"),
        ("a<iframe src=x><p>no</p></iframe>b<noframes>no</noframes><noembed>no</noembed>c", "abc"),
    ] {
        assert_eq!(from_html(html), want, "{html}");
    }
}

#[test]
fn rows_are_lines() {
    for (html, want) in [
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a | b\nc"),
        (
            "<table><tr><td><p>Device</p></td><td><p>Serial</p></td></tr>\n\
             <tr><td><p class=MsoNormal>Pump<o:p></o:p></p></td><td><p>77-1</p></td></tr></table><p>Thanks",
            "Device | Serial\nPump | 77-1\n\nThanks",
        ),
        ("<table><tr><th>From: </th><td>Ann</td></tr><tr><th>Subject:<td>Pots</table>", "From: Ann\nSubject: Pots"),
        ("<table><tr><th>a<th><th>c<tr><td>1<td>2<td>3</table>", "a | c\n1 | 2 | 3"),
        ("<table><tr><td><p>one</p><p>two</p></td><td>three</td></tr></table>", "one / two | three"),
        ("<table><tr><td>a<br>b<td>c<br>d<tr><td>e<td>f</table>", "a / b | c / d\ne | f"),
        ("<table><tr><td>one<br>alone</td></tr></table>", "one\nalone"),
        ("<table><tr><td>a<td><ul><li>b<li>c</ul><td>d</table>", "a | - b / - c | d"),
        ("<blockquote><table><tr><td>a<br>b<td>c</table></blockquote>", "> a / b | c"),
        (
            "<table><tr><td>Home<br>Shop</td><td>Dear Eva,<p>1<p>2<p>3<p>4<p>5<p>6</td><td>end</table>",
            "Home / Shop\nDear Eva,\n\n1\n\n2\n\n3\n\n4\n\n5\n\n6\nend",
        ),
        ("<table><tr><td><p>A</p></td></tr><tr><td><p>B</p></td></tr></table>", "A\n\nB"),
        (
            "<table><tr><td><table><tr><td>in</td><td>side</td></tr></table></td><td>beside</td></tr></table>",
            "in | side | beside",
        ),
        ("<blockquote><table><tr><td>a</td><td>b</td></tr><tr><td>c<td>d</table></blockquote>", "> a | b\n> c | d"),
    ] {
        assert_eq!(from_html(html), want, "{html}");
    }
}

#[test]
fn lists_show_their_nesting() {
    for (html, want) in [
        ("<ul><li>one<li>two</ul>after", "- one\n- two\n\nafter"),
        ("<ul><li>one<ul><li>a</li><li>b</li></ul></li><li>two</li></ul>", "- one\n  - a\n  - b\n- two"),
        ("<ul><li><p>one</p></li><li><p>two<br>more</p></li></ul>", "- one\n\n- two\n  more"),
        ("<ol><li>one<ol><li>a</ol><li>two</ol>", "1. one\n  1. a\n2. two"),
        ("<ol start=4><li>four<li>five</ol>", "4. four\n5. five"),
        ("<ul><li></li><li>two</li></ul>", "- two"),
        ("text<ul><li>a</ul>", "text\n\n- a"),
        ("<li>loose", "- loose"),
        ("<blockquote><ul><li>a<ul><li>b</ul></ul></blockquote>", "> - a\n>   - b"),
    ] {
        assert_eq!(from_html(html), want, "{html}");
    }
}

#[test]
fn targets_are_told_where_the_words_do_not_say_them() {
    for (html, want) in [
        (
            "See <a href='https://a.example/x?y=1&amp;z=2'>our page</a>.",
            "See our page [1].\n\n[1] https://a.example/x?y=1&z=2",
        ),
        (
            "<a href='https://evil.example/'>https://bank.example/</a>",
            "https://bank.example/ [1]\n\n[1] https://evil.example/",
        ),
        ("<a href='https://www.a.example/'>a.example</a>", "a.example"),
        ("<a href='http://a.example/x'>https://a.example/x</a>", "https://a.example/x"),
        ("<a href='mailto:Ann@a.example?subject=x'>ann@a.example</a>", "ann@a.example"),
        ("<a href='mailto:ann@a.example'>Ann</a>", "Ann [1]\n\n[1] mailto:ann@a.example"),
        ("<a href='tel:+4930123'>+49 30 123</a>", "+49 30 123"),
        (
            "<a href=https://a.example>one</a> <a href=https://b.example>two</a> <a href=https://a.example>three</a>",
            "one [1] two [2] three [1]\n\n[1] https://a.example\n[2] https://b.example",
        ),
        (
            "<a href='#top'>up</a> <a href='javascript:x()'>run</a> <a name=x>here</a> <a href=page>page</a>",
            "up run here page",
        ),
        (
            "<a href='https://a.example'><img src=x></a> <a href='https://b.example'><img alt=Logo></a>",
            "[Logo] [1]\n\n[1] https://b.example",
        ),
        (
            "<a href='https://a.example/\u{202e}moc\u{200b} x\n/y'>go</a>",
            "go [1]\n\n[1] https://a.example/%E2%80%AEmoc%E2%80%8B%20x/y",
        ),
        ("<p><a href='https://a.example'>open <p>next", "open\n\nnext [1]\n\n[1] https://a.example"),
        ("<p><a href='https://a.example'>one</a></p><p>two</p>", "one [1]\n\ntwo\n\n[1] https://a.example"),
    ] {
        assert_eq!(from_html(html), want, "{html}");
    }
    let long = from_html(&format!("<a href='https://a.example/{}'>x</a>", "y".repeat(5_000)));
    assert!(long.ends_with("y…") && long.len() < 2_100, "{} bytes", long.len());
    let many: String = (0..1_000).map(|n| format!("<a href='https://a.example/{n}'>x</a> ")).collect();
    assert!(from_html(&many).ends_with("[500] https://a.example/499"));
}

#[test]
fn nesting_costs_no_more_than_its_length() {
    let deep = "<blockquote>".repeat(40_000) + "x";
    let text = from_html(&deep);
    assert!(text.ends_with('x') && text.len() < 1_000, "{} bytes", text.len());
    assert!(from_html(&"<div>".repeat(100_000)).is_empty());
    for unit in [
        "<table><tr><td>x",
        "<tr><td>x<br>y<td>z<br>",
        "<table><tr><td>x<br>y<td>z<br>",
        "<ul><li>x",
        "<a href=https://a.example>x ",
        "<td>x<p>",
        "<p hidden>",
        "<title>",
        "<p ",
    ] {
        costs_no_more_than_its_length(unit, 60_000, &|html| drop(from_html(html)));
    }
}
