//! Enforced mode with real users and real sudo: who comes is who acts, and nothing is read, written or started for them
//! with the rights of the service user.

use crate::support::{Dovecot, Machine, Run, scratch};

/// As people call it.
const S: &str = "sudo -n -u espomail /usr/local/bin/espomail";
/// In every file that nobody but the service user may read.
const CANARY: &str = "canary-7c1f0d";

/// A team with one case, a file of the service user's that holds the canary, and things of ana's to attack with.
pub fn office() -> Option<Machine> {
    let office = Machine::open()?;
    office
        .run(
            "root",
            "espomail -q team add Support && for u in ana budi gone; do espomail -q user add $u --email $u@staff.example; done &&
            espomail -q team member add Support ana && espomail -q user disable gone && useradd -M -G espomail-users gone &&
            espomail -q --as ana case create --subject 'Invoice 1' --team Support -m 'the text' --from eva@customer.example",
        )
        .ok();
    let plant = format!(
        "umask 077; cd /var/lib/espomail && echo {CANARY} >canary && mkdir -p espomail.db.secrets && echo {CANARY} >espomail.db.secrets/99 &&
        printf 'From: a@b.example\\nSubject: {CANARY}\\n\\n{CANARY}\\n' >canary.eml && chown -R espomail: ."
    );
    office.run("root", &plant).ok();
    office
        .run(
            "ana",
            "mkdir -p dash bin .config/espomail && ln -s /var/lib/espomail/canary ./note && ln -s /var/lib/espomail/canary dash/- &&
            echo 'database = \"/tmp/ana.db\"' >.config/espomail/config.toml && printf '#!/bin/sh\\ntouch $HOME/started\\n' >bin/evil &&
            chmod 755 bin/evil && cp bin/evil bin/espomail && cp bin/evil bin/sh && cp bin/evil bin/less",
        )
        .ok();
    Some(office)
}

#[test]
fn people_act_as_their_user_and_nobody_else_does() {
    let Some(office) = office() else { return };
    let whoami = |person: &str, script: &str| {
        let run = office.run(person, script).ok();
        serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap_or_else(|e| panic!("{e}: {run:#?}"))
    };
    let ana = whoami("ana", &format!("{S} --json whoami"));
    assert_eq!((ana["user"]["username"].as_str(), ana["mode"].as_str()), (Some("ana"), Some("enforced")), "{ana}");
    assert_eq!(whoami("budi", &format!("{S} --json whoami"))["user"]["username"], "budi");
    let root = whoami("root", "espomail --json whoami");
    assert_eq!((root["type"].as_str(), root["mode"].as_str()), (Some("administrator"), Some("enforced")), "{root}");
    let service = "setpriv --reuid espomail --regid espomail --clear-groups espomail --json whoami";
    assert_eq!(whoami("root", service)["type"], "administrator");
    // Root by sudo, and root who takes the long way.
    assert_eq!(whoami("root", "sudo -n espomail --json whoami")["type"], "administrator");
    assert_eq!(whoami("root", &format!("{S} --json whoami"))["type"], "administrator");
    assert_eq!(whoami("root", "espomail --as ana --json whoami")["user"]["username"], "ana");

    let refused = |person: &str, words: &str| {
        let run = office.run(person, &format!("{S} case list")).exits(77);
        assert!(run.stderr.contains(words) && run.stdout.is_empty(), "{run:?}");
    };
    refused("eve", "no user has the login \"eve\"");
    office.run("root", "usermod -d /tmp gone").ok();
    let gone = format!("setpriv --reuid gone --regid gone --init-groups {S} case list");
    assert!(office.run("root", &gone).exits(77).stderr.contains("user gone: is disabled"));
    assert_eq!(office.run("bob", &format!("{S} case list")).code, 1, "sudo lets bob in");

    // budi is in no team: the case does not exist. Work is done in one's own name.
    assert!(office.run("ana", &format!("{S} case list")).ok().stdout.contains("Invoice 1"));
    assert!(!office.run("budi", &format!("{S} case list")).ok().stdout.contains("Invoice 1"));
    // The day is that of the person who comes.
    assert!(office.run("ana", S).ok().stdout.contains("Unassigned cases of your teams: 1 ("));
    assert!(office.run("budi", S).ok().stdout.contains("Unassigned cases of your teams: 0"));
    office.run("eve", S).exits(77);
    office.run("root", "espomail").exits(2).says("Usage: ");
    assert!(office.run("budi", &format!("{S} case show 1")).exits(65).stderr.contains("not found"));
    office.run("ana", &format!("echo 'she called' | {S} case note 1 -F -")).ok();
    office.run("ana", &format!("{S} user add mallory")).exits(77);
    let history = office.run("ana", &format!("{S} --json stream case/1")).ok().stdout;
    assert!(history.contains("she called") && history.contains("\"ana\""), "{history}");
    // What root does leaves nothing that is root's.
    office.run("root", "espomail fetch && test -d /var/lib/espomail/espomail.db.locks").ok();
    let strangers = "find /var/lib/espomail ! -user espomail -o -perm /077 ! -type l";
    assert_eq!(office.run("root", strangers).ok().stdout, "");
}

