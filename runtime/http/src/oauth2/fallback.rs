//! `/oauth2/fallbacks/…`: where Hydra leads a browser for which no app is set (`[tenant.oauth2.urls]`). Nothing here leads to them, since
//! pages of ours stand in for the apps; links and proxies that were made for Hydra do.
//!
//! Attacks: a link makes the page of a trusted site say what somebody wrote ("call this number"): nothing of a request is shown; an
//! error is one of the registered codes, whose text is in this program. A link says of somebody that they are signed out who is not: whoever
//! is signed in is asked. A page is framed or cached: its headers are those of every page.

use http::StatusCode;
use oauth2::settings::Urls;
use ui::ErrorView;

use super::logout::{self, Visitor};
use crate::call::Call;
use crate::failure::Failure;
use crate::pages::show;
use crate::response::{Answer, see_other};

/// The registered errors of an authorization endpoint (the registry "OAuth Extensions Error", and RFC 6749 section 4.1.2.1), and
/// those of Hydra's own.
const REGISTERED: [&str; 33] = [
    "access_denied",
    "account_selection_required",
    "authorization_pending",
    "consent_required",
    "expired_token",
    "insufficient_scope",
    "insufficient_user_authentication",
    "interaction_required",
    "invalid_authorization_details",
    "invalid_client",
    "invalid_client_metadata",
    "invalid_dpop_proof",
    "invalid_grant",
    "invalid_redirect_uri",
    "invalid_request",
    "invalid_request_object",
    "invalid_request_uri",
    "invalid_scope",
    "invalid_target",
    "invalid_token",
    "login_required",
    "registration_not_supported",
    "request_denied",
    "request_not_supported",
    "request_uri_not_supported",
    "server_error",
    "slow_down",
    "temporarily_unavailable",
    "unauthorized_client",
    "unmet_authentication_requirements",
    "unsupported_grant_type",
    "unsupported_response_type",
    "use_dpop_nonce",
];

/// Those of them for which pages have words of their own.
const IN_WORDS: [&str; 6] = [
    "access_denied",
    "invalid_client",
    "invalid_request",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
];

/// `GET /oauth2/fallbacks/login`
pub(crate) async fn login(call: Call) -> Answer {
    missing(&call, "fallback_login", ("urls.login", |urls| urls.login.as_ref()))
}

/// `GET /oauth2/fallbacks/consent`
pub(crate) async fn consent(call: Call) -> Answer {
    missing(&call, "fallback_consent", ("urls.consent", |urls| urls.consent.as_ref()))
}

/// `GET /oauth2/fallbacks/logout`
pub(crate) async fn logout(call: Call) -> Answer {
    missing(&call, "fallback_logout", ("urls.logout", |urls| urls.logout.as_ref()))
}

/// `GET /oauth2/fallbacks/device`
pub(crate) async fn device(call: Call) -> Answer {
    let setting = "urls.device.verification";
    missing(&call, "fallback_device", (setting, |urls| urls.device.verification.as_ref()))
}

/// `GET /oauth2/fallbacks/device/done`
pub(crate) async fn device_done(call: Call) -> Answer {
    let view = ErrorView { id: Some("fallback_device_done".to_owned()), ..ErrorView::default() };
    show(&call, StatusCode::OK, &[], None, |context| call.node.pages.error(&view, context))
}

/// `GET /oauth2/fallbacks/logout/callback`
pub(crate) async fn signed_out(call: Call) -> Answer {
    match logout::visitor(&call).await {
        Ok(Visitor { live: None, subject: None, .. }) => {
            show(&call, StatusCode::OK, &[], None, |context| call.node.pages.signed_out(context))
        }
        Ok(_) => see_other(&call.tenant.absolute("/ui/logout")),
        Err(failure) => failure.to_page(&call),
    }
}

/// `GET /oauth2/fallbacks/error?error=…`
pub(crate) async fn error(call: Call) -> Answer {
    let named = call.query_value("error").unwrap_or_default();
    let code = REGISTERED.into_iter().find(|code| *code == named);
    let id = code.filter(|code| IN_WORDS.contains(code)).unwrap_or("fallback_error");
    failed(&call, id, ErrorView { code, ..ErrorView::default() })
}

/// Says which setting is missing; where it is there, that the app is elsewhere.
fn missing(
    call: &Call,
    id: &'static str,
    (name, find): (&'static str, fn(&Urls) -> Option<&String>),
) -> Answer {
    match find(&call.tenant.oauth2.settings.urls) {
        None => failed(call, id, ErrorView { setting: Some(name), ..ErrorView::default() }),
        Some(_) => failed(call, "fallback_unused", ErrorView::default()),
    }
}

/// The fault is in whatever led here, so that no alarm of ours goes off.
fn failed(call: &Call, id: &'static str, view: ErrorView) -> Answer {
    let status = StatusCode::BAD_REQUEST;
    if call.wants_json() {
        return Failure::new(status, view.code.unwrap_or(id), "There is nothing to go on with here.")
            .to_api(call.request);
    }
    let request_id = Some(call.request.to_string());
    let view = ErrorView { id: Some(id.to_owned()), request_id, ..view };
    show(call, status, &[], None, |context| call.node.pages.error(&view, context))
}
