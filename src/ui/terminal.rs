//! What is known of the terminal that somebody looks at: of standard output, or what the caller's side of sudo tells of it.
//!
//! The caller chooses what is told ([`Facts`]), so none of it gives rights: two bounded numbers and what else a line of
//! text looks like.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::str::FromStr;

/// When colours are used; auto = on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// Columns and rows of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    pub width: usize,
    pub height: usize,
}

/// What a width or height may be; some terminals tell nothing or nonsense.
const BOUNDS: std::ops::RangeInclusive<usize> = 2..=5_000;
/// Tables are not set narrower than this.
const NARROWEST: usize = 20;

impl Screen {
    /// The terminal of standard output, with the columns that `COLUMNS` names; `None` where there is none.
    pub fn of_stdout() -> Option<Screen> {
        if !io::stdout().is_terminal() {
            return None;
        }
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
        let (columns, rows) = size.map_or((0, 0), |size| (size.ws_col.into(), size.ws_row.into()));
        let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        Some(Screen::of(asked, columns, rows))
    }

    fn of(asked: Option<usize>, columns: usize, rows: usize) -> Screen {
        let told = |number: &usize| BOUNDS.contains(number);
        let width = asked.or(Some(columns).filter(told)).unwrap_or(80).clamp(NARROWEST, *BOUNDS.end());
        Screen { width, height: Some(rows).filter(told).unwrap_or(24) }
    }
}

/// What the caller's side of sudo tells of their terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Where output is shown; `None` = it goes into a file or a pipe.
    pub screen: Option<Screen>,
    /// Results are coloured.
    pub color: bool,
    /// Somebody is there who answers questions.
    pub asks: bool,
    /// Their editor may be started, on their side.
    pub edits: bool,
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let screen = self.screen.map(|Screen { width, height }| format!("{width}x{height}"));
        let word = |is: bool, word: &str| is.then(|| word.to_owned());
        let words = [screen, word(self.color, "color"), word(self.asks, "asks"), word(self.edits, "edits")];
        f.write_str(&words.into_iter().flatten().collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Facts {
    type Err = String;

    fn from_str(text: &str) -> Result<Facts, String> {
        let mut facts = Facts::default();
        for word in text.split(',').filter(|word| !word.is_empty()) {
            match word {
                "color" => facts.color = true,
                "asks" => facts.asks = true,
                "edits" => facts.edits = true,
                size => facts.screen = Some(screen(size).ok_or("this is not what a terminal can be")?),
            }
        }
        Ok(facts)
    }
}

/// `100x24`
fn screen(size: &str) -> Option<Screen> {
    let (width, height) = size.split_once('x')?;
    let number = |text: &str| text.parse().ok().filter(|number| BOUNDS.contains(number));
    Some(Screen { width: number(width)?.max(NARROWEST), height: number(height)? })
}

/// The variables of the environment that decide about colour.
#[derive(Debug, Clone, Copy, Default)]
pub struct Habits<'a> {
    pub no_color: Option<&'a str>,
    pub force: Option<&'a str>,
    pub color: Option<&'a str>,
    pub term: Option<&'a str>,
}

/// Whether results are coloured: `--color`, then `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR` and `TERM`, as other programs
/// have it.
pub fn is_colored(asked: Color, is_terminal: bool, habits: Habits<'_>) -> bool {
    let is_set = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
    match asked {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if is_set(habits.no_color) => false,
        Color::Auto if is_set(habits.force) && habits.force != Some("0") => true,
        Color::Auto => is_terminal && habits.color != Some("0") && !is_dumb(habits.term),
    }
}

/// Whether a terminal moves no cursor and shows no colour, by `TERM`.
pub fn is_dumb(term: Option<&str>) -> bool {
    matches!(term, Some("dumb"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_terminal_is_bounded() {
        let screen = |width, height| Some(Screen { width, height });
        for (text, expected) in [
            ("", Some(Facts::default())),
            ("100x24", Some(Facts { screen: screen(100, 24), ..Facts::default() })),
            ("asks,edits", Some(Facts { asks: true, edits: true, ..Facts::default() })),
            ("60x5000,color,asks", Some(Facts { screen: screen(60, 5000), color: true, asks: true, edits: false })),
            ("3x3", Some(Facts { screen: screen(20, 3), ..Facts::default() })),
            ("100", None),
            ("0x24", None),
            ("100x-1", None),
            ("100x99999999999999999999", None),
            ("5001x24", None),
            ("100x24x1", None),
            ("pager=/bin/sh", None),
        ] {
            let facts = text.parse::<Facts>().ok();
            assert_eq!(facts, expected, "{text}");
            assert!(facts.is_none_or(|facts| facts.to_string().parse() == Ok(facts)), "{text}");
        }
        for (asked, columns, rows, width, height) in [
            (None, 100, 50, 100, 50),
            (Some(70), 100, 50, 70, 50),
            (None, 0, 0, 80, 24),
            (Some(0), 100, 50, 20, 50),
            (None, 65_535, 65_535, 80, 24),
            (Some(usize::MAX), 100, 50, 5_000, 50),
        ] {
            assert_eq!(Screen::of(asked, columns, rows), Screen { width, height }, "{asked:?} {columns} {rows}");
        }
    }

    #[test]
    fn colour_is_asked_for_or_what_the_terminal_and_the_environment_say() {
        let none = Habits::default();
        let plain = Habits { no_color: Some("1"), ..none };
        let forced = Habits { force: Some("1"), ..none };
        for (asked, terminal, habits, expected) in [
            (Color::Auto, true, none, true),
            (Color::Auto, false, none, false),
            (Color::Always, false, plain, true),
            (Color::Never, true, forced, false),
            (Color::Auto, true, plain, false),
            (Color::Auto, true, Habits { no_color: Some(""), ..none }, true),
            (Color::Auto, false, forced, true),
            (Color::Auto, false, Habits { force: Some("0"), ..none }, false),
            (Color::Auto, false, Habits { force: Some(""), ..none }, false),
            (Color::Auto, true, Habits { no_color: Some("1"), force: Some("1"), ..none }, false),
            (Color::Auto, true, Habits { color: Some("0"), ..none }, false),
            (Color::Auto, true, Habits { term: Some("dumb"), ..none }, false),
            (Color::Always, true, Habits { term: Some("dumb"), ..none }, true),
            (Color::Auto, true, Habits { term: Some("xterm"), ..none }, true),
        ] {
            assert_eq!(is_colored(asked, terminal, habits), expected, "{asked:?} {terminal} {habits:?}");
        }
    }
}
