//! What the guide says at each question: the question itself, and what `?` tells.

use super::questions::Question;

impl Question {
    /// The question, without the usual answer.
    pub fn asked(self) -> &'static str {
        use Question as Q;
        match self {
            Q::Database => "Database",
            Q::Admin => "Your username",
            Q::AdminName => "Your full name",
            Q::AdminEmail => "Your own e-mail address",
            Q::AdminLogin => "Your login name on this machine",
            Q::Address => "Address of the mailbox",
            Q::UseServers => "Use these servers?",
            Q::Profile => "Profile of the access tokens",
            Q::WithoutTokens => "Go on without a mailbox?",
            Q::Imap => "IMAP server",
            Q::Tls => "TLS of IMAP (implicit, starttls, none)",
            Q::Smtp => "SMTP server, or none",
            Q::SmtpTls => "TLS of SMTP (implicit, starttls, none)",
            Q::Account => "Name of the account",
            Q::Login => "Login name at the server",
            Q::Password => "Password (not shown)",
            Q::Secret => "Where the password is",
            Q::Trouble => "What now",
            Q::Folder => "Folder to fetch",
            Q::Since => "Fetch mail since",
            Q::Cases => "Cases (no, unassigned, direct, round-robin, least-busy)",
            Q::Team => "Team that gets the cases",
            Q::AutoReply => "Automatic reply?",
            Q::ReplyText => "Text of the reply",
            Q::Create => "Create all this?",
        }
    }

    /// What it is about, and which answers there are.
    pub fn explained(self) -> &'static str {
        use Question as Q;
        match self {
            Q::Database => {
                "A file that is made now, or a database on a server of PostgreSQL, such as postgresql://db.example.org/mail \
                 or service=desk (see `espomail man postgresql`). With another place than the usual one, later commands need \
                 --db, ESPOMAIL_DB or the key `database` of the configuration."
            }
            Q::Admin => {
                "Under this name espomail knows you. You are its first administrator; `espomail user add` adds others."
            }
            Q::AdminName => "Customers see it in your answers. `none` leaves it out.",
            Q::AdminEmail => {
                "An address of your own, not that of the desk: notices go there, and mail from it is known as yours. `none` \
                 leaves it out."
            }
            Q::AdminLogin => "Who is logged in on this machine with this name acts as you.",
            Q::Address => {
                "The mailbox whose mail becomes cases, such as support@example.org. Its servers are looked for by the \
                 address. `none`: without a mailbox; `espomail account add` adds one later."
            }
            Q::UseServers => "These servers get the login name and the password. With no, you name others.",
            Q::Profile => "A section [oauth.NAME] of the configuration: it says how access tokens are got.",
            Q::WithoutTokens => {
                "The provider takes access tokens and no passwords. They need an application that is registered there, and a \
                 profile in the configuration: `espomail man oauth` has the steps. Run `espomail account add` after them. \
                 With no, you name another address."
            }
            Q::Imap => {
                "Name of the server from which mail is fetched, such as imap.example.org, with :PORT if it is not the usual one."
            }
            Q::Smtp => {
                "Name of the server by which answers are sent, with :PORT if it is not 587. `none`: the account only fetches."
            }
            Q::Tls | Q::SmtpTls => {
                "implicit: TLS from the first byte (ports 993 and 465). starttls: TLS after a first command (143 and 587). \
                 none: for servers on this machine alone."
            }
            Q::Account => "A short name for commands, such as `espomail fetch support`.",
            Q::Login => "The name with which the mailbox is opened: the whole address at most providers.",
            Q::Password => {
                "It is kept in a file that only the owner of the database can read, or sealed in a database on a server. Press \
                 Enter alone if it comes from elsewhere: a file, a program, a credential of systemd. With 2-step verification, \
                 an app password is needed."
            }
            Q::Secret => {
                "file:PATH, cmd:COMMAND (such as cmd:pass show mail/support), cred:NAME (of systemd) or env:NAME. It is read \
                 for each login, and not copied."
            }
            // The guide says more.
            Q::Trouble => "",
            Q::Folder => "Mail in this folder is fetched. `espomail account edit NAME --folder` names several later.",
            Q::Since => {
                "now: only mail that arrives from now on. all: all mail. Or a time: 7d, 2 weeks ago, 2026-01-31. Mail that is \
                 fetched is marked as seen on the server, and nothing else changes there."
            }
            Q::Cases => {
                "no: mail is only kept. unassigned: the team takes cases itself. direct: you get all. round-robin: the members \
                 of the team in turn. least-busy: the member with the fewest open cases."
            }
            Q::Team => "It is made with you in it. `espomail team member add` adds others.",
            Q::AutoReply => {
                "The first mail of a case is answered at once, by the rules against loops. It can be changed later."
            }
            Q::ReplyText => {
                "One line; `espomail template edit ack` takes a longer text later. {{ sender.name }} and {{ case.number }} are \
                 filled in."
            }
            Q::Create => "yes makes all of it at once. no makes nothing. < goes back to the question before.",
        }
    }

    /// Said before it, once.
    pub fn introduced(self) -> Option<&'static str> {
        use Question as Q;
        match self {
            Q::Address => Some("The mailbox:"),
            Q::Cases => Some("What its mail becomes:"),
            Q::Imap => Some("Name the servers:"),
            Q::Password => Some("Enter alone if the password is in a file, a program or a credential."),
            Q::WithoutTokens => Some(
                "This provider takes access tokens and no passwords, and the configuration has no profile for them. \
                 `espomail man oauth` has the steps for Microsoft 365 and Google; `espomail account add` adds the mailbox then.",
            ),
            Q::ReplyText => Some("Enter takes this text:"),
            _ => None,
        }
    }
}
