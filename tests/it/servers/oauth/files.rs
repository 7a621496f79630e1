//! The file of a sign-in: what it must be, and with what it goes.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use super::Rig;
use crate::support::{Rotation, Sandbox, Say, no_file};

#[test]
fn a_token_file_that_is_not_as_it_should_be_spends_no_token() {
    let rig = Rig::signed_in();
    rig.expire();
    let file = rig.sandbox.secrets("1.oauth");
    let good = std::fs::read(&file).unwrap();
    let text = String::from_utf8(good.clone()).unwrap();
    let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    let put = |bytes: &[u8]| {
        std::fs::remove_file(&file).or_else(|_| std::fs::remove_dir(&file)).ok();
        rig.sandbox.file(file.to_str().unwrap(), bytes);
    };
    let asked = || rig.issuer.state().questions.len();
    let before = asked();
    let refused = |text: &str| {
        let run = rig.sandbox.run(&["account", "test", "support"]).exits(78);
        assert!(run.stderr.contains(text) && run.stderr.contains("hint: "), "{text}: {run:?}");
        assert!(!run.stderr.contains("refresh-"), "{run:?}");
        rig.sandbox.run(&["fetch"]).exits(78);
        rig.sandbox.run(&["account", "show", "support"]).ok();
        rig.sandbox.run(&["doctor", "--offline"]).exits(78);
    };
    mode(0o644);
    refused("others can read it (mode 644)");
    put(b"");
    refused("is empty");
    put(&text.as_bytes()[..text.len() / 2]);
    refused("is damaged");
    put(b"{\"refresh_token\": 7}");
    refused("is damaged");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    refused("is not a file");
    std::fs::remove_dir(&file).unwrap();
    symlink(rig.sandbox.file("elsewhere", &good), &file).unwrap();
    refused("is not a file");
    if nix::unistd::geteuid().is_root() {
        put(&good);
        std::os::unix::fs::chown(&file, Some(65_534), None).unwrap();
        refused("belongs to another user");
        std::os::unix::fs::chown(&file, Some(0), None).unwrap();
    }
    put(&good);
    rig.sandbox.run(&["account", "test", "support"]).ok();
    assert_eq!(asked() - before, 1, "only a file that can be used spends a token");
    // A client that has changed is given no token of another.
    let config = std::fs::read_to_string(rig.sandbox.path("config.toml")).unwrap();
    std::fs::write(rig.sandbox.path("config.toml"), config.replace("client-1", "client-2")).unwrap();
    rig.sandbox.run(&["account", "test", "support"]).exits(77).says("the sign-in is of another application or issuer");
    assert_eq!(asked() - before, 1);
}

#[test]
fn a_full_disk_is_found_before_a_token_is_spent() {
    let rig = Rig::signed_in();
    rig.expire();
    let before = (rig.issuer.state().questions.len(), std::fs::read(rig.sandbox.secrets("1.oauth")).unwrap());
    let program = rig.sandbox.command(&["account", "test", "support"]);
    // No file grows beyond 8 KiB, as on a full disk.
    let mut command = std::process::Command::new("bash");
    command.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "bash"]).arg(program.get_program());
    command.args(program.get_args()).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(74), "{said}");
    assert!(said.contains("cannot write"), "{said}");
    let after = (rig.issuer.state().questions.len(), std::fs::read(rig.sandbox.secrets("1.oauth")).unwrap());
    assert_eq!(before, after);
    assert_eq!(std::fs::read_dir(rig.sandbox.secrets("")).unwrap().count(), 1, "nothing is left aside");
    rig.sandbox.run(&["account", "test", "support"]).ok();
}

