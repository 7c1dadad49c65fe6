//! How much a session must have proven, and where it proves the rest.

use identity::Problem;
use identity::session::LiveSession;
use primitives::subject::AssuranceLevel;

use super::{Kind, room, with_query};
use crate::call::Call;

/// Where a browser proves its second factor, and goes on from there.
pub(crate) fn step_up_url(call: &Call, on: Option<(&str, &str)>) -> String {
    let start = with_query(&Kind::Login.start_url(call), "aal", "aal2");
    match on {
        Some((name, value)) => with_query(&start, name, value),
        None => start,
    }
}

/// Where a browser proves the rest of what its organisation asks: its second factor, or where it sets one up first.
pub(crate) fn rest_url(call: &Call, live: &LiveSession, on: Option<(&str, &str)>) -> String {
    if live.identity().available >= AssuranceLevel::Aal2 {
        return step_up_url(call, on);
    }
    let start = Kind::Settings.start_url(call);
    match on {
        Some((name @ "return_to", value)) => with_query(&start, name, value),
        Some(_) | None => start,
    }
}

/// Whether a session counts.
pub(crate) fn check_session(call: &Call, live: &LiveSession) -> Result<(), Problem> {
    if !live.satisfies_organisation() {
        return Err(Problem::SecondFactorRequired { redirect_browser_to: rest_url(call, live, None) });
    }
    // On a device that its owner trusts it counts without the second factor, to be told who is signed in.
    if room(call).counts(live) {
        return Ok(());
    }
    Err(Problem::SecondFactorRequired { redirect_browser_to: step_up_url(call, None) })
}

/// Whether a session may change its account. The browser comes back to `place`.
pub(crate) fn check_settings(call: &Call, live: &LiveSession, place: &str) -> Result<(), Problem> {
    if room(call).satisfies(live, call.tenant.identity.flow.settings.required_aal) {
        return Ok(());
    }
    let redirect_browser_to = step_up_url(call, Some(("return_to", place)));
    Err(Problem::SecondFactorRequired { redirect_browser_to })
}
