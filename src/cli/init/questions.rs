//! The questions of the guide and what follows each answer. Pure: an answer in, the next step or a sentence about the answer out.
//! What asks a server or the disk is a step of its own, whose outcome comes in.

mod former;
mod read;
mod trouble;

use zeroize::Zeroizing;

use self::read::{NONE, admitted, is_loopback, is_none, said, since, tls, unless_none};
pub use self::read::{with_home, yes_or_no};
pub use self::trouble::Trouble;
use super::flags::InitArgs;
use super::plan::REPLY;
use crate::cli::account::flags::check_folder;
use crate::cli::account::servers::check_host;
use crate::cli::{context, template};
use crate::dates::Clock;
use crate::mail::address;
use crate::net::discover::Found;
use crate::secret::SecretSpec;
use crate::store::accounts::{Distribution, Tls};

/// Name of the template of an automatic reply.
const TEMPLATE: &str = "ack";

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    Database,
    Admin,
    AdminName,
    AdminEmail,
    AdminLogin,
    Address,
    UseServers,
    Profile,
    WithoutTokens,
    Imap,
    Tls,
    Smtp,
    SmtpTls,
    Account,
    Login,
    Password,
    Secret,
    Trouble,
    Folder,
    Since,
    Cases,
    Team,
    AutoReply,
    ReplyText,
    Create,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Ask(Question),
    /// Whether a database could be made at this place.
    Place(String),
    /// The servers of the address.
    Discover,
    /// Whether the servers work.
    Test,
    Make,
    Leave,
}

/// What is known before anything is asked.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The usual database; `None` = the database is decided.
    pub database: Option<String>,
    /// Login name of the person.
    pub login: String,
    /// Profiles of access tokens.
    pub profiles: Vec<String>,
    pub clock: Clock,
}

/// The answers so far, and the step that is to be taken.
#[derive(Clone)]
pub struct Guide {
    facts: Facts,
    pub args: InitArgs,
    pub password: Option<Zeroizing<String>>,
    pub step: Step,
    found: Option<Found>,
    /// Profile of the configuration for what was found.
    profile: Option<String>,
    /// Why the servers did not work.
    trouble: Trouble,
    has_folder: bool,
    /// All was agreed on, and it could not be made at the place that was named.
    is_unmade: bool,
    /// The answers before each question that was answered.
    before: Vec<Guide>,
    /// What was typed at each question, also after a way back.
    former: Vec<(Question, String)>,
}

impl Guide {
    /// At its first question.
    pub fn new(facts: Facts) -> Guide {
        let first = if facts.database.is_some() { Question::Database } else { Question::Admin };
        Guide {
            facts,
            args: InitArgs::default(),
            password: None,
            step: Step::Ask(first),
            found: None,
            profile: None,
            trouble: Trouble::default(),
            has_folder: false,
            is_unmade: false,
            before: Vec::new(),
            former: Vec::new(),
        }
    }

    /// The answer that Enter gives: the one that was typed here before, or else the usual one.
    pub fn usual(&self, question: Question) -> Option<String> {
        self.former_of(question).map(str::to_owned).or_else(|| self.usual_at_first(question))
    }

