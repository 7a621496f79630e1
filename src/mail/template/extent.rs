//! A limit on tags, before the engine reads a template: it calls itself once for each operator of a
//! chain, and a chain of thousands would end the process with its stack.

use super::TemplateError;

/// Longest tag, in bytes.
const MAX_TAG: usize = 500;
/// Most tags.
const MAX_TAGS: usize = 500;

/// Blocks that no mail needs: inside a raw one tags are no tags, and the values of the other are not
/// escaped.
const REFUSED: [&str; 2] = ["raw", "autoescape"];

/// Refuses a template with a tag that is too long, or too many. Finds tags as the engine's lexer
/// does, except the blocks that are refused.
pub(super) fn check(source: &str) -> Result<(), TemplateError> {
    let mut rest = source;
    let mut tags = 0;
    while let Some((opening, after)) = next_opening(rest) {
        let refuse = |message: &str| {
            let before = source.get(..source.len() - after.len()).unwrap_or_default();
            TemplateError::Invalid { line: 1 + before.matches('\n').count(), message: message.to_owned() }
        };
        if opening == '#' {
            rest = after.split_once("#}").map(|(_, rest)| rest).unwrap_or_default();
            continue;
        }
        tags += 1;
        if tags > MAX_TAGS {
            return Err(refuse(&format!("there are more than {MAX_TAGS} tags")));
        }
        let word = after.trim_start_matches(['-', '+']).trim_start();
        if let Some(block) = REFUSED.iter().find(|block| opening == '%' && word.starts_with(**block)) {
            return Err(refuse(&format!("{block} blocks are not possible")));
        }
        rest = match tag_length(after, if opening == '%' { "%}" } else { "}}" }) {
            Some(length) => after.get(length..).unwrap_or_default(),
            None if after.len() > MAX_TAG => return Err(refuse(&format!("the tag is longer than {MAX_TAG} bytes"))),
            // Never closed: the engine says it better.
            None => return Ok(()),
        };
    }
    Ok(())
}

/// The next `{{`, `{%` or `{#`: its second character and what follows it.
fn next_opening(text: &str) -> Option<(char, &str)> {
    text.match_indices('{').find_map(|(at, _)| {
        let after = text.get(at + 1..)?;
        let kind = after.chars().next().filter(|c| matches!(c, '{' | '%' | '#'))?;
        Some((kind, after.get(1..)?))
    })
}

/// Bytes up to the end of the tag, the closing marker included, if it comes in time. A marker
/// counts outside strings and brackets only.
fn tag_length(text: &str, close: &str) -> Option<usize> {
    let mut balance = 0_i32;
    let mut chars = text.char_indices().take_while(|(at, _)| *at <= MAX_TAG);
    while let Some((at, c)) = chars.next() {
        if balance == 0 && text.get(at..).is_some_and(|rest| rest.starts_with(close)) {
            return Some(at + close.len());
        }
        match c {
            '(' | '[' | '{' => balance += 1,
            ')' | ']' | '}' => balance -= 1,
            '"' | '\'' => {
                // The string ends at the same quote that no backslash precedes.
                while let Some((_, inner)) = chars.next().filter(|(_, inner)| *inner != c) {
                    if inner == '\\' {
                        chars.next();
                    }
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]
    use super::*;

    #[test]
    fn only_tags_count() {
        let long = "x".repeat(MAX_TAG + 1);
        for source in [
            format!("{long}{{# {long} {{{{ #}}{long}"),
            format!("{{{{ now }}}}{long}"),
            format!("{{{{ {} }}}}", &long[..MAX_TAG - 4]),
            format!("{{% if now %}}{long}{{% endif %}}"),
            format!("{{ {long} }} { }{long}", "{"),
            "{{ now }}".repeat(MAX_TAGS),
        ] {
            assert_eq!(check(&source), Ok(()), "{source}");
        }
    }

    #[test]
    fn long_tags_are_refused_wherever_they_hide() {
        let long = "x".repeat(MAX_TAG);
        for start in [
            "{{ ",
            "{% ",
            "{# {{ #}{{ ",
            "{{ now }}{{ ",
            "{{ '}}' ",
            "{{ \"\\\"}}\" ",
            "{{ {'a': {}} ",
            "{{ [{}] ",
            "{% }} ",
            "{{ } ",
            "{{{ ",
            "{{ %} ",
        ] {
            let error = check(&format!("\n{start}{long} }}}} %}}")).expect_err(start).to_string();
            assert_eq!(error, "line 2: the tag is longer than 500 bytes", "{start}");
        }
        let error = check(&"{{ now }}\n".repeat(MAX_TAGS + 1)).unwrap_err().to_string();
        assert_eq!(error, "line 501: there are more than 500 tags");
        let error = check("{%- raw %}{{{% endraw %}").unwrap_err().to_string();
        assert_eq!(error, "line 1: raw blocks are not possible");
    }
}
