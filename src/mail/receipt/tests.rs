#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::mail::reading::Reading;

fn receipt(subject: &str, fields: &str) -> Reading {
    let source = format!(
        "From: kim@x.example\nTo: desk@shop.example\nSubject: {subject}\n\
         Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nA note.\n\
         --b\nContent-Type: message/disposition-notification\n\n{fields}\n--b--\n"
    );
    Reading::parse(source.as_bytes())
}

#[test]
fn what_became_of_a_mail() {
    for (disposition, shown) in [
        ("manual-action/MDN-sent-manually; displayed", "read receipt: displayed"),
        ("Automatic-Action/MDN-Sent-Automatically; Displayed", "read receipt: displayed"),
        ("manual-action/MDN-sent-manually;displayed/error", "read receipt: displayed"),
        ("manual-action/MDN-sent-automatically; deleted", "read receipt: deleted unread"),
        ("automatic-action/MDN-sent-automatically; deleted", "read receipt: deleted unread"),
        ("automatic-action/MDN-sent-automatically; dispatched", "read receipt: processed"),
        ("displayed", "read receipt: displayed"),
        ("", "read receipt: processed"),
    ] {
        let read = receipt("Note", &format!("Disposition: {disposition}\nOriginal-Message-ID:\n <a@x>"));
        let found = read.receipt.clone().unwrap_or_else(|| panic!("{disposition}"));
        assert_eq!(found.to_string(), shown, "{disposition}");
        assert_eq!(read.about, ["a@x"], "{disposition}");
        assert!(read.bounce.is_none() && read.machine.is_some(), "{disposition}");
        assert_eq!(read.kind().as_deref(), Some(shown));
    }
}

#[test]
fn every_id_that_a_receipt_carries_names_the_mail() {
    let fields = "Disposition: manual-action/MDN-sent-manually; displayed\nOriginal-Message-ID: <a@x>\n\
                  --b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <b@x>\n";
    assert_eq!(receipt("Read: Hello", fields).about, ["b@x", "a@x"]);
}

/// A server rejects a mail in the form of a receipt; a mailbox that empties itself does not.
#[test]
fn a_refusal_is_not_a_receipt() {
    let automatic =
        "Final-Recipient: rfc822; kim@x.example\nDisposition: automatic-action/MDN-sent-automatically; deleted";
    let read = |head: &str, words: &str, disposition: &str| {
        let source = format!(
            "{head}\nTo: desk@shop.example\nContent-Type: multipart/report; \
             report-type=disposition-notification; boundary=b\n\n--b\n\n{words}\n--b\n\
             Content-Type: message/disposition-notification\n\n{disposition}\n--b--\n"
        );
        let read = Reading::parse(source.as_bytes());
        (read.bounce.is_some(), read.receipt.is_some())
    };
    let system = "From: Mail Delivery Subsystem <postmaster@x.example>\nSubject: Rejected mail";
    let person = "From: kim@x.example\nSubject: Hello";
    let rejected = "The message was rejected by a filter.";
    assert_eq!(read(system, rejected, automatic), (true, false));
    assert_eq!(read(&format!("{person}\nAuto-Submitted: auto-replied (rejected)"), "No.", automatic), (true, false));
    assert_eq!(read(person, rejected, automatic), (false, true), "nothing says that it is a server");
    assert_eq!(read(system, "It was deleted without being read.", automatic), (false, true));
    let opened = automatic.replace("deleted", "displayed");
    assert_eq!(read(system, rejected, &opened), (false, true));
    assert_eq!(read(system, rejected, &automatic.replace("automatic-action", "manual-action")), (false, true));
}

#[test]
fn fields_are_unfolded() {
    let text = "A: 1\n\t2\nB: x\na:\n 3\n";
    assert_eq!(values(text, "A").collect::<Vec<_>>(), ["1 2", "3"]);
    assert_eq!(values(text, "C").count(), 0);
}