    fn usual_at_first(&self, question: Question) -> Option<String> {
        use Question as Q;
        let domain = || address::domain(self.args.address.as_deref().unwrap_or_default()).to_owned();
        let is_here = |place: Option<&String>| place.is_some_and(|place| is_loopback(place));
        let tls = |mode: Tls| Some(mode.as_str().to_owned());
        let word = |word: &str| Some(word.to_owned());
        match question {
            Q::Database => self.facts.database.clone(),
            Q::Admin | Q::AdminLogin => Some(self.facts.login.clone()),
            Q::AdminName | Q::AdminEmail | Q::Address => word(NONE),
            Q::UseServers | Q::WithoutTokens | Q::Create => word("yes"),
            Q::Profile => self.profile.clone().or_else(|| self.facts.profiles.first().cloned()),
            Q::Imap => self.args.imap.clone().or_else(|| Some(format!("imap.{}", domain()))),
            Q::Smtp => self.args.smtp.clone().or_else(|| Some(format!("smtp.{}", domain()))),
            Q::Tls if is_here(self.args.imap.as_ref()) => tls(Tls::None),
            Q::Tls => tls(Tls::Implicit),
            Q::SmtpTls if self.args.smtp.as_ref().is_some_and(|smtp| smtp.ends_with(":465")) => tls(Tls::Implicit),
            Q::SmtpTls if is_here(self.args.smtp.as_ref()) => self.args.tls.and_then(tls),
            Q::SmtpTls => tls(Tls::StartTls),
            Q::Account => Some(self.args.account_name()),
            Q::Login => self.args.login.clone().or_else(|| Some(self.usual_login())),
            Q::Password | Q::Secret => None,
            Q::Trouble => word(self.usual_help()),
            Q::Folder => word("INBOX"),
            Q::Since => word("now"),
            Q::Cases => word(Distribution::RoundRobin.as_str()),
            Q::Team => word("Support"),
            Q::AutoReply => word("no"),
            Q::ReplyText => word(REPLY),
        }
    }

    /// Takes the answer to the question of the present step; an empty one is the usual one.
    ///
    /// # Errors
    /// A sentence about what is wrong with it. Nothing is changed then.
    pub fn answer(&mut self, typed: &str) -> Result<(), String> {
        let Step::Ask(question) = self.step else { return Ok(()) };
        let before = self.clone();
        let is_hidden = question == Question::Password;
        let text = if is_hidden { typed } else { typed.trim() };
        let usual = self.usual(question).filter(|_| text.is_empty());
        self.step = admitted(usual.as_deref().unwrap_or(text))
            .and_then(|text| self.take(question, text))
            .inspect_err(|_| *self = before.clone())?;
        // What is tried again is asked about once, so that `<` leads out of it.
        if question != Question::Trouble || self.step != Step::Test {
            self.before.push(Guide { before: Vec::new(), former: Vec::new(), ..before });
        }
        if !text.is_empty() {
            self.remember(question, text);
        }
        Ok(())
    }

    /// Goes back to the question before; `false` = there is none.
    pub fn back(&mut self) -> bool {
        let Some(last) = self.before.pop() else { return false };
        let (before, former) = (std::mem::take(&mut self.before), std::mem::take(&mut self.former));
        *self = Guide { before, former, ..last };
        true
    }

    /// Whether a database can be made where the answer says.
    ///
    /// # Errors
    /// Why not.
    pub fn placed(&mut self, can_be: Result<(), String>) -> Result<(), String> {
        if can_be.is_err() {
            self.forget(Question::Database);
        }
        self.step = Step::Ask(match can_be {
            Err(_) => Question::Database,
            // The other answers stand.
            Ok(()) if self.is_unmade => Question::Create,
            Ok(()) => Question::Admin,
        });
        can_be
    }

    /// What was found for the address, with the profile of the configuration that fits.
    pub fn found(&mut self, found: Option<Found>, profile: Option<String>) {
        let without_tokens =
            found.as_ref().is_some_and(|found| found.imap.only_tokens) && self.facts.profiles.is_empty();
        (self.found, self.profile) = (found, profile);
        self.step = Step::Ask(match &self.found {
            None => Question::Imap,
            Some(_) if without_tokens => Question::WithoutTokens,
            Some(_) => Question::UseServers,
        });
    }

    /// Whether the servers work, and why not.
    pub fn tested(&mut self, refused: Option<Trouble>) {
        self.trouble = refused.clone().unwrap_or_default();
        if self.trouble.is_of_password {
            self.forget(Question::Secret);
        }
        if refused.is_some() {
            self.forget(Question::Folder);
        }
        self.step = Step::Ask(match (refused, self.has_folder) {
            (Some(_), _) => Question::Trouble,
            (None, false) => Question::Folder,
            (None, true) => Question::Since,
        });
    }

