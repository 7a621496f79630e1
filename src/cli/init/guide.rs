//! The guide of `init`: asks on a terminal what its flags say, tries the servers, and shows everything before anything is made.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::fs::{Access, access};

use super::flags::InitArgs;
use super::listen::{self, Heard, NOTHING, Watch};
use super::plan::Plan;
use super::questions::{Facts, Guide, Question, Step, Trouble, with_home, yes_or_no};
use super::summary;
use super::{Made, SAME_LATER, There, refuse_desk, same, there};
use crate::caller::{self, Caller, Process};
use crate::cli::account::discover;
use crate::cli::account::secret::Typed;
use crate::cli::account::test::{self, Refused};
use crate::cli::connect::Protocol;
use crate::cli::context::Context;
use crate::config;
use crate::error::{self, Fault, Kind};
use crate::place::{Place, directory};
use crate::store::db::Store;
use crate::system_words;
use crate::ui::afar;

/// What was agreed on.
pub struct Agreed {
    pub ctx: Context,
    pub args: InitArgs,
    pub made: Made,
    pub watch: Watch,
}

/// Makes what was agreed on.
pub type Make<'a> = dyn FnMut(&Plan, &Typed, &Context) -> Result<Made> + 'a;

/// Whether somebody sits there and has said nothing that decides.
pub fn is_wanted(args: &InitArgs, ctx: &Context) -> bool {
    let ui = &ctx.ui;
    let is_seen = ui.stdin_is_terminal() && ui.is_terminal() && std::io::stderr().is_terminal();
    let is_told = ctx.no_input || ctx.yes || ctx.dry_run || ui.quiet || !ui.for_people();
    args.is_empty() && is_seen && !is_told && afar::facts().is_none() && !ctx.caller.is_delegated()
}

/// Asks everything, and makes it. What cannot be made is told, and asked again.
///
/// # Errors
/// There is a database, or somebody leaves.
pub fn ask(ctx: &Context, make: &mut Make<'_>) -> Result<Agreed> {
    let mut ctx = elsewhere(ctx, ctx.place.clone(), ctx.caller.clone());
    ctx.ui.wraps_remarks = true;
    let ctx = &ctx;
    let watch = Watch::begin()?;
    refuse_unusable(&ctx.place)?;
    let say = |text: &str| ctx.ui.note(&ctx.ui.set_in(text, 0));
    say("This makes a database, you as its administrator, and the first mailbox, and fetches its mail.");
    say(
        "Enter takes the answer in brackets, ? explains, < goes back, Ctrl-C leaves. Nothing is written before the end.",
    );
    say("");
    let mut guide = Guide::new(facts(ctx));
    let mut own = elsewhere(ctx, ctx.place.clone(), ctx.caller.clone());
    let mut introduced = Vec::new();
    loop {
        match guide.step.clone() {
            Step::Ask(question) => {
                if question == Question::Create {
                    show(&guide.args, &own);
                } else if let Some(words) = question.introduced().filter(|_| !introduced.contains(&question)) {
                    say(&format!("\n{words}"));
                    introduced.push(question);
                }
                one(&mut guide, question, ctx)?;
            }
            Step::Place(text) => {
                let placed = at(&text, ctx);
                if let Ok(other) = &placed {
                    own = elsewhere(ctx, other.place.clone(), other.caller.clone());
                }
                if let Err(why) = guide.placed(placed.map(drop)) {
                    wrong(&why, ctx);
                }
            }
            Step::Discover => discover(&mut guide, &own),
            Step::Test => try_servers(&mut guide, &own),
            Step::Make => {
                // What does not fit together can still be changed.
                let plan = match Plan::of(&guide.args).and_then(|plan| plan.rehearse(&own).map(|_| plan)) {
                    Ok(plan) => plan,
                    Err(error) => {
                        wrong(&sentence(&error), ctx);
                        guide.refused();
                        continue;
                    }
                };
                let typed = Typed::given(guide.password.clone());
                match watch.make(own.place.file().is_some(), || make(&plan, &typed, &own)) {
                    Ok(made) => return Ok(Agreed { ctx: own, args: guide.args, made, watch }),
                    Err(error) => {
                        ctx.ui.warn(&sentence(&error));
                        say(SAME_LATER);
                        ctx.ui.note(&same(&guide.args, &own));
                        guide.unmade();
                        listen::forget_typed();
                    }
                }
            }
            Step::Leave => return Err(left()),
        }
    }
}