/// What ana tries, the exit code (`ANY`: sudo or the shell decides) and words that must be said.
const ANY: i32 = -1;

fn attempts() -> Vec<(&'static str, i32, &'static str)> {
    vec![
        // Flags of the owner's.
        ("S --db /tmp/ana.db init", 77, "--db"),
        ("S --db=/var/lib/espomail/espomail.db whoami", 77, "--db"),
        ("S whoami --config .config/espomail/config.toml", 77, "--config"),
        ("S --log started whoami", 77, "--log"),
        ("S --as budi whoami", 77, "--as"),
        ("S -vv whoami", 77, "-vv"),
        ("S config show", 77, "config show"),
        ("S init", 65, "exists already"),
        // Environment.
        ("sudo -n -u espomail ESPOMAIL_DB=/tmp/ana.db espomail whoami", 1, "sudo"),
        ("ESPOMAIL_DB=/tmp/ana.db ESPOMAIL_CONFIG=x S whoami", 0, "/var/lib/espomail/espomail.db"),
        ("sudo -n -E -u espomail espomail whoami", 1, "sudo"),
        ("LD_PRELOAD=$HOME/bin/evil S whoami", 0, "ana"),
        ("LD_LIBRARY_PATH=$HOME/bin LD_AUDIT=$HOME/bin/evil S whoami", 0, "ana"),
        ("OPENSSL_CONF=$HOME/note SSL_CERT_FILE=$HOME/note S whoami", 0, "ana"),
        ("HOME=$HOME XDG_CONFIG_HOME=$HOME/.config XDG_DATA_HOME=$HOME S whoami", 0, "/var/lib/espomail/espomail.db"),
        ("SUDO_UID=0 SUDO_USER=root S whoami", 0, "ana"),
        ("SUDO_UID=99999999999 USER=budi LOGNAME=budi S whoami", 0, "ana"),
        ("DOAS_USER=root PKEXEC_UID=0 S whoami", 0, "ana"),
        ("TMPDIR=/var/lib/espomail XDG_RUNTIME_DIR=/var/lib/espomail S case reply 1 --edit", 77, "--edit"),
        ("TZ=:/var/lib/espomail/canary S case list", 0, "Invoice"),
        ("TZ=../../../../var/lib/espomail/canary S case list", 0, "Invoice"),
        ("LC_ALL=../../var/lib/espomail/canary LANGUAGE=/etc:../x S case list", 0, "Invoice"),
        ("TERM=../../../var/lib/espomail/canary TERMINFO=/var/lib/espomail S case list", 0, "Invoice"),
        ("PATH=$HOME/bin:$PATH sudo -n -u espomail espomail whoami", 0, "ana"),
        ("PATH=$HOME/bin /usr/bin/sudo -n -u espomail /usr/local/bin/espomail whoami", 0, "ana"),
        // Editor and pager.
        ("EDITOR=$HOME/bin/evil VISUAL=$HOME/bin/evil S case reply 1 --edit", 77, "--edit"),
        (
            "EDITOR=$HOME/bin/evil python3 -c 'import pty,sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' S case reply 1",
            2,
            "the text is missing",
        ),
        (
            "EDITOR=$HOME/bin/evil python3 -c 'import pty,sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' S case reply 1 --edit",
            77,
            "--edit",
        ),
        ("PAGER=$HOME/bin/evil MANPAGER=$HOME/bin/evil S case show 1", 0, "Invoice"),
        (
            "PAGER=less LESSOPEN='|touch started %s' LESS=-R python3 -c 'import pty,sys; pty.spawn(sys.argv[1:])' S case show 1",
            0,
            "Invoice",
        ),
        // What is told of a terminal is a few words: it chooses no program, and believes nobody who has no other side.
        ("PAGER=$HOME/bin/evil S --afar 100x24,color,asks,edits case show 1 | cat", 0, "Invoice"),
        ("PAGER=$HOME/bin/evil S --afar 100x24 man | head -1", 0, ".Dd "),
        (
            "S --afar 100x24,asks case close --query is:open </dev/null | cat; exit ${PIPESTATUS[0]}",
            1,
            "nothing was changed",
        ),
        ("S --afar 100x24,asks user delete ana </dev/null | cat; exit ${PIPESTATUS[0]}", 77, "user delete"),
        ("S --afar 99999x24 case list", 2, "--afar"),
        ("S --afar pager=$HOME/bin/evil case list", 2, "--afar"),
        ("S --afar 100x24 email show 1 --raw | cat", 0, ""),
        ("BROWSER=$HOME/bin/evil SHELL=$HOME/bin/evil S case list", 0, "Invoice"),
        // Files, by every kind of argument; links and ways up.
        ("S case note 1 -F note", 77, "--file"),
        ("S case note 1 -F /var/lib/espomail/canary", 77, "--file"),
        ("S case note 1 --file=../../../var/lib/espomail/canary", 77, "--file"),
        ("S case note 1 -F /dev/fd/0 </var/lib/espomail/canary", ANY, ""),
        ("S case note 1 -F /proc/self/environ", 77, "--file"),
        ("S case create --subject x --team Support -F note", 77, "--file"),
        ("S case reply 1 -m x --attach note", 77, "--attach"),
        ("cd dash && S case reply 1 -m x --attach -", 65, "--attach"),
        ("S case reply 1 -m x --attach /var/lib/espomail/espomail.db.secrets/99", 77, "--attach"),
        ("S email send --to a@b.example --subject x -m x --attach note", 77, "--attach"),
        ("S email show /var/lib/espomail/canary.eml", 77, "cannot name a file"),
        ("S email show ./note", 77, "cannot name a file"),
        ("S email attachment cat /var/lib/espomail/canary.eml 1", 77, "cannot name a file"),
        ("S email attachment save 1", 77, "--dir"),
        ("S email attachment save 1 --dir /tmp", 77, "--dir"),
        ("S filter test /var/lib/espomail/canary.eml", 77, "cannot name a file"),
        ("S filter import /var/lib/espomail/canary", 77, "cannot name a file"),
        ("S import eml /var/lib/espomail/canary.eml --account x", 77, "cannot name a file"),
        ("S import mbox /var/lib/espomail/canary --account x", 77, "cannot name a file"),
        ("S import maildir /var/lib/espomail --account x", 77, "cannot name a file"),
        ("S record import note contact", 77, "cannot name a file"),
        ("echo name | S record import - contact --rejects /tmp/started", 77, "--rejects"),
        ("S template add x --subject x --body note", 77, "--body"),
        ("S template add x --subject x --body - --html note </dev/null", 77, "--html"),
        ("S user edit ana --signature-file note", 77, "--signature-file"),
        ("S export case 1 --to mbox /tmp/started", 77, "--to"),
        ("S export case 1 --to eml /tmp/started", 77, "--to"),
        ("S db backup /tmp/started", 77, "cannot name a file"),
        ("S quarantine export 1 /tmp/started", 77, "cannot name a file"),
        ("S man --to /tmp", 77, "--to"),
        ("S whoami @/var/lib/espomail/canary", 2, ""),
        ("S ingest --account support </dev/null", 75, "ingest"),
        // Secrets.
        ("ADD --secret file:/var/lib/espomail/canary", 77, "--secret"),
        ("ADD --secret cmd:$HOME/bin/evil", 77, "--secret"),
        ("ADD --secret env:HOME", 77, "--secret"),
        ("ADD --secret cred:../canary", 77, "--secret"),
        ("ADD --token cmd:$HOME/bin/evil", 77, "--token"),
        ("ADD --secret stdin --smtp-secret file:/var/lib/espomail/canary", 77, "--smtp-secret"),
        ("ADD --secret stdin --ca /var/lib/espomail/canary", 77, "--ca"),
        // Around the rule.
        ("cat /var/lib/espomail/canary", 1, "denied"),
        ("sudo -n -u espomail cat /var/lib/espomail/canary", 1, "sudo"),
        ("sudo -n -u espomail -s", 1, "sudo"),
        ("sudo -n -u espomail -i espomail whoami", 1, "sudo"),
        ("sudo -n -u root /usr/local/bin/espomail whoami", 1, "sudo"),
        ("sudo -n -u espomail -g root /usr/local/bin/espomail whoami", 1, "sudo"),
        ("sudo -n -C 10 -u espomail /usr/local/bin/espomail whoami", 1, "sudo"),
        ("sudo -n -u espomail sudoedit /var/lib/espomail/canary", 1, "sudo"),
        ("sudo -n -u espomail $HOME/bin/espomail whoami", 1, "sudo"),
        ("SUDO_UID=0 /usr/local/bin/espomail whoami", ANY, ""),
        ("SUDO_UID=$(id -u budi) /usr/local/bin/espomail --db /var/lib/espomail/espomail.db whoami", 77, "--db"),
        ("SUDO_UID=x /usr/local/bin/espomail whoami", 77, "SUDO_UID"),
        ("/usr/local/bin/espomail --db /var/lib/espomail/espomail.db case list", 78, ""),
        ("(exec -a --db sudo -n -u espomail /usr/local/bin/espomail whoami)", ANY, ""),
        ("ln -sf /usr/local/bin/espomail ./--db && sudo -n -u espomail ./--db whoami", ANY, ""),
        // The state of the process.
        ("S whoami <&-", 0, "ana"),
        ("S case list >&-", ANY, ""),
        ("S whoami 2>&-", 0, "ana"),
        ("S whoami <&- >&- 2>&-", ANY, ""),
        ("exec 7<note 8</etc/passwd 9>>mine; S whoami", ANY, ""),
        ("exec 8</etc/passwd 9>>mine; S whoami", 0, "ana"),
        ("ulimit -f 0; S case note 1 -F note", 77, "--file"),
        ("ulimit -n 12; S whoami", 0, "ana"),
        ("ulimit -v 200000; ulimit -t 1; S whoami", 0, "ana"),
        ("ulimit -c unlimited; S whoami", 0, "ana"),
        ("umask 0; S whoami", 0, "ana"),
        ("umask 0777; S whoami", 0, "ana"),
        ("trap '' CHLD PIPE HUP INT TERM QUIT XFSZ ALRM USR1; S whoami", 0, "ana"),
        ("S case list --format json | head -c 1", 0, ""),
        ("timeout -s INT 0.05 S case list; true", ANY, ""),
        ("timeout -s KILL 0.05 S case list; true", ANY, ""),
        ("nice -n 19 S whoami", 0, "ana"),
        ("mkdir -p gone && cd gone && rmdir ../gone && S whoami", 0, "ana"),
        ("cd / && S whoami", 0, "ana"),
        ("S case list 'subject:\"'\"$(printf 'x%.0s' {1..100000})\"'\"'", 2, "query is longer"),
    ]
}

