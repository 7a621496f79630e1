//! The words that lead a further command to the database of this one: what was typed is typed again, and what the
//! configuration and the variables say is left out.

use std::path::PathBuf;

use anyhow::Error;

use crate::config::Config;
use crate::error::{self, Fault};
use crate::place::{Database, Place};
use crate::system_words;

/// The step that several hints name.
const INIT: &str = "`espomail init`";

/// The program with the flags that lead to this database.
pub fn command(config: &Config, place: &Place) -> String {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let usual = config.place(variable("ESPOMAIL_DB").as_deref(), variable("ESPOMAIL_STATE").as_deref()).ok();
    let flag = |name: &str, value: String| {
        format!(" {name} {}", shlex::try_quote(&value).unwrap_or_else(|_| value.as_str().into()))
    };
    let named = match place.database() {
        Database::File(file) => file.display().to_string(),
        Database::Server(server) => server.text.clone(),
    };
    let database = Some(named).filter(|_| usual.as_ref().map(Place::database) != Some(place.database()));
    let usual_state = usual.as_ref().and_then(Place::named_state);
    let state = place.named_state().filter(|state| usual_state != Some(*state));
    let state = state.map(|state| state.display().to_string());
    let flags = [database.map(|named| flag("--db", named)), state.map(|state| flag("--state", state))];
    format!("espomail{}", flags.into_iter().flatten().collect::<String>())
}

/// An error whose next step is `espomail init`, with the flags that lead there.
pub fn with_flags(error: Error, config: &Config, place: &Place) -> Error {
    let (kind, hint) = error::classify(&error);
    let Some(hint) = hint.filter(|hint| hint.contains(INIT)) else { return error };
    let hint = hint.replace(INIT, &format!("`{} init`", command(config, place)));
    Fault::new(kind, system_words::chain(&error)).hint(hint).into()
}