/// One more question, whose usual answer is yes.
pub fn wants(question: &str, explained: &str, ctx: &Context) -> bool {
    loop {
        match listen::line(false, &format!("{question} [yes]:"), &ctx.ui) {
            Heard::Line(text) if text.trim().is_empty() => return true,
            Heard::Line(text) if text.trim() == "?" => wrong(explained, ctx),
            Heard::Line(text) => match yes_or_no(text.trim()) {
                Ok(yes) => return yes,
                Err(why) => wrong(&why, ctx),
            },
            Heard::NotText => wrong("answer yes or no", ctx),
            Heard::End => {
                ctx.ui.note("");
                return false;
            }
        }
    }
}

/// Asks until there is an answer that can be taken, or somebody goes back.
fn one(guide: &mut Guide, question: Question, ctx: &Context) -> Result<()> {
    let usual = guide.usual(question);
    let (asked, explained) = match question {
        Question::Trouble => (format!("{} ({})", question.asked(), guide.help_words()), guide.help_explained()),
        _ => (question.asked().to_owned(), question.explained().to_owned()),
    };
    let prompt = match (&usual, question) {
        (Some(usual), Question::ReplyText) => format!("  {usual}\n{asked}:"),
        (Some(usual), _) => format!("{asked} [{usual}]:"),
        (None, _) => format!("{asked}:"),
    };
    loop {
        let heard = listen::line(question == Question::Password, &prompt, &ctx.ui);
        let text = match heard {
            Heard::Line(text) => text,
            Heard::NotText => {
                wrong("it is not UTF-8: type it again", ctx);
                continue;
            }
            Heard::End => {
                ctx.ui.note("");
                return Err(left());
            }
        };
        match text.trim() {
            "?" => ctx.ui.note(&ctx.ui.set_in(&explained, 2)),
            "<" if guide.back() => return Ok(()),
            "<" => wrong("this is the first question", ctx),
            _ => match guide.answer(&text) {
                Ok(()) => {
                    let login = text.trim();
                    if question == Question::AdminLogin && !login.is_empty() && !caller::is_login(login) {
                        wrong(&format!("nobody on this machine has the login name {login} so far"), ctx);
                    }
                    return Ok(());
                }
                Err(why) => wrong(&why, ctx),
            },
        }
    }
}

fn left() -> anyhow::Error {
    Fault::new(Kind::Partial, NOTHING).into()
}

fn wrong(why: &str, ctx: &Context) {
    ctx.ui.note(&ctx.ui.set_in(why, 2));
}

fn facts(ctx: &Context) -> Facts {
    // Root who became the owner of a database cannot go back.
    let is_usual =
        ctx.config.database.is_none() && ctx.place.is_same_database(&Place::of_file(config::default_database()));
    let is_free = is_usual && ctx.caller.process_uid == ctx.caller.uid && there(&ctx.place) == There::Nothing;
    let of_sudo = || std::env::var("SUDO_USER").ok().filter(|name| ctx.caller.uid == 0 && !name.is_empty());
    Facts {
        database: is_free.then(|| ctx.place.shown()),
        login: of_sudo().or_else(|| ctx.caller.login.clone()).unwrap_or_else(|| "admin".to_owned()),
        profiles: ctx.config.oauth.keys().cloned().collect(),
        clock: ctx.clock(),
    }
}

/// The database that was named, where it can be made.
fn at(text: &str, ctx: &Context) -> Result<Context, String> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let named = with_home(text, home.as_deref());
    let place = ctx.config.place(Some(Path::new(&named)), ctx.place.named_state());
    let place = place.map_err(|fault| sentence(&fault.into()))?;
    let caller = Caller::of(&Process::current(), Some(&place)).map_err(|error| sentence(&error))?;
    refuse_unusable(&place).map_err(|error| sentence(&error))?;
    Ok(elsewhere(ctx, place, caller))
}

