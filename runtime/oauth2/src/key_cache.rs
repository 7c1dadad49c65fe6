//! The keys that clients publish, by value or fetched, as they were read lately.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use primitives::{ClientId, Timestamp};
use serde_json::{Map, Value};

use crate::client::Client;
use crate::fetch;
use crate::server::AuthorizationServer;

/// Fetched keys are used this long without looking again, unless whoever publishes them allows less.
const FRESH: Duration = Duration::from_mins(10);
/// And this long whatever it says; a client's address is not asked more often.
const RETRY: Duration = Duration::from_secs(10);
/// More clients than this and it starts anew.
const MOST: usize = 1_024;

/// What was read of a client's keys for a purpose. A changed client document is a different entry.
pub(crate) struct KeyCache<P, K>(Mutex<HashMap<Wanted<P>, Entry<K>>>);

/// Whose keys, by which version of its document, and for what.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Wanted<P> {
    client: ClientId,
    version: i64,
    purpose: P,
}

struct Entry<K> {
    fetched_at: Timestamp,
    fresh: Duration,
    keys: Arc<K>,
}

impl<P, K> Default for KeyCache<P, K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<P, K> fmt::Debug for KeyCache<P, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCache(…)")
    }
}

impl<P: Clone + Eq + Hash, K> KeyCache<P, K> {
    /// What is known; `again` asks for newer keys than those.
    pub(crate) fn find(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        purpose: &P,
        again: bool,
    ) -> Option<Arc<K>> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(&wanted(client, purpose))?;
        let age = server.clock.now().since(entry.fetched_at);
        let stands = remote(client).is_none() || age < if again { RETRY } else { entry.fresh };
        stands.then(|| Arc::clone(&entry.keys))
    }

    /// Reads the client's keys anew, and keeps what `read` makes of them. Nothing where there are none to be had.
    pub(crate) async fn load(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        purpose: P,
        read: impl FnOnce(&Map<String, Value>) -> Option<K> + Send,
    ) -> Option<Arc<K>> {
        let fetched_at = server.clock.now();
        let (keys, fresh) = match (remote(client), &client.record.document.jwks) {
            (Some(uri), _) => {
                // Whoever describes itself has us ask as often as it likes to.
                let _place = if client.is_described() { Some(server.fetch_places.take()?) } else { None };
                let fetched = fetch::key_set(server, uri).await?;
                (read(&fetched.set)?, fetched.max_age.map_or(FRESH, |age| age.clamp(RETRY, FRESH)))
            }
            (None, Some(Value::Object(set))) => (read(set)?, FRESH),
            (None, _) => return None,
        };
        let keys = Arc::new(keys);
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST {
            entries.clear();
        }
        let entry = Entry { fetched_at, fresh, keys: Arc::clone(&keys) };
        entries.insert(wanted(client, &purpose), entry);
        Some(keys)
    }
}

fn wanted<P: Clone>(client: &Client, purpose: &P) -> Wanted<P> {
    Wanted { client: client.id.clone(), version: client.record.version, purpose: purpose.clone() }
}

/// Where the client publishes its keys.
fn remote(client: &Client) -> Option<&str> {
    client.record.document.jwks_uri.as_deref().filter(|uri| !uri.is_empty())
}
