//! A token for an account, asked for as a run does.

use anyhow::Result;

use crate::cli::connect;
use crate::cli::context::Context;
use crate::oauth::Client;
use crate::store::accounts::{self, Account};

/// A token that came.
pub struct Found {
    /// Host of the issuer.
    pub server: String,
    pub text: String,
    /// Of the clock.
    pub warning: Option<String>,
}

/// Asks for a token as a run does, and tells of it in a line.
///
/// # Errors
/// As [`crate::oauth::Source::token`].
pub fn tested(account: &Account, profile: &str, ctx: &Context) -> Result<Found> {
    let client = Client::of(&ctx.config, account, profile)?;
    let way = connect::way(&ctx.config);
    let token = connect::source(&client, account, &ctx.config, &ctx.place, &way, true).token(None)?;
    let host = crate::net::http::host(&client.token_url);
    let by = crate::net::http::proxy_of(&client.token_url, &way)?.map(|proxy| format!(", by the proxy {proxy}"));
    let of = token.user.map(|user| format!(" of {user}")).unwrap_or_default();
    let asked = if token.is_new { "new" } else { "kept" };
    let text = format!("{asked} token{of}, {host}{}", by.unwrap_or_default());
    Ok(Found { server: host, text, warning: token.skew.and_then(clock) })
}

/// What to type after servers or logins have changed: nobody has signed in for a new account.
pub fn next_step(name: &str, ctx: &Context) -> String {
    let needs_sign_in = || {
        let account = ctx.read(|tx, _| accounts::by_name(tx, name)).ok()??;
        let client = Client::of(&ctx.config, &account, account.oauth()?).ok()?;
        let file = client.token_file(&ctx.place, account.id);
        Some(client.flow.is_of_person() && !file.exists())
    };
    match needs_sign_in() {
        Some(true) => format!("sign in: espomail account auth {name}"),
        Some(false) | None => format!("try it: espomail account test {name}"),
    }
}

/// What is said of a clock that is wrong.
pub fn clock(skew: i64) -> Option<String> {
    let way = if skew > 0 { "fast" } else { "slow" };
    let minutes = (skew.abs() + 30) / 60;
    (skew.abs() >= 120).then(|| format!("this machine's clock is {minutes} min {way}, says the issuer of tokens"))
}