/// The same for another database.
fn elsewhere(ctx: &Context, place: Place, caller: Caller) -> Context {
    Context {
        ui: ctx.ui.clone(),
        config: ctx.config.clone(),
        config_path: ctx.config_path.clone(),
        place,
        command: ctx.command.clone(),
        caller,
        acting_as: ctx.acting_as.clone(),
        dry_run: ctx.dry_run,
        yes: ctx.yes,
        no_input: ctx.no_input,
        edits_afar: ctx.edits_afar,
    }
}

/// An error with its next step, without the flag that it is of.
fn sentence(error: &anyhow::Error) -> String {
    let text = system_words::chain(error);
    let text = text.strip_prefix("--db: ").unwrap_or(&text).to_owned();
    error::classify(error).1.map_or(text.clone(), |hint| format!("{text} ({hint})"))
}

/// Refuses a place where no database can be made, before anything is asked.
fn refuse_unusable(place: &Place) -> Result<()> {
    refuse_desk(place)?;
    if there(place) == There::Empty {
        return Ok(());
    }
    if let Some(server) = place.server() {
        return Store::could_create_on(place, server);
    }
    let above = place.file().map(|file| std::path::absolute(directory(file))).transpose()?;
    let there = above.as_deref().into_iter().flat_map(Path::ancestors).find(|above| above.exists());
    match there {
        Some(dir) if !dir.is_dir() => Err(error::data(format!("{} is not a directory", dir.display())).into()),
        Some(dir) if access(dir, Access::WRITE_OK | Access::EXEC_OK).is_err() => {
            let text = format!("you cannot write in {}", dir.display());
            Err(error::config(text).hint("name another place with --db, or become its owner: sudo").into())
        }
        _ => Ok(()),
    }
}

fn discover(guide: &mut Guide, ctx: &Context) {
    let address = guide.args.address.clone().unwrap_or_default();
    ctx.ui.note(&ctx.ui.set_in("Looking for its servers; this can take half a minute …", 0));
    match discover::look(&address, false, ctx) {
        Ok(shown) => {
            discover::tell(&shown.found, "not found: the account only fetches", ctx);
            let hint = shown.found.preset.map(|preset| preset.hint).filter(|hint| !hint.is_empty());
            hint.iter().for_each(|hint| ctx.ui.note(&ctx.ui.set_in(&format!("  {hint}"), 0)));
            guide.found(Some(shown.found), shown.profile);
        }
        Err(error) => {
            wrong(&system_words::chain(&error), ctx);
            guide.found(None, None);
        }
    }
    listen::forget_typed();
}

fn try_servers(guide: &mut Guide, ctx: &Context) {
    ctx.ui.note(&ctx.ui.set_in("Trying the servers; one that does not answer takes a minute …", 0));
    let typed = Typed::given(guide.password.clone());
    let account = Plan::of(&guide.args).and_then(|plan| plan.rehearse(ctx)).map(|made| made.account);
    let trouble = match account {
        Ok(Some(account)) => {
            test::while_it_is_asked(&account, &typed, &guide.args.folder, ctx).err().map(|refused| trouble(&refused))
        }
        Ok(None) => None,
        Err(error) => {
            wrong(&sentence(&error), ctx);
            Some(Trouble::default())
        }
    };
    if trouble.as_ref().is_some_and(|trouble| trouble.pins != [None, None]) {
        wrong("Compare the certificate with that of the server. `trust` trusts it alone, without an authority.", ctx);
    }
    guide.tested(trouble);
    listen::forget_typed();
}

fn trouble(refused: &Refused) -> Trouble {
    let of = |protocol| refused.unknown.iter().find(|(of, _)| *of == protocol).map(|(_, pin)| pin.clone());
    Trouble { is_of_password: refused.is_of_password, pins: [of(Protocol::Imap), of(Protocol::Smtp)] }
}

/// Everything that is going to be made.
fn show(args: &InitArgs, ctx: &Context) {
    ctx.ui.note("");
    for (label, value) in summary::rows(args, &ctx.place.shown(), ctx.place.server().is_some()) {
        ctx.ui.note(&ctx.ui.hanging(&format!("  {label:13}  "), &value));
    }
    ctx.ui.note("");
}
