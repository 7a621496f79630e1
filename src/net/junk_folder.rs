//! Which folder of a server holds junk.

use super::ListedFolder;

/// The folder for special use as \Junk (RFC 6154). No name is guessed: mail that is moved to a wrong folder is hard to find.
pub fn junk_folder(listed: &[ListedFolder]) -> Option<&str> {
    let is_marked = |folder: &&ListedFolder| {
        folder.selectable && folder.special_use.as_deref().is_some_and(|use_| use_.eq_ignore_ascii_case("\\Junk"))
    };
    listed.iter().find(is_marked).map(|folder| folder.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_junk_folder_is_the_one_that_the_server_marks() {
        /// Name, special use, selectable.
        type Row<'a> = (&'a str, Option<&'a str>, bool);
        let rows: [(&[Row<'_>], Option<&str>); 5] = [
            (&[("INBOX", None, true), ("Spamverdacht", Some("\\Junk"), true)], Some("Spamverdacht")),
            (&[("INBOX", None, true), ("[Gmail]/Spam", Some("\\JUNK"), true)], Some("[Gmail]/Spam")),
            (&[("Junk", None, true), ("Spam", None, true)], None),
            (&[("Junk", Some("\\Junk"), false)], None),
            (&[("Trash", Some("\\Trash"), true)], None),
        ];
        for (folders, expected) in rows {
            let folder = |(name, special_use, selectable): &Row<'_>| ListedFolder {
                name: (*name).to_owned(),
                special_use: special_use.map(str::to_owned),
                selectable: *selectable,
            };
            let listed: Vec<ListedFolder> = folders.iter().map(folder).collect();
            assert_eq!(junk_folder(&listed), expected, "{folders:?}");
        }
    }
}
