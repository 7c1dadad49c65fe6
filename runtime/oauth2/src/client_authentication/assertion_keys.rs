//! The keys that clients sign assertions with, by value or fetched.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jose::{JwkSet, VerifyingKeys};
use primitives::outbound::{OutboundRequest, Reach};
use primitives::{ClientId, Timestamp};
use url::Url;

use super::FailedCause;
use super::assertion::verifying_keys;
use crate::client::Client;
use crate::server::AuthorizationServer;

/// Fetched keys are used this long without looking again.
const FRESH: Duration = Duration::from_mins(10);
/// After an unknown `kid` the client's address is asked again, but not more often than this.
const RETRY: Duration = Duration::from_secs(10);
/// More clients than this and it starts anew.
const MOST: usize = 1_024;

/// Keys by client, as parsed or fetched lately. A changed client document is a different entry.
#[derive(Default)]
pub struct AssertionKeys(Mutex<HashMap<(ClientId, i64), Entry>>);

#[derive(Clone)]
struct Entry {
    fetched_at: Timestamp,
    keys: Arc<VerifyingKeys>,
}

impl fmt::Debug for AssertionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AssertionKeys(…)")
    }
}

impl AssertionKeys {
    /// The client's keys; `again` asks for newer ones than are known.
    pub(super) async fn load(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        again: bool,
    ) -> Result<Arc<VerifyingKeys>, FailedCause> {
        let key = (client.id.clone(), client.record.version);
        let now = server.clock.now();
        let remote = client.record.document.jwks_uri.as_deref().filter(|uri| !uri.is_empty());
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(entry) = known {
            let age = now.since(entry.fetched_at);
            if remote.is_none() || age < if again { RETRY } else { FRESH } {
                return Ok(entry.keys);
            }
        }
        let set = match (remote, &client.record.document.jwks) {
            (Some(uri), _) => fetch(server, uri).await?,
            (None, Some(serde_json::Value::Object(set))) => {
                JwkSet::from_map(set).map_err(|_| FailedCause::Keys)?
            }
            (None, _) => return Err(FailedCause::Keys),
        };
        let keys = Arc::new(verifying_keys(client, &set)?);
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST {
            entries.clear();
        }
        entries.insert(key, Entry { fetched_at: now, keys: Arc::clone(&keys) });
        Ok(keys)
    }
}

async fn fetch(server: &AuthorizationServer, uri: &str) -> Result<JwkSet, FailedCause> {
    let request = OutboundRequest {
        method: "GET",
        url: Url::parse(uri).map_err(|_| FailedCause::Keys)?,
        headers: vec![("accept".to_owned(), "application/jwk-set+json, application/json".to_owned())],
        body: Vec::new(),
        max_response_bytes: 256 * 1024,
        timeout: Duration::from_secs(5),
        reach: Reach::Public,
    };
    let response = server.ports.outbound.fetch(request).await.map_err(|_| FailedCause::Keys)?;
    if response.status != 200 {
        return Err(FailedCause::Keys);
    }
    JwkSet::parse(&response.body).map_err(|_| FailedCause::Keys)
}