#[test]
fn nothing_of_the_service_users_is_reached_by_any_way_around() {
    let Some(office) = office() else { return };
    let add = format!(
        "{S} account add x --kind personal --user ana --address ana@staff.example --imap imap.example.org </dev/null"
    );
    let before = office.every_row();
    let attempts = attempts();
    for (script, code, words) in &attempts {
        let typed = script.replace("ADD", &add);
        let typed = typed.split(' ').map(|word| if word == "S" { S } else { word }).collect::<Vec<_>>().join(" ");
        let typed = typed.replace("(S ", &format!("({S} "));
        let run = office.run("ana", &typed);
        harmless(&office, &run);
        let fits = *code == ANY || run.code == *code;
        let said = run.stdout.contains(words) || run.stderr.contains(words);
        assert!(fits && said, "expected {code} and \"{words}\": {run:#?}");
        assert_eq!(office.every_row(), before, "{script} changed the database");
    }
    eprintln!("{} ways tried", attempts.len());
}

/// Nothing of the canary was said, nothing started, nothing written but where it belongs.
#[track_caller]
fn harmless(office: &Machine, run: &Run) {
    assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY), "{run:#?}");
    let written = "find /home /tmp /var/tmp /dev/shm /etc /usr/local -xdev \\( -name started -o -user espomail \\);
        find /var/lib/espomail \\( ! -user espomail -o -perm /077 -o -name started \\)";
    let found = office.run("root", written).stdout;
    assert!(found.is_empty(), "{found}after {run:#?}");
}

