//! The mails: every pair of things that one mail can have many of.

/// A mail of about this number of bytes.
pub struct Product {
    pub name: &'static str,
    pub make: fn(usize) -> String,
}

const SYSTEM: &str =
    "From: MAILER-DAEMON@mx.example\nTo: support@desk.example\nSubject: Undelivered Mail Returned to Sender\n";
pub const CUSTOMER: &str = "From: eva@customer.example\nTo: support@desk.example\n";

/// `item` with its number in place of `#`, so often that it fills the bytes.
fn items(item: &str, bytes: usize) -> String {
    let count = bytes / (item.len() + 4);
    (0..count).map(|n| item.replace('#', &format!("{n:05}"))).collect()
}

fn words(bytes: usize) -> String {
    "some words that say nothing much\n".repeat(bytes / 33)
}

/// A mail in two halves: a header and a text.
pub fn halves(head: &str, fields: &str, text: &str) -> String {
    format!("{head}{fields}\n\n{text}\n")
}

fn report(human: &str, groups: &str) -> String {
    let parts = format!(
        "--b\n\n{human}\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n{groups}\n--b--\n"
    );
    halves(SYSTEM, "Content-Type: multipart/report; report-type=delivery-status; boundary=b", &parts)
}

fn forward(text: &str) -> String {
    halves(CUSTOMER, "Subject: Fwd: x\nX-Forwarded-Message-Id: <9@x>", text)
}

fn mixed(parts: &str) -> String {
    halves(CUSTOMER, "Content-Type: multipart/mixed; boundary=b", parts)
}

