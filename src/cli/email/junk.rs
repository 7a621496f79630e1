//! `email junk`.

use anyhow::Result;
use clap::Args;

use super::each;
use crate::cli::context::{self, Context};
use crate::desk::{self, Followed};
use crate::intake::concerns;
use crate::intake::world::World;
use crate::ui::outcome::{Deed, Thing};

/// `email junk`
#[derive(Debug, Args)]
pub struct Junk {
    /// Email ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<i64>,
    /// Take that back: the emails are not junk
    #[arg(long)]
    undo: bool,
}

pub fn run(args: &Junk, ctx: &Context) -> Result<()> {
    each(&args.ids, ctx, |id| {
        let followed = ctx.write(|tx, actor| {
            let email = context::email(tx, actor, id)?;
            let world = World::load(tx, &ctx.config, ctx.now())?;
            if args.undo { desk::not_junk(tx, &world, actor, &email) } else { desk::junk(tx, &world, actor, &email) }
        })?;
        Ok(Deed::new(Thing::email(id), said(id, args.undo, &followed)))
    })
}

fn said(id: i64, undo: bool, followed: &Followed) -> String {
    let mut said = vec![match (undo, followed.known) {
        (true, _) => format!("email {id}: not junk"),
        (false, true) => format!("email {id}: junk already"),
        (false, false) => format!("email {id}: junk"),
    }];
    let both = undo && followed.case_number.is_some() && followed.case_number == followed.other_case;
    if let Some(number) = followed.case_number.filter(|_| !both) {
        said.push(format!("case #{number} is {}", if undo { "open again" } else { "rejected as spam" }));
    }
    if let Some(number) = followed.other_case {
        said.push(match (undo, both) {
            (true, true) => format!("in case #{number} again, which is open again"),
            (true, false) => format!("in case #{number} again"),
            (false, _) => format!("taken out of case #{number}"),
        });
    }
    if !followed.accounts.is_empty() {
        let accounts = followed.accounts.join(" and ");
        said.push(match undo {
            false => format!("the next fetch moves it to the junk folder of {accounts}"),
            true => format!("the next fetch moves it back to where it was in {accounts}"),
        });
    }
    for account in &followed.without_folder {
        let command = concerns::name_junk_folder(account);
        said.push(format!("the server of {account} marks no folder for junk, name one first: {command}"));
    }
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_is_said_in_one_line() {
        let names = |all: &[&str]| all.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let followed = |accounts: &[&str], case_number, other_case| Followed {
            accounts: names(accounts),
            case_number,
            other_case,
            ..Followed::default()
        };
        for (undo, followed, expected) in [
            (false, followed(&[], None, None), "email 7: junk"),
            (false, Followed { known: true, ..Followed::default() }, "email 7: junk already"),
            (
                false,
                followed(&["support"], Some(3), None),
                "email 7: junk; case #3 is rejected as spam; the next fetch moves it to the junk folder of support",
            ),
            (false, followed(&[], None, Some(3)), "email 7: junk; taken out of case #3"),
            (true, followed(&[], Some(3), None), "email 7: not junk; case #3 is open again"),
            (true, followed(&[], Some(3), Some(3)), "email 7: not junk; in case #3 again, which is open again"),
            (
                false,
                Followed { without_folder: names(&["a"]), ..followed(&["a"], None, None) },
                "email 7: junk; the next fetch moves it to the junk folder of a; the server of a marks no folder for junk, \
                 name one first: espomail account edit a --junk-folder FOLDER",
            ),
            (
                true,
                followed(&["a", "b"], None, Some(3)),
                "email 7: not junk; in case #3 again; the next fetch moves it back to where it was in a and b",
            ),
        ] {
            assert_eq!(said(7, undo, &followed), expected);
        }
    }
}
