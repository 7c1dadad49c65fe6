//! Signing out, here and at the provider (OpenID Connect RP-Initiated Logout 1.0).

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use serde::Deserialize;
use std::sync::Arc;
use url::Url;

use crate::app::App;
use crate::cookies::Cookie;
use crate::pages::Message;
use crate::random;
use crate::sign_in_error::SignInError;

/// The provider may ask whether to sign out.
const ON_THE_WAY: TimeDelta = TimeDelta::minutes(10);

/// The sign-out button's form.
#[derive(Deserialize)]
pub(crate) struct SignOut {
    csrf_token: String,
}

/// What the provider sends back.
#[derive(Deserialize)]
pub(crate) struct SignedOut {
    state: Option<String>,
}

/// `POST /logout`: ends our session, then sends the browser to the provider to end the one there.
pub(crate) async fn begin(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    form: Result<Form<SignOut>, FormRejection>,
) -> Result<Response, SignInError> {
    let Some((id, session)) = app.find_session(&headers) else {
        return Ok(Redirect::to("/signed-out").into_response());
    };
    if !form.is_ok_and(|Form(form)| random::same(&session.csrf_token, &form.csrf_token)) {
        return Ok(Message::not_our_form().respond(StatusCode::FORBIDDEN));
    }
    let state = random::token()?;
    let person = session.last_known().await;
    app.sessions.end(id, app.now());
    let place = person.and_then(|person| app.provider.logout_url(Some(person.id_token()), state.clone()));
    let mut response = leave(&app, place.as_ref(), &state);
    Cookie::Session.clear(response.headers_mut(), &app.public_url);
    Ok(response)
}

/// `GET /another-account`: somebody who was refused signs out at the provider, to sign in as somebody else.
///
/// It changes nothing here, and the provider asks before it changes something there.
pub(crate) async fn another_account(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, SignInError> {
    if app.find_session(&headers).is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    let state = random::token()?;
    let place = app.provider.logout_url(None, state.clone());
    Ok(leave(&app, place.as_ref(), &state))
}

/// Sends the browser to the provider, to come back to `/signed-out` with `state`.
fn leave(app: &App, place: Option<&Url>, state: &str) -> Response {
    let place = place.map_or("/signed-out", Url::as_str);
    let mut response = Redirect::to(place).into_response();
    Cookie::SignOut.set(response.headers_mut(), state, ON_THE_WAY, &app.public_url);
    response
}

/// `GET /signed-out`: says what happened; it changes nothing, so that anybody may send a browser here.
pub(crate) async fn done(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Result<Query<SignedOut>, QueryRejection>,
) -> Response {
    if app.find_session(&headers).is_some() {
        return Redirect::to("/").into_response();
    }
    let expected = Cookie::SignOut.find(&headers, &app.public_url);
    let sent = query.ok().and_then(|Query(query)| query.state);
    let everywhere = match (expected, sent) {
        (Some(expected), Some(sent)) => !expected.is_empty() && random::same(expected, &sent),
        (_, None) | (None, Some(_)) => false,
    };
    let mut response = Message::signed_out(everywhere).respond(StatusCode::OK);
    Cookie::SignOut.clear(response.headers_mut(), &app.public_url);
    response
}