#[test]
fn servers_inside_are_reached_only_where_the_configuration_says_so() {
    let Some(office) = office() else { return };
    let mailbox = Dovecot::shared().mailbox();
    let port = Dovecot::shared().imap;
    let add = format!(
        "echo pw | {S} account add mine --kind personal --user ana --address ana@staff.example --login {} --imap 127.0.0.1:{port} \
        --tls none --secret stdin",
        mailbox.user
    );
    office.run("ana", &format!("umask 0777; {add}")).ok();
    let refused = office.run("ana", &format!("{S} account test mine")).exits(78);
    assert!(refused.stderr.contains("127.0.0.1 is not a public address"), "{refused:?}");
    assert!(refused.stderr.contains("allowed_hosts"), "{refused:?}");
    // The same for the user who polls, and for a name that means this machine.
    office.run("root", "espomail fetch mine").exits(78);
    // Root may name any server.
    office.run("root", &format!("espomail account edit mine --imap 127.0.0.1:{port}")).ok();
    office.run("ana", &format!("{S} account test mine")).ok();
    office.run("ana", &format!("{S} account edit mine --imap localhost:{port}")).ok();
    office.run("ana", &format!("{S} account test mine")).exits(78);
    office.run("root", "echo 'allowed_hosts = [\"localhost\"]' >/etc/espomail/config.toml").ok();
    office.run("ana", &format!("{S} account test mine")).ok();
    office.run("root", "echo 'allowed_hosts = [\"127.0.0.0/8\", \"::1\"]' >/etc/espomail/config.toml").ok();
    office.run("ana", &format!("{S} account test mine")).ok();
    // What came by standard input is the service user's alone, and root's secrets stay with their server.
    assert_eq!(
        office.run("root", "stat -c '%U %a' /var/lib/espomail/espomail.db.secrets/1").ok().stdout,
        "espomail 600\n"
    );
    office.run("root", "espomail account edit mine --secret file:/var/lib/espomail/canary").ok();
    let refused = office.run("ana", &format!("{S} account edit mine --imap imap.evil.example")).exits(77);
    assert!(refused.stderr.contains("--imap"), "{refused:?}");
}

