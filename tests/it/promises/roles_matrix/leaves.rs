//! Every leaf of the command tree with what it needs. Lines of a list look the same on purpose: a new command
//! is one more.
//!
//! `{}` is the object, `{of}` the type of a record, `{word}` a word of a mail; `{case}`, `{email}` and `{contact}` are
//! something of the user's own besides.

use crate::promises::roles_matrix::model::Kind::{
    self, Account, Case, Draft, Email, Filter, Folder, Notification, Outbox, Record,
};

/// What a command needs, and so what it is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Needs {
    /// Shows the object to those who read it.
    Read(Kind),
    /// The same without showing its word: something of the user's own is done about it.
    Know(Kind),
    /// The same, but something changes, so that those who may are asked for a dry run.
    Do(Kind),
    /// Changes it.
    Edit(Kind),
    /// Writes mail about it: into its case, or the case of the mail, and mail at all.
    Answer(Kind),
    /// The same for administrators alone; who does not read the object hears that there is none.
    Remove(Kind),
    /// Takes a mail from where it is: from what the user sees and does not change, it is not taken.
    Take(Kind),
    /// Makes a thing of this kind.
    Make(Kind),
    /// Finds a case by a word of its mail.
    Find,
    /// Shows all objects that are read.
    List(Kind),
    /// Says how many are read.
    Count(Kind),
    /// Only for administrators.
    Admin,
    /// Works for everybody.
    Anyone,
    /// Nothing that the matrix could ask, with the reason.
    Not(&'static str),
}

pub struct Row {
    pub words: &'static str,
    pub needs: Needs,
    /// Exit code of those who may.
    pub code: i32,
}

/// For some objects it fails later, so that those who may only are not refused.
pub const ANY: i32 = -1;

const fn row(words: &'static str, needs: Needs) -> Row {
    Row { words, needs, code: 0 }
}

/// For those who may, it fails later: there is no server, or nothing to be done.
const fn late(words: &'static str, needs: Needs, code: i32) -> Row {
    Row { words, needs, code }
}

use Needs::{Admin, Answer, Anyone, Count, Do, Edit, Find, Know, List, Make, Not, Read, Remove, Take};

