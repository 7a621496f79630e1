//! Tokens, codes, secrets and assertions are nowhere but in the directory for them and on the wire.

use openssl::pkey::PKey;
use openssl::rsa::Rsa;

use super::{Rig, Signing};
use crate::servers::secrets::Places;
use crate::support::{Dovecot, Issuer, Sandbox, Say};

#[test]
fn no_token_is_anywhere_but_in_its_place() {
    let rig = Rig::new("m365", "code", "tenant = \"example.org\"\nclient_secret = \"env:CLIENT\"");
    rig.sandbox.config("[log]\nlevel = \"trace\"\n");
    let canary = |kind: &str| format!("Canary-{kind}-0123456789abcdef");
    rig.sandbox.env("CLIENT", &canary("client"));
    rig.sandbox.env("RUST_BACKTRACE", "full");
    rig.issuer.mint(|_, count| format!("Canary-access-{count}-0123456789abcdef"));
    rig.issuer.state().user = "support@desk.example".into();
    let mut places = Places::default();
    let log = rig.sandbox.path("own.log").display().to_string();
    let mut loud = |rig: &Rig, args: &[&str]| {
        let run = rig.sandbox.run(&[&["-vvv", "--log", &log], args].concat());
        places.add(args.join(" "), format!("{}{}", run.stdout, run.stderr));
        run
    };

    let mut signing = Signing::begin(&rig, &["-vvv", "--log", &log]);
    let redirect = rig.issuer.agree(&signing.line());
    let read = |id: u32, name: &str| std::fs::read(format!("/proc/{id}/{name}")).unwrap_or_default();
    let cmdline = read(signing.id(), "cmdline");
    // It has told nobody but the browser yet, and is guarded already.
    let limits = String::from_utf8(read(signing.id(), "limits")).unwrap();
    let is_none = |line: &str| line.split_whitespace().eq(["Max", "core", "file", "size", "0", "0", "bytes"]);
    assert!(limits.lines().any(is_none), "{limits}");
    Issuer::follow(&redirect);
    let ended = signing.end().exits(0);
    loud(&rig, &["fetch"]).ok();
    rig.expire();
    loud(&rig, &["account", "test", "support"]).ok();
    loud(&rig, &["--json", "account", "auth", "support", "--status"]).ok();
    let refresh = rig.tokens()["refresh_token"].as_str().unwrap().to_owned();
    let secrets = [canary("client"), refresh.clone(), canary("broken")];
    // An issuer that repeats what it was asked, and one whose answer breaks off in a token.
    for say in [
        Say::Body(
            400,
            format!(
                r#"{{"error":"invalid_request","error_description":"what is {} and {refresh}"}}"#,
                canary("client")
            ),
        ),
        Say::Body(200, format!(r#"{{"access_token":"{}","expires_in"#, canary("broken"))),
        Say::Body(200, format!(r#"{{"access_token":{{"x":"{}"}}}}"#, canary("broken"))),
        Say::Body(400, format!(r#"{{"error":"{refresh}"}}"#)),
        Say::Body(500, canary("broken")),
    ] {
        rig.expire();
        rig.issuer.state().next = [say].into();
        assert_ne!(loud(&rig, &["account", "test", "support"]).code, 0);
        loud(&rig, &["fetch"]);
        loud(&rig, &["--json", "account", "auth", "support", "--status"]);
        loud(&rig, &["--json", "account", "show", "support"]);
        loud(&rig, &["status"]);
        loud(&rig, &["doctor", "--offline"]);
    }
    // A server that repeats the token.
    rig.expire();
    rig.server.folder().refuses =
        Some("NO what is Canary-access-3-0123456789abcdef and Canary-access-4-0123456789abcdef");
    loud(&rig, &["account", "test", "support"]).exits(77);
    rig.sandbox.run(&["db", "backup", "copy.db"]).ok();

    places.add("command line", cmdline);
    places.add("account auth", &ended.said);
    places.add_sandbox(&rig.sandbox, &[rig.sandbox.secrets("")]);
    let mut all: Vec<(String, String)> = secrets.map(|secret| (secret, String::new())).into();
    all.extend(rig.issuer.state().given.iter().map(|token| (token.clone(), "support@desk.example".to_owned())));
    let asked = rig.issuer.state().questions.clone();
    let named = ["code", "code_verifier", "refresh_token"];
    let of_forms = asked.iter().flat_map(|question| named.map(|name| question.get(name).to_owned()));
    all.extend(of_forms.filter(|secret| secret.len() > 8).map(|secret| (secret, String::new())));
    assert!(all.len() >= 8, "{all:?}");
    let hits = places.hits(&all);
    assert!(hits.is_empty(), "{hits:#?}");
    assert!(places.names().any(|place| place.ends_with("own.log")));
}

/// Runs the program in a shell that allows cores, and ends it as a crash does while it holds a token.
#[test]
fn no_core_is_written_of_a_process_that_holds_a_token() {
    let rig = Rig::signed_in();
    rig.expire();
    rig.issuer.state().next = [Say::Late(std::time::Duration::from_secs(20))].into();
    let program = rig.sandbox.command(&["account", "test", "support"]);
    std::fs::create_dir(rig.sandbox.path("cores")).unwrap();
    let mut command = std::process::Command::new("bash");
    let script = "ulimit -c unlimited || exit 99; cd \"$1\" && shift && exec \"$@\"";
    command.args(["-c", script, "bash"]).arg(rig.sandbox.path("cores")).arg(program.get_program());
    command.args(program.get_args()).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let asked = rig.issuer.asked("refresh_token");
    let mut child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    crate::support::wait_until(std::time::Duration::from_secs(20), || rig.issuer.asked("refresh_token") > asked);
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGABRT).unwrap();
    let status = child.wait().unwrap();
    assert!(!std::os::unix::process::ExitStatusExt::core_dumped(&status), "{status}");
    assert_eq!(std::fs::read_dir(rig.sandbox.path("cores")).unwrap().count(), 0);
}

#[test]
fn a_panic_by_poison_shows_no_token() {
    let (sandbox, issuer, mailbox) = (Sandbox::new(), Issuer::new(), Dovecot::shared().mailbox());
    sandbox.init();
    issuer.profile(&sandbox, "own", "custom", "app", "client_secret = \"env:CLIENT\"");
    sandbox.config("[log]\nlevel = \"trace\"\n");
    for (name, value) in
        [("CLIENT", "Canary-client-0123456789abcdef"), ("RUST_BACKTRACE", "full"), ("ESPOMAIL_POISON", "1")]
    {
        sandbox.env(name, value);
    }
    let token = mailbox.token(3_600);
    let minted = token.clone();
    issuer.mint(move |_, _| minted.clone());
    let imap = format!("127.0.0.1:{}", Dovecot::shared().imap);
    let account = ["account", "add", "support", "--address", &mailbox.address, "--login", &mailbox.user];
    let servers = ["--imap", &imap, "--tls", "none", "--oauth", "own", "--since", "2020-01-01"];
    sandbox.run(&[&account[..], &servers].concat()).ok();
    let log = sandbox.path("own.log").display().to_string();
    let mut places = Places::default();
    for stage in ["reading", "importing"] {
        let poison = format!("From: a@x.example\r\nSubject: poison:{stage}:panic\r\n\r\nx\r\n");
        mailbox.append("INBOX", poison.as_bytes());
        let run = sandbox.run(&["-vvv", "--log", &log, "fetch"]);
        assert!(!run.stderr.contains("stack backtrace") && !run.stderr.contains("panicked at"), "{run:?}");
        places.add(stage, format!("{}{}", run.stdout, run.stderr));
    }
    let written = std::fs::read_to_string(&log).unwrap();
    assert!(written.contains("panic at "), "{written}");
    places.add_sandbox(&sandbox, &[sandbox.secrets("")]);
    let secrets = [token, "Canary-client-0123456789abcdef".to_owned()].map(|one| (one, mailbox.user.clone()));
    let hits = places.hits(&secrets);
    assert!(hits.is_empty(), "{hits:#?}");
}

#[test]
fn programs_that_are_started_see_no_token() {
    let rig = Rig::new("m365", "code", "tenant = \"example.org\"\nclient_secret = \"cmd:SPY\"");
    let seen = rig.sandbox.path("seen");
    let spy =
        format!("#!/bin/sh\n{{ env; tr '\\0' ' ' </proc/self/cmdline; ls -l /proc/self/fd; }} >>{0}\n", seen.display());
    let script = |name: &str, more: &str| {
        let path = rig.sandbox.file(name, format!("{spy}{more}\n").as_bytes());
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path.display().to_string()
    };
    let secret = script("spy", "echo Canary-client-0123456789abcdef");
    let config = std::fs::read_to_string(rig.sandbox.path("config.toml")).unwrap();
    std::fs::write(rig.sandbox.path("config.toml"), config.replace("cmd:SPY", &format!("cmd:{secret}"))).unwrap();
    // A secret of another account.
    rig.sandbox.env("OTHER", "Canary-env-0123456789abcdef");
    rig.issuer.mint(|_, count| format!("Canary-access-{count}-0123456789abcdef"));
    rig.issuer.state().user = "support@desk.example".into();
    rig.sign_in(&[]).exits(0);
    rig.expire();
    rig.sandbox.run(&["fetch"]).ok();
    let text = String::from_utf8_lossy(&std::fs::read(&seen).unwrap()).into_owned();
    assert!(text.matches("PATH=").count() >= 2, "{text}");
    assert!(!text.contains("Canary-"), "{text}");
    assert!(!text.contains("1.oauth") && !text.contains("espomail.db"), "an open file is handed on: {text}");
}

#[test]
fn keys_sign_for_applications_and_service_accounts_and_stay_here() {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let pem = String::from_utf8(key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let rig = Rig::new("google", "service-account", "service_account = \"env:ROBOT\"");
    let robot = serde_json::json!({"type": "service_account", "client_email": "robot@project.example", "private_key": pem, "private_key_id": "key-1"});
    rig.sandbox.env("ROBOT", &robot.to_string());
    rig.sandbox.run(&["account", "test", "support"]).ok();
    let question = rig.issuer.state().questions[0].clone();
    let assertion = question.get("assertion").to_owned();
    let decoded = |part: &str| {
        let text = part.replace('-', "+").replace('_', "/");
        openssl::base64::decode_block(&format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4))).unwrap()
    };
    let parts: Vec<&str> = assertion.split('.').collect();
    let claims: serde_json::Value = serde_json::from_slice(&decoded(parts[1])).unwrap();
    let told = ["iss", "sub", "aud", "scope"].map(|name| claims[name].as_str().unwrap().to_owned());
    assert_eq!(
        told,
        [
            "robot@project.example".into(),
            "support@desk.example".into(),
            rig.issuer.url("token"),
            "https://mail.google.com/".to_owned()
        ]
    );
    let mut verifier = openssl::sign::Verifier::new(openssl::hash::MessageDigest::sha256(), &key).unwrap();
    assert!(verifier.verify_oneshot(&decoded(parts[2]), format!("{}.{}", parts[0], parts[1]).as_bytes()).unwrap());
    assert!(rig.sandbox.secrets("oauth-work-1").exists());

    rig.sandbox.env("ROBOT", "{\"private_key\": \"not a key\"}");
    std::fs::remove_file(rig.sandbox.secrets("oauth-work-1")).unwrap();
    let refused = rig.sandbox.run(&["account", "test", "support"]).exits(78);
    assert!(
        refused.stderr.contains("service_account env:ROBOT") && !refused.stderr.contains("not a key"),
        "{refused:?}"
    );
}
