//! OAuth's error answers (RFC 6749 section 5.2), from what the room refused with.

use std::time::Duration;

use http::StatusCode;
use oauth2::ports::PortError;
use oauth2::token::{ErrorCode, TokenError};
use serde_json::json;

use super::give_nonce;
use crate::call::Call;
use crate::response::{Answer, CauseIsLogged, json_no_store, set};

/// The answer to a refused request of an endpoint that authenticates clients.
pub(crate) fn refuse(call: &Call, error: &TokenError) -> Answer {
    log(call, error);
    let code = error.code();
    let mut response = document(call, status(code), code.as_str(), &error.description());
    if let TokenError::InvalidClient { basic: true, .. } = error {
        set(&mut response, "www-authenticate", "Basic realm=\"oauth2\"");
    }
    if code == ErrorCode::TemporarilyUnavailable {
        set(&mut response, "retry-after", &retry_after(error).as_secs().to_string());
    }
    if let TokenError::Hook(_) = error {
        response.extensions_mut().insert(CauseIsLogged);
    }
    give_nonce(call, code == ErrorCode::UseDpopNonce, response)
}

/// Whoever lost a race need not wait.
const fn retry_after(error: &TokenError) -> Duration {
    match error {
        TokenError::Port(PortError::Busy(busy)) => busy.retry_after,
        _ => Duration::from_secs(1),
    }
}

/// The answer to an authorization request that its client pushed, and that is not to be had (RFC 9126 section 2.3).
pub(crate) fn refuse_request(call: &Call, code: &str, description: &str) -> Answer {
    let (request, tenant) = (call.request, &call.tenant.id);
    tracing::info!(%request, %tenant, error = description, "a pushed authorization request was refused");
    document(call, StatusCode::BAD_REQUEST, code, description)
}

/// The form of an error of OAuth's endpoints.
pub(super) fn document(call: &Call, status: StatusCode, code: &str, description: &str) -> Answer {
    // RFC 6749 section 5.2: printable ASCII without quotes and backslashes.
    let description: String =
        description.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect();
    let body = json!({
        "error": code,
        "error_description": description,
        "status_code": status.as_u16(),
        "request_id": call.request.to_string(),
    });
    json_no_store(status, &body)
}

/// Whose fault it is decides how loud it is.
fn log(call: &Call, error: &TokenError) {
    let (request, tenant) = (call.request, &call.tenant.id);
    if let TokenError::Hook(failure) = error
        && !failure.plugin.is_empty()
    {
        // The plugin host has logged it, or counted it where a plugin fails all the time. What comes of its answer here has no
        // plugin's name.
        tracing::debug!(%request, %tenant, %error, "a token request failed");
    } else if error.is_internal() {
        tracing::error!(%request, %tenant, %error, "a token request failed");
    } else {
        tracing::info!(%request, %tenant, %error, "a token request was refused");
    }
}

const fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::InvalidClient => StatusCode::UNAUTHORIZED,
        ErrorCode::AccessDenied => StatusCode::FORBIDDEN,
        ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::InvalidRequest
        | ErrorCode::InvalidGrant
        | ErrorCode::InvalidDpopProof
        | ErrorCode::UseDpopNonce
        | ErrorCode::UnauthorizedClient
        | ErrorCode::UnsupportedGrantType
        | ErrorCode::InvalidScope
        | ErrorCode::AuthorizationPending
        | ErrorCode::SlowDown
        | ErrorCode::ExpiredToken
        | ErrorCode::InvalidTarget
        | ErrorCode::InvalidAuthorizationDetails => StatusCode::BAD_REQUEST,
    }
}
