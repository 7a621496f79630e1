//! `account export` and `account import`: many mailboxes by a file, again and again with the effect of once.

use crate::support::Desk;

const FULL: &str = r#"
[[account]]
name = "support"
address = "support@desk.example"
alias = ["help@desk.example", "info@desk.example"]
imap = "imap.desk.example:1993"
tls = "implicit"
smtp = "smtp.desk.example:465"
smtp_tls = "implicit"
login = "desk"
secret = "env:IMAP_PW"
smtp_login = "out"
smtp_secret = "env:SMTP_PW"
auth = "cram-md5"
smtp_auth = "plain"
pin = ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]
smtp_pin = ["none"]
folder = ["INBOX", "Web forms"]
since = "2026-01-02T03:04:05Z"
after = "move:Done"
portion = 50
max_size = "5MiB"
authserv_id = "mx.desk.example"
dmarc_none = "refuse"
form_sender = ["form@desk.example"]
read_sent = "auto"
team = ["Billing", "Support"]
case_team = "Support"
create_case = true
distribution = "direct"
assign_to = "ana"
position = "Agent"
on_closed = "reopen-within:14"
auto_mail = "case"
create_contact = true
staff_forward = "attached"
plus_addressing = true
add_all_team_users = true
auto_reply = "ack"
reply_to_own_list = true
reply_from = "noreply@desk.example"
reply_name = "The desk"
reply_to = "answers@desk.example"
from_name = "Support \"Desk\""
shared = true
store_sent = "Sent mail"
signature = """
Support
Jalan 1"""
language = "de"

[[account]]
name = "ana-mail"
kind = "personal"
user = "ana"
enabled = false
address = "ana@desk.example"
imap = "[::1]:143"
tls = "none"
secret = "stdin"
since = "2026-01-02T03:04:05Z"
share = "record"
exclude_from_reply = true
folder_map = ["Old=archive"]
"#;

fn desk() -> Desk {
    let desk = Desk::new().team("Billing");
    let text = desk.sandbox.file("ack.txt", b"We have it.\n").display().to_string();
    desk.ok(&["template", "add", "ack", "--subject", "S", "--body", &text]);
    desk
}

fn write(desk: &Desk, text: &str) {
    desk.sandbox.file("accounts.toml", text.as_bytes());
}

#[test]
fn accounts_go_out_and_in_and_a_second_time_nothing_is_changed() {
    let (desk, other) = (self::desk(), self::desk());
    write(&desk, FULL);
    let added = desk.ok("account import accounts.toml");
    assert_eq!(added.stdout, "accounts: 2 added, 0 changed, 0 as they were\n");
    assert!(added.stderr.contains("account ana-mail: its password is not kept here"), "{added:#?}");
    assert!(added.stderr.contains("hint: espomail account secret ana-mail --secret stdin"), "{added:#?}");
    assert!(!added.stderr.contains("account support: its password"), "{added:#?}");
    let exported = desk.ok("account export").stdout;
    // Each line of the file is there, and nothing else but what is known by default.
    for line in
        FULL.lines().filter(|line| line.contains(" = ") && !line.contains("\"\"\"") && !line.contains("from_name"))
    {
        assert!(exported.lines().any(|shown| shown == line), "{line} is not in {exported}");
    }
    assert!(exported.contains("# The password is not in this file: espomail account secret ana-mail --secret stdin"));
    for text in [FULL, exported.as_str()] {
        write(&desk, text);
        assert_eq!(desk.ok("account import accounts.toml").stdout, "accounts: 0 added, 0 changed, 2 as they were\n");
    }
    write(&other, &exported);
    other.ok("account import accounts.toml");
    assert_eq!(other.ok("account export").stdout, exported);
    // The settings themselves.
    let shown = |desk: &Desk, name: &str| {
        let mut all = desk.json(&["account", "show", name]);
        for key in ["id", "schema", "case_team", "assign_to", "auto_reply", "user"] {
            all.as_object_mut().unwrap().remove(key);
        }
        all
    };
    for name in ["support", "ana-mail"] {
        assert_eq!(shown(&desk, name), shown(&other, name));
    }
    // What a person changes, the file changes back; only what is different is told.
    desk.ok("account edit support --portion 7 --team Billing --signature Other");
    write(&desk, &exported);
    let dry = desk.ok("--dry-run account import accounts.toml");
    assert!(
        dry.stderr.contains("account support: would be changed: portion 7 -> 50; signature \"Other\" -> "),
        "{dry:#?}"
    );
    assert!(dry.stderr.contains("; team [\"Billing\"] -> [\"Billing\", \"Support\"]"), "{dry:#?}");
    assert_eq!(desk.json("account show support")["portion"], 7, "a dry run changes nothing");
    let changed = desk.ok("account import accounts.toml");
    assert_eq!(changed.stdout, "accounts: 0 added, 1 changed, 1 as they were\n");
    assert_eq!(desk.ok("account export").stdout, exported);
    assert_eq!(desk.ok("account export ana-mail").stdout.matches("[[account]]").count(), 1);
}

