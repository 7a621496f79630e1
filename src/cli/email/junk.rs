//! `email junk`.

use anyhow::Result;
use clap::Args;

use super::each;
use crate::cli::context::{self, Context};
use crate::desk::{self, Followed};
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
    if let Some(number) = followed.case_number {
        said.push(format!("case #{number} is {}", if undo { "open again" } else { "rejected as spam" }));
    }
    if let Some(number) = followed.other_case {
        said.push(if undo { format!("in case #{number} again") } else { format!("taken out of case #{number}") });
    }
    if !followed.accounts.is_empty() {
        let accounts = followed.accounts.join(" and ");
        said.push(match undo {
            false => format!("the next fetch moves it to the junk folder of {accounts}"),
            true => format!("the next fetch moves it back to where it was in {accounts}"),
        });
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
            known: false,
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
