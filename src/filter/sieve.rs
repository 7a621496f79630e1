//! Simple Sieve scripts as filters (RFC 5228: header, address, envelope, size, exists, anyof, allof, not; keep, discard,
//! fileinto, stop).
//!
//! A rule becomes one filter for each of its alternatives, `elsif` and `else` with the contrary of what stands before.
//! Filters stop at the first match, Sieve goes on until `stop`: where that could make a difference a rule is not taken.
//! A rule is taken whole or not at all, and what was not taken is said with its line.

mod condition;
mod lexer;
mod tree;

use self::condition::Expression;
use self::tree::{Argument, Call};
use super::Condition;

/// More `elsif` are not taken: each gets the contrary of all before it.
const MAX_BRANCHES: usize = 50;

/// A filter that a script asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Line of the rule.
    pub line: usize,
    /// Conditions as they are typed.
    pub conditions: Vec<String>,
    /// And those that must not hold.
    pub negated: Vec<String>,
    /// What it does: `none`, `skip` or `folder:NAME`.
    pub action: String,
}

/// What could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub line: usize,
    /// One sentence.
    pub why: String,
}

/// Reads a script: filters in their order, and what could not be taken.
pub fn read(script: &str) -> (Vec<Draft>, Vec<Fault>) {
    let commands = lexer::words(script).and_then(|words| tree::commands(&words));
    let commands = match commands {
        Ok(commands) => commands,
        Err((line, why)) => return (Vec::new(), vec![Fault { line, why }]),
    };
    let mut reader = Reader { drafts: Vec::new(), faults: Vec::new() };
    reader.script(&commands);
    (reader.drafts, reader.faults)
}

struct Reader {
    drafts: Vec<Draft>,
    faults: Vec<Fault>,
}

impl Reader {
    fn script(&mut self, commands: &[Call]) {
        let last_filing = commands.iter().rposition(files).unwrap_or_default();
        let last_rule = commands.iter().rposition(|call| call.name == "if").unwrap_or_default();
        let mut at = 0;
        while let Some((first, behind)) = commands.get(at..).and_then(<[Call]>::split_first) {
            let branches = behind.iter().take_while(|next| matches!(next.name.as_str(), "elsif" | "else")).count();
            let end = at + branches + 1;
            match first.name.as_str() {
                "require" => {}
                "stop" => return,
                "if" => match rule_of(commands.get(at..end).unwrap_or_default(), last_filing >= end) {
                    Ok(drafts) => self.drafts.extend(drafts),
                    Err((line, why)) => self.faults.push(Fault { line, why }),
                },
                // At the end it is what happens anyway.
                "keep" if last_rule < at => {}
                "keep" | "discard" | "fileinto" => {
                    self.fault(first, "stands outside of an if: it would concern all mail")
                }
                _ => self.fault(first, "has no filter that does the same"),
            }
            at = end;
        }
    }

    fn fault(&mut self, command: &Call, why: &str) {
        self.faults.push(Fault { line: command.line, why: format!("{} {why}", command.name) });
    }
}

/// Whether a command may keep or file what an earlier one decided about.
fn files(command: &Call) -> bool {
    matches!(command.name.as_str(), "keep" | "fileinto") || command.block.iter().any(files)
}

/// The filters of one `if` with its `elsif` and `else`.
fn rule_of(branches: &[Call], files_later: bool) -> Result<Vec<Draft>, (usize, String)> {
    let mut drafts = Vec::new();
    let mut before: Vec<Expression> = Vec::new();
    if let Some(branch) = branches.get(MAX_BRANCHES) {
        return Err((branch.line, format!("a rule with more than {MAX_BRANCHES} branches")));
    }
    for branch in branches {
        let test = match (branch.name.as_str(), branch.tests.as_slice()) {
            ("else", []) => Expression::All(Vec::new()),
            ("if" | "elsif", [test]) => condition::read(test)?,
            _ => return Err((branch.line, format!("{} needs one test", branch.name))),
        };
        let action = action(branch, files_later)?;
        let mut all = std::mem::take(&mut before);
        all.push(test);
        let whole = Expression::All(all);
        if let Some(action) = action {
            drafts.extend(branch_of(branch, &whole, &action)?);
        }
        let Expression::All(mut all) = whole else { continue };
        if let Some(test) = all.pop() {
            before = all;
            before.push(Expression::Not(Box::new(test)));
        }
    }
    Ok(drafts)
}

/// One filter for each alternative.
fn branch_of(branch: &Call, test: &Expression, action: &str) -> Result<Vec<Draft>, (usize, String)> {
    let fault = |why: String| (branch.line, why);
    let mut drafts = Vec::new();
    for alternative in test.alternatives().map_err(fault)? {
        if alternative.is_empty() {
            return Err(fault(format!("{} would concern all mail", branch.name)));
        }
        for (negated, condition) in &alternative {
            Condition::parse(condition, *negated).map_err(fault)?;
        }
        let of = |wanted| {
            let those = alternative.iter().filter(move |(negated, _)| *negated == wanted);
            those.map(|(_, condition)| condition.clone()).collect()
        };
        drafts.push(Draft { line: branch.line, conditions: of(false), negated: of(true), action: action.to_owned() });
    }
    Ok(drafts)
}

/// The one thing that a block does; `None` = nothing.
fn action(branch: &Call, files_later: bool) -> Result<Option<String>, (usize, String)> {
    let (stops, does) = match branch.block.split_last() {
        Some((last, before)) if last.name == "stop" => (true, before),
        _ => (false, branch.block.as_slice()),
    };
    let action = match does {
        [] => return Ok(stops.then(|| "none".to_owned())),
        [one] => match (one.name.as_str(), one.arguments.as_slice()) {
            ("keep", []) => "none".to_owned(),
            ("discard", []) => "skip".to_owned(),
            ("fileinto", [Argument::Texts(folder)]) => match folder.as_slice() {
                [inbox] if inbox.eq_ignore_ascii_case("inbox") => "none".to_owned(),
                [folder] => format!("folder:{folder}"),
                _ => return Err((one.line, "fileinto needs one folder".to_owned())),
            },
            (name, _) => return Err((one.line, format!("{name} as it stands here has no filter that does the same"))),
        },
        [_, second, ..] => {
            return Err((second.line, format!("{}: a filter made of Sieve does one thing", second.name)));
        }
    };
    if !stops && files_later {
        let why = "without a stop after it, later rules can still keep or file the mail, which filters do not do";
        return Err((does.first().map_or(branch.line, |one| one.line), why.to_owned()));
    }
    Ok(Some(action))
}

#[cfg(test)]
mod tests;
