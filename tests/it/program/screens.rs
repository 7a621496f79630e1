//! Golden screens of what people read, at all widths, with and without colour. The files are in `screens/`.

use crate::support::{Desk, is_on_server, screens};

#[test]
fn what_people_read_looks_as_it_should() {
    let desk = Desk::shop();
    for (name, args) in [
        ("case-show", "--as ana case show 2"),
        ("case-show-undelivered", "--as ana case show 3"),
        ("case-show-waiting", "--as ana case show 4"),
        ("case-show-japanese", "--as ana case show 1"),
        ("case-thread", "--as ana case thread 2"),
        ("case-history", "--as ana case history 2"),
        ("stream", "--as ana stream case/2"),
        ("email-show", "--as ana email show 3"),
        ("email-show-ours", "--as budi email show 4"),
        ("email-show-invitation", "--as ana email show 13"),
        ("email-explain", "--as ana email explain 3"),
    ] {
        let args: Vec<&str> = args.split(' ').collect();
        screens(&desk, name, &args);
    }
}

#[test]
fn lists_look_as_they_should() {
    let desk = Desk::shop();
    for (name, args) in [
        ("day", "--as ana"),
        ("case-list", "--as ana case list"),
        ("case-list-all", "--as ana case list --all"),
        ("email-list", "--as ana email list"),
        ("notification-list", "--as ana notification list"),
        ("outbox-list", "--as ana outbox list --all"),
        ("status", "status"),
        ("log-list", "log list --limit 10"),
        ("attachment-list", "--as ana email attachment list 3"),
    ] {
        // On a server it names the machine.
        if name == "log-list" && is_on_server() {
            continue;
        }
        let args: Vec<&str> = args.split(' ').collect();
        screens(&desk, name, &args);
    }
    for (user, args) in [
        ("ana", ["case", "tag", "1", "2", "vip"]),
        ("ana", ["case", "edit", "3", "--priority", "Urgent"]),
        ("ana", ["case", "snooze", "4", "2026-03-16T09:00", "--utc"]),
    ] {
        desk.run_as(user, &args).ok();
    }
    for (name, args) in [
        ("case-list-marked", "--as ana case list"),
        ("case-list-fields", "--as ana case list --fields #,subject,tags,type"),
    ] {
        let args: Vec<&str> = args.split(' ').collect();
        screens(&desk, name, &args);
    }
}
