//! What to type after `init`, by what was made. Pure.

use super::flags::InitArgs;

/// The team of the examples.
const TEAM: &str = "Support";

/// The steps, as `espomail` is typed; what fetches is said in words, and its command or line.
pub fn steps(args: &InitArgs, espomail: &str, (way, line): &(String, String)) -> String {
    let people = people(args).map(|step| format!("  {espomail} {step}")).collect::<Vec<_>>().join("\n");
    let who = if args.admin.is_some() { "Who else works here" } else { "Who works here" };
    format!("{who}:\n{people}\n{}\n{way}:\n  {line}", mailbox(args, espomail))
}

fn people(args: &InitArgs) -> impl Iterator<Item = String> {
    // Who is there already is not added.
    let new = if args.admin.as_deref() == Some("ana") { "budi" } else { "ana" };
    let team = args.case_team.as_deref().unwrap_or(TEAM);
    let quoted = shlex::try_quote(team).map_or_else(|_| team.to_owned(), std::borrow::Cow::into_owned);
    // A mailbox whose mail becomes no cases needs no team.
    let needs_team = args.address.is_none() || args.create_case;
    let is_new_team = needs_team && args.case_team.is_none();
    let member = |who: &str| format!("team member add {quoted} {who}");
    [
        is_new_team.then(|| format!("team add {quoted}")),
        args.admin.as_deref().filter(|_| is_new_team).map(member),
        Some(format!("user add {new} --email {new}@example.org")),
        needs_team.then(|| member(new)),
    ]
    .into_iter()
    .flatten()
}

fn mailbox(args: &InitArgs, espomail: &str) -> String {
    let name = args.account_name();
    match (&args.address, &args.oauth) {
        (None, _) => format!(
            "The mailbox (its password is asked for once, and nobody else can read it):
  {espomail} account add support --address support@example.org \\
      --imap imap.example.org --smtp smtp.example.org --secret stdin \\
      --create-case --case-team {TEAM} --distribution round-robin
  {espomail} account test support"
        ),
        (Some(_), Some(_)) => format!(
            "Sign in, if a person has to, and try the mailbox:
  {espomail} account auth {name}
  {espomail} account test {name}"
        ),
        (Some(_), None) if args.no_test => format!(
            "Change what does not work yet, and try the mailbox:
  {espomail} account edit {name} --help
  {espomail} account test {name}"
        ),
        (Some(_), None) => format!(
            "See whether all is well:
  {espomail} status"
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nobody_and_nothing_that_is_there_is_added() {
        let new_team = ["team add Support", "user add ana --email ana@example.org", "team member add Support ana"];
        for (flags, expected) in [
            ("", &new_team[..]),
            (
                "--admin ana",
                &[
                    "team add Support",
                    "team member add Support ana",
                    "user add budi --email budi@example.org",
                    "team member add Support budi",
                ],
            ),
            ("--admin eva --address s@d.example", &["user add ana --email ana@example.org"]),
            (
                "--admin ana --address s@d.example --create-case --case-team First",
                &["user add budi --email budi@example.org", "team member add First budi"],
            ),
            (
                "--address s@d.example --create-case --case-team First",
                &["user add ana --email ana@example.org", "team member add First ana"],
            ),
        ] {
            let args = InitArgs::typed(flags);
            assert_eq!(people(&args).collect::<Vec<_>>(), expected, "{flags}");
            let way = ("The line".to_owned(), "* * * * *".to_owned());
            let steps = steps(&args, "espomail --db /x", &way);
            assert_eq!(steps.starts_with("Who else"), args.admin.is_some(), "{steps}");
            assert_eq!(steps.contains("account add"), args.address.is_none(), "{steps}");
            assert!(steps.ends_with("The line:\n  * * * * *"), "{steps}");
        }
    }
}
