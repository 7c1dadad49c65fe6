//! `GET` and `POST /userinfo` (OpenID Connect Core section 5.3, RFC 6750, RFC 9449 section 7).

use http::{HeaderValue, StatusCode, header};
use oauth2::dpop::PROOF_ALGORITHMS;
use oauth2::ports::PortError;
use oauth2::userinfo::{PresentedToken, TokenScheme, Userinfo, UserinfoError};
use serde_json::json;

use super::cors::EXPOSED;
use super::{form, give_nonce, proof};
use crate::call::Call;
use crate::commit::{Uncommitted, commit};
use crate::response::{Answer, CauseIsLogged, json_no_store, no_store, respond, set};

impl Uncommitted for UserinfoError {
    fn store(error: PortError) -> Self {
        Self::Port(error)
    }

    fn contention() -> Self {
        Self::Port(PortError::busy("too many requests with one proof"))
    }
}

/// Tells the claims of the person behind an access token.
pub(crate) async fn answer(call: Call) -> Answer {
    let Some((scheme, token)) = presented(&call) else {
        return ask_for_token();
    };
    let presented = presented_token(&call, scheme, &token);
    match commit(&call.node, || call.tenant.oauth2.userinfo(presented, call.request)).await {
        Ok(told) => {
            let response = match told {
                Userinfo::Plain(claims) => json_no_store(StatusCode::OK, &claims),
                // OpenID Connect Core section 5.3.2.
                Userinfo::Signed(token) => no_store(respond(StatusCode::OK, "application/jwt", token)),
            };
            shared(give_nonce(&call, false, response))
        }
        Err(error) => refuse(&call, scheme, &error),
    }
}

/// The answer to whoever presented nothing, who is told no error (RFC 6750 section 3.1).
pub(super) fn ask_for_token() -> Answer {
    let mut response = json_no_store(StatusCode::UNAUTHORIZED, &json!({"error": "invalid_token"}));
    challenge(&mut response, "Bearer");
    challenge(&mut response, &dpop_challenge(""));
    response
}

/// A token with what this request shows of its holder.
pub(super) fn presented_token<'a>(call: &'a Call, scheme: TokenScheme, text: &'a str) -> PresentedToken<'a> {
    PresentedToken {
        scheme,
        text,
        proof: proof(call),
        certificate: call.certificate.presented(),
        method: call.method.as_str(),
    }
}

/// The token: in the header, or in the form of a POST. A token in the URL would be in every log.
fn presented(call: &Call) -> Option<(TokenScheme, String)> {
    if call.header("authorization").is_some() {
        return in_header(call);
    }
    let parameters = form(call).ok()?;
    parameters.find("access_token").map(|token| (TokenScheme::Bearer, token.to_owned()))
}

/// The token of the header (RFC 6750 section 2.1, RFC 9449 section 7.1).
pub(super) fn in_header(call: &Call) -> Option<(TokenScheme, String)> {
    let (scheme, token) = call.header("authorization")?.split_once(' ')?;
    let scheme = match scheme {
        scheme if scheme.eq_ignore_ascii_case("bearer") => TokenScheme::Bearer,
        scheme if scheme.eq_ignore_ascii_case("dpop") => TokenScheme::Dpop,
        _ => return None,
    };
    Some((scheme, token.trim().to_owned()))
}

/// Any origin may read it, with the nonce and the challenge that a script needs to go on.
pub(super) fn shared(mut response: Answer) -> Answer {
    set(&mut response, "access-control-allow-origin", "*");
    set(&mut response, "access-control-expose-headers", EXPOSED);
    response
}

pub(super) fn refuse(call: &Call, scheme: TokenScheme, error: &UserinfoError) -> Answer {
    let (request, tenant) = (call.request, &call.tenant.id);
    if let UserinfoError::Hook(_) = error {
        tracing::debug!(%request, %tenant, %error, "userinfo failed");
    } else if error.is_internal() {
        tracing::error!(%request, %tenant, %error, "userinfo failed");
    } else {
        tracing::info!(%request, %tenant, %error, "userinfo was refused");
    }
    let status = match error {
        UserinfoError::InvalidToken
        | UserinfoError::Scheme
        | UserinfoError::Certificate
        | UserinfoError::InvalidProof(_)
        | UserinfoError::UseDpopNonce
        | UserinfoError::InsufficientUserAuthentication(_) => StatusCode::UNAUTHORIZED,
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
    if matches!(status, StatusCode::UNAUTHORIZED) || *error == UserinfoError::InsufficientScope {
        let asked = if let UserinfoError::InsufficientUserAuthentication(step_up) = error {
            step_up.challenge()
        } else {
            String::new()
        };
        let words = format!("error=\"{}\", error_description=\"{plain}\"{asked}", error.code());
        match scheme {
            TokenScheme::Bearer => challenge(&mut response, &format!("Bearer {words}")),
            TokenScheme::Dpop => challenge(&mut response, &dpop_challenge(&format!(", {words}"))),
        }
        // What a token that came by the wrong scheme may have needed (RFC 9449 section 7.2).
        if *error == UserinfoError::Scheme && scheme == TokenScheme::Bearer {
            challenge(&mut response, &dpop_challenge(""));
        }
    }
    if let UserinfoError::Hook(_) = error {
        response.extensions_mut().insert(CauseIsLogged);
    }
    shared(give_nonce(call, *error == UserinfoError::UseDpopNonce, response))
}

/// The challenge of the scheme `DPoP` (RFC 9449 section 7.1).
fn dpop_challenge(words: &str) -> String {
    let algorithms = PROOF_ALGORITHMS.map(jose::Algorithm::as_str).join(" ");
    format!("DPoP algs=\"{algorithms}\"{words}")
}

/// Adds a challenge to those of other schemes.
fn challenge(response: &mut Answer, challenge: &str) {
    // None that we make is without a place in a header.
    if let Ok(value) = HeaderValue::from_str(challenge) {
        response.headers_mut().append(header::WWW_AUTHENTICATE, value);
    }
}
