//! The keys that clients sign assertions with, by value or fetched.

use std::sync::Arc;

use jose::{Algorithm, JwkSet, JwsError, SignedJwt, UnverifiedJwt, VerifyingKeys};

use super::FailedCause;
use crate::client::Client;
use crate::key_cache::KeyCache;
use crate::published_keys::Asking;
use crate::security_profile::check_algorithm;
use crate::server::AuthorizationServer;

/// Keys by client and the algorithm that it registered for them.
#[derive(Debug, Default)]
pub struct AssertionKeys(KeyCache<Option<Algorithm>, Published>);

/// A set of keys as it is published, and those of it that verify.
struct Published {
    set: Arc<JwkSet>,
    keys: VerifyingKeys,
}

/// Checks that a client has signed a token, by a key of the algorithm that it registered for such tokens, if it did.
pub(crate) async fn verify_signature(
    server: &AuthorizationServer,
    client: &Client,
    registered: Option<&str>,
    token: UnverifiedJwt<'_>,
) -> Result<SignedJwt, FailedCause> {
    if !check_algorithm(server, client, token.header().algorithm) {
        return Err(FailedCause::AssertionSignature);
    }
    let registered = match registered.filter(|alg| !alg.is_empty()) {
        Some(alg) => Some(alg.parse().map_err(|_| FailedCause::Keys)?),
        None => None,
    };
    let algorithm = token.header().algorithm;
    let known = server.assertion_keys.load(server, client, registered, false).await?;
    let signed = match token.clone().verify(&known.keys) {
        // The client may have published a new key since we looked.
        Err(JwsError::UnknownKey) => {
            let newer = server.assertion_keys.load(server, client, registered, true).await?;
            if newer.keys.iter().all(|key| key.algorithm() != algorithm) {
                return Err(FailedCause::NoKeyFor(algorithm));
            }
            token.verify(&newer.keys)
        }
        outcome => outcome,
    };
    signed.map_err(|_| FailedCause::AssertionSignature)
}

impl AssertionKeys {
    /// The client's keys as it publishes them; `again` asks for newer ones than are known.
    pub(super) async fn load_set(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        again: bool,
    ) -> Result<Arc<JwkSet>, FailedCause> {
        Ok(Arc::clone(&self.load(server, client, None, again).await?.set))
    }

    /// The client's keys; `again` asks for newer ones than are known.
    async fn load(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        registered: Option<Algorithm>,
        again: bool,
    ) -> Result<Arc<Published>, FailedCause> {
        let read = |set: &_| {
            let set = JwkSet::from_map(set).ok()?;
            let keys = VerifyingKeys::from_set(&set, registered).ok()?;
            Some(Published { set: Arc::new(set), keys })
        };
        let asking = Asking { again, for_browser: false };
        self.0.load(server, client, (registered, asking), read).await.map_err(|_| FailedCause::Keys)
    }
}
