//! Which folder of a server holds sent mail. Reading it and copying into it ask here.

use super::ListedFolder;

/// Names that Sent folders have where the server does not mark one, in lower case, the most usual first.
const NAMES: [&str; 4] = ["sent", "sent items", "sent messages", "sent mail"];

/// The folder for special use as \Sent (RFC 6154), else one of a usual name, at the top or below the inbox.
pub fn sent_folder(listed: &[ListedFolder]) -> Option<&str> {
    let selectable = || listed.iter().filter(|folder| folder.selectable);
    let is_marked = |folder: &&ListedFolder| {
        folder.special_use.as_deref().is_some_and(|special_use| special_use.eq_ignore_ascii_case("\\Sent"))
    };
    let named = |name: &str| selectable().find(|folder| own_name(&folder.name).eq_ignore_ascii_case(name));
    selectable()
        .find(is_marked)
        .or_else(|| NAMES.iter().find_map(|name| named(name)))
        .map(|folder| folder.name.as_str())
}

/// The name without the inbox above it.
fn own_name(name: &str) -> &str {
    match name.split_at_checked("INBOX/".len()) {
        Some((above, own)) if ["INBOX/", "INBOX."].iter().any(|inbox| above.eq_ignore_ascii_case(inbox)) => own,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sent_folder_is_found_by_its_use_else_by_its_name() {
        /// Name, special use, selectable.
        type Row<'a> = (&'a str, Option<&'a str>, bool);
        let rows: [(&[Row<'_>], Option<&str>); 10] = [
            (&[("INBOX", None, true), ("Sent", None, true), ("Gesendet", Some("\\Sent"), true)], Some("Gesendet")),
            (&[("INBOX", None, true), ("sent items", None, true)], Some("sent items")),
            (&[("INBOX.Sent", None, true)], Some("INBOX.Sent")),
            (&[("inbox/Sent Items", None, true)], Some("inbox/Sent Items")),
            (&[("Sent Mail", None, true)], Some("Sent Mail")),
            (&[("Sent Items", None, true), ("Sent", None, true)], Some("Sent")),
            (&[("[Gmail]/Sent Mail", Some("\\Sent"), true)], Some("[Gmail]/Sent Mail")),
            (&[("Projects/Sent", None, true), ("Present", None, true)], None),
            (&[("Sent", None, false)], None),
            (&[], None),
        ];
        for (folders, expected) in rows {
            let listed: Vec<ListedFolder> = folders
                .iter()
                .map(|(name, special_use, selectable)| ListedFolder {
                    name: (*name).to_owned(),
                    special_use: special_use.map(str::to_owned),
                    selectable: *selectable,
                })
                .collect();
            assert_eq!(sent_folder(&listed), expected, "{folders:?}");
        }
    }
}