    fn usual_login(&self) -> String {
        let found = self.found.as_ref().map(|found| found.imap.login.clone());
        found.or_else(|| self.args.address.clone()).unwrap_or_default()
    }

    fn take(&mut self, question: Question, text: &str) -> Result<Step, String> {
        use Question as Q;
        match question {
            Q::Database => Ok(Step::Place(text.to_owned())),
            Q::Admin | Q::AdminName | Q::AdminEmail | Q::AdminLogin => self.take_person(question, text).map(Step::Ask),
            Q::Address if is_none(text) => {
                self.leave_mailbox();
                Ok(Step::Ask(Q::Create))
            }
            Q::Address => {
                let address = said(context::mail_address("", text))?;
                if self.args.admin_email.as_ref() == Some(&address) {
                    return Err("this is your own address, to which notices go: name the mailbox of the desk, or go back with < \
                         and answer none there"
                        .to_owned());
                }
                self.leave_mailbox();
                self.args.address = Some(address);
                Ok(Step::Discover)
            }
            Q::UseServers | Q::Profile | Q::WithoutTokens | Q::Imap | Q::Tls | Q::Smtp | Q::SmtpTls => {
                self.take_server(question, text).map(Step::Ask)
            }
            Q::Account | Q::Login | Q::Password | Q::Secret | Q::Trouble | Q::Folder => self.take_login(question, text),
            Q::Since | Q::Cases | Q::Team | Q::AutoReply | Q::ReplyText => {
                self.take_cases(question, text).map(Step::Ask)
            }
            Q::Create => Ok(if yes_or_no(text)? { Step::Make } else { Step::Leave }),
        }
    }

    fn take_person(&mut self, question: Question, text: &str) -> Result<Question, String> {
        use Question as Q;
        Ok(match question {
            Q::Admin => {
                self.args.admin = Some(said(context::word("", text))?);
                Q::AdminName
            }
            Q::AdminName => {
                self.args.admin_name = unless_none(text, |text| said(context::name("", text)))?;
                Q::AdminEmail
            }
            Q::AdminEmail => {
                self.args.admin_email = unless_none(text, |text| said(context::mail_address("", text)))?;
                Q::AdminLogin
            }
            _ => {
                let login = said(context::word("", text))?;
                self.args.admin_login = Some(login).filter(|login| self.args.admin.as_ref() != Some(login));
                Q::Address
            }
        })
    }

    fn take_server(&mut self, question: Question, text: &str) -> Result<Question, String> {
        use Question as Q;
        Ok(match question {
            Q::UseServers if yes_or_no(text)? => {
                let address = self.args.address.clone().unwrap_or_default();
                let found = self.found.clone();
                found.iter().for_each(|found| self.args.take(found, &address, true));
                let has_tokens = found.is_some_and(|found| found.imap.only_tokens);
                if has_tokens { Q::Profile } else { Q::Account }
            }
            Q::UseServers => {
                self.found = None;
                Q::Imap
            }
            Q::Profile => {
                if !self.facts.profiles.iter().any(|profile| profile == text) {
                    return Err(format!(
                        "there is no profile \"{text}\"; there are: {}",
                        self.facts.profiles.join(", ")
                    ));
                }
                self.args.oauth = Some(text.to_owned());
                Q::Account
            }
            Q::WithoutTokens if yes_or_no(text)? => {
                self.leave_mailbox();
                Q::Create
            }
            Q::WithoutTokens => Q::Address,
            Q::Imap => {
                said(check_host("", text))?;
                self.args.imap = Some(text.to_owned());
                Q::Tls
            }
            Q::Tls => {
                self.args.tls = Some(tls(text, self.args.imap.as_deref())?);
                Q::Smtp
            }
            Q::Smtp if is_none(text) => {
                (self.args.smtp, self.args.smtp_tls) = (None, None);
                Q::Account
            }
            Q::Smtp => {
                said(check_host("", text))?;
                self.args.smtp = Some(text.to_owned());
                Q::SmtpTls
            }
            _ => {
                self.args.smtp_tls = Some(tls(text, self.args.smtp.as_deref())?);
                Q::Account
            }
        })
    }

