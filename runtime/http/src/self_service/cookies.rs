//! The cookies of a tenant's browsers: the session, and the value that forms are bound to.

use identity::flow::csrf::CsrfCookie;
use ring::digest::{SHA256, digest};

use crate::browser::{SESSION_COOKIE, cookie};
use crate::call::{ACTING_COOKIE, Call};
use crate::response::{Answer, set_cookie};

/// The name of the CSRF cookie: of its own for each tenant, since `default` answers at `/` and its cookies
/// reach the paths of all others.
fn csrf_cookie_name(call: &Call) -> String {
    let hash = digest(&SHA256, call.tenant.base_url.as_bytes());
    let digits = hash.as_ref().iter().take(16).flat_map(|byte| [byte >> 4, byte & 0x0f]);
    let digits: String = digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect();
    format!("csrf_token_{digits}")
}

/// The CSRF cookie that the browser sent.
pub(crate) fn csrf_cookie_of(call: &Call) -> Option<CsrfCookie> {
    call.cookie(&csrf_cookie_name(call)).and_then(CsrfCookie::parse)
}

/// Sets the CSRF cookie for a year.
pub(crate) fn set_csrf_cookie(call: &Call, answer: &mut Answer, value: &CsrfCookie) {
    const YEAR: u64 = 365 * 24 * 3600;
    set_cookie(answer, &cookie(call, &csrf_cookie_name(call), value.as_str(), Some(YEAR)));
}

/// Sets the session cookie, with a token.
///
/// Where it is a whole domain's, one of the very host that is left from before would be sent first, and shadow it: so that
/// one goes.
pub(crate) fn set_session_cookie(call: &Call, answer: &mut Answer, token: &str) {
    let settings = &call.tenant.identity.session;
    let max_age = settings.persistent_cookie.then_some(settings.lifespan_seconds);
    let cookie_of_host = cookie(call, SESSION_COOKIE, token, max_age);
    match &call.tenant.cookie_domain {
        Some(domain) => {
            set_cookie(answer, &cookie(call, SESSION_COOKIE, "", Some(0)));
            set_cookie(answer, &format!("{cookie_of_host}; Domain={domain}"));
        }
        None => set_cookie(answer, &cookie_of_host),
    }
}

/// Takes the session cookie away.
pub(crate) fn forget_session(call: &Call, answer: &mut Answer) {
    let gone = cookie(call, SESSION_COOKIE, "", Some(0));
    set_cookie(answer, &gone);
    if call.cookie(ACTING_COOKIE).is_some() {
        set_acting(call, answer, 0);
    }
    if let Some(domain) = &call.tenant.cookie_domain {
        set_cookie(answer, &format!("{gone}; Domain={domain}"));
    }
}

/// Says to our pages that an operator acts in somebody's name, for so many seconds. It says so and no more: what they may
/// not do, their session says.
pub(crate) fn set_acting(call: &Call, answer: &mut Answer, seconds: u64) {
    set_cookie(answer, &cookie(call, ACTING_COOKIE, "1", Some(seconds)));
}
