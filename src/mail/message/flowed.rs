//! Text as `format=flowed` (RFC 3676): lines that end in a blank go on in the next one.

/// Joins flowed lines; `delsp` drops the blank at which they were cut.
pub(super) fn unflow(text: &str, delsp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|b| *b == b'>').count();
        let content = line.trim_start_matches('>');
        let content = content.strip_prefix(' ').unwrap_or(content);
        let signature = content == "-- ";
        if open != Some(depth) || signature {
            let first = out.is_empty();
            start_line(&mut out, depth, !first);
        }
        let flows = content.ends_with(' ') && !signature;
        out.push_str(if flows && delsp { content.strip_suffix(' ').unwrap_or(content) } else { content });
        open = flows.then_some(depth);
    }
    if text.ends_with('\n') {
        out.push('\n');
    }
    out
}

fn start_line(out: &mut String, depth: usize, new_line: bool) {
    if new_line {
        out.push('\n');
    }
    out.extend(std::iter::repeat_n('>', depth));
    if depth > 0 {
        out.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_flow_together_within_one_depth_of_quoting() {
        for (text, delsp, want) in [
            ("one \ntwo\nthree\n", false, "one two\nthree\n"),
            ("on \ne\n", true, "one\n"),
            ("> a \n> b\nc\n", false, "> a b\nc\n"),
            ("> a \nb\n", false, "> a \nb\n"),
            (">> a \n> b\n", false, ">> a \n> b\n"),
            ("text \n-- \nname\n", false, "text \n-- \nname\n"),
            (" stuffed\n >x\n", false, "stuffed\n>x\n"),
            ("a\n\nb", false, "a\n\nb"),
        ] {
            assert_eq!(unflow(text, delsp), want, "{text:?}");
        }
    }
}
