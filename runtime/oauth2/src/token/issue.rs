//! Phase 7: tokens are made.
//!
//! Attack: what is said in a token makes it longer than what is read here. It would be good at every API that looks at
//! signatures alone, and be known neither to introspection nor to whoever revokes it. Such a token is not issued.

use std::borrow::Cow;
use std::sync::Arc;

use jose::jws::MAX_BYTES;
use jose::{SignedToken, TenantKeys, TokenType};
use primitives::hooks::{HookFailure, HookFailureKind};
use primitives::{AuditEvent, Timestamp};
use serde_json::{Map, Value};

use super::jwt::{
    AccessTokenClaims, Audience, IdTokenClaims, TokenId, left_half, mirror, organization, seconds_between,
};
use super::{Granted, TokenError, TokenResponse};
use crate::claims::scope_claims;
use crate::claims_request::named_claims;
use crate::client::responses::Told;
use crate::client::{Client, GrantType};
use crate::confirmation::Confirmation;
use crate::derivation::Derivation;
use crate::grant::{AccessToken, SIGNED_TOKENS_LIVE};
use crate::hooks::TokenShape;
use crate::lifespan::{Lifetime, lifespan};
use crate::liveness::LiveGrant;
use crate::ports::PortError;
use crate::protection::Protection;
use crate::security_profile;
use crate::server::{AuthorizationServer, signer_among};
use crate::settings::AccessTokenStrategy;
use crate::token_format::{ACCESS_TOKEN, hash_token, new_token};
use crate::token_webhook;
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
    let maker = Maker::of(server, client, &granted).await?;
    let expires_in = maker.expires_in();
    let (access_token, row) = maker.access_token(shape.access_token).await?;
    let id_token = match &granted.grant {
        Some(live) if granted.has_id_token() => {
            // The claims that scopes ask for, those that were asked for by name, then those of a consent app or a token hook, and of plugins:
            // each may correct a name, never a protected claim.
            let mut claims = scope_claims(live.profile(), &granted.scope);
            claims.extend(named_claims(live.profile(), &live.grant().requested.id_token, &client.scope));
            let beside = Beside { access_token: Some(&access_token), code: None };
            Some(maker.id_token(live, (claims, shape.id_token), &beside).await?)
        }
        _ => None,
    };
    let (c_nonce, c_nonce_expires_in) = server
        .first_nonce(&granted, &access_token)
        .map(|nonce| (nonce.c_nonce, nonce.c_nonce_expires_in))
        .unzip();
    let scope = granted.scope.to_text();
    // What the grant consumes goes first: its guard decides.
    let writes = granted.writes.into_iter().chain(row).collect();
    let response = TokenResponse {
        access_token,
        expires_in,
        id_token,
        issued_token_type: granted.exchanged.as_ref().map(|exchanged| exchanged.issued_token_type),
        refresh_token: granted.refresh_token,
        scope,
        authorization_details: granted.details,
        token_type: match &granted.confirmation {
            Some(Confirmation::Key(_)) => "DPoP",
            // RFC 8705 section 3: whoever presents it sends it as any other.
            Some(Confirmation::Certificate(_)) | None => "bearer",
        },
        c_nonce,
        c_nonce_expires_in,
    };
    Ok(Issued { response, writes, audit: granted.audit })
}

/// Makes the tokens of what was granted.
pub(super) struct Maker<'a> {
    server: &'a AuthorizationServer,
    client: &'a Client,
    granted: &'a Granted,
    strategy: AccessTokenStrategy,
    /// None where nothing is signed.
    keys: Option<Arc<TenantKeys>>,
    /// Of ID tokens; none where none is made.
    protection: Option<Protection>,
    now: Timestamp,
    expires_at: Timestamp,
}

/// What an ID token is bound to.
pub(super) struct Beside<'a> {
    pub(super) access_token: Option<&'a str>,
    pub(super) code: Option<&'a str>,
}

