//! What a client is told, signed and encrypted as it has registered (OpenID Connect Core section 10, RFC 9701, JARM).
//!
//! Attacks, and what stands against them:
//!
//! - A client that wants its answers encrypted is told something in clear, since its keys could not be fetched, or it took them
//!   away. [`Protection`] has the key before anything is signed, or there is none and nothing is told.
//! - One answer is passed off as another kind, or as another client's: each has its own `typ` or lacks what the other must have
//!   (userinfo no `exp`, introspection no `sub`; RFC 9701 section 8.1), and `aud` is the client alone.
//! - What is encrypted is made by somebody else: there is always a signature of ours within (RFC 7519 section 11.2).
//! - A crowd of browsers has us ask somebody's slow server for its keys: a tenant has so many such fetches at once (`fetch.rs`),
//!   and what was fetched is kept for a while.

use jose::{ContentEncryption, Encrypter, KeyManagement, RecipientKey, SignedToken, SigningAlgorithm};
use jose::{TenantKeys, TokenSigner, TokenType};
use serde::Serialize;

use crate::client::Client;
use crate::client::responses::Told;
use crate::key_cache::KeyCache;
use crate::ports::PortError;
use crate::published_keys::{Asking, KeysFault};
use crate::security_profile;
use crate::server::{AuthorizationServer, signer_among};

/// To which keys of clients answers were encrypted lately.
pub(crate) type Recipients = KeyCache<(KeyManagement, ContentEncryption), Encrypter>;

/// How one kind of answers to one client is protected.
#[derive(Debug, Clone)]
pub(crate) struct Protection {
    signed: Option<SigningAlgorithm>,
    /// Whether the client is held to the algorithms of a profile.
    is_profiled: bool,
    encrypter: Option<std::sync::Arc<Encrypter>>,
}

impl Protection {
    /// What the client has registered, with the key that it has now.
    pub(crate) async fn of(
        server: &AuthorizationServer,
        client: &Client,
        told: Told,
    ) -> Result<Self, PortError> {
        let unusable = |text: String| PortError::Unavailable(text);
        let registered = told.registered(&client.record.document);
        let registered = registered.map_err(|invalid| unusable(invalid.to_string()))?;
        let is_profiled = security_profile::of(server, client).is_some();
        let Some(wanted) = registered.encrypted else {
            return Ok(Self { signed: registered.signed, is_profiled, encrypter: None });
        };
        let read =
            |set: &_| RecipientKey::find_in(set, wanted.0).ok().map(|key| Encrypter::new(key, wanted.1));
        let asking = Asking { again: false, for_browser: true };
        match server.recipients.load(server, client, (wanted, asking), read).await {
            Ok(encrypter) => Ok(Self { signed: registered.signed, is_profiled, encrypter: Some(encrypter) }),
            Err(KeysFault::Busy) => Err(PortError::busy("too many keys of clients are being fetched")),
            Err(KeysFault::Unavailable | KeysFault::Unusable) => {
                Err(unusable(format!("client {} has no key that encrypts by {}", client.id, wanted.0)))
            }
        }
    }

    /// What signs: of the registered algorithm and no other, else what signs ID tokens.
    pub(crate) fn signer<'k>(
        &self,
        server: &AuthorizationServer,
        keys: &'k TenantKeys,
    ) -> Result<&'k TokenSigner, PortError> {
        let is_allowed = |algorithm| !self.is_profiled || security_profile::is_allowed(algorithm);
        let Some(algorithm) = self.signed else {
            return signer_among(keys, server.settings.id_token_signing_algorithm, is_allowed);
        };
        let missing = || PortError::Unavailable(format!("no key signs {algorithm}, which the client wants"));
        keys.signer(algorithm).filter(|_| is_allowed(algorithm)).ok_or_else(missing)
    }

    /// Whether the client wants more than plain JSON where that is the default.
    pub(crate) const fn is_registered(&self) -> bool {
        self.signed.is_some()
    }

    /// Signs, then encrypts.
    pub(crate) async fn seal<C: Serialize + Sync + ?Sized>(
        &self,
        server: &AuthorizationServer,
        signer: &TokenSigner,
        (typ, claims): (TokenType, &C),
    ) -> Result<String, PortError> {
        let token = SignedToken::sign(signer, typ, claims).await;
        self.encrypt(server, token.map_err(|error| PortError::Unavailable(error.to_string()))?)
    }

    /// Encrypts what is signed, where the client wants that.
    pub(crate) fn encrypt(
        &self,
        server: &AuthorizationServer,
        token: SignedToken,
    ) -> Result<String, PortError> {
        match &self.encrypter {
            None => Ok(token.into_text()),
            Some(encrypter) => encrypter
                .encrypt(&token, server.rng.as_ref())
                .map_err(|error| PortError::Unavailable(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests;
