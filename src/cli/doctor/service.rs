//! Enforced mode: whether those who shall come can, and whether others could change what the service trusts.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;
use nix::unistd::Group;
use rustix::fs::{Access, access};

use super::Finding;
use crate::caller::{self, Standing};
use crate::cli::context::Context;
use crate::cli::cron;
use crate::error::Kind;
use crate::place::Place;
use crate::store::users;

/// The group whose members may run espomail through sudo (contrib/sudoers).
const GROUP: &str = "espomail-users";

/// Whom of the group sudo does not let run this program as the owner of the database.
#[derive(Debug, Clone)]
pub struct Rule {
    refused: Vec<String>,
}

/// Asks sudo about each member of the group; `None` where no service owns the database, or sudo cannot be asked.
pub fn ask(place: &Place) -> Option<Rule> {
    let owner = caller::owner_name(place).filter(|_| caller::is_enforced(place))?;
    let members = Group::from_name(GROUP).ok()??.mem;
    let is_let = |login: &String| {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "-l", "-U", login, "-u", &owner]).arg(cron::program());
        sudo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().map(|status| status.success())
    };
    let mut refused = Vec::new();
    for login in members {
        if !is_let(&login).ok()? {
            refused.push(login);
        }
    }
    Some(Rule { refused })
}

/// The mode, and in enforced mode who may come and what they and the service run.
pub fn look(rule: Option<&Rule>, ctx: &Context) -> Result<Vec<Finding>> {
    let standing = ctx.caller.standing;
    let mut findings = vec![match standing {
        Standing::Stranger => {
            Finding::fail("mode", Kind::Config, standing.describe(), "espomail doctor --fix, as root")
        }
        _ => Finding::ok("mode", standing.describe()),
    }];
    if standing != Standing::Person {
        findings.extend(people(ctx)?);
        findings.extend(rule.map(judge));
        findings.push(program());
    }
    Ok(findings)
}

fn judge(rule: &Rule) -> Finding {
    let program = cron::program();
    match rule.refused.as_slice() {
        [] => Finding::ok("sudo", format!("lets them run {program}")),
        refused => {
            let text = format!("does not let {} run {program}", refused.join(", "));
            Finding::warn("sudo", text, "make install-service, or contrib/sudoers by hand")
        }
    }
}

fn program() -> Finding {
    let program = cron::program();
    match others_could_change(Path::new(&program), &[0]) {
        None => Finding::ok("program", format!("{program} is root's alone to change")),
        Some((text, hint)) => Finding::warn("program", text, hint),
    }
}

/// What is wrong with the rights on the configuration, which the service trusts.
pub fn rights_of_configuration(path: &Path, ctx: &Context) -> Option<Finding> {
    if ctx.caller.standing == Standing::Person || !path.exists() {
        return None;
    }
    let fail = |text: String, hint: String| Finding::fail("configuration", Kind::Config, text, hint);
    if access(path, Access::READ_OK).is_err() {
        let owner = caller::login_of(ctx.caller.process_uid).unwrap_or_default();
        return Some(fail(
            format!("{} cannot be read by {owner}", path.display()),
            format!("chmod 644 {}", path.display()),
        ));
    }
    others_could_change(path, &[0, ctx.caller.process_uid]).map(|(text, hint)| fail(text, hint))
}

/// Who besides these users could change a file, or put another one in its place; and what to do about it.
fn others_could_change(path: &Path, owners: &[u32]) -> Option<(String, String)> {
    const STICKY: u32 = 0o1000;
    path.ancestors().find_map(|path| {
        let facts = fs::metadata(path).ok()?;
        let shown = path.display();
        if !owners.contains(&facts.uid()) {
            let owner = caller::login_of(facts.uid()).unwrap_or_else(|| format!("uid {}", facts.uid()));
            return Some((format!("{shown} belongs to {owner}"), format!("chown root {shown}")));
        }
        // What root's group may do, root may.
        let open = facts.mode() & if facts.gid() == 0 { 0o002 } else { 0o022 };
        let kept = facts.is_dir() && facts.mode() & STICKY != 0;
        (open != 0 && !kept).then(|| {
            let text = format!("{shown} can be changed by others (mode {:03o})", facts.mode() & 0o777);
            (text, format!("chmod go-w {shown}"))
        })
    })
}

/// The members of the group, and the users without a login.
fn people(ctx: &Context) -> Result<Vec<Finding>> {
    let mut findings = vec![match Group::from_name(GROUP)? {
        None => {
            Finding::warn("group", format!("{GROUP} is not there"), "make install-service, or contrib/sudoers by hand")
        }
        Some(group) if group.mem.is_empty() => {
            Finding::warn("group", format!("{GROUP} has no members"), format!("usermod -aG {GROUP} LOGIN"))
        }
        Some(group) => {
            Finding::ok("group", format!("these users can run espomail through sudo: {}", group.mem.join(", ")))
        }
    }];
    for user in ctx.read(|tx, _| users::all(tx))?.iter().filter(|user| user.active) {
        if !caller::is_login(&user.login) {
            let text = format!("no user of this machine has the login {}", user.login);
            let hint = format!("espomail user edit {} --login NAME", user.username);
            findings.push(Finding::warn(&format!("user {}", user.username), text, hint));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn users_who_can_change_a_file_are_found_on_its_whole_path() {
        let mine = rustix::process::geteuid().as_raw();
        let dir = std::env::temp_dir().join(format!("espomail-doctor-{}", std::process::id()));
        let file = dir.join("file");
        fs::create_dir(&dir).unwrap();
        fs::write(&file, "").unwrap();
        let found = |of_dir: u32, of_file: u32, owners: &[u32]| {
            fs::set_permissions(&dir, fs::Permissions::from_mode(of_dir)).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(of_file)).unwrap();
            others_could_change(&file, owners).map(|(text, _)| text).unwrap_or_default()
        };
        let found = [
            found(0o755, 0o644, &[0, mine]),
            found(0o755, 0o666, &[0, mine]),
            found(0o757, 0o644, &[0, mine]),
            found(0o1777, 0o644, &[0, mine]),
            found(0o755, 0o644, &[mine.wrapping_add(1)]),
        ];
        fs::remove_dir_all(&dir).unwrap();
        let (dir, file) = (dir.display(), file.display());
        let [fine, writable, replaceable, sticky, foreign] = found;
        assert_eq!((fine, sticky), (String::new(), String::new()));
        assert_eq!(writable, format!("{file} can be changed by others (mode 666)"));
        assert_eq!(replaceable, format!("{dir} can be changed by others (mode 757)"));
        assert!(foreign.starts_with(&format!("{file} belongs to ")), "{foreign}");
    }
}
