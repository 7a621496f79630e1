//! What a run of `fetch` says while it goes on.

use std::time::Duration;

use super::{FetchArgs, IfLocked, is_watched, worse};
use crate::cli::apart::Apart;
use crate::cli::busy;
use crate::cli::connect::{self, Protocol};
use crate::cli::context::{ACCOUNT_OF_OTHERS, Context};
use crate::cli::summary::Tally;
use crate::error::Kind;
use crate::holder::Holder;
use crate::intake::concerns;
use crate::intake::fetch::Event;
use crate::intake::import::Imported;
use crate::store::accounts::Account;
use crate::store::deliveries::{self, Outcome};
use crate::system_words;
use crate::ui::progress::Progress;

/// Says what a person has to know: with `-v` every message, without it only what does not pass by itself.
pub(super) struct Watch<'a> {
    pub(super) ctx: &'a Context,
    pub(super) args: &'a FetchArgs,
    /// Accounts that the actor does not know of: nothing is told of their mail, of their failures as of others, as cron
    /// may run for anybody.
    pub(super) unknown: Vec<i64>,
    /// What this machine alone cannot fetch.
    pub(super) apart: &'a Apart,
    pub(super) max_runtime: Duration,
    pub(super) tally: Tally,
    /// Accounts that another process is fetching.
    pub(super) busy: Vec<Account>,
    /// Which of these have been told of: one line is enough while they wait.
    pub(super) told_busy: Vec<i64>,
}

