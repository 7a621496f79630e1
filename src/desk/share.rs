//! Showing private mail to the people of its record (B6.1).

use anyhow::Result;

use super::who;
use crate::access::Actor;
use crate::error;
use crate::intake::privacy;
use crate::intake::world::World;
use crate::store::db::Tx;
use crate::store::emails::Email;
use crate::store::sight::Object;

/// Opens a private email. Nobody sees one but who has it in a folder of their own, and administrators: they may. One
/// that is open stays so.
///
/// # Errors
/// It is linked to nothing, so that nobody else would see it.
pub fn share(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, email: &Email) -> Result<()> {
    actor.require_edit(tx, Object::Email(email.id))?;
    if !email.private {
        return Ok(());
    }
    if email.parent.is_none() {
        return Err(error::data(format!("email {} is not linked to a record, so nobody else would see it", email.id))
            .hint("it is linked by the addresses in it: espomail record add contact NAME --email ADDRESS")
            .into());
    }
    privacy::open(tx, world, email, &format!("shared by {}", who(actor)))
}
