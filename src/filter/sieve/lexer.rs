//! A Sieve script as words (RFC 5228, 8.1).

/// A word and the line it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub line: usize,
    pub word: Word,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A command or test, in lower case.
    Name(String),
    /// `:is`, without the colon, in lower case.
    Tag(String),
    Number(u64),
    Text(String),
    /// One of `{}()[];,`.
    Sign(char),
}

/// Cuts a script into words.
///
/// # Errors
/// The line and what is wrong there.
pub(super) fn words(script: &str) -> Result<Vec<Token>, (usize, String)> {
    let mut lexer = Lexer { rest: script, line: 1 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks()?;
        let line = lexer.line;
        let Some(word) = lexer.word()? else { return Ok(tokens) };
        tokens.push(Token { line, word });
    }
}

struct Lexer<'s> {
    rest: &'s str,
    line: usize,
}

impl<'s> Lexer<'s> {
    /// Takes this number of bytes, which end between characters.
    fn take(&mut self, bytes: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += taken.bytes().filter(|b| *b == b'\n').count();
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'s str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        self.take(end)
    }

    /// Blanks and comments.
    fn skip_blanks(&mut self) -> Result<(), (usize, String)> {
        loop {
            self.take_while(char::is_whitespace);
            if self.rest.starts_with('#') {
                self.take_while(|c| c != '\n');
            } else if self.rest.starts_with("/*") {
                let end = self.rest.find("*/").ok_or((self.line, "the comment has no end".to_owned()))?;
                self.take(end + 2);
            } else {
                return Ok(());
            }
        }
    }

    fn word(&mut self) -> Result<Option<Word>, (usize, String)> {
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let word = match first {
            '{' | '}' | '(' | ')' | '[' | ']' | ';' | ',' => {
                self.take(1);
                Word::Sign(first)
            }
            '"' => Word::Text(self.quoted()?),
            ':' => {
                self.take(1);
                Word::Tag(self.take_while(is_name).to_ascii_lowercase())
            }
            c if c.is_ascii_digit() => self.number()?,
            c if is_name(c) => {
                let name = self.take_while(is_name).to_ascii_lowercase();
                match name == "text" && self.rest.starts_with(':') {
                    true => Word::Text(self.lines()?),
                    false => Word::Name(name),
                }
            }
            other => return Err((self.line, format!("\"{other}\" belongs to no word of Sieve"))),
        };
        Ok(Some(word))
    }

    /// `"…"`, in which a backslash takes the next character as it is.
    fn quoted(&mut self) -> Result<String, (usize, String)> {
        let line = self.line;
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.take(at + 1);
                    return Ok(text);
                }
                '\\' => text.extend(chars.next().map(|(_, c)| c)),
                c => text.push(c),
            }
        }
        Err((line, "the text has no closing quotation mark".to_owned()))
    }

    /// `text:` and lines up to one that is a dot.
    fn lines(&mut self) -> Result<String, (usize, String)> {
        let line = self.line;
        self.take_while(|c| c != '\n');
        self.take(1);
        let mut text = String::new();
        while !self.rest.is_empty() {
            let one = self.take_while(|c| c != '\n').trim_end_matches('\r');
            self.take(1);
            if one == "." {
                return Ok(text);
            }
            text.push_str(one.strip_prefix('.').filter(|_| one.starts_with("..")).unwrap_or(one));
            text.push('\n');
        }
        Err((line, "the text has no end, which is a line with a dot".to_owned()))
    }

    fn number(&mut self) -> Result<Word, (usize, String)> {
        let digits = self.take_while(|c| c.is_ascii_digit());
        let shift = match self.take_while(|c| c.is_ascii_alphabetic()).to_ascii_lowercase().as_str() {
            "" => Some(0),
            "k" => Some(10),
            "m" => Some(20),
            "g" => Some(30),
            _ => None,
        };
        let number = digits.parse::<u64>().ok().zip(shift).and_then(|(n, shift)| n.checked_mul(1 << shift));
        number.map(Word::Number).ok_or((self.line, "the number is none".to_owned()))
    }
}