impl Watch<'_> {
    pub(super) fn hear(&mut self, event: Event<'_>, progress: &mut Progress) {
        match event {
            Event::Begun(messages, bytes) => progress.expect(messages, bytes),
            Event::Advanced(messages, bytes) => progress.advance(messages, bytes),
            Event::Imported(account, one) => self.imported(account, one, progress),
            Event::Indexed(time) => self.tally.indexing += time,
            event => progress.pause(|| {
                let spoke = self.compare(&event);
                if !spoke {
                    self.say(event);
                }
            }),
        }
    }

    /// Leaves accounts to other machines that can fetch them, as this one cannot.
    pub(super) fn leave(&mut self) {
        for (account, kind) in self.apart.left() {
            self.tally.worst = worse(self.tally.worst, Some(*kind));
            let line = "this machine could not fetch it, and leaves it to another one that can";
            self.ctx.ui.trouble(1, &format!("{}: {line}", self.called(account)));
        }
    }

    /// Compares what became of an account with what other machines make of it; whether all is said by that.
    fn compare(&self, event: &Event<'_>) -> bool {
        let Context { ui, .. } = self.ctx;
        match event {
            Event::Done(account, _) => {
                if let Some(since) = self.apart.works(self.ctx, account) {
                    let since = ui.local_time(since);
                    ui.concern(&format!(
                        "{}: this machine can fetch it again, after failing since {since}",
                        self.called(account)
                    ));
                }
                false
            }
            Event::Failed(account, error, _) => {
                let Some(since) = self.apart.fails(self.ctx, account, error) else { return false };
                let (account_name, since) = (self.called(account), ui.local_time(since));
                let line =
                    format!("{account_name}: this machine cannot fetch it (since {since}), though another one can");
                if !self.knows(account) {
                    ui.warn(&line);
                    return true;
                }
                ui.warn(&format!("{line}: {}", system_words::chain(error)));
                connect::advice(account, Protocol::Imap, error).iter().for_each(|step| ui.hint(step));
                true
            }
            _ => false,
        }
    }

    fn imported(&mut self, account: &Account, one: &Imported, progress: &Progress) {
        let Context { ui, dry_run, .. } = self.ctx;
        match one.outcome {
            Outcome::Imported => self.tally.imported += 1,
            Outcome::Quarantined => self.tally.quarantined += 1,
            _ => self.tally.other += 1,
        }
        if (*dry_run || ui.verbosity > 0) && self.knows(account) {
            let id = one.email_id.map(|id| format!(" email {id}")).unwrap_or_default();
            let line = match dry_run {
                true => format!("dry run: {}: would be {}: {}", account.name, one.outcome, one.reason),
                false => format!("{}: {}{id}: {}", account.name, one.outcome, one.reason),
            };
            progress.pause(|| ui.note(&line));
        }
        if one.outcome == Outcome::Quarantined && !dry_run {
            self.tally.worst = worse(self.tally.worst, Some(Kind::Partial));
            let why = if self.knows(account) { format!(": {}", one.reason) } else { String::new() };
            let line = format!("{}: a message could not be imported and is kept{why}", self.called(account));
            progress.pause(|| {
                ui.warn(&line);
                ui.hint("see `espomail quarantine list`");
            });
        }
    }

    fn knows(&self, account: &Account) -> bool {
        !self.unknown.contains(&account.id)
    }

    pub(super) fn give_up(&self, account: &Account, waited: Duration) {
        let seconds = waited.as_secs();
        self.ctx
            .ui
            .warn(&format!("{}: gave up after {seconds} s, another process is fetching it", self.called(account)));
    }

    /// Name of an account as the caller is shown it.
    fn called(&self, account: &Account) -> String {
        if self.knows(account) { format!("account \"{}\"", account.name) } else { ACCOUNT_OF_OTHERS.to_owned() }
    }

    /// Says that another process is at it: to everybody, where that process will not end by itself.
    fn tell(&self, aloud: bool, holder: &Holder, line: &str) {
        if aloud || busy::is_late(holder, self.max_runtime) {
            self.ctx.ui.warn(line);
            self.ctx.ui.hint(&holder.hint());
        } else {
            busy::aside(&self.ctx.ui, holder.host.is_some() && is_watched(self.args, self.ctx), line);
        }
    }

    /// Names the messages that were cut off to those who asked with `-v`.
    fn tell_late(&self, account: &Account) {
        if self.ctx.ui.verbosity == 0 || self.ctx.dry_run {
            return;
        }
        for late in self.ctx.read(|tx, _| deliveries::late(tx, account.id)).unwrap_or_default() {
            self.ctx.ui.verbose(1, &format!("{}: {}", account.name, concerns::cut_off(&late)));
        }
    }

    fn say(&mut self, event: Event<'_>) {
        let Context { ui, .. } = self.ctx;
        let interactive = is_watched(self.args, self.ctx);
        match event {
            Event::Begun(..) | Event::Advanced(..) | Event::Imported(..) | Event::Indexed(_) => {}
            Event::Busy(account, holder) => {
                if !self.told_busy.contains(&account.id) {
                    let line = format!("{}: is being fetched by {}", self.called(account), busy::told(holder));
                    self.tell(self.args.if_locked == IfLocked::Fail, holder, &line);
                }
                self.told_busy.push(account.id);
                self.busy.push(account.clone());
            }
            Event::Polled(account, holder) => {
                let host = holder.host.as_deref().unwrap_or_default();
                let line = format!("{}: was fetched by {host} a moment ago", self.called(account));
                busy::aside(ui, ui.is_terminal(), &line);
            }
            Event::TakenOver(account) => {
                self.tally.worst = worse(self.tally.worst, Some(Kind::TempFail));
                let line = "another host has taken it over, because this run was too slow; it goes on there";
                ui.trouble(1, &format!("{}: {line}", self.called(account)));
            }
            Event::Waiting(account, until) => {
                let refused = account.health.failure_kind == Kind::NoPerm.name();
                let (kind, why) = match refused {
                    true => (Kind::NoPerm, "login was refused"),
                    false => (Kind::TempFail, "the server asks to be left alone"),
                };
                self.tally.worst = worse(self.tally.worst, Some(kind));
                let line = format!("{}: {why}, next try at {}", self.called(account), ui.local_time(until));
                ui.trouble(1, &line);
            }
            Event::Done(account, _) if !self.knows(account) => {}
            Event::Done(account, stored) => {
                self.ctx.ui.verbose(1, &format!("{}: {stored} new", account.name));
                self.tell_late(account);
            }
            Event::Failed(account, error, false) if !interactive => match self.knows(account) {
                true => ::log::warn!("{}: {}", self.called(account), system_words::chain(error)),
                false => ::log::warn!("{ACCOUNT_OF_OTHERS}: cannot be fetched"),
            },
            Event::Failed(account, error, speak) => match (speak || interactive, self.knows(account)) {
                (true, true) => {
                    self.ctx.ui.warn(&format!("{}: {}", self.called(account), system_words::chain(error)));
                    let next = connect::advice(account, Protocol::Imap, error);
                    next.iter().for_each(|step| self.ctx.ui.hint(step));
                    self.tell_late(account);
                }
                (true, false) => self.ctx.ui.warn(&format!("{ACCOUNT_OF_OTHERS}: cannot be fetched")),
                (false, _) => {}
            },
            Event::Stuck(account, count, why) => {
                let mails = if count == 1 { "1 mail waits".to_owned() } else { format!("{count} mails wait") };
                match self.knows(account) {
                    true => {
                        self.ctx.ui.concern(&format!("{}: {mails} for a folder for junk: {why}", self.called(account)));
                        self.ctx.ui.hint(&format!("name it: {}", concerns::name_junk_folder(&account.name)));
                    }
                    false => ::log::warn!("{ACCOUNT_OF_OTHERS}: {mails} for a folder for junk"),
                }
            }
            Event::Recovered(account, since) => {
                let since = since
                    .map(|since| format!(" after failing since {}", self.ctx.ui.local_time(since)))
                    .unwrap_or_default();
                self.ctx.ui.concern(&format!("{}: works again{since}", self.called(account)));
            }
        }
    }
}