#[test]
fn doctor_finds_and_mends_what_others_could_read() {
    let Some(office) = office() else { return };
    let found = |script: &str, code: i32, words: &[&str]| {
        let run = office.run("root", script).exits(code);
        words.iter().for_each(|word| assert!(run.stdout.contains(word), "no \"{word}\" in {run:#?}"));
    };
    found(
        "espomail doctor --offline",
        0,
        &[
            "enforced",
            "readable only by its owner, espomail",
            "ana, budi, eve, gone",
            "never",
            "lets them run /usr/local/bin/espomail",
            "root's alone to change",
        ],
    );
    office.run("ana", &format!("{S} doctor")).exits(77);
    office.run("root", "chmod 644 /var/lib/espomail/espomail.db.secrets/99 && chmod 755 /var/lib/espomail").ok();
    found("espomail doctor --offline", 78, &["espomail.db.secrets/99 is open to others (mode 644)", "mode 755"]);
    found("espomail --dry-run doctor --fix --offline", 0, &["would be set to"]);
    found("espomail doctor --offline", 78, &["mode 644"]);
    found("espomail doctor --fix --offline", 0, &["set to 600"]);
    found("espomail --json doctor --offline", 0, &["readable only by its owner", "\"state\""]);
    office.run("root", "touch /var/lib/espomail/espomail.db.secrets/x && userdel budi").ok();
    found("espomail doctor --offline", 78, &["espomail.db.secrets/x belongs to root", "login budi"]);
}

#[test]
fn people_need_not_type_sudo_and_their_files_are_read_as_theirs() {
    let Some(office) = office() else { return };
    office.run("ana", "rm -r .config && umask 077 && echo 'she called again' >call.txt && printf 'Subject: own file\n\nx\n' >own.eml").ok();
    assert!(office.run("ana", "espomail case list").ok().stdout.contains("Invoice 1"));
    office.run("ana", "espomail case note 1 -F call.txt && echo piped | espomail case note 1 -F - && espomail case note 1 -m typed").ok();
    let stream = office.run("ana", "espomail --json stream case/1").ok().stdout;
    for text in ["she called again", "piped", "typed"] {
        assert!(stream.contains(text), "{stream}");
    }
    assert!(office.run("ana", "espomail email show ./own.eml").ok().stdout.contains("own file"));
    // Several files, and what comes by standard input besides.
    office.run("root", "espomail user edit ana --type admin").ok();
    assert_eq!(office.run("ana", "espomail user edit @me --signature-file call.txt").ok().stdout, "user ana changed\n");
    office.run("ana", "echo html >h && espomail template add two --subject s --body call.txt --html h").ok();
    office.run("ana", "echo by pipe | espomail template add three --subject s --body - --html h").ok();
    let shown = office.run("ana", "espomail --json template show three").ok().stdout;
    assert!(shown.contains("by pipe") && shown.contains("html"), "{shown}");
    // Data is written by the user who asked for it.
    office.run("ana", "espomail export case 1 --to mbox case.mbox").ok();
    assert_eq!(office.run("ana", "stat -c '%U %a' case.mbox").ok().stdout, "ana 600\n");
    let parts = "printf 'From: a@b.example\\nContent-Type: multipart/mixed; boundary=b\\n\\n--b\\nContent-Disposition: attachment; \
        filename=../up.txt\\n\\none\\n--b\\nContent-Disposition: attachment; filename=two.txt\\n\\ntwo\\n--b--\\n' >parts.eml";
    office.run("ana", &format!("{parts}; mkdir -p in && espomail email attachment save ./parts.eml --dir in")).ok();
    let saved = office.run("ana", "cd in && for f in *; do stat -c '%U %n' $f; cat $f; echo; done").ok().stdout;
    assert!(saved.contains("ana two.txt\ntwo") && saved.contains("one") && saved.contains("up.txt"), "{saved}");
    office.run("ana", "cd in && espomail email attachment save ../parts.eml").ok();
    assert_eq!(office.run("ana", "ls in | wc -l").ok().stdout, "4\n");
    office.run("ana", "espomail export case 99 --to mbox none.mbox").exits(65);
    office.run("ana", "test ! -e none.mbox").ok();
    // What ana may not read is not read for her, and what is refused stays refused.
    let refused = office.run("ana", "espomail case note 1 -F note").exits(65);
    assert!(refused.stderr.contains("cannot read note"), "{refused:?}");
    office.run("ana", "espomail db backup copy.db").exits(77);
    office.run("ana", "espomail --as budi whoami").exits(77);
    office.run("ana", "espomail case show 99").exits(65);
    let stray = "printf '5 /tmp/started\\nabcde' | S --front 1 db backup /tmp/started".replace('S', S);
    harmless(&office, &office.run("ana", &stray).exits(77));
    office.run("ana", &format!("printf '9 x\\nabc' | {S} --front 1 case note 1 -F x")).exits(65);
    let refused = office.run("bob", "espomail case list").exits(77);
    assert!(refused.stderr.contains("usermod -aG espomail-users"), "{refused:?}");
    assert!(!refused.stderr.contains("sudo:"), "sudo complains in its own words: {refused:?}");
    assert!(office.run("eve", "espomail case list").exits(77).stderr.contains("no user has the login \"eve\""));
}

