//! The office that the matrix looks at: ana is in Support, dewi in Billing, and of everything there is something of
//! ana's own, of her team, and of others. Each thing holds a word that nothing else holds.

use crate::promises::roles_matrix::model::{Kind, Relation};
use crate::support::{Letter, Sandbox, mail};

/// One thing, and how its outcome is recognised.
#[derive(Debug, Clone)]
pub struct Object {
    pub kind: Kind,
    pub relation: Relation,
    /// Type of a record, else empty.
    pub of: &'static str,
    /// As it is named on the command line.
    pub id: String,
    /// Shown by every command that shows the object.
    pub word: String,
    /// The case whose mail it is; a user who reads a case reads its mail.
    pub case: Option<String>,
    /// What the record that it is linked to is to the user.
    pub record: Option<Relation>,
}

pub struct Scene {
    pub sandbox: Sandbox,
    pub objects: Vec<Object>,
}

const NOWHERE: [&str; 8] = ["--imap", "127.0.0.1:9", "--smtp", "127.0.0.1:9", "--tls", "none", "--secret", "env:PW"];

/// A contact whom ana does not see by her team, and who writes to it.
const PARTNER: &str = "kcontactforeignx";

impl Scene {
    pub fn new() -> Scene {
        let mut scene = Scene { sandbox: Sandbox::new(), objects: Vec::new() };
        scene.people();
        scene.accounts();
        scene.cases();
        scene.records();
        scene.mail();
        scene.links();
        scene.things_of_one_user();
        // The first search fills the index.
        scene.run("email list k*");
        scene.run("case list k*");
        scene
    }

    /// The number or id of the first object that fits.
    pub fn id(&self, kind: Kind, relation: Relation) -> &str {
        let mut all = self.objects.iter();
        &all.find(|object| object.kind == kind && object.relation == relation).unwrap().id
    }

    fn run(&self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.sandbox.run(&[&["-q"], &words[..]].concat()).ok().stdout.trim().to_owned()
    }

    fn keep(&mut self, kind: Kind, relation: Relation, id: String, word: &str) {
        assert!(!id.is_empty(), "{kind:?} {word}");
        self.objects.push(Object { kind, relation, of: "", id, word: word.to_owned(), case: None, record: None });
    }

    fn people(&mut self) {
        self.sandbox.init();
        for team in ["Support", "Billing"] {
            self.run(&format!("team add {team} --no-role"));
        }
        for (user, team) in [("ana", "Support"), ("budi", "Support"), ("dewi", "Billing")] {
            self.run(&format!("user add {user} --email {user}@staff.example --email {user}-mail@desk.example"));
            self.run(&format!("team member add {team} {user}"));
        }
        self.run("user add boss --type admin");
        self.sandbox.file("text", b"Hello.\n");
    }

    fn accounts(&mut self) {
        for (name, team, flags) in [
            ("support", "Support", "--create-case --case-team Support"),
            ("billing", "Billing", "--create-case --case-team Billing"),
            ("desk", "Support", ""),
            ("lab", "Billing", ""),
        ] {
            let relation = if team == "Support" { Relation::Team } else { Relation::Foreign };
            self.account(relation, name, &format!("--kind group --team {team} {flags}"));
        }
        for user in ["ana", "budi", "dewi"] {
            let relation = if user == "ana" { Relation::Own } else { Relation::Private };
            self.account(relation, &format!("{user}-mail"), &format!("--kind personal --user {user}"));
        }
    }

    fn account(&mut self, relation: Relation, name: &str, flags: &str) {
        let line = format!("account add {name} --address {name}@desk.example {flags} {}", NOWHERE.join(" "));
        self.run(&line);
        self.keep(Kind::Account, relation, name.to_owned(), name);
    }

    fn deliver(&self, account: &str, letter: &Letter) -> String {
        self.sandbox.call(&["ingest", "--account", account]).stdin(&letter.bytes()).run().ok();
        self.run("email list --limit 1")
    }

    /// Cases, and the second mail of each: the subject of the first is in the history of its case; `lost` was ana's, who was told of it, and is so no longer.
    fn cases(&mut self) {
        for (word, account, relation, assignee) in [
            ("own", "billing", Relation::Own, "ana"),
            ("team", "support", Relation::Team, "budi"),
            ("foreign", "billing", Relation::Foreign, "dewi"),
            ("spare", "support", Relation::Own, "ana"),
            ("lost", "support", Relation::Foreign, "ana"),
        ] {
            let (name, letter) = (format!("kcase{word}x"), format!("kfollowup{word}x"));
            let opening = with_file(account, &format!("Question {word}"));
            self.deliver(account, &opening);
            let number = self.run("case list --limit 1 --sort number");
            self.run(&format!("case edit {number} --subject {name} --description k{word}storyx"));
            self.run(&format!("case assign {number} {assignee}"));
            let follow_up = with_file(account, &letter).in_reply_to(opening.value("Message-ID"));
            let email = self.deliver(account, &follow_up);
            self.run(&format!("--as {assignee} case note {number} -m k{word}notex"));
            if word == "lost" {
                self.run(&format!("case move {number} --team Billing"));
                self.run(&format!("case assign {number} dewi"));
                self.run(&format!("case unfollow {number} --user ana"));
            }
            self.keep(Kind::Case, relation, number.clone(), &name);
            if word != "lost" {
                self.keep(Kind::Email, relation, email, &letter);
                self.objects.last_mut().unwrap().case = Some(number);
            }
        }
        let number = self.run("case create --subject kcasenobodyx --from nobody@customer.example");
        self.keep(Kind::Case, Relation::Foreign, number, "kcasenobodyx");
    }

