//! Golden screens of what people read, at all widths, with and without colour. The files are in `screens/`.

use crate::support::{Desk, screens};

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
