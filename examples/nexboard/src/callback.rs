//! `GET /callback`: what the provider sends back with the browser.
//!
//! The checks, in order:
//!
//! | check | refuses |
//! |---|---|
//! | `state` is of an attempt of this browser, used once | forged, replayed and transplanted answers |
//! | `iss` is our provider (RFC 9207) | an answer of another provider (mix-up) |
//! | `error` | shown in the provider's words, which may stand on our page only after the two above |
//! | `code` exchanged with the attempt's PKCE verifier | a code of another attempt |
//! | the tokens: see [`crate::person`] | |

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;

use crate::app::App;
use crate::cookies::Cookie;
use crate::person::Person;
use crate::sessions;
use crate::sign_in_error::{Refusal, SignInError};

/// An authorization response (RFC 6749, section 4.1.2); a parameter that comes twice is refused.
#[derive(Deserialize)]
pub(crate) struct AuthorizationResponse {
    state: Option<String>,
    iss: Option<String>,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Finishes a sign-in.
pub(crate) async fn receive(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Result<Query<AuthorizationResponse>, QueryRejection>,
) -> Result<Response, SignInError> {
    let Query(answer) = query.map_err(|_| SignInError::UnknownState)?;
    let state = answer.state.as_deref().ok_or(SignInError::UnknownState)?;
    let browser = Cookie::Browser.find(&headers, &app.public_url);
    let attempt = app.attempts.consume(state, browser, app.now())?;
    app.provider.check_iss(answer.iss.as_deref())?;
    if let Some(error) = &answer.error {
        return Err(SignInError::Refused(Refusal::new(error, answer.error_description.as_deref())));
    }
    let code = answer.code.ok_or(SignInError::Incomplete)?;
    let tokens = app.provider.redeem(code, attempt.pkce_verifier).await?;
    let person = Person::of_sign_in(&app.provider, tokens, attempt.nonce).await?;

    if let Some((before, _)) = app.find_session(&headers) {
        app.sessions.end(before, app.now());
    }
    let id = app.sessions.begin(person, app.now())?;
    let mut response = Redirect::to("/").into_response();
    Cookie::Session.set(response.headers_mut(), &id, sessions::LIFETIME, &app.public_url);
    Ok(response)
}