    fn mail(&mut self) {
        let case = self.id(Kind::Case, Relation::Team).to_owned();
        for (word, account, relation) in [
            ("inbox", "lab", Relation::Own),
            ("mine", "ana-mail", Relation::Own),
            ("desk", "desk", Relation::Team),
            ("lab", "lab", Relation::Foreign),
            ("private", "dewi-mail", Relation::Private),
            ("shared", "dewi-mail", Relation::Team),
        ] {
            let word = format!("kmail{word}x");
            let mut letter = with_file(account, &word);
            if word == "kmaildeskx" {
                letter = letter.header("From", "partner@customer.example");
            }
            if word == "kmailinboxx" {
                letter = letter.cc("ana@staff.example");
            }
            let id = self.deliver(account, &letter);
            if account == "dewi-mail" {
                self.run(&format!("email link {id} case/{case}"));
            }
            if word == "kmailsharedx" {
                self.run(&format!("--as dewi email share {id}"));
            }
            self.keep(Kind::Email, relation, id, &word);
            if word == "kmaildeskx" {
                self.objects.last_mut().unwrap().record = Some(Relation::Foreign);
            }
            if account == "dewi-mail" {
                self.objects.last_mut().unwrap().case = Some(case.clone());
            }
        }
    }

    fn records(&mut self) {
        for of in ["company", "contact", "lead", "opportunity"] {
            for (word, relation, flags) in [
                ("own", Relation::Own, "--assign-to ana"),
                ("team", Relation::Team, "--team Support"),
                ("foreign", Relation::Foreign, "--team Billing"),
            ] {
                let name = format!("k{of}{word}x");
                let flags = if name == PARTNER {
                    format!("{flags} --email partner@customer.example")
                } else {
                    flags.to_owned()
                };
                let id = self.run(&format!("record add {of} {name} {flags}"));
                self.run(&format!("note {of}/{id} -m k{of}{word}notex"));
                self.keep(Kind::Record, relation, id, &name);
                self.objects.last_mut().unwrap().of = of;
            }
        }
    }

    /// What may be read is of what may not: a case of a foreign customer, a contact in a foreign company.
    fn links(&self) {
        let case = self.id(Kind::Case, Relation::Team);
        let foreign = |of: &str| {
            let mut all = self.objects.iter();
            &all.find(|object| object.of == of && object.relation == Relation::Foreign).unwrap().id
        };
        let (company, contact) = (foreign("company"), foreign("contact"));
        self.run(&format!("case link {case} company/{company}"));
        self.run(&format!("case link {case} contact/{contact}"));
        for word in ["own", "team"] {
            self.run(&format!("record edit contact kcontact{word}x --company {company}"));
            self.run(&format!("record edit opportunity kopportunity{word}x --company {company} --contact {contact}"));
        }
    }

    fn things_of_one_user(&mut self) {
        for (user, relation) in [("ana", Relation::Own), ("dewi", Relation::Private)] {
            self.run(&format!("--as {user} folder add kfolder{user}x"));
            self.keep(Kind::Folder, relation, format!("kfolder{user}x"), &format!("kfolder{user}x"));
            self.run(&format!("--as {user} filter add kfilter{user}x --scope user:@me --if subject=z --do read"));
            self.keep(Kind::Filter, relation, format!("kfilter{user}x"), &format!("kfilter{user}x"));
            let letter = format!("--as {user} email send --to out@far.example -m Hi. --subject");
            let id = self.run(&format!("{letter} kout{user}x"));
            self.keep(Kind::Outbox, relation, id, &format!("kout{user}x"));
            let id = self.run(&format!("{letter} kdraft{user}x --draft"));
            self.keep(Kind::Draft, relation, id, &format!("kdraft{user}x"));
        }
        for (team, relation) in [("Support", Relation::Team), ("Billing", Relation::Foreign)] {
            let name = format!("kfolder{}x", team.to_lowercase());
            self.run(&format!("folder add {name} --group {team}"));
            self.keep(Kind::Folder, relation, name.clone(), &name);
        }
        self.run("filter add kfilterglobalx --scope global --if subject=zz --do no-case");
        self.keep(Kind::Filter, Relation::Private, "kfilterglobalx".to_owned(), "kfilterglobalx");
        for (user, relation) in [("ana", Relation::Own), ("dewi", Relation::Private)] {
            let told = self.run(&format!("--as {user} notification list"));
            let id = told.lines().last().unwrap().to_owned();
            self.keep(Kind::Notification, relation, id, "");
        }
    }
}

/// A mail with a text file; the word stands in subject, text and file.
fn with_file(account: &str, word: &str) -> Letter {
    let text = format!(
        "--limit\r\nContent-Type: text/plain\r\n\r\n{word}\r\n--limit\r\nContent-Type: text/plain; name=notes.txt\r\n\
        Content-Disposition: attachment; filename=notes.txt\r\n\r\n{word}\r\n--limit--\r\n"
    );
    let letter = mail("eva@customer.example", &format!("{account}@desk.example"), word);
    letter.header("Content-Type", "multipart/mixed; boundary=limit").body(&text)
}
