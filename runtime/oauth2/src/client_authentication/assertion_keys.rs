//! The keys that clients sign assertions with, by value or fetched.

use std::sync::Arc;

use jose::{Algorithm, JwkSet, JwsError, SignedJwt, UnverifiedJwt, VerifyingKeys};

use super::FailedCause;
use super::method::NotProven;
use crate::client::Client;
use crate::key_cache::KeyCache;
use crate::ports::PortError;
use crate::published_keys::{Asking, KeysFault};
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

/// Checks that a client has signed a token, by a key of the algorithm that it registered for such tokens, if it did. `asking` says
/// for whom its keys are asked for.
pub(crate) async fn verify_signature(
    server: &AuthorizationServer,
    client: &Client,
    (registered, asking): (Option<&str>, Asking),
    token: UnverifiedJwt<'_>,
) -> Result<SignedJwt, NotProven> {
    if !check_algorithm(server, client, token.header().algorithm) {
        return Err(FailedCause::AssertionSignature.into());
    }
    let registered = match registered.filter(|alg| !alg.is_empty()) {
        Some(alg) => Some(alg.parse().map_err(|_| FailedCause::Keys)?),
        None => None,
    };
    let algorithm = token.header().algorithm;
    let known = server.assertion_keys.load(server, client, (registered, asking)).await?;
    let signed = match token.clone().verify(&known.keys) {
        // The client may have published a new key since we looked.
        Err(JwsError::UnknownKey) => {
            let again = Asking { again: true, ..asking };
            let newer = server.assertion_keys.load(server, client, (registered, again)).await?;
            if newer.keys.iter().all(|key| key.algorithm() != algorithm) {
                return Err(FailedCause::NoKeyFor(algorithm).into());
            }
            token.verify(&newer.keys)
        }
        outcome => outcome,
    };
    signed.map_err(|_| FailedCause::AssertionSignature.into())
}

impl AssertionKeys {
    /// The client's keys as it publishes them; `again` asks for newer ones than are known.
    pub(super) async fn load_set(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        again: bool,
    ) -> Result<Arc<JwkSet>, NotProven> {
        let asking = Asking { again, ..Asking::default() };
        Ok(Arc::clone(&self.load(server, client, (None, asking)).await?.set))
    }

    /// The client's keys, of the algorithm that it registered, if it did.
    async fn load(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        (registered, asking): (Option<Algorithm>, Asking),
    ) -> Result<Arc<Published>, NotProven> {
        let read = |set: &_| {
            let set = JwkSet::from_map(set).ok()?;
            let keys = VerifyingKeys::from_set(&set, registered).ok()?;
            Some(Published { set: Arc::new(set), keys })
        };
        self.0.load(server, client, (registered, asking), read).await.map_err(|fault| match fault {
            KeysFault::Busy => PortError::busy("too many keys of clients are being fetched").into(),
            KeysFault::Unavailable | KeysFault::Unusable => FailedCause::Keys.into(),
        })
    }
}
