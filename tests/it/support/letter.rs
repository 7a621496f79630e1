//! Test messages.

use super::serial;

/// A message being written; [`Letter::bytes`] ends it.
#[derive(Clone)]
pub struct Letter {
    headers: Vec<(String, String)>,
    body: String,
}

/// Starts a message of now, with a Message-ID of its own and a short body.
pub fn mail(from: &str, to: &str, subject: &str) -> Letter {
    let date = written(jiff::Timestamp::now());
    let headers = [
        ("From", from),
        ("To", to),
        ("Subject", subject),
        ("Date", &date),
        ("Message-ID", &format!("<letter-{}@mua.example>", serial())),
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "8bit"),
    ];
    Letter {
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: format!("Hello,\n\nthis is about: {subject}\n"),
    }
}

impl Letter {
    /// A message as it stands, header lines ended by CRLF.
    pub fn of(message: &str) -> Letter {
        let (head, body) = message.split_once("\r\n\r\n").unwrap_or((message, ""));
        let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
        let headers = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Letter { headers, body: body.to_owned() }
    }

    /// Sets a header, replacing the one of that name.
    pub fn header(mut self, name: &str, value: &str) -> Letter {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.add(name, value)
    }

    /// Adds a header, also a second one of the same name.
    pub fn add(mut self, name: &str, value: &str) -> Letter {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Letter {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// With the angle brackets.
    pub fn message_id(self, id: &str) -> Letter {
        self.header("Message-ID", id)
    }

    pub fn in_reply_to(self, id: &str) -> Letter {
        self.header("In-Reply-To", id)
    }

    pub fn references(self, ids: &[&str]) -> Letter {
        self.header("References", &ids.join("\r\n "))
    }

    pub fn cc(self, addresses: &str) -> Letter {
        self.header("Cc", addresses)
    }

    pub fn reply_to(self, address: &str) -> Letter {
        self.header("Reply-To", address)
    }

    pub fn date(self, at: jiff::Timestamp) -> Letter {
        self.header("Date", &written(at))
    }

    pub fn body(mut self, text: &str) -> Letter {
        self.body = text.to_owned();
        self
    }

    pub fn html(self, text: &str) -> Letter {
        self.header("Content-Type", "text/html; charset=utf-8").body(text)
    }

    /// The value of a header written so far; empty if there is none.
    pub fn value(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The whole message with CRLF line ends.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = String::new();
        for (name, value) in &self.headers {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
        out.push_str("\r\n");
        out.push_str(&self.body.replace("\r\n", "\n").replace('\n', "\r\n"));
        out.into_bytes()
    }
}

fn written(at: jiff::Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// The value of a field of a message that was sent; empty where it has none.
pub fn header(message: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(message).into_owned();
    let line = text.lines().find(|line| line.starts_with(&format!("{name}: "))).unwrap_or_default();
    line.split_once(": ").map_or_else(String::new, |(_, value)| value.to_owned())
}