impl<'a> Maker<'a> {
    pub(super) async fn of(
        server: &'a AuthorizationServer,
        client: &'a Client,
        granted: &'a Granted,
    ) -> Result<Self, PortError> {
        let now = server.now();
        let expires_at = now.after(lifespan(server, client, granted.grant_type, Lifetime::AccessToken));
        let exchanged = granted.exchanged.as_ref();
        let expires_at = exchanged.map_or(expires_at, |exchanged| exchanged.not_after.min(expires_at));
        let strategy = client.access_token_strategy.unwrap_or(server.settings.access_token_strategy);
        let strategy = exchanged.and_then(|exchanged| exchanged.strategy).unwrap_or(strategy);
        let id_token_wanted = granted.has_id_token();
        let keys = match strategy {
            AccessTokenStrategy::Opaque if !id_token_wanted => None,
            AccessTokenStrategy::Opaque | AccessTokenStrategy::Jwt => Some(server.load_keys().await?),
        };
        let protection =
            if id_token_wanted { Some(Protection::of(server, client, Told::IdToken).await?) } else { None };
        Ok(Self { server, client, granted, strategy, keys, protection, now, expires_at })
    }

    /// How long the access token lives, in seconds.
    pub(super) fn expires_in(&self) -> u64 {
        seconds_between(self.now, self.expires_at)
    }

    /// An access token, and what is written for it, if anything is.
    pub(super) async fn access_token(
        &self,
        added: Map<String, Value>,
    ) -> Result<(String, Option<Write>), TokenError> {
        if let (AccessTokenStrategy::Jwt, Some(keys)) = (self.strategy, &self.keys) {
            let is_profiled = security_profile::of(self.server, self.client).is_some();
            let is_allowed = |algorithm| !is_profiled || security_profile::is_allowed(algorithm);
            let wanted = self.server.settings.access_token_signing_algorithm;
            let signer = signer_among(keys, wanted, is_allowed)?;
            return Ok((self.signed_access_token(signer, &added).await?, self.kept_grant()));
        }
        let granted = self.granted;
        let token = new_token(self.server, ACCESS_TOKEN);
        let row = AccessToken {
            hash: hash_token(self.server, &token),
            grant: granted.grant.as_ref().map(|live| live.grant().id),
            client: self.client.id.clone(),
            subject: granted.subject.as_ref().map(|named| named.name.clone()),
            scope: granted.scope.clone(),
            audience: granted.audience.clone(),
            details: granted.details.clone(),
            confirmation: granted.confirmation.clone(),
            derivation: self.derivation().cloned(),
            lineage: granted.lineage().cloned().unwrap_or_default(),
            claims: added,
            issued_at: self.now,
            expires_at: self.expires_at,
        };
        Ok((token, Some(Write::InsertAccessToken(Box::new(row)))))
    }

    /// What keeps the grant of a signed token that lives longer than every grant is kept for such tokens. Of others nothing is written.
    fn kept_grant(&self) -> Option<Write> {
        let grant = self.granted.grant.as_ref()?.grant().id;
        let is_kept = self.expires_at <= self.now.after(SIGNED_TOKENS_LIVE);
        (!is_kept).then_some(Write::KeepGrant { grant, until: self.expires_at })
    }

