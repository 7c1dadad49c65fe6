//! What the token hook is asked: Hydra's document (v26.2), with what we know of it.

use serde_json::{Map, Value, json};

use super::own::{OwnClaims, sub};
use crate::client::Client;
use crate::hooks::TokenShape;
use crate::liveness::LiveGrant;
use crate::parameters::Parameters;
use crate::server::AuthorizationServer;
use crate::token::Granted;

/// Parameters of the form that are told as they came. What is not named here is not told.
const TOLD: [&str; 4] = ["client_id", "grant_type", "response_type", "scope"];

/// A question about tokens that are about to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// What it is told.
    pub document: Value,
    /// What its answer may say again.
    pub own: OwnClaims,
}

impl Question {
    /// `form` is the request's, where it is one of the token endpoint.
    pub(crate) fn about(
        server: &AuthorizationServer,
        tokens: (&Client, &Granted),
        said: &TokenShape,
        form: Option<&Parameters<'_>>,
    ) -> Self {
        Self { document: document(server, tokens, said, form), own: OwnClaims::of(server, tokens) }
    }
}

fn document(
    server: &AuthorizationServer,
    (client, granted): (&Client, &Granted),
    said: &TokenShape,
    form: Option<&Parameters<'_>>,
) -> Value {
    let grant = granted.grant.as_ref().map(LiveGrant::grant);
    let grant_type = granted.grant_type.as_str();
    // By which name the client knows them, and by which the login app does.
    let sub = sub(server, (client, granted));
    let subject = grant.map_or_else(|| sub.clone(), |grant| grant.subject.sub());
    let scopes = granted.scope.to_vec();
    let now = server.now();
    json!({
        "session": {
            "id_token": {
                "id_token_claims": {
                    "jti": "",
                    "iss": server.issuer.as_str(),
                    "sub": sub,
                    "aud": [client.id.as_str()],
                    "nonce": grant.and_then(|grant| grant.nonce.as_deref()).unwrap_or_default(),
                    "at_hash": "",
                    "acr": grant.map(|grant| grant.subject.acr.as_str()).unwrap_or_default(),
                    "amr": grant.map(|grant| grant.subject.amr.as_slice()).unwrap_or_default(),
                    "c_hash": "",
                    "auth_time": grant.map(|grant| grant.subject.authenticated_at),
                    "iat": now,
                    "rat": grant.map_or(now, |grant| grant.created_at),
                    "ext": said.id_token,
                },
                "headers": { "extra": {} },
                "username": "",
                "subject": subject,
            },
            "extra": said.access_token,
            "client_id": client.id.as_str(),
            // The name of the consent (`consent_request_id`), as far as anybody gave one.
            "consent_challenge": grant.map(|grant| grant.id.to_string()).unwrap_or_default(),
            "exclude_not_before_claim": true,
            "allowed_top_level_claims": [],
            "mirror_top_level_claims": server.settings.claims_in_ext,
        },
        "request": {
            "client_id": client.id.as_str(),
            "requested_scopes": requested_scopes(granted, form),
            "granted_scopes": scopes,
            "granted_audience": granted.audience,
            "grant_types": [grant_type],
            "payload": form.map(payload).unwrap_or_default(),
        },
    })
}

/// What was asked for: here, or where the grant is of, if a consent app granted less.
fn requested_scopes(granted: &Granted, form: Option<&Parameters<'_>>) -> Vec<String> {
    let here: Vec<String> =
        form.map(|form| form.words("scope").map(str::to_owned).collect()).unwrap_or_default();
    if !here.is_empty() {
        return here;
    }
    let before = granted.grant.as_ref().and_then(|live| live.grant().claims.requested.as_ref());
    before.map_or_else(|| granted.scope.to_vec(), |before| before.scope.clone())
}

/// What is told of a form.
///
/// Attack: whoever runs the hook, or its log, uses a client's secret, a code with its verifier, a token. So what is told is a list,
/// and an assertion, which Hydra's hooks read the claims of, is without the signature by which it is one.
fn payload(form: &Parameters<'_>) -> Map<String, Value> {
    let mut told: Map<String, Value> = Map::new();
    for (name, value) in form.pairs() {
        if TOLD.contains(&name) {
            told.insert(name.to_owned(), json!([value]));
        } else if let ("assertion", Some((unsigned, _))) = (name, value.rsplit_once('.')) {
            told.insert(name.to_owned(), json!([format!("{unsigned}.")]));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_told_that_gives_anything() {
        let form = "grant_type=authorization_code&client_id=app&scope=a+b&response_type=token&client_secret=S1&code=S2\
            &code_verifier=S3&refresh_token=S4&client_assertion=S5.S5.S5&subject_token=S6&actor_token=S7&device_code=S8\
            &username=S9&password=S10&redirect_uri=S11&assertion=aGVhZA.Ym9keQ.S12&client_assertion_type=S13&new=S14";
        let told = payload(&Parameters::parse(form.as_bytes()));
        assert_eq!(
            Value::Object(told),
            json!({"grant_type": ["authorization_code"], "client_id": ["app"], "scope": ["a b"],
                "response_type": ["token"], "assertion": ["aGVhZA.Ym9keQ."]})
        );
        // What is no assertion has no place to take a signature from.
        assert!(payload(&Parameters::parse(b"assertion=S1")).is_empty());
    }
}
