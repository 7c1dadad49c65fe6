//! The token endpoint: a code, or a refresh token, for tokens.

use std::time::Duration;

use identity::providers::{TokenSet, UpstreamTokens};
use jose::json::parse_object;
use serde_json::{Map, Value};

use crate::begin::{bounded, form};
use crate::client_authentication::identify;
use crate::failure::Failure;
use crate::kind::TokenRequest;
use crate::provider::Provider;
use crate::room::Asking;
use crate::wire::Ask;

const WHAT: &str = "the token endpoint";
/// The longest token that is kept.
const LONGEST: usize = 16 * 1024;
/// The longest life of an access token that is believed.
const LONGEST_LIFE: u64 = 400 * 24 * 3600;

/// What a token endpoint gave.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) tokens: TokenSet,
    pub(crate) lifetime: Option<Duration>,
    /// All of it: some say more in it.
    pub(crate) document: Map<String, Value>,
}

impl Given {
    pub(crate) fn access_token(&self) -> Result<&str, Failure> {
        let token = self.tokens.access_token.as_deref();
        token.ok_or_else(|| Failure::nonsense(WHAT, "gave no access token"))
    }

    /// As they are kept.
    pub(crate) fn kept(&self, asking: Asking<'_>) -> UpstreamTokens {
        UpstreamTokens::first(self.tokens.clone(), self.lifetime.map(|lifetime| asking.now.after(lifetime)))
    }
}

/// What is given for tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Grant<'a> {
    /// A code, with the verifier where it was asked for with a challenge.
    Code { code: &'a str, verifier: Option<&'a str> },
    /// A refresh token.
    Refresh(&'a str),
}

pub(crate) async fn exchange(
    asking: Asking<'_>,
    provider: &Provider,
    grant: Grant<'_>,
) -> Result<Given, Failure> {
    let endpoints = asking.endpoints(provider).await?;
    let secret = asking.secret(provider).await?;
    let who = identify(provider, &endpoints, secret.as_ref(), asking.now)?;
    let redirect_uri = format!("{}{}", asking.base_url, provider.callback());
    let mut parameters: Vec<(&str, String)> = match grant {
        Grant::Code { code, .. } => vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", redirect_uri),
        ],
        Grant::Refresh(token) => {
            vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", token.to_owned())]
        }
    };
    if let Grant::Code { verifier: Some(verifier), .. } = grant {
        parameters.push(("code_verifier", verifier.to_owned()));
    }
    parameters.extend(who.parameters);
    let ask = match provider.kind.token_request {
        TokenRequest::Form => {
            let body = form(parameters.iter().map(|(name, value)| (*name, value.as_str())));
            Ask::post(WHAT, endpoints.token.clone(), "application/x-www-form-urlencoded", body)
        }
        TokenRequest::CamelJson => {
            let body: Map<String, Value> =
                parameters.into_iter().map(|(name, value)| (camel(name), value.into())).collect();
            let body = Value::Object(body).to_string().into_bytes();
            Ask::post(WHAT, endpoints.token.clone(), "application/json", body)
        }
    };
    let ask = match who.authorization {
        Some(value) => ask.header("authorization", value),
        None => ask,
    };
    let answered = asking.wire(provider).ask(ask).await?;
    let document = parse_object(&answered.body).map_err(|_| Failure::nonsense(WHAT, "not a JSON object"))?;
    read(provider, answered.status, document)
}

fn read(provider: &Provider, status: u16, document: Map<String, Value>) -> Result<Given, Failure> {
    // Some answer with 200 and an error.
    if let Some(error) = document.get("error") {
        let word = error.as_str().or_else(|| error.get("type")?.as_str()).unwrap_or("an error");
        return Err(Failure::Refused { what: WHAT, error: bounded(word) });
    }
    if status != 200 {
        return Err(Failure::nonsense(WHAT, &format!("answers {status}")));
    }
    let named = |name: &str| match provider.kind.token_request {
        TokenRequest::Form => document.get(name).cloned(),
        TokenRequest::CamelJson => document.get(&camel(name)).cloned(),
    };
    let text = |name: &str| match named(name) {
        Some(Value::String(text)) if !text.is_empty() && text.len() <= LONGEST => Some(text),
        _ => None,
    };
    let seconds = named("expires_in").or_else(|| document.get("expireIn").cloned());
    // Some write a number as text.
    let seconds = seconds.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
    let tokens = TokenSet {
        access_token: text("access_token"),
        refresh_token: text("refresh_token"),
        id_token: text("id_token"),
    };
    let lifetime =
        seconds.filter(|seconds| *seconds > 0 && *seconds <= LONGEST_LIFE).map(Duration::from_secs);
    Ok(Given { tokens, lifetime, document })
}

/// `grant_type` → `grantType`.
fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                camel.extend(c.to_uppercase());
                upper = false;
            }
            c => camel.push(c),
        }
    }
    camel
}
