//! `GET` and `POST /userinfo` (OpenID Connect Core section 5.3, RFC 6750).

use http::StatusCode;
use oauth2::ports::PortError;
use oauth2::userinfo::UserinfoError;
use serde_json::json;

use super::form;
use crate::call::Call;
use crate::response::{Answer, CauseIsLogged, json_no_store, set};

/// Tells the claims of the person behind an access token.
pub(crate) async fn answer(call: Call) -> Answer {
    let Some(token) = presented(&call) else {
        // RFC 6750 section 3.1: whoever presented nothing is told no error.
        let mut response = json_no_store(StatusCode::UNAUTHORIZED, &json!({"error": "invalid_token"}));
        set(&mut response, "www-authenticate", "Bearer");
        return response;
    };
    match call.tenant.oauth2.userinfo(&token, call.request).await {
        Ok(claims) => {
            let mut response = json_no_store(StatusCode::OK, &claims);
            set(&mut response, "access-control-allow-origin", "*");
            response
        }
        Err(error) => refuse(&call, &error),
    }
}

/// The token: in the header, or in the form of a POST. A token in the URL would be in every log.
fn presented(call: &Call) -> Option<String> {
    if let Some(authorization) = call.header("authorization") {
        let (scheme, token) = authorization.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned());
    }
    let parameters = form(call).ok()?;
    parameters.find("access_token").map(str::to_owned)
}

fn refuse(call: &Call, error: &UserinfoError) -> Answer {
    let (request, tenant) = (call.request, &call.tenant.id);
    if let UserinfoError::Hook(_) = error {
        tracing::debug!(%request, %tenant, %error, "userinfo failed");
    } else if error.is_internal() {
        tracing::error!(%request, %tenant, %error, "userinfo failed");
    } else {
        tracing::info!(%request, %tenant, %error, "userinfo was refused");
    }
    let status = match error {
        UserinfoError::InvalidToken => StatusCode::UNAUTHORIZED,
        UserinfoError::InsufficientScope | UserinfoError::AccessDenied(_) => StatusCode::FORBIDDEN,
        UserinfoError::Port(PortError::Busy(_)) => StatusCode::SERVICE_UNAVAILABLE,
        UserinfoError::Hook(_) | UserinfoError::Port(PortError::Unavailable(_)) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    let plain: String =
        error.description().chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect();
    let body = json!({
        "error": error.code(),
        "error_description": plain,
        "request_id": call.request.to_string(),
    });
    let mut response = json_no_store(status, &body);
    if matches!(error, UserinfoError::InvalidToken | UserinfoError::InsufficientScope) {
        let challenge = format!("Bearer error=\"{}\", error_description=\"{plain}\"", error.code());
        set(&mut response, "www-authenticate", &challenge);
    }
    if let UserinfoError::Hook(_) = error {
        response.extensions_mut().insert(CauseIsLogged);
    }
    response
}
