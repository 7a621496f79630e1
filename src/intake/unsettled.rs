//! What a server was to do after the import and did not.

use std::fmt;

use crate::store::accounts::AfterImport;

/// What an error is about that came after the import: what the server was to do then and did not.
#[derive(Debug)]
pub struct Unsettled(String);

impl Unsettled {
    pub(super) fn of(action: Option<AfterImport>) -> Unsettled {
        Unsettled(match action {
            Some(AfterImport::Seen) => "mark it as seen".to_owned(),
            Some(AfterImport::Delete) => "delete it".to_owned(),
            Some(AfterImport::Move(target)) => format!("move it to {target}"),
            Some(AfterImport::Keep) | None => "change it".to_owned(),
        })
    }

    pub(super) fn of_junk() -> Unsettled {
        Unsettled("move what people called junk".to_owned())
    }
}

impl fmt::Display for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mail came in, but the server did not {}", self.0)
    }
}
