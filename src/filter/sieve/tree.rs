//! Words as commands with their tests and blocks (RFC 5228, 8.2).

use super::lexer::{Token, Word};

/// Deepest nesting of tests and blocks.
const MAX_DEPTH: usize = 20;

/// A command, or a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub line: usize,
    pub name: String,
    pub arguments: Vec<Argument>,
    pub tests: Vec<Call>,
    /// What stands in braces after a command.
    pub block: Vec<Call>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Argument {
    Tag(String),
    Number(u64),
    Texts(Vec<String>),
}

type Fault = (usize, String);

/// Reads the commands of a script.
///
/// # Errors
/// The line and what is wrong there.
pub(super) fn commands(tokens: &[Token]) -> Result<Vec<Call>, Fault> {
    let mut parser = Parser { tokens, depth: 0 };
    let commands = parser.commands()?;
    match parser.tokens.first() {
        None => Ok(commands),
        Some(token) => Err((token.line, "a } closes nothing".to_owned())),
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    depth: usize,
}

impl Parser<'_> {
    fn line(&self) -> usize {
        self.tokens.first().map_or(0, |token| token.line)
    }

    fn fault<T>(&self, why: &str) -> Result<T, Fault> {
        Err((self.line(), why.to_owned()))
    }

    fn next_is(&self, sign: char) -> bool {
        self.tokens.first().is_some_and(|token| token.word == Word::Sign(sign))
    }

    fn advance(&mut self) {
        self.tokens = self.tokens.get(1..).unwrap_or_default();
    }

    fn eat(&mut self, sign: char) -> bool {
        let is_next = self.next_is(sign);
        if is_next {
            self.advance();
        }
        is_next
    }

    /// Up to a closing brace or the end.
    fn commands(&mut self) -> Result<Vec<Call>, Fault> {
        let mut commands = Vec::new();
        while !self.tokens.is_empty() && !self.next_is('}') {
            commands.push(self.command()?);
        }
        Ok(commands)
    }

    fn command(&mut self) -> Result<Call, Fault> {
        let mut call = self.call()?;
        if self.eat('{') {
            self.deeper()?;
            call.block = self.commands()?;
            self.depth -= 1;
            if !self.eat('}') {
                return Err((call.line, format!("the block of {} has no }}", call.name)));
            }
        } else if !self.eat(';') {
            return Err((call.line, format!("{} needs a ; at its end, or a block", call.name)));
        }
        Ok(call)
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { self.fault("tests or blocks are nested too deeply") } else { Ok(()) }
    }

    /// A name with its arguments and tests.
    fn call(&mut self) -> Result<Call, Fault> {
        let line = self.line();
        let Some(Token { word: Word::Name(name), .. }) = self.tokens.first() else {
            return self.fault("a command or a test is missing here");
        };
        let mut call = Call { line, name: name.clone(), arguments: Vec::new(), tests: Vec::new(), block: Vec::new() };
        self.advance();
        loop {
            match self.tokens.first().map(|token| &token.word) {
                Some(Word::Tag(tag)) => call.arguments.push(Argument::Tag(tag.clone())),
                Some(Word::Number(number)) => call.arguments.push(Argument::Number(*number)),
                Some(Word::Text(text)) => call.arguments.push(Argument::Texts(vec![text.clone()])),
                Some(Word::Sign('[')) => {
                    call.arguments.push(Argument::Texts(self.texts()?));
                    continue;
                }
                _ => break,
            }
            self.advance();
        }
        self.deeper()?;
        call.tests = self.tests()?;
        self.depth -= 1;
        Ok(call)
    }

    fn texts(&mut self) -> Result<Vec<String>, Fault> {
        let mut texts = Vec::new();
        self.advance();
        loop {
            match self.tokens.first().map(|token| &token.word) {
                Some(Word::Text(text)) => texts.push(text.clone()),
                _ => return self.fault("a list of texts is broken"),
            }
            self.advance();
            if self.eat(']') {
                return Ok(texts);
            }
            if !self.eat(',') {
                return self.fault("a list of texts is broken");
            }
        }
    }

    fn tests(&mut self) -> Result<Vec<Call>, Fault> {
        if matches!(self.tokens.first(), Some(Token { word: Word::Name(_), .. })) {
            return Ok(vec![self.call()?]);
        }
        let mut tests = Vec::new();
        if !self.eat('(') {
            return Ok(tests);
        }
        loop {
            tests.push(self.call()?);
            if self.eat(')') {
                return Ok(tests);
            }
            if !self.eat(',') {
                return self.fault("a list of tests is broken");
            }
        }
    }
}
