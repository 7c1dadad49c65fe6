//! `GET /login`: sends the browser to the provider (OpenID Connect Core 1.0, section 3.1.2.1; PKCE: RFC 7636).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use openidconnect::{Nonce, PkceCodeChallenge};
use std::sync::Arc;

use crate::app::App;
use crate::attempts::{self, Attempt};
use crate::cookies::Cookie;
use crate::random;
use crate::sign_in_error::SignInError;

/// Begins a sign-in.
pub(crate) async fn begin(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, SignInError> {
    // One browser may begin in several tabs: they share the cookie, each has its own state.
    let browser = match Cookie::Browser.find(&headers, &app.public_url).filter(|value| value.len() == 43) {
        Some(value) => value.to_owned(),
        None => random::token()?,
    };
    let (challenge, pkce_verifier) = PkceCodeChallenge::new_random_sha256();
    let (state, nonce) = (random::token()?, Nonce::new(random::token()?));
    let url = app.provider.authorization_url(state.clone(), nonce.clone(), challenge);
    app.attempts.begin(state, Attempt { browser: browser.clone(), nonce, pkce_verifier }, app.now());
    let mut response = Redirect::to(url.as_str()).into_response();
    Cookie::Browser.set(response.headers_mut(), &browser, attempts::LIFETIME, &app.public_url);
    Ok(response)
}
