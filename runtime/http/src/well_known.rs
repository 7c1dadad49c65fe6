//! What a tenant publishes about itself: metadata and keys.

use http::StatusCode;

use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, json, respond, set};

/// How long others may keep it. Keys are published a day before they sign, so that this is never too long.
const CACHE: &str = "public, max-age=300";

/// `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`.
pub(crate) async fn metadata(call: Call) -> Answer {
    match call.tenant.oauth2.discovery().await {
        Ok(document) => published(json(StatusCode::OK, &document)),
        Err(error) => failed(&call, &error),
    }
}

/// `GET /.well-known/jwks.json` (RFC 7517 section 5).
pub(crate) async fn jwks(call: Call) -> Answer {
    match call.tenant.oauth2.load_keys().await {
        Ok(keys) => published(respond(
            StatusCode::OK,
            "application/jwk-set+json",
            keys.jwks_json().as_bytes().to_vec(),
        )),
        Err(error) => failed(&call, &error),
    }
}

/// Anybody may read it, also from a script of another origin.
fn published(mut response: Answer) -> Answer {
    set(&mut response, "cache-control", CACHE);
    set(&mut response, "access-control-allow-origin", "*");
    response
}

fn failed(call: &Call, error: &oauth2::ports::PortError) -> Answer {
    tracing::error!(request = %call.request, tenant = %call.tenant.id, %error, "a tenant's keys cannot be loaded");
    Failure::unavailable().to_api(call.request)
}