/// Runs the rest of a line on a terminal.
const T: &str = "python3 -c 'import pty,sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)'";

#[test]
fn the_editor_is_the_callers_own_and_what_they_type_is_never_lost() {
    let Some(office) = office() else { return };
    let scripts =
        "rm -r .config; mkdir -p bin; printf '#!/bin/sh\nid -un >who; stat -c %%a \"$1\" >>who; cat \"$1\" >saw
echo typed by ana >>\"$1\"\n' >bin/types; printf '#!/bin/sh\nbin/types \"$1\"; exit 3\n' >bin/fails; chmod 755 bin/*";
    office.run("ana", scripts).ok();
    let account = "espomail account add desk --address desk@desk.example --smtp 127.0.0.1:9 --secret env:PW --create-case --case-team Support
printf 'From: eva@customer.example\\nSubject: Broken\\nMessage-ID: <a@customer.example>\\n\\nit smokes\\n' | espomail ingest --account desk";
    office.run("root", account).ok();
    let edits = |editor: &str, line: &str| office.run("ana", &format!("EDITOR={editor} {T} espomail {line}"));
    let left = || office.run("root", "find /tmp -name 'espomail-*'; cat /home/ana/started").stdout;

    let kept = edits("bin/types", "case reply 2 --draft").ok();
    assert!(kept.stdout.contains("draft 2 saved"), "{kept:?}");
    assert_eq!(office.run("ana", "cat who").ok().stdout, "ana\n600\n");
    let saw = office.run("ana", "cat saw").ok().stdout;
    assert!(saw.contains("To: eva@customer.example\n") && saw.contains("Subject: "), "{saw}");
    assert!(office.run("ana", "espomail email show 2").ok().stdout.contains("typed by ana"));
    edits("bin/types", "email edit 2").ok();
    let twice = office.run("ana", "espomail email show 2").ok().stdout;
    assert_eq!(twice.matches("typed by ana").count(), 2, "{twice}");
    // With a text, and a file that the service user cannot read.
    office.run("ana", "umask 077 && echo mine >own.txt").ok();
    edits("bin/types", "case reply 2 -m Hello -e --attach own.txt").ok();
    let sent = office.run("ana", "espomail outbox show 1").ok().stdout;
    assert!(sent.contains("Hello") && sent.contains("typed by ana"), "{sent}");
    // Files that the editor's text names are read on the caller's side, from where they stand.
    let attaches = "printf '#!/bin/sh\nsed -i \"s|^Attach:|Attach: own.txt\\\\nAttach: ~/own.txt|\" \"$1\"; echo more >>\"$1\"\n' >bin/attaches; chmod 755 bin/attaches";
    office.run("ana", attaches).ok();
    edits("bin/attaches", "case reply 2 --draft").ok();
    let files = office.run("ana", "espomail email show 4").ok().stdout;
    assert_eq!(files.matches("own.txt").count(), 2, "{files}");
    office.run("ana", "rm own.txt").ok();
    let missing = edits("bin/attaches", "case reply 2").exits(65);
    assert!(missing.stdout.contains("Attach: cannot read own.txt: there is no such file"), "{missing:?}");
    // Cancelled; an editor that fails; a case that is not there.
    let cancelled = edits("true", "case reply 2").exits(1);
    assert!(cancelled.stdout.contains("cancelled: nothing was changed"), "{cancelled:?}");
    let failed = edits("bin/fails", "case reply 2").exits(1);
    assert!(failed.stdout.contains("ended with exit code 3; what you wrote is draft 6"), "{failed:?}");
    office.run("ana", "rm saw").ok();
    edits("bin/types", "case reply 99").exits(65);
    office.run("ana", "test ! -e saw").ok();
    assert_eq!(left(), "", "the editor's file is there still");

    // By hand: not to a terminal, and a caller who sends nothing back has written nothing.
    let shown = office.run("ana", &format!("{T} {S} --afar edits,asks case reply 2")).exits(2);
    assert!(shown.stdout.contains("the text is missing"), "{shown:?}");
    let rows = office.every_row();
    let alone = office
        .run("ana", &format!("{S} --afar edits,asks case reply 2 </dev/null | cat; exit ${{PIPESTATUS[0]}}"))
        .exits(65);
    let said: Vec<&str> =
        alone.stdout.split('\0').filter_map(|frame| frame.split_once('\n')).map(|(head, _)| head).collect();
    assert!(
        matches!(said.as_slice(), [edit, say] if edit.ends_with(" edit letter.eml") && say.ends_with(" say")),
        "{alone:?}"
    );
    assert!(alone.stdout.contains("did not come back"), "{alone:?}");
    assert_eq!(office.every_row(), rows);
}

