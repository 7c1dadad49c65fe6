//! What a tenant publishes about itself: metadata and keys.

use http::StatusCode;
use identity::webauthn::RelyingParty;
use serde_json::json;

use crate::call::Call;
use crate::failure::Failure;
use crate::response::{self, Answer, respond, set};

/// How long others may keep it. Keys are published a day before they sign, so that this is never too long.
const CACHE: &str = "public, max-age=300";

/// `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`.
pub(crate) async fn metadata(call: Call) -> Answer {
    match call.tenant.oauth2.discovery().await {
        Ok(mut document) => {
            // The pages are not the authorization server's own.
            if let Some(document) = document.as_object_mut() {
                let tags = ui::Locale::ALL.map(ui::Locale::tag);
                document.insert("ui_locales_supported".to_owned(), json!(tags));
            }
            published(response::json(StatusCode::OK, &document))
        }
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

/// `GET /.well-known/oauth-protected-resource…` (RFC 9728 section 3).
pub(crate) async fn protected_resource(call: Call) -> Answer {
    match call.tenant.oauth2.find_protected_resource(call.place("resource")) {
        Some(document) => published(response::json(StatusCode::OK, &document)),
        None => Failure::not_found().to_api(call.request),
    }
}

/// `GET /.well-known/ory/webauthn.js`: what pages need for passkeys and security keys.
pub(crate) async fn webauthn_script(call: Call) -> Answer {
    let assets = call.node.pages.assets();
    let Some(script) = assets.find(assets.passkeys()) else {
        return Failure::not_found().to_api(call.request);
    };
    let mut answer = published(respond(StatusCode::OK, script.content_type, script.body));
    // Forms name its integrity: an older one that was kept would not run.
    set(&mut answer, "cache-control", "no-cache");
    set(&mut answer, "x-content-type-options", "nosniff");
    answer
}

/// `GET /.well-known/webauthn`: the pages of other domains that may use this tenant's passkeys (WebAuthn L3 section
/// 5.11.1).
pub(crate) async fn related_origins(call: Call) -> Answer {
    match relying_party(&call) {
        Some(relying_party) => {
            let origins: Vec<&str> = relying_party.web_origins().collect();
            published(response::json(StatusCode::OK, &json!({ "origins": origins })))
        }
        None => Failure::not_found().to_api(call.request),
    }
}

/// `GET /.well-known/passkey-endpoints`: where passkeys are made and looked after (W3C Passkey Endpoints).
pub(crate) async fn passkey_endpoints(call: Call) -> Answer {
    if relying_party(&call).is_none() || !call.tenant.identity.passkey.enabled {
        return Failure::not_found().to_api(call.request);
    }
    let place = call.tenant.absolute("/self-service/settings/browser");
    published(response::json(StatusCode::OK, &json!({ "enroll": place, "manage": place })))
}

fn relying_party(call: &Call) -> Option<RelyingParty> {
    RelyingParty::of(&call.tenant.identity.relying_party, &call.tenant.url).ok()
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
