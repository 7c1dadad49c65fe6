//! Scripts of other origins (Fetch, section 3.2): which endpoints they may call, and whose answers they may read.
//!
//! A cookie counts at none of these endpoints, so a script gets nothing by them that its author could not have from a server of
//! their own. Attack all the same: a page of somebody else's runs a public client's flow with a code that it was given.
//! So an answer is readable where its client says so (`allowed_cors_origins`). A preflight
//! names no client: it allows to ask, and not to read.

use http::{HeaderMap, Method, StatusCode};
use oauth2::parameters::Parameters;

use super::client_request;
use crate::call::Call;
use crate::response::{Answer, empty, set};
use crate::routes::RouteTable;

/// Operations that a script may call.
const OPERATIONS: [&str; 7] = [
    "oauth2TokenExchange",
    "revokeOAuth2Token",
    "pushOAuth2AuthorizationRequest",
    "oAuth2DeviceFlow",
    "createVerifiableCredential",
    "getOidcUserInfo",
    "postOidcUserInfo",
];
const HEADERS: &str = "authorization, content-type, dpop";
/// What a script may read beside the body.
pub(super) const EXPOSED: &str = "DPoP-Nonce, WWW-Authenticate";
/// Seconds for which a browser need not ask again.
const MAX_AGE: &str = "600";

/// The answer to a browser that asks whether a script may make a request; `None` if that is not what is asked, or the
/// script may not.
pub(crate) fn preflight(
    table: &RouteTable,
    (method, path): (&Method, &str),
    headers: &HeaderMap,
) -> Option<Answer> {
    if *method != Method::OPTIONS || !headers.contains_key("origin") {
        return None;
    }
    let wanted = Method::from_bytes(headers.get("access-control-request-method")?.as_bytes()).ok()?;
    let found = table.find(&wanted, path).ok()?;
    if !OPERATIONS.contains(&found.route.operation) {
        return None;
    }
    let mut response = empty(StatusCode::NO_CONTENT);
    set(&mut response, "access-control-allow-origin", "*");
    set(&mut response, "access-control-allow-methods", wanted.as_str());
    set(&mut response, "access-control-allow-headers", HEADERS);
    set(&mut response, "access-control-max-age", MAX_AGE);
    Some(response)
}

/// Lets a script read an answer if the client that the request names allows its origin.
pub(super) async fn let_read(call: &Call, parameters: &Parameters<'_>, mut response: Answer) -> Answer {
    let Some(origin) = call.header("origin") else { return response };
    set(&mut response, "vary", "Origin");
    if call.tenant.oauth2.may_read(client_request(call, parameters), origin).await {
        set(&mut response, "access-control-allow-origin", origin);
        set(&mut response, "access-control-expose-headers", EXPOSED);
    }
    response
}
