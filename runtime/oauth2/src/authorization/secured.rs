//! Secured responses (JARM, JWT Secured Authorization Response Mode for OAuth 2.0): the answer as a token that we sign.
//!
//! Attacks: an answer of another server is passed off as ours, or another's as this client's (`iss`, `aud`); a code out of a
//! log is brought to the client later (`exp`); what is told beside the code is changed on the way (the signature); the token
//! is passed off as one that says who somebody is (it has no `sub`). An answer that cannot be signed is not given at all: one
//! in clear would be what the client has said that it does not take. A refusal, a login app's among them, goes in clear where a
//! signed answer is asked for: an [`AuthorizationResponse`] is made here and nowhere else, and what the rest of the room has cannot
//! be sent.

use std::time::Duration;

use jose::TokenType;
use serde_json::{Map, Value};

use super::response::{ResponseMode, UnsecuredResponse, location};
use crate::client::Client;
use crate::client::responses::Told;
use crate::ports::PortError;
use crate::protection::Protection;
use crate::security_profile::signs_answers;
use crate::server::AuthorizationServer;

/// The longest that an answer is good (JARM section 2.1).
const MOST: Duration = Duration::from_mins(10);

/// An authorization response on its way to a redirect URI that was proven to be the client's, in the form that the client takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationResponse {
    redirect_uri: String,
    mode: ResponseMode,
    parameters: Vec<(&'static str, String)>,
}

impl AuthorizationResponse {
    /// Where it goes: as registered, but for the port of a loopback address.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// How it travels.
    pub fn mode(&self) -> ResponseMode {
        self.mode
    }

    /// What it says: all of it, with `iss`, or one token.
    pub fn parameters(&self) -> &[(&'static str, String)] {
        &self.parameters
    }

    /// The value of `Location` for a redirect; none for a form that the browser is to post.
    pub fn location(&self) -> Option<String> {
        location(&self.redirect_uri, self.mode, &self.parameters)
    }

    /// The value of a parameter.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
    }
}

/// Gives an answer, code or error alike, the form that its client takes: signed, and encrypted where the client has registered
/// that, if the request or the client's security profile asks for it.
pub(super) async fn secure(
    server: &AuthorizationServer,
    client: &Client,
    response: UnsecuredResponse,
) -> Result<AuthorizationResponse, PortError> {
    let UnsecuredResponse { redirect_uri, mode, parameters } = response;
    // Also the refusal of a request that did not ask for it.
    let mode = if signs_answers(server, client) { mode.signed() } else { mode };
    let parameters = if mode.is_signed() {
        vec![("response", sign(server, client, parameters).await?)]
    } else {
        parameters
    };
    Ok(AuthorizationResponse { redirect_uri, mode, parameters })
}

async fn sign(
    server: &AuthorizationServer,
    client: &Client,
    parameters: Vec<(&'static str, String)>,
) -> Result<String, PortError> {
    let keys = server.load_keys().await?;
    let protection = Protection::of(server, client, Told::Authorization).await?;
    let signer = protection.signer(server, &keys)?;
    // What it gives is worth nothing after that.
    let lifespan = server.settings.authorization_code_lifespan.0.min(MOST);
    let own = [
        ("iss", server.issuer.as_str().into()),
        ("aud", client.id.as_str().into()),
        ("exp", server.now().after(lifespan).seconds().into()),
    ];
    let told = parameters.into_iter().map(|(name, value)| (name, Value::from(value)));
    // Ours last: no parameter takes their place.
    let claims: Map<String, Value> = told.chain(own).map(|(name, value)| (name.to_owned(), value)).collect();
    protection.seal(server, signer, (TokenType::Jwt, &claims)).await
}