#[test]
fn errors_name_the_database_in_use_and_the_user_without_rights() {
    let Some(office) = office() else { return };
    office.run("ana", "rm -r .config").ok();
    assert!(office.run("ana", "env -u HOME espomail whoami").ok().stdout.contains("you came through sudo"));
    // A pager can start other programs, so none is started with the rights of the service.
    let page = office.run("ana", "sudo -n -u espomail /usr/local/bin/espomail man").ok();
    assert!(page.stdout.starts_with(".Dd "), "{page:?}");
    let named = office.run("ana", "espomail --db /var/lib/espomail/espomail.db whoami").exits(78);
    assert!(named.stderr.contains("permission denied") && named.stderr.contains("leave --db out"), "{named:?}");
    office.run("root", "echo 'jobs = 3' >/etc/espomail/config.toml").ok();
    assert_eq!(office.run("ana", "espomail config path").ok().stdout, "/etc/espomail/config.toml\n");
    assert!(office.run("ana", "espomail config show --effective").ok().stdout.contains("jobs = 3\n"));
    office.run("root", "echo 'jbos = 3' >/etc/espomail/config.toml").ok();
    office.run("ana", "espomail config check").exits(78);
    office.run("root", "echo >/etc/espomail/config.toml").ok();
    // A database of her own takes the place of the service's.
    let made = office.run("ana", "espomail init").ok();
    assert!(made.stderr.contains("no longer with that of espomail"), "{made:?}");
    assert!(made.stderr.contains("rm /home/ana/.local/share/espomail/espomail.db"), "{made:?}");
    assert!(!office.run("bob", "espomail --db mine.db init").ok().stderr.contains("that of espomail"));
    assert!(office.run("ana", "espomail whoami").ok().stdout.contains("advisory"));
    office.run("ana", "rm -r .local").ok();

    for line in ["db backup /root/x.db", "case note 1 -F /tmp/secret", "export case 1 --to mbox /root/x"] {
        let refused = office.run("root", &format!("install -m 600 /dev/null /tmp/secret; espomail {line}"));
        assert!(refused.code != 0 && refused.stderr.contains("files are opened as espomail"), "{refused:?}");
    }
    office.run("root", "espomail user edit ana --type admin").ok();
    assert!(office.run("ana", "espomail db backup -").exits(2).stderr.contains("standard output"));
    let export = office.run("ana", "espomail export case 1 --to maildir new").exits(2);
    assert!(export.stderr.contains("through sudo only these two are possible"), "{export:?}");
    office.run("ana", "test ! -e new").ok();
}