    fn derivation(&self) -> Option<&'a Derivation> {
        self.granted.exchanged.as_ref().and_then(|exchanged| exchanged.derivation.as_ref())
    }

    async fn signed_access_token(
        &self,
        signer: &jose::TokenSigner,
        added: &Map<String, Value>,
    ) -> Result<String, TokenError> {
        let grant = self.granted.grant.as_ref().map(LiveGrant::grant);
        let subject = grant.map(|grant| &grant.subject);
        let client_id = self.client.id.as_str();
        let jti = TokenId::generate(self.server.rng.as_ref(), grant.map(|grant| grant.id));
        let claims = AccessTokenClaims {
            iss: self.server.issuer.as_str(),
            sub: match (grant, &self.granted.subject) {
                (Some(grant), _) => self.server.subject_of_grant(self.client, grant).into(),
                (None, Some(named)) => Cow::Borrowed(named.name.as_str()),
                (None, None) => Cow::Borrowed(client_id),
            },
            aud: match self.granted.audience.as_slice() {
                // RFC 9068 section 3: there is always an audience; without a wish it is ourselves.
                [] => Audience::One(self.server.issuer.as_str()),
                many => Audience::Many(many),
            },
            client_id,
            scope: &self.granted.scope.to_text(),
            iat: self.now.seconds(),
            exp: self.expires_at.seconds(),
            jti: &jti,
            auth_time: subject.map(|subject| subject.authenticated_at.seconds()),
            acr: subject.map(|subject| subject.acr.as_str()),
            amr: subject.map_or(&[], |subject| subject.amr.as_slice()),
            sid: subject
                .filter(|subject| subject.has_session())
                .map(|subject| self.server.session_for(self.client, subject.session)),
            act: self.granted.act(),
            exchanged_from: self.derivation().map(|derivation| derivation.hands().collect()),
            exchanged_tokens: self.granted.lineage(),
            cnf: self.granted.confirmation.as_ref(),
            authorization_details: &self.granted.details,
            organization: organization(subject.and_then(|subject| subject.organisation), added),
            ext: mirror(self.server.settings.claims_in_ext, added),
            added,
        };
        let token = signer.sign(TokenType::AccessToken, &claims).await?;
        self.check_size("access token", token.len())?;
        Ok(token)
    }

    /// Refuses a token that is not read here. The failure has no plugin's name: nobody has logged it.
    fn check_size(&self, what: &str, bytes: usize) -> Result<(), TokenError> {
        if bytes <= MAX_BYTES {
            return Ok(());
        }
        let by = match self.server.settings.token_hook {
            Some(_) => token_webhook::NAME,
            None => "what plugins or the consent app add",
        };
        let detail = format!("{by}: the {what} would have {bytes} bytes, of which {MAX_BYTES} are read");
        Err(HookFailure { plugin: String::new(), kind: HookFailureKind::OutputLimit, detail }.into())
    }

    /// An ID token of the person behind a grant: with claims of theirs, and over them what others say.
    pub(super) async fn id_token(
        &self,
        live: &LiveGrant,
        (mut added, said): (Map<String, Value>, Map<String, Value>),
        beside: &Beside<'_>,
    ) -> Result<String, TokenError> {
        let (server, grant, grant_type) = (self.server, live.grant(), self.granted.grant_type);
        let none = || PortError::Unavailable("the tenant's keys were not loaded".to_owned());
        let (keys, protection) = self.keys.as_ref().zip(self.protection.as_ref()).ok_or_else(none)?;
        let signer = protection.signer(server, keys)?;
        let until = self.now.after(lifespan(server, self.client, grant_type, Lifetime::IdToken));
        // A refreshed ID token answers no authorization request (OpenID Connect Core section 12.2).
        let is_first = matches!(grant_type, GrantType::AuthorizationCode | GrantType::Implicit);
        let hash = |text: &str| left_half(signer.algorithm(), text);
        let is_theirs_alone = said.is_empty();
        added.extend(said);
        let claims = IdTokenClaims {
            iss: server.issuer.as_str(),
            sub: server.subject_of_grant(self.client, grant),
            aud: [self.client.id.as_str()],
            azp: self.client.id.as_str(),
            iat: self.now.seconds(),
            exp: until.seconds(),
            auth_time: grant.subject.authenticated_at.seconds(),
            nonce: grant.nonce.as_deref().filter(|_| is_first),
            at_hash: beside.access_token.map(hash),
            c_hash: beside.code.map(hash),
            acr: &grant.subject.acr,
            amr: &grant.subject.amr,
            sid: server.session_for(self.client, grant.subject.session),
            act: grant.subject.actor.as_ref(),
            organization: organization(grant.subject.organisation, &added),
            // It names its grant, as that of an access token does: by it a token is exchanged.
            jti: TokenId::generate(server.rng.as_ref(), Some(grant.id)),
            added,
        };
        let token = SignedToken::sign(signer, TokenType::Jwt, &claims).await?;
        // Nobody is kept out by what they have written about themselves: an ID token opens nothing.
        if !is_theirs_alone {
            self.check_size("ID token", token.size())?;
        }
        Ok(protection.encrypt(server, token)?)
    }
}
