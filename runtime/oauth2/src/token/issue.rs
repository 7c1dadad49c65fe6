//! Phase 6: tokens are made.

use std::borrow::Cow;

use jose::{SignError, TokenType};
use primitives::{AuditEvent, Timestamp};
use serde_json::{Map, Value};

use super::jwt::{
    AccessTokenClaims, Audience, IdTokenClaims, TokenId, at_hash, organization, seconds_between,
};
use super::{Granted, TokenError, TokenResponse};
use crate::claims::scope_claims;
use crate::client::{Client, GrantType};
use crate::confirmation::Confirmation;
use crate::grant::{AccessToken, Grant};
use crate::hooks::TokenShape;
use crate::lifespan::{Lifetime, lifespan};
use crate::liveness::LiveGrant;
use crate::server::{AuthorizationServer, signer};
use crate::settings::AccessTokenStrategy;
use crate::token_format::{ACCESS_TOKEN, hash_token};
use crate::write::Write;

pub(super) struct Issued {
    pub(super) response: TokenResponse,
    pub(super) writes: Vec<Write>,
    pub(super) audit: Vec<AuditEvent>,
}

pub(super) async fn issue(
    server: &AuthorizationServer,
    client: &Client,
    granted: Granted,
    shape: TokenShape,
) -> Result<Issued, TokenError> {
    let now = server.now();
    let expires_at = now.after(lifespan(server, client, granted.grant_type, Lifetime::AccessToken));
    let mut writes = Vec::new();
    let strategy = client.access_token_strategy.unwrap_or(server.settings.access_token_strategy);
    let id_token_wanted = granted.grant.as_ref().is_some_and(|_| granted.scope.openid());
    let keys = match strategy {
        AccessTokenStrategy::Opaque if !id_token_wanted => None,
        AccessTokenStrategy::Opaque | AccessTokenStrategy::Jwt => Some(server.load_keys().await?),
    };
    let scope = granted.scope.to_text();
    let access_token = match (strategy, &keys) {
        (AccessTokenStrategy::Jwt, Some(keys)) => {
            let signer = signer(keys, server.settings.access_token_signing_algorithm)?;
            let token = Signed { server, client, granted: &granted, scope: &scope, now, expires_at };
            token.access_token(signer, &shape.access_token)?
        }
        (AccessTokenStrategy::Opaque | AccessTokenStrategy::Jwt, _) => {
            let token = format!("{ACCESS_TOKEN}{}", server.rng.token());
            writes.push(Write::InsertAccessToken(Box::new(AccessToken {
                hash: hash_token(server, &token),
                grant: granted.grant.as_ref().map(|live| live.grant().id),
                client: client.id.clone(),
                scope: granted.scope.clone(),
                audience: granted.audience.clone(),
                confirmation: granted.confirmation.clone(),
                claims: shape.access_token,
                issued_at: now,
                expires_at,
            })));
            token
        }
    };
    let id_token = match (&granted.grant, &keys) {
        (Some(live), Some(keys)) if id_token_wanted => {
            let signer = signer(keys, server.settings.id_token_signing_algorithm)?;
            let until = now.after(lifespan(server, client, granted.grant_type, Lifetime::IdToken));
            // The claims that scopes ask for, then those of a consent app, then the hook's: a plugin may correct a
            // name, never a protected claim.
            let mut claims = scope_claims(live.profile(), &granted.scope);
            claims.extend(live.grant().claims.id_token.clone());
            claims.extend(shape.id_token);
            let at_hash = at_hash(signer.algorithm(), &access_token);
            let grant = live.grant();
            // A refreshed ID token answers no authorization request (OpenID Connect Core section 12.2).
            let is_first = granted.grant_type == GrantType::AuthorizationCode;
            let nonce = grant.nonce.as_deref().filter(|_| is_first);
            let token = IdToken { nonce, at_hash, now, until, claims };
            Some(id_token(server, client, grant, token, signer)?)
        }
        _ => None,
    };
    // What the grant consumes goes first: its guard decides.
    let writes = granted.writes.into_iter().chain(writes).collect();
    let response = TokenResponse {
        access_token,
        expires_in: seconds_between(now, expires_at),
        id_token,
        refresh_token: granted.refresh_token,
        scope,
        token_type: match &granted.confirmation {
            Some(Confirmation::Key(_)) => "DPoP",
            None => "bearer",
        },
    };
    Ok(Issued { response, writes, audit: granted.audit })
}

struct Signed<'a> {
    server: &'a AuthorizationServer,
    client: &'a Client,
    granted: &'a Granted,
    scope: &'a str,
    now: Timestamp,
    expires_at: Timestamp,
}

impl Signed<'_> {
    fn access_token(&self, signer: &jose::Signer, added: &Map<String, Value>) -> Result<String, SignError> {
        let grant = self.granted.grant.as_ref().map(LiveGrant::grant);
        let subject = grant.map(|grant| &grant.subject);
        let client_id = self.client.id.as_str();
        let jti = TokenId::generate(self.server.rng.as_ref(), grant.map(|grant| grant.id));
        let claims = AccessTokenClaims {
            iss: self.server.issuer.as_str(),
            sub: subject.map_or(Cow::Borrowed(client_id), |subject| subject.sub().into()),
            aud: match self.granted.audience.as_slice() {
                // RFC 9068 section 3: there is always an audience; without a wish it is ourselves.
                [] => Audience::One(self.server.issuer.as_str()),
                many => Audience::Many(many),
            },
            client_id,
            scope: self.scope,
            iat: self.now.seconds(),
            exp: self.expires_at.seconds(),
            jti: &jti,
            auth_time: subject.map(|subject| subject.authenticated_at.seconds()),
            acr: subject.map(|subject| subject.acr.as_str()),
            amr: subject.map_or(&[], |subject| subject.amr.as_slice()),
            sid: subject.map(|subject| subject.session.to_string()),
            act: subject.and_then(|subject| subject.actor.as_ref()),
            cnf: self.granted.confirmation.as_ref(),
            organization: organization(subject.and_then(|subject| subject.organisation), added),
            added,
        };
        signer.sign(TokenType::AccessToken, &claims)
    }
}

struct IdToken<'a> {
    nonce: Option<&'a str>,
    at_hash: String,
    now: Timestamp,
    until: Timestamp,
    claims: Map<String, Value>,
}

fn id_token(
    server: &AuthorizationServer,
    client: &Client,
    grant: &Grant,
    token: IdToken<'_>,
    signer: &jose::Signer,
) -> Result<String, SignError> {
    let claims = IdTokenClaims {
        iss: server.issuer.as_str(),
        sub: grant.subject.sub(),
        aud: [client.id.as_str()],
        azp: client.id.as_str(),
        iat: token.now.seconds(),
        exp: token.until.seconds(),
        auth_time: grant.subject.authenticated_at.seconds(),
        nonce: token.nonce,
        at_hash: token.at_hash,
        acr: &grant.subject.acr,
        amr: &grant.subject.amr,
        sid: grant.subject.session.to_string(),
        act: grant.subject.actor.as_ref(),
        organization: organization(grant.subject.organisation, &token.claims),
        jti: server.rng.uuid().to_string(),
        added: token.claims,
    };
    signer.sign(TokenType::Jwt, &claims)
}
