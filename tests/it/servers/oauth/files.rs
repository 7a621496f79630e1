//! The file of a sign-in: what it must be, and with what it goes.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::Rig;
use crate::support::Sandbox;

#[test]
fn a_token_file_that_is_not_as_it_should_be_spends_no_token() {
    let rig = Rig::signed_in();
    rig.expire();
    let file = rig.sandbox.path("secrets/1.oauth");
    let good = std::fs::read(&file).unwrap();
    let text = String::from_utf8(good.clone()).unwrap();
    let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    let put = |bytes: &[u8]| {
        std::fs::remove_file(&file).or_else(|_| std::fs::remove_dir(&file)).ok();
        rig.sandbox.file("secrets/1.oauth", bytes);
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
    let before = (rig.issuer.state().questions.len(), std::fs::read(rig.sandbox.path("secrets/1.oauth")).unwrap());
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
    let after = (rig.issuer.state().questions.len(), std::fs::read(rig.sandbox.path("secrets/1.oauth")).unwrap());
    assert_eq!(before, after);
    assert_eq!(std::fs::read_dir(rig.sandbox.path("secrets")).unwrap().count(), 1, "nothing is left aside");
    rig.sandbox.run(&["account", "test", "support"]).ok();
}

#[test]
fn tokens_go_into_a_backup_only_if_asked_and_go_with_their_account() {
    let rig = Rig::signed_in();
    rig.add("other");
    let secrets = |sandbox: &Sandbox, dir: &str| {
        let mut names: Vec<String> = std::fs::read_dir(sandbox.path(dir))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    };
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
    assert_eq!(secrets(&rig.sandbox, "secrets"), Vec::<String>::new());
    rig.sandbox.run(&["--yes", "db", "restore", "whole.db"]).ok();
    assert_eq!(secrets(&rig.sandbox, "secrets"), ["1.oauth"]);
    rig.expire();
    rig.sandbox.run(&["account", "test", "support"]).ok();
    rig.sandbox.run(&["account", "edit", "support", "--secret", "env:PW"]).ok();
    assert_eq!(secrets(&rig.sandbox, "secrets"), Vec::<String>::new(), "a password needs no token");
}