/// Runs a script with the tokens on a small disk of their own: `$E` tries the account, `$S` are the secrets.
fn on_a_disk(rig: &Rig, script: &str) -> Option<String> {
    let program = rig.sandbox.command(&["account", "test", "support"]);
    let words = std::iter::once(program.get_program()).chain(program.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let set_up = format!(
        "S={secrets}; T=$(cat $S/1.oauth); mount -t tmpfs -o size=256k,mode=700 none $S || exit 99; umask 077; \
         printf %s \"$T\" >$S/1.oauth; E() {{ {program} >$S.out 2>&1; echo \"code $?\"; cat $S.out; }}; {script}",
        secrets = rig.sandbox.secrets("").display(),
        program = words.join(" "),
    );
    let mut command = std::process::Command::new("unshare");
    command.args(["-m", "bash", "-c", &set_up]).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    if output.status.code() == Some(99) || String::from_utf8_lossy(&output.stderr).contains("unshare") {
        eprintln!("skipped: no disk can be mounted here");
        return None;
    }
    Some(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_disk_that_is_full_or_read_only_loses_no_token() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let rig = Rig::signed_in();
    rig.issuer.state().rotation = Rotation::Once;
    rig.expire();
    let asked = || rig.issuer.asked("refresh_token");
    let before = (asked(), std::fs::read(rig.sandbox.secrets("1.oauth")).unwrap());
    let look = "cat $S/1.oauth; ls $S";

    // Before the question: nothing is asked, and nothing is left.
    for (script, words) in [
        (format!("mount -o remount,ro $S; E; {look}"), "read-only file system"),
        (format!("head -c 1m /dev/zero >$S/fill 2>/dev/null; E; rm $S/fill; {look}"), "no space"),
    ] {
        let Some(said) = on_a_disk(&rig, &script) else { return };
        assert!(said.contains("code 74") && said.contains("cannot write") && said.contains(words), "{said}");
        assert!(
            said.contains(std::str::from_utf8(&before.1).unwrap().trim()) && said.trim().ends_with("}1.oauth"),
            "{said}"
        );
        assert_eq!(asked(), before.0, "{said}");
    }

    // The disk fills up while the issuer thinks: there is room for what comes.
    rig.issuer.state().next = [Say::Late(Duration::from_secs(2))].into();
    let fill = "E & for i in $(seq 100); do ls $S/*.new-* >/dev/null 2>&1 && break; sleep .05; done; sleep .3; \
                head -c 1m /dev/zero >$S/fill 2>/dev/null; wait; rm $S/fill; ";
    let Some(said) = on_a_disk(&rig, &format!("{fill}{look}")) else { return };
    assert!(said.contains("code 0"), "{said}");
    let newest = rig.issuer.state().good.iter().next().unwrap().clone();
    assert!(said.contains(&format!("\"refresh_token\":\"{newest}\"")), "{said}");
    assert_eq!(asked() - before.0, 1);

    // It comes, and cannot be put in its place at all: that is said.
    rig.issuer.state().good.insert("refresh-old".to_owned());
    rig.change_tokens(|tokens| tokens["refresh_token"] = "refresh-old".into());
    rig.issuer.state().next = [Say::Late(Duration::from_secs(2))].into();
    let gone = "E & for i in $(seq 100); do ls $S/*.new-* >/dev/null 2>&1 && break; sleep .05; done; sleep .3; \
                rm $S/1.oauth; mkdir $S/1.oauth; touch $S/1.oauth/x; wait; ls $S";
    let Some(said) = on_a_disk(&rig, gone) else { return };
    assert!(said.contains("code 74") && said.contains("new tokens came and are lost: cannot write"), "{said}");
    assert!(said.contains("if the sign-in has ended by then: espomail account auth support"), "{said}");
    assert!(said.trim().ends_with("\n1.oauth") && !said.contains("refresh-old"), "{said}");
}

#[test]
fn a_damaged_token_of_an_application_is_replaced_and_an_open_one_is_refused() {
    let rig = Rig::app();
    let file = rig.sandbox.secrets("oauth-work");
    rig.sandbox.run(&["fetch"]).ok();
    let mut asked = rig.issuer.asked("client_credentials");
    for damaged in [&b""[..], b"{\"access_token\":\"abc", b"{\"access_token\": 7}", b"\xff\x00"] {
        rig.sandbox.file(file.to_str().unwrap(), damaged);
        rig.sandbox.run(&["fetch"]).ok();
        asked += 1;
        assert_eq!(rig.issuer.asked("client_credentials"), asked, "nobody has to do anything");
    }
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let run = rig.sandbox.run(&["account", "test", "support"]).exits(78);
    assert!(run.stderr.contains("others can read it (mode 644)") && run.stderr.contains("hint: chmod 600 "), "{run:?}");
    assert_eq!(rig.issuer.asked("client_credentials"), asked);
}

#[test]
fn the_token_of_an_application_goes_with_its_last_account() {
    let rig = Rig::app();
    rig.add("other");
    rig.sandbox.run(&["fetch"]).ok();
    let kept = rig.sandbox.secrets("oauth-work");
    assert!(kept.exists());
    rig.sandbox.run(&["--dry-run", "account", "edit", "support", "--secret", "env:PW"]).ok();
    rig.sandbox.run(&["account", "edit", "support", "--secret", "env:PW"]).ok();
    assert!(kept.exists(), "another account uses it");
    rig.sandbox.run(&["--yes", "--dry-run", "account", "delete", "other"]);
    assert!(kept.exists());
    rig.sandbox.run(&["account", "edit", "other", "--secret", "env:PW"]).ok();
    assert!(!kept.exists());
    rig.sandbox.run(&["account", "edit", "support", "--oauth", "work"]).ok();
    rig.sandbox.run(&["fetch", "support"]).ok();
    assert!(kept.exists());
    rig.add("third");
    rig.sandbox.run(&["account", "edit", "support", "--secret", "env:PW"]).ok();
    rig.sandbox.run(&["--yes", "account", "delete", "third"]).ok();
    assert!(!kept.exists(), "its last account is deleted");
}

#[test]
fn tokens_go_into_a_backup_only_if_asked_and_go_with_their_account() {
    let rig = Rig::signed_in();
    rig.add("other");
    let secrets = |sandbox: &Sandbox, dir: &str| names(&sandbox.path(dir));
    rig.sandbox.run(&["db", "backup", "plain.db"]).ok();
    rig.sandbox.run(&["db", "backup", "whole.db", "--with-secrets"]).ok();
    assert_eq!(
        (secrets(&rig.sandbox, "plain.db.secrets"), secrets(&rig.sandbox, "whole.db.secrets")),
        (vec![], vec!["1.oauth".to_owned()])
    );
    let backup = std::fs::read(rig.sandbox.path("plain.db")).unwrap();
    assert!(
        memchr::memmem::find(&backup, b"refresh-").is_none() && memchr::memmem::find(&backup, b"access-").is_none()
    );

    rig.sandbox.run(&["--yes", "account", "delete", "support"]).ok();
    assert_eq!(names(&rig.sandbox.secrets("")), Vec::<String>::new());
}

#[test]
fn tokens_come_back_with_a_backup_and_go_when_a_password_is_set() {
    if no_file() {
        return;
    }
    let rig = Rig::signed_in();
    rig.sandbox.run(&["db", "backup", "whole.db", "--with-secrets"]).ok();
    rig.sandbox.run(&["--yes", "account", "delete", "support"]).ok();
    rig.sandbox.run(&["--yes", "db", "restore", "whole.db"]).ok();
    assert_eq!(names(&rig.sandbox.secrets("")), ["1.oauth"]);
    rig.expire();
    rig.sandbox.run(&["account", "test", "support"]).ok();
    rig.sandbox.run(&["account", "edit", "support", "--secret", "env:PW"]).ok();
    assert_eq!(names(&rig.sandbox.secrets("")), Vec::<String>::new(), "a password needs no token");
}

/// What is in a directory, if it is there.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}
