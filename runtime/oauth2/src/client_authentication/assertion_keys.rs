//! The keys that clients sign assertions with, by value or fetched.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jose::{Algorithm, JwkSet, JwsError, SignedJwt, UnverifiedJwt, VerifyingKeys};
use primitives::{ClientId, Timestamp};

use super::FailedCause;
use crate::client::Client;
use crate::fetch;
use crate::security_profile::check_algorithm;
use crate::server::AuthorizationServer;

/// Fetched keys are used this long without looking again.
const FRESH: Duration = Duration::from_mins(10);
/// After an unknown `kid` the client's address is asked again, but not more often than this.
const RETRY: Duration = Duration::from_secs(10);
/// More clients than this and it starts anew.
const MOST: usize = 1_024;

/// Keys by client and the algorithm that it registered for them, as parsed or fetched lately. A changed client document is a
/// different entry.
#[derive(Default)]
pub struct AssertionKeys(Mutex<HashMap<Wanted, Entry>>);

/// Whose keys, by which version of its document, and of which algorithm.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Wanted {
    client: ClientId,
    version: i64,
    registered: Option<Algorithm>,
}

#[derive(Clone)]
struct Entry {
    fetched_at: Timestamp,
    set: Arc<JwkSet>,
    keys: Arc<VerifyingKeys>,
}

impl fmt::Debug for AssertionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AssertionKeys(…)")
    }
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
    let keys = server.assertion_keys.load(server, client, registered, false).await?.keys;
    let signed = match token.clone().verify(&keys) {
        // The client may have published a new key since we looked.
        Err(JwsError::UnknownKey) => {
            let keys = server.assertion_keys.load(server, client, registered, true).await?.keys;
            token.verify(&keys)
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
        Ok(self.load(server, client, None, again).await?.set)
    }

    /// The client's keys; `again` asks for newer ones than are known.
    async fn load(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        registered: Option<Algorithm>,
        again: bool,
    ) -> Result<Entry, FailedCause> {
        let key = Wanted { client: client.id.clone(), version: client.record.version, registered };
        let now = server.clock.now();
        let remote = client.record.document.jwks_uri.as_deref().filter(|uri| !uri.is_empty());
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(entry) = known {
            let age = now.since(entry.fetched_at);
            if remote.is_none() || age < if again { RETRY } else { FRESH } {
                return Ok(entry);
            }
        }
        let set = match (remote, &client.record.document.jwks) {
            // Whoever describes itself has us ask as often as it likes to.
            (Some(uri), _) if client.is_described() => {
                let _place = server.fetch_places.take().ok_or(FailedCause::Keys)?;
                find_set(server, uri).await.ok_or(FailedCause::Keys)?
            }
            (Some(uri), _) => find_set(server, uri).await.ok_or(FailedCause::Keys)?,
            (None, Some(serde_json::Value::Object(set))) => {
                JwkSet::from_map(set).map_err(|_| FailedCause::Keys)?
            }
            (None, _) => return Err(FailedCause::Keys),
        };
        let keys = VerifyingKeys::from_set(&set, registered).map_err(|_| FailedCause::Keys)?;
        let entry = Entry { fetched_at: now, set: Arc::new(set), keys: Arc::new(keys) };
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST {
            entries.clear();
        }
        entries.insert(key, entry.clone());
        Ok(entry)
    }
}

async fn find_set(server: &AuthorizationServer, uri: &str) -> Option<JwkSet> {
    let accept = "application/jwk-set+json, application/json";
    let response = fetch::get(server, uri, accept, 256 * 1024).await?;
    JwkSet::parse(&response.body).ok()
}
