//! Whether the service that is told of runs hears of them.

use jiff::SignedDuration;

use super::Finding;
use crate::cli::context::Context;
use crate::cli::ping;
use crate::net::http;

/// A service hears of each run; for so long without one something else is wrong.
const SILENT: SignedDuration = SignedDuration::from_hours(24);

/// What became of the last pings, where there is somebody to be told.
pub fn look(ctx: &Context) -> Option<Finding> {
    let kept = ping::kept(ctx);
    if let Some(failing) = ping::failing(ctx, &kept) {
        let text = format!(
            "fail since {}, the last one {} ago: {}",
            ctx.ui.local_time(failing.since),
            ctx.ui.age(failing.last),
            failing.why
        );
        return Some(Finding::warn("pings", text, ping::ADVICE));
    }
    let host = http::host(ctx.config.ping_url.as_deref()?);
    Some(match kept.heard {
        Some(at) if ctx.now().duration_since(at) < SILENT => {
            Finding::ok("pings", format!("{host} heard of a run {} ago", ctx.ui.age(at)))
        }
        Some(at) => Finding::warn("pings", format!("{host} heard of a run {} ago", ctx.ui.age(at)), "espomail fetch"),
        None => Finding::ok("pings", format!("{host} has not heard of a run yet")),
    })
}
