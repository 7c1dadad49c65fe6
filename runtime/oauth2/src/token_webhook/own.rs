//! What the tokens say of the protected claims anyway: an answer that says the same overrules nothing.

use serde_json::{Map, Value, json};

use crate::client::{Client, GrantType};
use crate::grant::Grant;
use crate::liveness::LiveGrant;
use crate::server::AuthorizationServer;
use crate::token::Granted;

/// The server's own claims, by document, as far as they are known before tokens are made: `exp`, `iat`, `jti` and the hashes are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnClaims {
    pub(super) access_token: Map<String, Value>,
    pub(super) id_token: Map<String, Value>,
}

impl OwnClaims {
    /// Those of tokens that are about to be made. An ID token's are there where none is made too: a hook may say the same at any grant.
    pub(super) fn of(server: &AuthorizationServer, (client, granted): (&Client, &Granted)) -> Self {
        let grant = granted.grant.as_ref().map(LiveGrant::grant);
        let mut both = Map::new();
        let mut say = |name: &str, value: Value| both.insert(name.to_owned(), value);
        say("iss", json!(server.issuer.as_str()));
        say("sub", json!(sub(server, (client, granted))));
        // An access token calls its authorized party `client_id` (RFC 9068 section 2.2).
        say("azp", json!(client.id.as_str()));
        if let Some(Grant { subject, .. }) = grant {
            say("auth_time", json!(subject.authenticated_at.seconds()));
            say("acr", json!(subject.acr));
            say("amr", json!(subject.amr));
            if subject.has_session() {
                say("sid", json!(server.session_for(client, subject.session)));
            }
        }
        let (mut access_token, mut id_token) = (both.clone(), both);
        let audience = match granted.audience.as_slice() {
            [] => json!([server.issuer.as_str()]),
            audience => json!(audience),
        };
        access_token.insert("aud".to_owned(), audience);
        access_token.insert("client_id".to_owned(), json!(client.id.as_str()));
        access_token.insert("scope".to_owned(), json!(granted.scope.to_text()));
        id_token.insert("aud".to_owned(), json!([client.id.as_str()]));
        let is_first = matches!(granted.grant_type, GrantType::AuthorizationCode | GrantType::Implicit);
        if let Some(nonce) = grant.and_then(|grant| grant.nonce.as_deref()).filter(|_| is_first) {
            id_token.insert("nonce".to_owned(), json!(nonce));
        }
        Self { access_token, id_token }
    }
}

/// By which name the client knows whom the tokens stand for.
pub(super) fn sub(server: &AuthorizationServer, (client, granted): (&Client, &Granted)) -> String {
    match (granted.grant.as_ref(), &granted.subject) {
        (Some(live), _) => server.subject_of_grant(client, live.grant()),
        (None, Some(named)) => named.name.clone(),
        (None, None) => client.id.as_str().to_owned(),
    }
}

/// Whether an answer says of a claim what the token says. One audience is a text or a list of one (RFC 7519 section 4.1.3).
pub(super) fn is_same(own: &Value, said: &Value) -> bool {
    match own {
        Value::Array(values) if said.is_string() => matches!(values.as_slice(), [one] if one == said),
        _ => own == said,
    }
}
