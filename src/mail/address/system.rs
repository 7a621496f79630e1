//! Addresses that no person reads or writes by.

/// Whether the address says that nobody reads it: `no-reply`, `noreply`, `donotreply` with any
/// separators and as a word of a longer local part, or as a label of the domain.
pub fn is_no_reply(address: &str) -> bool {
    let address = address.to_ascii_lowercase();
    let (local, domain) = address.rsplit_once('@').unwrap_or((&address, ""));
    let words: Vec<&str> = local.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let in_local =
        (0..words.len()).any(|at| says_no_reply(&words.iter().skip(at).take(3).copied().collect::<String>()));
    in_local || domain.split('.').any(|label| says_no_reply(&label.replace('-', "")))
}

fn says_no_reply(word: &str) -> bool {
    word.starts_with("noreply") || word.starts_with("donotreply")
}

/// Whether an address is one that mail systems write from.
pub fn is_mail_system(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default();
    local.eq_ignore_ascii_case("mailer-daemon") || local.eq_ignore_ascii_case("postmaster")
}