#[test]
fn what_a_file_does_not_name_has_its_default_except_for_the_moment_and_the_secrets() {
    let desk = desk();
    write(&desk, FULL);
    desk.ok("account import accounts.toml");
    let short = "[[account]]\nname = \"support\"\naddress = \"support@desk.example\"\nimap = \"imap.desk.example\"\n";
    write(&desk, short);
    desk.ok("account import accounts.toml");
    let exported = desk.ok("account export support").stdout;
    let keys: Vec<&str> = exported.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key).collect();
    assert_eq!(keys, ["name", "kind", "address", "imap", "secret", "since", "smtp_secret", "tls"], "{exported}");
    assert!(exported.contains("secret = \"env:IMAP_PW\"") && exported.contains("since = \"2026-01-02T03:04:05Z\""));
    assert!(desk.json("account list")["items"].as_array().unwrap().len() == 2, "others stay as they are");
}

#[test]
fn fifty_mailboxes_go_in_at_once_or_not_at_all() {
    let desk = desk();
    let one = |n: usize| {
        format!(
            "[[account]]\nname = \"box{n}\"\naddress = \"box{n}@desk.example\"\nimap = \"imap.desk.example\"\nsecret = \"file:/etc/pw{n}\"\n"
        )
    };
    let all: String = (0..50).map(one).collect();
    for (wrong, said) in [
        ("[[account]]\nname = \"x\"\naddress = \"x@d.example\"\nimap = \"h\"\ncolour = 1\n", "colour is not a key"),
        ("[[account]]\nname = \"x\"\nadress = \"x@d.example\"\n", "did you mean address?"),
        (
            "[[account]]\nname = \"x\"\naddress = \"x@d.example\"\nimap = \"h\"\ntls = \"loud\"\n",
            "accounts.toml, line 255: account \"x\": tls: must be one of",
        ),
        (
            "[[account]]\nname = \"x\"\naddress = \"x@d.example\"\nimap = \"h\"\nportion = \"many\"\n",
            "account \"x\": portion: ",
        ),
        (
            "[[account]]\nname = \"x\"\naddress = \"x@d.example\"\nimap = \"h\"\nsecret = \"hunter2\"\n",
            "does not say where the secret",
        ),
        (
            "[[account]]\nname = \"x\"\naddress = \"x@d.example\"\nimap = \"h\"\nteam = [\"Nobody\"]\n",
            "accounts.toml, line 255: account \"x\": team: there is no team \"Nobody\"",
        ),
        (
            "[[account]]\nname = \"x\"\nkind = \"personal\"\naddress = \"x@d.example\"\nimap = \"h\"\n",
            "user: is missing",
        ),
        (
            "[[account]]\nname = \"x\"\naddress = \"x@d.example\"\nimap = \"h\"\nshare = \"record\"\n",
            "kind = \"personal\", user = \"USER\"",
        ),
        ("[[account]]\nname = \"BOX3\"\naddress = \"x@d.example\"\n", "line 252: account \"BOX3\" is there twice"),
        ("[[account]]\naddress = \"x@d.example\"\n", "name: is missing"),
        ("[[account]]\nname = \"\"\n", "name: must be"),
        ("[account]\nname = \"x\"\n", "accounts.toml"),
        ("jobs = 3\n", "jobs is not a key"),
        ("[[account]\n", "accounts.toml, line "),
    ] {
        write(
            &desk,
            &if wrong.starts_with("jobs") || wrong.starts_with("[account]") {
                wrong.to_owned()
            } else {
                format!("{all}{wrong}")
            },
        );
        let refused = desk.run("account import accounts.toml").exits(65);
        assert!(refused.stderr.contains(said) && !refused.stderr.contains("hunter2"), "{said}: {refused:#?}");
        assert!(!refused.stderr.contains(" --"), "the file has keys and no options: {refused:#?}");
        assert!(refused.stderr.contains("accounts.toml"), "{said}: {refused:#?}");
        assert_eq!(desk.items("account list").len(), 0, "{said}");
    }
    for nothing in ["", "# later\n", "account = []\n"] {
        write(&desk, nothing);
        desk.run("account import accounts.toml").exits(65).says("accounts.toml: it holds no account");
    }
    write(&desk, &all);
    assert_eq!(desk.ok("account import accounts.toml").stdout, "accounts: 50 added, 0 changed, 0 as they were\n");
    assert_eq!(desk.ok("account import accounts.toml").stdout, "accounts: 0 added, 0 changed, 50 as they were\n");
    desk.run("--as ana account import accounts.toml").exits(77);
    desk.run("--as ana account export").exits(77);
}