/// Every pair of things that one mail can have many of.
pub const PRODUCTS: &[Product] = &[
    Product {
        name: "recipients of a report x text",
        make: |n| halves(SYSTEM, "", &format!("delivery failed\n{}", items("x#@b.co\n", n))),
    },
    Product {
        name: "one recipient again and again",
        make: |n| halves(SYSTEM, "", &format!("delivery failed\n{}", "x1f@b.co\n".repeat(n / 9))),
    },
    Product {
        name: "recipients in one line x text",
        make: |n| halves(SYSTEM, "", &format!("delivery failed\n{}", items("<x#@b.co> ", n))),
    },
    Product {
        name: "X-Failed-Recipients x text",
        make: |n| {
            halves(
                SYSTEM,
                &format!("X-Failed-Recipients: {}", items("x#@b.co, ", n / 2)),
                &format!("failed\n{}", words(n / 2)),
            )
        },
    },
    Product {
        name: "X-Failed-Recipients fields x one line that names them",
        make: |n| {
            halves(
                SYSTEM,
                items("X-Failed-Recipients: x#@b.co\n", n * 3 / 4).trim_end(),
                &format!("failed\n{}", items("x#@b.co ", n / 4)),
            )
        },
    },
    Product {
        name: "groups of a report x text",
        make: |n| report(&words(n / 2), &items("Final-Recipient: x; a#@b.co\nStatus: 5.0.0\n\n", n / 2)),
    },
    Product {
        name: "groups x words of the server",
        make: |n| report("", &items("Final-Recipient: x; a#@b.co\nDiagnostic-Code: x; 550 no such user here\n\n", n)),
    },
    Product {
        name: "fields of one group",
        make: |n| report("", &format!("Final-Recipient: x; a@b.co\n{}", items("X-#: y\n", n))),
    },
    Product {
        name: "recipients of a report x readers of it",
        make: |n| {
            halves(
                SYSTEM,
                &format!("Cc: {}", items("x#@b.co, ", n / 2)),
                &format!("failed\n{}", items("x#@b.co\n", n / 2)),
            )
        },
    },
    Product {
        name: "readers x header fields",
        make: |n| {
            halves(
                CUSTOMER,
                &format!(
                    "List-Id: <l.x.example>\nList-Post: <mailto:l@x.example>\nCc: {}\n{}",
                    items("x#@b.co, ", n / 2),
                    items("X-#: y\n", n / 2).trim_end()
                ),
                "x",
            )
        },
    },
    Product {
        name: "Reply-To x header fields",
        make: |n| {
            halves(
                CUSTOMER,
                &format!("{}Reply-To: {}\nList-Id: <l.x.example>", items("X-#: y\n", n / 2), items("x#@b.co, ", n / 2)),
                "x",
            )
        },
    },
    Product {
        name: "Delivered-To fields",
        make: |n| halves(CUSTOMER, items("Delivered-To: x#@b.co\n", n).trim_end(), "x"),
    },
    Product {
        name: "references x text",
        make: |n| {
            halves(
                CUSTOMER,
                &format!("References: {}\nIn-Reply-To: {}", items("<x#@b.co> ", n / 3), items("<y#@b.co> ", n / 3)),
                &words(n / 3),
            )
        },
    },
    Product {
        name: "tags and prefixes of a subject",
        make: |n| halves(CUSTOMER, &format!("Subject: {}", items("[#1] Re: Fwd: [x] ", n)), "x"),
    },
    Product {
        name: "case numbers of a subject",
        make: |n| halves(CUSTOMER, &format!("Subject: {}", items("[##]", n)), "x"),
    },
    Product {
        name: "verdicts x labels of the author's domain",
        make: |n| {
            let author = format!("From: a@{}example\nTo: support@desk.example\n", "a.".repeat(100));
            halves(
                &author,
                items("Authentication-Results: mx.example; dkim=pass header.d=a.b.# smtp.mailfrom=c.d\n", n).trim_end(),
                "x",
            )
        },
    },
    Product {
        name: "results of one verdict",
        make: |n| {
            halves(
                CUSTOMER,
                &format!("Authentication-Results: mx.example{}", items("; dkim=pass header.d=a#.b", n)),
                "x",
            )
        },
    },
    Product { name: "header fields", make: |n| halves(CUSTOMER, items("X-#: y\n", n).trim_end(), "x") },
    Product {
        name: "long header fields",
        make: |n| {
            halves(
                CUSTOMER,
                &format!(
                    "X-A: {}\nAuto-Submitted: {}\nPrecedence: {}",
                    "( ".repeat(n / 6),
                    "(a)".repeat(n / 9),
                    "a, ".repeat(n / 9)
                ),
                "x",
            )
        },
    },
    Product {
        name: "encoded words",
        make: |n| halves(CUSTOMER, &format!("Subject: {}", items("=?utf-8?q?a#?= ", n)), "x"),
    },
    Product { name: "parts", make: |n| mixed(&items("--b\n\nx#\n", n)) },
    Product {
        name: "attachments x their names",
        make: |n| mixed(&items("--b\nContent-Type: a/b; name=\"n#.txt\"\n\nx\n", n)),
    },
    Product {
        name: "parts in parts",
        make: |n| {
            (0..n / 60).fold(CUSTOMER.to_owned(), |all, d| {
                all + &format!("Content-Type: multipart/mixed; boundary=b{d}\n\n--b{d}\n")
            })
        },
    },
    Product { name: "lines that look like boundaries", make: |n| mixed(&format!("--b\n\n{}", "--b-\n".repeat(n / 5))) },
    Product {
        name: "delivery reports x text",
        make: |n| {
            mixed(&format!(
                "--b\n\n{}{}",
                words(n / 2),
                items("--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: x; a#@b.co\n", n / 2)
            ))
        },
    },
    Product { name: "calendars", make: |n| mixed(&items("--b\nContent-Type: text/calendar; method=x#\n\ny\n", n)) },
    Product { name: "depth of a quotation", make: |n| halves(CUSTOMER, "", &"> ".repeat(n / 2)) },
    Product { name: "quotations x lines", make: |n| halves(CUSTOMER, "", &items(">> a # said >\n", n)) },
    Product { name: "headers of a forward x text", make: |n| forward(&items("To: #\n", n)) },
    Product { name: "forwards in a forward", make: |n| forward(&items("From: a#@b.co\nDate: x\nSubject: y\n\n", n)) },
    Product {
        name: "nested HTML",
        make: |n| halves(CUSTOMER, "Content-Type: text/html", &"<blockquote><div>".repeat(n / 17)),
    },
    Product {
        name: "columns x rows of HTML",
        make: |n| {
            halves(CUSTOMER, "Content-Type: text/html", &format!("<table>{}</table>", "<tr><td>a<td>".repeat(n / 13)))
        },
    },
    Product {
        name: "links of HTML",
        make: |n| halves(CUSTOMER, "Content-Type: text/html", &items("<a href=#>x</a><img src=cid:#>", n)),
    },
    Product { name: "long lines", make: |n| halves(CUSTOMER, "", &"a".repeat(n)) },
];
