//! The name of another schema next to one, for hints: that one of a database that is in use cannot be filled.

use super::{PUBLIC, Server, words};

impl Server {
    /// The name of the same database with another schema, as it is typed.
    pub fn with_other_schema(&self) -> String {
        let text = if self.variables.is_empty() { self.text.clone() } else { self.uri() };
        let schema = format!("schema={}", following(self.expects_schema()));
        let is_other = |word: &&str| !word.starts_with("schema=");
        match text.split_once("://") {
            None if words::is_of_server(&text) => {
                let kept: Vec<&str> = text.split_whitespace().filter(is_other).chain([schema.as_str()]).collect();
                kept.join(" ")
            }
            _ => {
                let (before, query) = text.split_once('?').unwrap_or((&text, ""));
                let kept = query.split('&').filter(|word| !word.is_empty()).filter(is_other);
                format!("{before}?{}", kept.chain([schema.as_str()]).collect::<Vec<_>>().join("&"))
            }
        }
    }
}

/// The name that comes after one.
fn following(name: &str) -> String {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name.get(stem.len()..).and_then(|digits| digits.parse::<u32>().ok());
    match (name, number) {
        (PUBLIC, _) => "desk2".to_owned(),
        (_, Some(number)) => format!("{stem}{}", number.saturating_add(1)),
        (_, None) => format!("{stem}2"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn another_schema_is_named_next_to_each_one() {
        for (text, expected) in [
            ("postgresql:///mail", "postgresql:///mail?schema=desk2"),
            ("postgresql:///mail?schema=desk2", "postgresql:///mail?schema=desk3"),
            ("postgresql://h/mail?schema=desk&sslmode=disable", "postgresql://h/mail?sslmode=disable&schema=desk2"),
            ("host=h dbname=mail schema=a9", "host=h dbname=mail schema=a10"),
            ("host=h dbname=mail", "host=h dbname=mail schema=desk2"),
        ] {
            assert_eq!(Server::of_machine(text).unwrap().with_other_schema(), expected, "{text}");
        }
    }
}