pub const ROWS: &[Row] = &[
    row("init", Not("makes a database where there is none")),
    row("fetch --no-send", Not("polls what cron polls, and shows nothing of mail")),
    late("fetch {} --no-send", Do(Account), 75),
    row("send", Not("sends what waits, as the next fetch does")),
    row("ingest --account x", Not("the mail server's own command")),
    row("status", Anyone),
    row("doctor --offline", Admin),
    row("check", Not("its exit codes are those of monitoring systems")),
    row("whoami", Anyone),
    row("schema", Anyone),
    row("man", Anyone),
    row("completions bash", Anyone),
    row("config show", Not("opens no database")),
    row("config check", Not("opens no database")),
    row("config path", Not("opens no database")),
    row("config example", Not("opens no database")),
    row("db init", Not("makes a database where there is none")),
    row("db check", Not("says whether the file is sound, nothing of what is in it")),
    row("db stats", Admin),
    row("db backup backup.db", Admin),
    row("db copy nothing.db copy.db", Not("names its database itself, and asks as db backup does")),
    late("db restore nothing.db", Admin, 65),
    // Accounts
    row("account add new --kind group --address n@desk.example", Admin),
    row("account list", List(Account)),
    row("account presets", Anyone),
    row("account discover a@gmail.com", Anyone),
    row("account show {}", Read(Account)),
    row("account edit {} --signature S", Edit(Account)),
    row("account enable {}", Edit(Account)),
    row("account disable {}", Edit(Account)),
    late("account delete {}", Edit(Account), ANY),
    late("account test {}", Edit(Account), 75),
    late("account folders {}", Edit(Account), 75),
    late("account audit {}", Edit(Account), 75),
    row("account reset {}", Edit(Account)),
    row("account secret {} --secret env:OTHER", Edit(Account)),
    late("account auth {} --status", Edit(Account), 65),
    row("account breaker {}", Edit(Account)),
    row("account breaker {} --reset", Edit(Account)),
    // Rules
    row("filter add new --scope global --if subject=x --do no-case", Admin),
    row("filter add new --scope user:@me --if subject=x --do read", Not("--as of the administrator is no user")),
    row("filter list", List(Filter)),
    row("filter show {}", Read(Filter)),
    row("filter edit {} --if subject=y", Edit(Filter)),
    row("filter delete {}", Edit(Filter)),
    row("filter enable {}", Edit(Filter)),
    row("filter disable {}", Edit(Filter)),
    row("filter move {} --last", Edit(Filter)),
    row("filter test {email} --name {}", Not("see filter show")),
    row("filter test {}", Know(Email)),
    row("filter replay {}", Know(Filter)),
    row("filter apply {}", Not("only filters of users, see filter replay")),
    row("filter export", List(Filter)),
    row("filter import text", Not("see filter add")),
    row("template add new --subject S --body text", Admin),
    row("template list", Anyone),
    late("template show None", Anyone, 65),
    row("template edit None --subject S", Admin),
    row("template delete None", Admin),
    late("template preview None", Anyone, 65),
    // People
    row("team add New", Admin),
    row("team list", Anyone),
    row("team show Billing", Anyone),
    row("team edit Billing --name Bills", Admin),
    row("team delete Billing", Admin),
    row("team member add Support dewi", Admin),
    row("team member remove Support budi", Admin),
    row("user add new", Admin),
    row("user list", Anyone),
    row("user show dewi", Anyone),
    row("user edit dewi --name D", Admin),
    row("user rename dewi dora", Admin),
    late("user delete dewi --yes", Admin, 65),
    row("user enable dewi", Admin),
    row("user disable budi", Admin),
    row("user away dewi", Admin),
    row("role add New", Admin),
    row("role list", Anyone),
    row("log list", Admin),
    row("role show Agent", Anyone),
    row("role delete Agent", Admin),
    row("role grant Agent case-read all", Admin),
    row("role assign Agent ana", Admin),
    row("role unassign Agent ana", Admin),
    row("role explain ana case-read case/{}", Know(Case)),
    // Cases
    row("case list", List(Case)),
    row("case list k*", List(Case)),
    row("case list --count", Count(Case)),
    row("search add new is:open", Not("--as of the administrator is no user")),
    row("search add shared is:open --everyone", Admin),
    row("search list", Anyone),
    late("search show None", Anyone, 65),
    row("search rename None New", Not("only one's own, and for administrators shared ones, see searches.rs")),
    row("search delete None", Not("only one's own, and for administrators shared ones, see searches.rs")),
    row("case list {word}", Find),
    row("case show {}", Read(Case)),
    row("case show {} --full", Read(Case)),
    row("case thread {}", Know(Case)),
    row("case thread {} --full", Know(Case)),
    row("case history {}", Know(Case)),
    row("stream case/{}", Know(Case)),
    row("export case {} --to json -", Know(Case)),
    row("export case {} --to mbox -", Know(Case)),
    row("case create --subject S", Make(Case)),
    row("case edit {} --priority High", Edit(Case)),
    row("case assign {} budi", Edit(Case)),
    row("case take {} --yes", Edit(Case)),
    row("case next", Not("takes any case of one's teams, see day.rs")),
    late("case release {}", Edit(Case), ANY),
    row("case close {}", Edit(Case)),
    row("case spam {}", Edit(Case)),
    late("case reopen {}", Edit(Case), ANY),
    row("case snooze {} 2w", Edit(Case)),
    row("case tag {} vip", Edit(Case)),
    row("case untag {} vip", Edit(Case)),
    row("case merge {} {case}", Edit(Case)),
    row("case merge {case} {}", Edit(Case)),
    row("case split {} --from {email}", Not("the mail must be of the case, see below")),
    row("case move {} --team Support", Edit(Case)),
    late("case accept {}", Edit(Email), ANY),
    late("case refuse {}", Edit(Email), ANY),
    row("case people {}", Know(Case)),
    row("case people {} --copied x@far.example", Edit(Case)),
    row("case note {} -m Note --answered", Edit(Case)),
    row("case link {} contact/{contact}", Edit(Case)),
    late("case link {case} {of}/{}", Do(Record), ANY),
    late("case unlink {} contact", Edit(Case), ANY),
    row("case follow {}", Do(Case)),
    late("case unfollow {}", Do(Case), ANY),
    row("case note {} -m Note", Edit(Case)),
    row("note case/{} -m Note", Edit(Case)),
    row("case reply {} -m Answer --to x@far.example --from user", Answer(Case)),
    row("case reply {} -m Answer --to x@far.example --from user --draft", Answer(Case)),
    // Mail
    row("email list", List(Email)),
    row("email list --folder all", List(Email)),
    row("email list k*", List(Email)),
    row("email list subject:k*", List(Email)),
    row("email list from:customer.example", List(Email)),
    row("email list has:attachment", List(Email)),
    row("email show {}", Read(Email)),
    row("email show {} --full", Read(Email)),
    row("email show {} --raw", Read(Email)),
    row("email show {} --headers", Read(Email)),
    row("email explain {}", Know(Email)),
    row("email open {} 1", Not("starts a program; reads as email attachment cat does")),
    row("email attachment list {}", Know(Email)),
    row("email attachment cat {} 1", Read(Email)),
    row("email attachment save {} --dir saved", Do(Email)),
    row("export email {} --to json -", Read(Email)),
    row("export email {} --to mbox -", Read(Email)),
    late("email read {}", Do(Email), ANY),
    late("email unread {}", Do(Email), ANY),
    late("email important {}", Do(Email), ANY),
    late("email unimportant {}", Do(Email), ANY),
    late("email archive {}", Do(Email), ANY),
    late("email trash {}", Do(Email), ANY),
    late("email move {} inbox", Do(Email), ANY),
    late("email move {} kfoldersupportx", Edit(Email), ANY),
    row("email link {} case/{case}", Take(Email)),
    row("email link {email} case/{}", Edit(Case)),
    late("email unlink {}", Take(Email), ANY),
    row("email delete {} --reason R", Remove(Email)),
    late("email fetch-rest {}", Edit(Email), 65),
    late("email share {}", Edit(Email), ANY),
    row("email reply {} -m Answer --to x@far.example --from user", Answer(Email)),
    row("email forward {} --to x@far.example --from user", Answer(Email)),
    row("email send --to x@far.example --subject S -m T", Not("see group_sending.rs")),
    row("email send {}", Edit(Draft)),
    row("email edit {} -m Other", Edit(Draft)),
    row("email show {}", Read(Draft)),
    row("folder add kx --group Support", Admin),
    row("folder list", List(Folder)),
    row("folder edit {} --name kxx", Edit(Folder)),
    row("folder delete {}", Edit(Folder)),
    row("email list --folder {}", Know(Folder)),
    // Records
    row("record list {of}", List(Record)),
    row("record list {of} --count", Count(Record)),
    row("record show {of} {}", Read(Record)),
    row("stream {of}/{}", Know(Record)),
    row("record add {of} New", Make(Record)),
    row("record edit {of} {} --assign-to @none", Edit(Record)),
    row("record delete {of} {}", Admin),
    row("record erase contact 1", Admin),
    row("record follow {of} {}", Do(Record)),
    late("record unfollow {of} {}", Do(Record), ANY),
    late("record convert {of} {}", Edit(Record), ANY),
    row("record import people.csv {of}", Admin),
    row("note {of}/{} -m Note", Edit(Record)),
    row("import eml text --account support", Admin),
    row("import mbox text --account support", Admin),
    row("import maildir text --account support", Admin),
    // What waits, and what one was told
    row("notification list --all", List(Notification)),
    row("notification read {}", Edit(Notification)),
    row("notification read --all", Not("of one's own alone")),
    row("notification settings", Not("of one's own alone")),
    row("outbox list", List(Outbox)),
    row("outbox show {}", Read(Outbox)),
    row("outbox retry {}", Edit(Outbox)),
    row("outbox cancel {}", Edit(Outbox)),
    late("outbox mark-sent {}", Edit(Outbox), 65),
    row("quarantine list", Admin),
    row("quarantine show 1", Admin),
    row("quarantine retry 1", Admin),
    row("quarantine export 1 file", Admin),
    row("quarantine discard 1 --reason R", Admin),
];