#[test]
fn doctor_finds_what_locks_people_out_and_what_others_could_change() {
    let Some(office) = office() else { return };
    // By turns: what root did, what doctor finds, and how root mends it.
    for (spoil, code, words, mend) in [
        (
            "mv /etc/sudoers.d/espomail /tmp/rule",
            0,
            "does not let ana, budi, eve, gone run",
            "mv /tmp/rule /etc/sudoers.d/espomail",
        ),
        (
            "chmod 757 /usr/local/bin",
            0,
            "/usr/local/bin can be changed by others (mode 757)",
            "chmod 755 /usr/local/bin",
        ),
        ("chown ana /usr/local/bin/espomail", 0, "espomail belongs to ana", "chown root /usr/local/bin/espomail"),
        (
            "chmod 666 /etc/espomail/config.toml",
            78,
            "config.toml can be changed by others",
            "chmod 644 /etc/espomail/config.toml",
        ),
        ("chown ana /etc/espomail", 78, "/etc/espomail belongs to ana", "chown root /etc/espomail"),
        (
            "chmod 600 /etc/espomail/config.toml",
            78,
            "cannot be read by espomail",
            "chmod 644 /etc/espomail/config.toml",
        ),
        // A backup that root copied back.
        (
            "cd /var/lib/espomail && cp espomail.db x && mv x espomail.db",
            78,
            "espomail.db belongs to root",
            "chown espomail: /var/lib/espomail/espomail.db",
        ),
    ] {
        office.run("root", spoil).ok();
        let run = office.run("root", "espomail doctor --offline").exits(code);
        if words.contains("espomail.db") {
            assert!(office.run("ana", &format!("{S} whoami")).exits(77).stderr.contains("doctor`, as root"));
        }
        assert!(run.stdout.contains(words), "no \"{words}\" after {spoil}: {run:#?}");
        assert!(!run.stderr.contains("chown root /var/lib"), "{run:#?}");
        office.run("root", mend).ok();
        let mended = office.run("root", "espomail doctor --offline").ok();
        assert!(!mended.stdout.contains(words), "{mended:#?}");
    }
    let cron = office.run("root", "espomail doctor --offline").ok().stderr;
    assert!(cron.contains("is cron running? /etc/cron.d/espomail has the line"), "{cron}");
    // The timer is there, and is started with the machine once it is enabled.
    let advice = |change: &str| office.run("root", &format!("{change} && espomail doctor --offline")).ok().stderr;
    let off = advice("rm /etc/cron.d/espomail");
    assert!(off.contains("is the timer enabled? systemctl enable --now espomail.timer"), "{off}");
    let on = advice(
        "mkdir -p /etc/systemd/system/timers.target.wants &&
         ln -s /usr/local/lib/systemd/system/espomail.timer /etc/systemd/system/timers.target.wants/",
    );
    assert!(on.contains("does the timer run? systemctl status espomail.timer"), "{on}");
    let gone = advice("rm /etc/systemd/system/timers.target.wants/espomail.timer /usr/local/lib/systemd/system/*");
    assert!(gone.contains("is it in /etc/cron.d/espomail? * * * * * espomail /usr/local/bin/espomail fetch"), "{gone}");
}

#[test]
fn a_backup_that_fails_leaves_no_secrets() {
    let Some(office) = office() else { return };
    office.run("root", "mkdir -m 700 /tmp/small && mount -t tmpfs -o size=64k,mode=777 none /tmp/small").ok();
    let backup = "espomail db backup --with-secrets /tmp/small/copy.db";
    office.run("root", backup).exits(74);
    assert_eq!(office.run("root", "ls -A /tmp/small").ok().stdout, "");
    office
        .run(
            "root",
            "mount -o remount,size=64m /tmp/small && ln -s /etc/shadow /var/lib/espomail/espomail.db.secrets/1",
        )
        .ok();
    office.run("root", backup).exits(74);
    assert_eq!(office.run("root", "rm /var/lib/espomail/espomail.db.secrets/1; ls -A /tmp/small").ok().stdout, "");
    office.run("root", backup).ok();
    assert_eq!(
        office.run("root", "cat /tmp/small/copy.db.secrets/99; umount /tmp/small").ok().stdout,
        format!("{CANARY}\n")
    );
}

#[test]
fn for_a_package_files_are_placed_and_nothing_else_is_said_to_be_done() {
    if !std::path::Path::new("/usr/sbin/visudo").exists() {
        eprintln!("skipped: visudo is not there");
        return;
    }
    let dest = scratch("dest");
    let run = std::process::Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/install-service.sh"))
        .envs([("DESTDIR", dest.as_os_str()), ("PREFIX", "/opt/mail".as_ref())])
        .output()
        .unwrap();
    let said = String::from_utf8(run.stdout).unwrap();
    assert!(run.status.success() && said.starts_with("placed below") && !said.contains("is set up"), "{said}");
    let rule = std::fs::read_to_string(dest.join("etc/sudoers.d/espomail")).unwrap();
    assert!(rule.contains("Cmnd_Alias ESPOMAIL = /opt/mail/bin/espomail"), "{rule}");
    let unit = std::fs::read_to_string(dest.join("opt/mail/lib/systemd/system/espomail.service")).unwrap();
    assert!(unit.contains("\nExecStart=/opt/mail/bin/espomail fetch\n"), "{unit}");
    std::fs::remove_dir_all(dest).unwrap();
}
