//! The way to a provider: the authorization request (OpenID Connect Core section 3.1.2.1), pushed where that is offered.

use std::collections::BTreeMap;

use identity::flow::{Flow, FlowKind};
use primitives::base64url;
use ring::digest::{SHA256, digest};
use serde_json::Value;
use url::Url;

use crate::client_authentication::identify;
use crate::discovery::Endpoints;
use crate::failure::Failure;
use crate::kind::IdTokens;
use crate::provider::Provider;
use crate::room::Asking;
use crate::state::State;
use crate::wire::Ask;

/// What may be passed on: of a form all but `login_hint`, which is the server's own to give.
const PASSED_ON: [&str; 5] = ["login_hint", "hd", "prompt", "auth_type", "acr_values"];

/// Where the browser goes.
pub(crate) async fn begin(
    asking: Asking<'_>,
    provider: &Provider,
    flow: &Flow,
    passed_on: &BTreeMap<String, String>,
) -> Result<Url, Failure> {
    let endpoints = asking.endpoints(provider).await?;
    let state = State::new(flow, provider.id(), asking.rng(), asking.now);
    let sealed = state.seal(asking.sealer(), asking.tenant);
    let parameters = parameters(asking, provider, &endpoints, (flow, &state, sealed), passed_on);
    let mut url = endpoints.authorization.clone();
    match &endpoints.pushed {
        None => {
            url.query_pairs_mut().extend_pairs(&parameters);
        }
        Some(pushed) => {
            let request_uri = push(asking, provider, &endpoints, pushed, &parameters).await?;
            let client_id = provider.settings.client_id.as_str();
            url.query_pairs_mut()
                .append_pair("client_id", client_id)
                .append_pair("request_uri", &request_uri);
        }
    }
    Ok(url)
}

fn parameters(
    asking: Asking<'_>,
    provider: &Provider,
    endpoints: &Endpoints,
    (flow, state, sealed): (&Flow, &State, String),
    passed_on: &BTreeMap<String, String>,
) -> Vec<(String, String)> {
    let own = &provider.settings;
    let kind = provider.kind;
    let mut parameters: Vec<(String, String)> = Vec::new();
    let mut put = |name: &str, value: String| {
        parameters.retain(|(known, _)| known != name);
        parameters.push((name.to_owned(), value));
    };
    for (name, value) in kind.parameters {
        put(name, (*value).to_owned());
    }
    for (name, value) in passed_on.iter().filter(|(name, _)| PASSED_ON.contains(&name.as_str())) {
        put(name, value.clone());
    }
    put("response_type", "code".to_owned());
    put("client_id", own.client_id.clone());
    put("redirect_uri", format!("{}{}", asking.base_url, provider.callback()));
    put("state", sealed);
    let scopes = scopes(provider);
    if !scopes.is_empty() {
        put("scope", scopes);
    }
    if kind.id_token != IdTokens::None {
        put("nonce", state.nonce.clone());
        // Whoever is to prove it again does not by being signed in there still.
        if matches!(flow.kind, FlowKind::Login { refresh: Some(_), .. }) {
            put("prompt", "login".to_owned());
        }
        if let Some(claims) = &own.requested_claims {
            put("claims", Value::Object(claims.clone()).to_string());
        }
    }
    if provider.uses_pkce(endpoints) {
        put("code_challenge", base64url::encode(digest(&SHA256, state.verifier.as_bytes())));
        put("code_challenge_method", "S256".to_owned());
    }
    parameters
}

fn scopes(provider: &Provider) -> String {
    let own: Vec<&str> = provider.settings.scope.iter().map(String::as_str).collect();
    let mut scopes = if own.is_empty() { provider.kind.scopes.to_vec() } else { own };
    if provider.kind.id_token != IdTokens::None && !scopes.contains(&"openid") {
        scopes.insert(0, "openid");
    }
    scopes.join(provider.kind.scope_separator)
}

/// Pushes the request (RFC 9126): the browser carries a reference to it, and nobody on the way changes it.
async fn push(
    asking: Asking<'_>,
    provider: &Provider,
    endpoints: &Endpoints,
    pushed: &Url,
    parameters: &[(String, String)],
) -> Result<String, Failure> {
    const WHAT: &str = "the pushed authorization request";
    // Some are the request itself, sealed, as ours are; the browser carries them in an address.
    const MOST_BYTES: usize = 8 << 10;
    let secret = asking.secret(provider).await?;
    let who = identify(provider, endpoints, secret.as_ref(), asking.now)?;
    let own = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let identifying = who.parameters.iter().filter(|(name, _)| *name != "client_id");
    let body = form(own.chain(identifying.map(|(name, value)| (*name, value.as_str()))));
    let ask = Ask::post(WHAT, pushed.clone(), "application/x-www-form-urlencoded", body);
    let ask = match who.authorization {
        Some(value) => ask.header("authorization", value),
        None => ask,
    };
    let answered = asking.wire(provider).ask(ask).await?;
    let document: Value = serde_json::from_slice(&answered.body).unwrap_or_default();
    match (answered.status, document.get("request_uri").and_then(Value::as_str)) {
        (200 | 201, Some(request_uri)) if request_uri.len() <= MOST_BYTES => Ok(request_uri.to_owned()),
        (status, _) => match document.get("error").and_then(Value::as_str) {
            Some(error) => Err(Failure::Refused { what: WHAT, error: bounded(error) }),
            None => Err(Failure::nonsense(WHAT, &format!("answers {status} without a request_uri"))),
        },
    }
}

/// The body of a form.
pub(crate) fn form<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish().into_bytes()
}

/// A word of somebody else's, for the log.
pub(crate) fn bounded(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(64).collect()
}