    fn take_login(&mut self, question: Question, text: &str) -> Result<Step, String> {
        use Question as Q;
        Ok(Step::Ask(match question {
            Q::Account => {
                let (name, usual) = (said(context::word("", text))?, InitArgs { account: None, ..self.args.clone() });
                self.args.account = Some(name).filter(|name| *name != usual.account_name());
                if self.args.oauth.is_some() { Q::Folder } else { Q::Login }
            }
            Q::Login => {
                // A provider of the table may have another usual login than the address.
                let usual = self.args.preset.as_ref().map(|_| self.usual_login()).or_else(|| self.args.address.clone());
                self.args.login = Some(text.to_owned()).filter(|login| Some(login) != usual.as_ref());
                Q::Password
            }
            Q::Password if text.is_empty() => Q::Secret,
            Q::Password => {
                self.password = Some(Zeroizing::new(text.to_owned()));
                self.args.secret = Some("stdin".to_owned());
                return Ok(Step::Test);
            }
            Q::Secret => {
                let form =
                    "answer file:PATH, cmd:COMMAND, cred:NAME or env:NAME, or go back with < and type the password";
                let spec = SecretSpec::parse("", text).ok().filter(|spec| *spec != SecretSpec::Stored).ok_or(form)?;
                (self.password, self.args.secret) = (None, Some(spec.to_string()));
                return Ok(Step::Test);
            }
            Q::Trouble => return self.take_trouble(text),
            _ => {
                said(check_folder("", text))?;
                let is_usual = text.eq_ignore_ascii_case("INBOX");
                self.args.folder = if is_usual { Vec::new() } else { vec![text.to_owned()] };
                self.has_folder = true;
                if !is_usual && !self.args.no_test && self.args.oauth.is_none() {
                    return Ok(Step::Test);
                }
                Q::Since
            }
        }))
    }

    fn take_cases(&mut self, question: Question, text: &str) -> Result<Question, String> {
        use Question as Q;
        Ok(match question {
            Q::Since => {
                self.args.since = since(text, &self.facts.clock)?;
                Q::Cases
            }
            Q::Cases => {
                let how = match text {
                    "no" => None,
                    "unassigned" => Some(Distribution::None),
                    "less-busy" => Some(Distribution::LeastBusy),
                    text => Some(
                        text.parse::<Distribution>()
                            .ok()
                            .filter(|how| *how != Distribution::None)
                            .ok_or("answer no, unassigned, direct, round-robin or least-busy")?,
                    ),
                };
                self.args.create_case = how.is_some();
                self.args.distribution = how.filter(|how| *how != Distribution::None);
                (self.args.case_team, self.args.auto_reply, self.args.auto_reply_text) = (None, None, None);
                if how.is_some() { Q::Team } else { Q::Create }
            }
            Q::Team => {
                self.args.case_team = Some(said(context::name("", text))?);
                // Nothing goes out without a server.
                let sends = self.args.smtp.is_some() || self.args.preset.is_some();
                if sends { Q::AutoReply } else { Q::Create }
            }
            Q::AutoReply => {
                let yes = yes_or_no(text)?;
                self.args.auto_reply = yes.then(|| TEMPLATE.to_owned());
                if yes { Q::ReplyText } else { Q::Create }
            }
            _ => {
                said(template::checked("", text.to_owned()))?;
                self.args.auto_reply_text = Some(text.to_owned()).filter(|text| text != REPLY);
                Q::Create
            }
        })
    }

    fn leave_mailbox(&mut self) {
        self.args = self.args.without_mailbox();
        (self.found, self.profile, self.password, self.has_folder) = (None, None, None, false);
    }
}

#[cfg(test)]
mod tests;
