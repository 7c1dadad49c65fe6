//! The documents of the admin API, by the names of its specification.

use primitives::ClientId;
use serde::Serialize;
use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use super::sealed::{Asked, ConsentChallenge, LoginChallenge};
use crate::authorization::redirect::ProvenRedirect;
use crate::authorization::request::AuthorizationRequest;
use crate::client::Client;
use crate::server::AuthorizationServer;

/// Where an app sends the browser: `oAuth2RedirectTo`. Always to an endpoint of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RedirectTo {
    /// An endpoint of this issuer, with a verifier.
    pub redirect_to: String,
}

impl RedirectTo {
    /// `endpoint` is one of this issuer's.
    pub(crate) fn own(endpoint: &str, name: &str, verifier: &str) -> Self {
        Self { redirect_to: with_query(endpoint, name, verifier) }
    }
}

/// `oAuth2LoginRequest`.
pub(super) fn login_request(challenge: &str, opened: &LoginChallenge, client: &Client) -> Value {
    let (scope, audience) = match &opened.asked {
        Asked::Authorization(request) => (&request.scope, &request.audience),
        Asked::Device(asked) => (&asked.scope, &asked.audience),
    };
    let known = opened.known.as_ref();
    json!({
        "challenge": challenge,
        "requested_scope": scope.to_vec(),
        "requested_access_token_audience": audience,
        "skip": known.is_some(),
        "subject": known.map_or("", |known| known.sub.as_str()),
        "session_id": known.map_or(opened.session, |known| known.session).to_string(),
        "client": client.record.document,
        "request_url": match &opened.asked {
            Asked::Authorization(request) => request.request_url.as_deref(),
            Asked::Device(_) => None,
        }.unwrap_or_default(),
        "oidc_context": match &opened.asked {
            Asked::Authorization(request) => oidc_context(request),
            Asked::Device(_) => json!({}),
        },
    })
}

/// For which client somebody signs in.
pub(super) fn client_of(asked: &Asked) -> &ClientId {
    match asked {
        Asked::Authorization(request) => &request.client_id,
        Asked::Device(asked) => &asked.client,
    }
}

/// Where a browser begins anew.
pub(super) fn begins_at(server: &AuthorizationServer, asked: &Asked) -> String {
    match asked {
        Asked::Authorization(request) => request_url(server, request),
        Asked::Device(_) => server.endpoints.device_verification.clone(),
    }
}

/// `oAuth2ConsentRequest`.
pub(super) fn consent_request(
    challenge: &str,
    opened: &ConsentChallenge,
    redirect: &ProvenRedirect,
) -> Value {
    let request = &opened.request;
    let mut document = json!({
        "challenge": challenge,
        // What the list of consent sessions calls it later.
        "consent_request_id": request.grant.to_string(),
        "requested_scope": request.scope.to_vec(),
        "requested_access_token_audience": request.audience,
        "skip": opened.skip,
        "subject": opened.sub,
        "login_session_id": opened.session.to_string(),
        "acr": opened.acr,
        "amr": opened.amr,
        "context": opened.context.clone().unwrap_or_else(|| json!({})),
        "client": redirect.client.record.document,
        "request_url": request.request_url.as_deref().unwrap_or_default(),
        "oidc_context": oidc_context(request),
    });
    // Hydra has no such member: it is there for whoever asks for details.
    if let (Some(members), false) = (document.as_object_mut(), request.details.is_empty()) {
        members.insert("requested_authorization_details".to_owned(), json!(request.details));
    }
    document
}

fn oidc_context(request: &AuthorizationRequest) -> Value {
    let mut context = Map::new();
    context.insert("acr_values".to_owned(), json!(request.acr_values));
    context.insert("ui_locales".to_owned(), json!(request.ui_locales));
    // What was said of somebody before, to this very client: whom a login app may expect.
    context.insert("id_token_hint_claims".to_owned(), json!(request.hint_claims.clone().unwrap_or_default()));
    for (name, value) in [("login_hint", &request.login_hint), ("display", &request.display)] {
        if let Some(value) = value {
            context.insert(name.to_owned(), value.clone().into());
        }
    }
    context.into()
}

/// The authorization request again, for a browser that begins anew.
pub(super) fn request_url(server: &AuthorizationServer, request: &AuthorizationRequest) -> String {
    request.request_url.clone().unwrap_or_else(|| server.endpoints.authorization.clone())
}

/// An address with one more parameter.
pub(crate) fn with_query(url: &str, name: &str, value: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{}", Serializer::new(String::new()).append_pair(name, value).finish())
}
