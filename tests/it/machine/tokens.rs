//! Access tokens in enforced mode: people sign in by the profiles that root has named, and choose nothing else.

use super::enforced::office;
use crate::support::{Issuer, Scripted};

/// As people call it.
const S: &str = "sudo -n -u espomail /usr/local/bin/espomail";

#[test]
fn people_sign_in_by_what_root_has_named_and_choose_nothing_else() {
    let Some(office) = office() else { return };
    let (issuer, server) = (Issuer::new(), Scripted::new(1..=1));
    issuer.state().user = "ana@staff.example".into();
    let pem = std::fs::read_to_string(issuer.ca()).unwrap();
    let [auth, token, device] = ["authorize", "token", "devicecode"].map(|end| issuer.url(end));
    let profile = |name: &str, flow: &str, more: &str| {
        format!(
            "[oauth.{name}]\nprovider = \"m365\"\nflow = \"{flow}\"\ntenant = \"example.org\"\nclient_id = \"c\"\n\
             auth_url = \"{auth}\"\ntoken_url = \"{token}\"\ndevice_url = \"{device}\"\n{more}\n"
        )
    };
    let configure = |hosts: &str| {
        let profiles =
            profile("people", "device", "") + &profile("app", "app", "client_secret = \"file:/etc/espomail/secret\"");
        let script = format!(
            "cat >/etc/espomail/config.toml <<'END'\nallowed_hosts = {hosts}\n{profiles}END\nchmod 644 /etc/espomail/config.toml"
        );
        office.run("root", &script).ok();
    };
    let trust = format!(
        "cat >/etc/ssl/certs/issuer.pem <<'END'\n{pem}END\nln -s issuer.pem /etc/ssl/certs/$(openssl x509 -hash -noout -in /etc/ssl/certs/issuer.pem).0"
    );
    office.run("root", &trust).ok();
    configure("[\"127.0.0.1\"]");
    let add = format!(
        "{S} account add mine --kind personal --user ana --address ana@staff.example --imap 127.0.0.1:{} --tls none",
        server.port
    );
    for (more, words) in [
        ("--oauth app", "profile \"app\" opens mailboxes without a sign-in: only root can name it"),
        ("--oauth people --client-id c", "--client-id: you cannot use it when you come through sudo"),
        ("--oauth people --tenant evil.example", "--tenant: you cannot use it when you come through sudo"),
        ("--oauth people --client-secret file:/etc/shadow", "--client-secret"),
        ("--oauth m365 --client-id c", "--client-id"),
    ] {
        let run = office.run("ana", &format!("{add} {more}")).exits(77);
        assert!(run.stderr.contains(words), "{more}: {run:?}");
    }
    office.run("ana", &format!("{add} --oauth people")).ok();
    let auth = format!("{S} account auth mine");
    configure("[\"10.0.0.1\"]");
    let refused = office.run("ana", &auth).exits(78);
    assert!(
        refused.stderr.contains("is not a public address") && refused.stderr.contains("allowed_hosts"),
        "{refused:?}"
    );
    configure("[\"localhost\", \"127.0.0.1\"]");
    let ended = office.run("ana", &auth).exits(0);
    assert!(ended.stdout.contains("ABCD-EFGH") && ended.stdout.contains("signed in as ana@staff.example"), "{ended:?}");
    assert_eq!(
        office.run("root", "stat -c '%U %a' /var/lib/espomail/espomail.db.secrets/1.oauth").ok().stdout,
        "espomail 600\n"
    );
    // The token stays with the server that it was given for, and nobody else touches the account.
    let moved = office.run("ana", &format!("{S} account edit mine --imap imap.evil.example")).exits(77);
    assert!(moved.stderr.contains("--imap"), "{moved:?}");
    office.run("budi", &format!("{S} account auth mine --status")).exits(65);
    office.run("budi", &format!("{S} account auth mine --forget")).exits(65);
    // Root gives ana's account the rights of the application: ana does not choose which mailbox it opens.
    office.run("root", "umask 022; echo s3cret >/etc/espomail/secret; chown espomail /etc/espomail/secret; chmod 600 /etc/espomail/secret; espomail account edit mine --oauth app").ok();
    for change in ["--login boss@staff.example", "--smtp-login boss@staff.example"] {
        let refused = office.run("ana", &format!("{S} account edit mine {change}")).exits(77);
        assert!(refused.stderr.contains("only root can choose which"), "{refused:?}");
    }
    office.run("ana", &format!("{S} account test mine")).ok();
    let forgotten = office.run("ana", &format!("{auth} --forget")).exits(77);
    assert!(forgotten.stderr.contains("others use it"), "{forgotten:?}");
}
