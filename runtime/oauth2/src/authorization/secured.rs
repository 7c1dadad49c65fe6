//! Secured responses (JARM, JWT Secured Authorization Response Mode for OAuth 2.0): the answer as a token that we sign.
//!
//! Attacks: an answer of another server is passed off as ours, or another's as this client's (`iss`, `aud`); a code out of a
//! log is brought to the client later (`exp`); what is told beside the code is changed on the way (the signature); the token
//! is passed off as one that says who somebody is (it has no `sub`). An answer that cannot be signed is not given at all: one
//! in clear would be what the client has said that it does not take.

use std::time::Duration;

use jose::TokenType;
use serde_json::{Map, Value};

use super::response::AuthorizationResponse;
use crate::client::Client;
use crate::client::responses::Told;
use crate::ports::PortError;
use crate::protection::Protection;
use crate::server::AuthorizationServer;

/// The longest that an answer is good (JARM section 2.1).
const MOST: Duration = Duration::from_mins(10);

/// Signs an answer, code or error alike, and encrypts it where its client has registered that.
pub(super) async fn sign(
    server: &AuthorizationServer,
    client: &Client,
    response: AuthorizationResponse,
) -> Result<AuthorizationResponse, PortError> {
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
    let told = response.parameters.into_iter().map(|(name, value)| (name, Value::from(value)));
    // Ours last: no parameter takes their place.
    let claims: Map<String, Value> = told.chain(own).map(|(name, value)| (name.to_owned(), value)).collect();
    let token = protection.seal(server, signer, (TokenType::Jwt, &claims))?;
    Ok(AuthorizationResponse { parameters: vec![("response", token)], ..response })
}
